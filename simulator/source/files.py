"""Write files whole or not at all."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from simulator.errors import InputError, Problem


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write `content` (text as UTF-8) to `path` so that a reader sees the old file or the new one, never a part.

    The content goes to a temporary name in the same folder, which then takes the final name; missing folders are
    made, links are followed, and devices and pipes are simply written to. Raises InputError when the place cannot be
    written.
    """
    target = Path(path)
    data = content.encode() if isinstance(content, str) else content
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise IsADirectoryError(f"{target} is a folder")
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            _replace(target.resolve(), data)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(Problem(f"cannot write the file: {reason}", file=str(target))) from error


def _replace(target: Path, data: bytes) -> None:
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as temporary:
        try:
            temporary.write(data)
            temporary.close()
            os.chmod(temporary.name, _mode(target))
            os.replace(temporary.name, target)
        except BaseException:
            temporary.close()
            os.unlink(temporary.name)
            raise


def _mode(target: Path) -> int:
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
