"""`simulate accuracy`: published figures beside ours, and whether the bounds on them hold."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.inputs import NoCache
from simulator.cli.output import FAILED_CHECK, STDOUT, check_file, print_grid, progress, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.drive.accuracy.anchor import Evaluation

PICTURE = "images/accuracy.png"


def accuracy(
    anchors: Annotated[list[str] | None, typer.Argument(metavar="[ANCHOR...]", help="all if left out")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.md", help="write the page")] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="save everything as JSON; - is stdout")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="save a row per figure; - is stdout")] = None,
    plot: Annotated[bool, typer.Option("--plot", help="draw images/accuracy.png beside the page of --out")] = False,
    no_cache: NoCache = False,
) -> None:
    """Compare published figures with ours.

    Each anchor is a set of figures from a paper, a chip or another simulator. The status is 1 if a bound is broken
    that is not listed as missed.
    """
    from analysis.drive.accuracy import evaluate_anchors

    _check(out, json, csv, plot)
    with progress("accuracy") as advance:
        evaluations = evaluate_anchors(anchors or (), advance)
    _save(evaluations, out, json, csv, plot)
    _print(evaluations, out, json, csv)
    _judge(evaluations)


def _check(out: Path | None, json: Path | None, csv: Path | None, plot: bool) -> None:
    from simulator.errors import InputError, Problem

    if plot and (out is None or out == STDOUT):
        raise InputError(Problem("--plot needs a page to draw for", expected="--out FILE.md"))
    if [out, json, csv].count(STDOUT) > 1:
        raise InputError(Problem("only one of --out, --json and --csv can go to stdout"))
    for file in (out, json, csv):
        check_file(file)


def _save(
    evaluations: "Sequence[Evaluation]", out: Path | None, json: Path | None, csv: Path | None, plot: bool
) -> None:
    """Write what was asked for; a file named - is printed instead."""
    from analysis.drive.accuracy.page import page
    from analysis.drive.accuracy.tables import csv_rows, json_data
    from analysis.read.layout import csv_text

    if out:
        write_text(out, page(evaluations, PICTURE if plot else None))
    if out and plot:
        from analysis.drive.accuracy.picture import write_picture

        write_picture(evaluations, out.parent / PICTURE)
    if json:
        from json import dumps

        write_text(json, dumps(json_data(evaluations), indent=1, ensure_ascii=False) + "\n")
    if csv:
        write_text(csv, csv_text(csv_rows(evaluations)))


def _print(evaluations: "Sequence[Evaluation]", *files: Path | None) -> None:
    """Print each anchor's rows and the summary, unless stdout is taken."""
    from analysis.drive.accuracy.summary import summarize
    from analysis.drive.accuracy.tables import SUMMARY_COLUMNS

    if STDOUT in files:
        return
    for evaluation in evaluations:
        _print_anchor(evaluation)
    print_grid([summarize(evaluation) for evaluation in evaluations], SUMMARY_COLUMNS)


def _print_anchor(evaluation: "Evaluation") -> None:
    """Print an anchor's title and a table for each part; of many rows only those that stand out."""
    from analysis.drive.accuracy.summary import shown_rows
    from analysis.drive.accuracy.tables import parts

    chosen = shown_rows(evaluation)
    print(f"{evaluation.anchor.title}\n{evaluation.anchor.source}\n")
    for rows, columns in parts(evaluation, chosen):
        if sys.stdout.isatty():
            from rich.console import Console

            from analysis.drive.accuracy.tables import print_rows

            print_rows(rows, columns, Console())
        else:
            print_grid(rows, columns)
        print()
    if len(chosen) < len(evaluation.rows):
        print(f"{len(evaluation.rows) - len(chosen)} rows not shown deviate less or not at all; --csv has all\n")


def _judge(evaluations: "Sequence[Evaluation]") -> None:
    """Complain of what the anchors say wrongly of their bounds; fail if one is broken."""
    from analysis.drive.accuracy.anchor import Status
    from analysis.drive.accuracy.summary import complaints

    for evaluation in evaluations:
        for line in complaints(evaluation):
            print(line, file=sys.stderr)
    if any(evaluation.having(Status.BROKEN) for evaluation in evaluations):
        raise typer.Exit(FAILED_CHECK)
