"""`simulate cache`: what is kept for next time, where, and how to be rid of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from simulator.engine.store import Store

MEBIBYTE = 2**20


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="remove it; kernels are compiled again when needed")] = False,
) -> None:
    """Show what is kept for next time: results of ops that were simulated, and compiled kernels.

    With --no-cache a command neither reads nor writes results.
    """
    from simulator.caches import bytes_in, compiled_folders, usable_folder
    from simulator.engine.store import FILE_NAME, MOST_BYTES, Store

    folder = usable_folder()
    if folder is None:
        print("nothing is kept: no folder can be written to")
        return
    store = Store(folder / FILE_NAME)
    if clear:
        _clear(store, folder)
    entries = store.entries() if store.path and store.path.exists() else 0
    compiled, results = compiled_folders(folder), bytes_in(folder / FILE_NAME)
    code = sum(map(bytes_in, compiled))
    print(f"folder            {folder}")
    print(
        f"results           {entries} entries, {_mebibytes(results)} of {_mebibytes(MOST_BYTES)} at most: {FILE_NAME}"
    )
    print(f"compiled kernels  of {len(compiled)} versions, {_mebibytes(code)}")


def _clear(store: "Store", folder: Path) -> None:
    """Remove results and compiled kernels, of all versions of the simulator."""
    from shutil import rmtree

    from simulator.caches import compiled_folders

    store.clear()
    for each in compiled_folders(folder):
        rmtree(each, ignore_errors=True)


def _mebibytes(size: int) -> str:
    return f"{size / MEBIBYTE:.1f} MiB"
