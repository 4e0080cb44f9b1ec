"""Where output goes: a terminal gets colour and a fitting width, a pipe plain text, files are whole; exit statuses.

Places that cannot be written to are refused before any work is done for them.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from analysis.read.layout import Column, fit, text_lines
from simulator.errors import InputError, Problem

if TYPE_CHECKING:
    from simulator.result.run import Run

Row = TypeVar("Row")
Progress = Callable[[int, int, str], None]

STDOUT = Path("-")
SUCCESS, FAILED_CHECK, BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141
"""Exit statuses: success, a failed check (or a bug), bad input, interrupted, nobody reads the output any more."""


def print_run(run: "Run") -> None:
    """Print the table of ops and the summary."""
    if not sys.stdout.isatty():
        from analysis.read.printing import plain_report

        print(plain_report(run), end="")
        return
    from rich.console import Console

    from analysis.read.printing import print_report

    print_report(run, Console())


def trace_of(run: "Run") -> str:
    """Play a run tile by tile and return its trace."""
    from analysis.read.trace import trace_text
    from simulator import timeline

    return trace_text(timeline(run), run)


def print_grid(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> None:
    """Print a table without colour, within the terminal's width if there is one."""
    for line in text_lines(fit(rows, columns, line_width())):
        print(line)


def line_width() -> int | None:
    """Return the terminal's width; None for a pipe, where lines may be as long as they are."""
    from shutil import get_terminal_size

    return get_terminal_size().columns if sys.stdout.isatty() else None


def print_json(data: object) -> None:
    """Print data as indented JSON."""
    print(json.dumps(data, indent=2, ensure_ascii=False))


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; "-" is stdout."""
    from simulator.source.files import write_atomically

    if path == STDOUT:
        print(text, end="")
    else:
        write_atomically(path, text)


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Yield a function (done, total, what) that draws a bar on stderr, or does nothing where nobody watches."""
    if not sys.stderr.isatty():
        yield lambda done, total, what: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[what]}", markup=False))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, what="")

        def advance(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, what=what)

        yield advance


def check_folder(folder: Path) -> None:
    """Raise InputError unless the folder exists or can be made."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise InputError(Problem("not a folder", file=str(nearest)))


def check_file(file: Path | None) -> None:
    """Raise InputError if a folder has the file's name, or its own folder cannot be made; "-" is stdout."""
    if file is None or file == STDOUT:
        return
    if file.is_dir():
        raise InputError(Problem("a folder, not a file to write", file=str(file)))
    check_folder(file.parent)
