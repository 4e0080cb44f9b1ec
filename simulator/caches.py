"""Where what was worked out once is kept for next time, and the digests that tell whether it still counts.

Compiled kernels and results of simulations lie in the user's cache folder. Nothing depends on their being there.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
KERNEL_FOLDERS = ("cost", "verify")
"""Folders of the package that hold kernels."""
COMPILED = re.compile("[0-9a-f]{16}")
"""Names of folders that hold compiled kernels, each of one text of all kernels and one compiler."""
SWITCH = "SQUEEZESIM_CACHE"
"""Environment variable that says "off" where results are not to be kept; processes that are started inherit it."""
NOT_OF_THE_MODEL = "cli"
"""A folder of the package on which no figure depends."""


def homes() -> Iterator[Path]:
    """Yield the places for caches in order of preference: the user's own, then a private temporary folder."""
    home = os.environ.get("XDG_CACHE_HOME")
    with suppress(RuntimeError):  # no home
        yield (Path(home) if home else Path.home() / ".cache") / "squeezesim"
    import tempfile  # seldom needed

    owner = os.getuid() if hasattr(os, "getuid") else "user"
    yield Path(tempfile.gettempdir()) / f"squeezesim-{owner}"


def usable_folder(name: str = "") -> Path | None:
    """Return the first of the homes, or the folder of that name in it, that can be used; None if none can."""
    return next((home / name for home in homes() if is_usable(home / name)), None)


def is_usable(folder: Path) -> bool:
    """Make the folder if need be, and tell whether it is the user's own and can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        own = not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
        return own and os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        return False


def digest_of(sources: Iterable[Path], first: str = "") -> str:
    """Hash the content of files in their order, after a text."""
    digest = hashlib.sha256(first.encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()


def compiled_folders(home: Path) -> list[Path]:
    """Return the folders of compiled kernels, of all versions, in a home of caches."""
    return sorted(each for each in home.iterdir() if COMPILED.fullmatch(each.name))


def bytes_in(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; those that vanish meanwhile count nothing."""
    total = 0
    for each in (path, *path.rglob("*")):
        with suppress(OSError):
            total += each.stat().st_size if each.is_file() else 0
    return total


def kernel_sources() -> list[Path]:
    """Return the files that hold kernels."""
    return sorted(path for folder in KERNEL_FOLDERS for path in (PACKAGE / folder).glob("*.py"))


@cache
def installed_version() -> str:
    """Return the version that is installed, which the metadata of all packages is searched for."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("squeezesim")
    except PackageNotFoundError:
        return "uninstalled"


@cache
def model_digest() -> str:
    """Hash the sources of the simulator: what another version has found does not count."""
    sources = sorted(PACKAGE.rglob("*.py"))
    return digest_of(source for source in sources if source.relative_to(PACKAGE).parts[0] != NOT_OF_THE_MODEL)
