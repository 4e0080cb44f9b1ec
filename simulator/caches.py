"""Where what was worked out once is kept for next time, and the digests that tell whether it still counts.

Compiled kernels and results of simulations lie in the user's cache folder. Nothing depends on their being there.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
KERNEL_FOLDERS = ("cost", "verify")
"""Folders of the package that hold kernels."""
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


def kernel_sources() -> list[Path]:
    """Return the files that hold kernels."""
    return sorted(path for folder in KERNEL_FOLDERS for path in (PACKAGE / folder).glob("*.py"))


@cache
def model_digest() -> str:
    """Hash the sources of the simulator: what another version has found does not count."""
    sources = sorted(PACKAGE.rglob("*.py"))
    return digest_of(source for source in sources if source.relative_to(PACKAGE).parts[0] != NOT_OF_THE_MODEL)
