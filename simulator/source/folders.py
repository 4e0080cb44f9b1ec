"""Write a folder of results as one thing: whoever looks finds the old set or the new one, not some of each."""

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

from simulator.errors import InputError
from simulator.source.files import STAGED, check_folder, refused, tell_written

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of Linux


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to write a set of files into, which takes the place of `folder` once all is written.

    What else lies in `folder` stays. Where something goes wrong, or the process is killed, `folder` is as it was; what
    a killed process leaves beside it goes when the next set is written. The set takes its place in one step, but for
    folders that hold other folders, that a process works in, or of systems that cannot exchange folders: there file
    by file, once all are complete.
    """
    check_folder(folder)
    target = Path(os.path.realpath(folder))
    with refused(folder):
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.parent if os.access(target.parent, os.W_OK | os.X_OK) else target
        _remove_leftovers(beside)
        stage, lock = _locked_stage(beside)
    try:
        with _told_of(folder, stage):
            yield stage
        sizes = {path.relative_to(stage): path.stat().st_size for path in sorted(stage.rglob("*")) if path.is_file()}
        with refused(folder):
            _publish(stage, target)
        for name, size_bytes in sizes.items():
            tell_written(folder / name, size_bytes)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        os.close(lock)


@contextmanager
def _told_of(folder: Path, stage: Path) -> Iterator[None]:
    """Name in problems the files that the user knows."""
    try:
        yield
    except InputError as error:
        known = [replace(p, file=p.file and p.file.replace(str(stage), str(folder), 1)) for p in error.problems]
        raise InputError(*known) from error


def _locked_stage(beside: Path) -> tuple[Path, int]:
    """Make a folder whose lock tells others, as long as this process lives, that it is in use."""
    while True:
        stage = Path(mkdtemp(prefix=STAGED, dir=beside))
        lock = _lock(stage)
        if lock is not None and stage.exists():
            return stage, lock


def _lock(folder: Path) -> int | None:
    """Return a descriptor that holds the lock of a folder; None where another process does."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    with suppress(ImportError):  # elsewhere than on POSIX nothing is locked
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
    return descriptor


def _remove_leftovers(beside: Path) -> None:
    """Remove what processes have left that were killed while they wrote a set."""
    for name in [name for name in os.listdir(beside) if name.startswith(STAGED)]:
        if os.path.isdir(beside / name) and (lock := _lock(beside / name)) is not None:
            shutil.rmtree(beside / name, ignore_errors=True)
            os.close(lock)


def _publish(stage: Path, target: Path) -> None:
    """Let a complete set take its place."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(stage, target.stat().st_mode & 0o7777 if target.exists() else 0o777 & ~mask)
    if not target.exists():
        os.rename(stage, target)
    elif not (_is_ours(target) and _carried(target, stage) and _exchanged(stage, target)):
        _move_files(stage, target)
    else:
        late = [name for name in os.listdir(stage) if not os.path.lexists(target / name)]
        for name in late:  # put there while the set was
            os.replace(stage / name, target / name)


def _is_ours(folder: Path) -> bool:
    """Whether a folder can be exchanged: nothing but files in it, and neither mounted nor a folder to work in."""
    at_work = Path.cwd()
    with os.scandir(folder) as entries:
        only_files = all(entry.is_file(follow_symlinks=False) for entry in entries)
    return only_files and folder != at_work and folder not in at_work.parents and not os.path.ismount(folder)


def _carried(folder: Path, stage: Path) -> bool:
    """Give the new set what else lies in the folder, as links to the same files."""
    try:
        for name in os.listdir(folder):
            if not os.path.lexists(stage / name):
                os.link(folder / name, stage / name)
    except OSError:
        return False
    return True


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, if the system can."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None) if os.name == "posix" else None
    return rename is not None and rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


def _move_files(stage: Path, target: Path) -> None:
    """Put file after file in its place."""
    for folder, _, names in os.walk(stage):
        to = target / Path(folder).relative_to(stage)
        to.mkdir(exist_ok=True)
        for name in names:
            os.replace(Path(folder) / name, to / name)
