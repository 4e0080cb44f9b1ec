"""Where output goes: a terminal gets colour and a fitting width, a pipe gets plain text of full width."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from analysis.read.layout import Column, fit, text_lines

if TYPE_CHECKING:
    from simulator.result.run import Run

Row = TypeVar("Row")
Progress = Callable[[int, int, str], None]


def print_run(run: "Run") -> None:
    """Print the table of ops and the summary."""
    if not sys.stdout.isatty():
        from analysis.read.printing import plain_report

        print(plain_report(run), end="")
        return
    from rich.console import Console

    from analysis.read.printing import print_report

    print_report(run, Console())


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
