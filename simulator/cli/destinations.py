"""Refuse places that cannot be written to before any work is done for them."""

from pathlib import Path

from simulator.errors import InputError, Problem


def check_folder(folder: Path) -> None:
    """Raise InputError unless the folder exists or can be made."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise InputError(Problem("not a folder", file=str(nearest)))


def check_file(file: Path | None) -> None:
    """Raise InputError if a folder has the file's name, or its own folder cannot be made; "-" is stdout."""
    if file is None or str(file) == "-":
        return
    if file.is_dir():
        raise InputError(Problem("a folder, not a file to write", file=str(file)))
    check_folder(file.parent)
