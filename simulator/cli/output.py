"""Where output goes: a terminal gets colour and a fitting width, a pipe plain text, files are whole; exit statuses.

Places that cannot be written to are refused before any work is done for them.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from analysis.read.layout import Column, dropped_lines, fit, printable, text_lines
from simulator.cli.streams import terminal
from simulator.errors import InputError, Problem

if TYPE_CHECKING:
    from analysis.read.views import View
    from simulator.result.run import Run

Row = TypeVar("Row")
Progress = Callable[[int, int, str], None]

STDOUT = Path("-")
SUCCESS, FAILED_CHECK, BAD_INPUT, BROKEN_PIPE = 0, 1, 2, 141
"""Exit statuses: success, a failed check (or a bug), bad input, nobody reads the output any more."""


def print_run(run: "Run", view: "View | None" = None) -> None:
    """Print the table of ops, all of it or a view, and the summary."""
    from analysis.read.views import WHOLE

    shown = view or WHOLE
    if not sys.stdout.isatty():
        from analysis.read.printing import plain_report

        print(plain_report(run, view=shown), end="")
        return
    from rich.console import Console

    from analysis.read.printing import print_report

    print_report(run, Console(file=terminal(sys.stdout)), shown)


def trace_of(run: "Run") -> str:
    """Play a run tile by tile and return its trace; say what banks and rows, if any, leave of the bandwidth."""
    from analysis.read.trace import trace_text
    from simulator import timeline

    played = timeline(run)
    if played.dram:
        ends = f"the timeline ends after {played.end_cycle:,} cycles, the run after {run.total.cycles:,}"
        print(f"{played.dram}; {ends}", file=sys.stderr)
    return trace_text(played, run)


def print_grid(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> None:
    """Print a table without colour, within the terminal's width if there is one."""
    width = line_width()
    grid = fit(rows, columns, width)
    for line in (*text_lines(grid), *dropped_lines(grid, width)):
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
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    names, what_now = (TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[what]}"))
    columns = (names, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), what_now)
    with Bar(*columns, console=Console(file=terminal(sys.stderr)), transient=True) as bar:
        task = bar.add_task(printable(title), total=None, what="")

        def advance(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, what=printable(what))

        yield advance


def check_outputs(files: Mapping[str, Path | None], folder: Path | None = None, names: Sequence[str] = ()) -> None:
    """Refuse outputs that cannot be written, and two of one file.

    `files` go by their options, "-" is stdout; `names` are files that `--out` puts into its `folder`.
    """
    from simulator.source.files import check_file, check_folder

    if folder:
        check_folder(folder)
    taken = {os.path.realpath(folder / name): "--out" for name in names} if folder else {}
    for option, file in files.items():
        if file is None:
            continue
        if file != STDOUT:
            check_file(file)
        place = "stdout" if file == STDOUT else os.path.realpath(file)
        if place in taken:
            raise InputError(Problem(f"{taken[place]} and {option} cannot both go to {place}"))
        if not _takes_all(place):
            taken[place] = option


def _takes_all(place: str) -> bool:
    """Whether a place takes one output after the other: a device."""
    return os.path.exists(place) and not os.path.isfile(place)
