"""`simulate cache`: what is kept for next time, where, and how to be rid of it."""

from typing import Annotated

import typer

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
    path, compiled = folder / FILE_NAME, compiled_folders(folder)
    if clear:
        from shutil import rmtree

        Store(path).clear()
        for each in compiled:
            rmtree(each, ignore_errors=True)
        compiled = compiled_folders(folder)
    entries = Store(path).entries() if path.exists() else 0
    size, code = bytes_in(path), sum(map(bytes_in, compiled))
    print(f"folder            {folder}")
    print(
        f"results           {entries} entries, {_mebibytes(size)} of at most {_mebibytes(MOST_BYTES)}, in {FILE_NAME}"
    )
    print(f"compiled kernels  {len(compiled)} versions, {_mebibytes(code)}")


def _mebibytes(size: int) -> str:
    return f"{size / MEBIBYTE:.1f} MiB"
