"""The one door to files that a user names: read within a bound, written whole or not at all, refused in one way.

Whatever the system has against a path becomes one problem: a name that is too long, a missing file or right, a link
onto itself. Only regular files are read. A pipe would block, a device might never end.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

from simulator.errors import InputError, Problem
from simulator.log import LOG

STAGED = ".squeezesim-"
"""Begins the names of what is being written; they are short, so that the final name may be as long as any."""
_KINDS = {
    stat.S_IFDIR: "it is a folder",
    stat.S_IFIFO: "it is a pipe",
    stat.S_IFSOCK: "it is a socket",
    stat.S_IFCHR: "it is a device",
    stat.S_IFBLK: "it is a device",
}
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # a pipe that nobody serves opens at once, or fails at once


def obstacle(path: str | Path) -> str | None:
    """Return why a path is no file that can be read; None where nothing speaks against it."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        return reason_of(error)
    return _KINDS.get(stat.S_IFMT(mode)) or (None if os.access(path, os.R_OK) else "Permission denied")


def reason_of(error: Exception) -> str:
    """Return what the system says of a path, without the path."""
    return getattr(error, "strerror", None) or str(error)


@contextmanager
def opened(path: str | Path, most_bytes: int) -> Iterator[BinaryIO]:
    """Yield a regular file of at most so many bytes, open for reading; raise InputError where it is none."""
    try:
        if kind := _KINDS.get(stat.S_IFMT(os.stat(path).st_mode)):
            raise _unread(path, kind)
        LOG.debug("reading %s", path)
        descriptor = os.open(path, os.O_RDONLY | _AT_ONCE | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise _unread(path, reason_of(error)) from error
    with open(descriptor, "rb") as stream:
        state = os.fstat(descriptor)
        if state.st_size > most_bytes:
            raise InputError(Problem("the file is too large", str(path), expected=f"at most {most_bytes} bytes"))
        yield stream


def read_bytes(path: str | Path, most_bytes: int) -> bytes:
    """Return the content of a regular file of at most so many bytes; raise InputError where it is none."""
    with opened(path, most_bytes) as stream:
        try:
            content = stream.read(most_bytes + 1)
        except OSError as error:
            raise _unread(path, reason_of(error)) from error
    if len(content) > most_bytes:  # it has grown, or says nothing of its size
        raise InputError(Problem("the file is too large", str(path), expected=f"at most {most_bytes} bytes"))
    return content


def read_text(path: str | Path, most_bytes: int) -> str:
    """Return the text of a UTF-8 file of at most so many bytes; raise InputError where it is none."""
    content = read_bytes(path, most_bytes)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        got = f"byte 0x{content[error.start]:02x}"
        raise InputError(Problem("not a text file", str(path), line, column, expected="UTF-8", got=got)) from error


def _unread(path: str | Path, reason: str) -> InputError:
    return InputError(Problem(f"cannot read the file: {reason}", str(path)))


def check_folder(folder: Path) -> None:
    """Raise InputError unless the folder exists or can be made, and can be written to."""
    _check_place(folder, *_part_that_exists(folder))


def check_file(file: Path) -> None:
    """Raise InputError unless a file of this path can be written; character devices and pipes can be."""
    there, missing = _part_that_exists(file)
    kind = stat.S_IFMT(there.stat().st_mode)
    if missing:
        _check_place(file, there, missing)
    elif kind == stat.S_IFDIR:
        raise InputError(Problem("a folder, not a file to write", file=str(file)))
    elif kind == stat.S_IFREG:
        _check_place(file, there.parent, ())
    elif kind not in (stat.S_IFCHR, stat.S_IFIFO):
        raise _unwritten(file, _KINDS[kind])


def _part_that_exists(path: Path) -> tuple[Path, tuple[str, ...]]:
    """Return as much of a path as there is, links followed, and the names that are missing."""
    missing: list[str] = []
    with refused(path):
        part = Path(os.path.realpath(path))
        while True:
            try:
                os.stat(part)
                return part, tuple(missing)
            except (FileNotFoundError, NotADirectoryError):
                missing.append(part.name)
                part = part.parent


def _check_place(path: Path, there: Path, missing: tuple[str, ...]) -> None:
    """Raise InputError unless names can be made in a folder that exists."""
    if not there.is_dir():
        raise InputError(Problem("not a folder", file=str(there)))
    with refused(path):
        if not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        for name in missing:
            with suppress(FileNotFoundError):
                os.lstat(there / name)  # the system says whether a name may be as long


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write `content` (text as UTF-8) to `path` so that a reader sees the old file or the new one, never a part.

    The content goes to a temporary name in the same folder, which then takes the final name; missing folders are
    made, links are followed, and devices and pipes are simply written to. Raises InputError when the place cannot be
    written.
    """
    target = Path(path)
    data = content.encode() if isinstance(content, str) else content
    with refused(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.isdir(target):
            raise IsADirectoryError(f"{target} is a folder")
        if os.path.exists(target) and not os.path.isfile(target):
            _send(target, data)
        else:
            _replace(Path(os.path.realpath(target)), data)
    if STAGED not in str(target.parent):  # else it has its own name later
        tell_written(target, len(data))


def tell_written(path: Path, size_bytes: int) -> None:
    """Tell of a file that stands complete under its name."""
    LOG.info("wrote %s, %d bytes", path, size_bytes)


def _send(target: Path, data: bytes) -> None:
    """Write to a device or a pipe; one that nobody reads is an error at once."""
    with open(os.open(target, os.O_WRONLY | _AT_ONCE), "wb") as stream:
        os.set_blocking(stream.fileno(), True)
        stream.write(data)


def _replace(target: Path, data: bytes) -> None:
    with NamedTemporaryFile(dir=target.parent, prefix=STAGED, delete=False) as temporary:
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


@contextmanager
def refused(path: Path) -> Iterator[None]:
    """Turn what the system has against an output into a problem."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise _unwritten(path, reason_of(error)) from error


def _unwritten(path: Path, reason: str) -> InputError:
    return InputError(Problem(f"cannot write the file: {reason}", file=str(path)))
