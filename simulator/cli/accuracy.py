"""`simulate accuracy`: published figures beside ours and whether bounds on them hold, or a user's own beside ours."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.inputs import NoCache, PictureSize
from simulator.cli.output import FAILED_CHECK, STDOUT, check_outputs, print_grid, progress, write_text
from simulator.cli.streams import terminal
from simulator.cli.verbose import Verbose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analysis.drive.accuracy.anchor import Evaluation, Row

PICTURE = "images/accuracy.png"
PICTURE_OF_MEASURED = "images/measured.png"


def accuracy(
    anchors: Annotated[list[str] | None, typer.Argument(metavar="[ANCHOR...]", help="all if left out")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.md", help="write the page")] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="save everything as JSON; - is stdout")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="save a row per figure; - is stdout")] = None,
    plot: Annotated[bool, typer.Option("--plot", help="draw a picture into images/ beside the page of --out")] = False,
    size: PictureSize = "screen",
    measured: Annotated[
        Path | None, typer.Option(metavar="ROWS.csv", help="your own figures instead: network, layer, time [ms], ...")
    ] = None,
    hardware: Annotated[str, typer.Option("--hw", metavar="H", help="the machine they were measured on")] = "",
    network: Annotated[str, typer.Option("--net", metavar="N", help="the network of rows that name none")] = "",
    no_cache: NoCache = False,
    verbose: Verbose = 0,
) -> None:
    """Compare published figures with ours, or with --hw and --measured a user's own.

    Each anchor is a set of figures from a paper, a chip or another simulator. The status is 1 if a bound is broken
    that is not listed as missed. Figures of one's own stand in a CSV file with a row for each layer or network and the
    units in its header: network, layer, batch, time [ms], bytes [MB] (across the DRAM port), energy [mJ].
    """
    _check(out, json, csv, plot)
    drawn = _checked_size(size) if plot else ""
    if measured or hardware or network:
        _measured(measured, hardware, network, anchors or (), (out, json, csv), drawn)
        return
    from analysis.drive.accuracy import evaluate_anchors
    from analysis.drive.accuracy.page import page
    from analysis.drive.accuracy.picture import write_picture
    from analysis.drive.sweep.pool import cores

    with progress("accuracy") as advance:
        evaluations = evaluate_anchors(anchors or (), advance, cores())
    if out:
        write_text(out, page(evaluations, PICTURE if drawn else None))
        _draw(drawn, out.parent / PICTURE, partial(write_picture, evaluations))
    _save(evaluations, json, csv)
    _print(evaluations, out, json, csv)
    _judge(evaluations)


def _measured(
    measured: Path | None,
    hardware: str,
    network: str,
    anchors: "Sequence[str]",
    files: tuple[Path | None, Path | None, Path | None],
    drawn: str,
) -> None:
    """Simulate what a user has measured; save and print both, and explain the worst rows."""
    from simulator.errors import InputError, Problem

    if anchors or not (measured and hardware):
        expected = "simulate accuracy --hw H --measured ROWS.csv, without anchors"
        raise InputError(Problem("--hw, --net and --measured go together", expected=expected))
    from analysis.drive.measured import compare_measured, read_measurements
    from analysis.drive.measured.page import evaluation_of, page
    from analysis.drive.measured.picture import write_picture
    from simulator.hardware.load import load_hardware

    machine, rows = load_hardware(hardware), read_measurements(measured, network)
    with progress("measured") as advance:
        pairs = compare_measured(machine, rows, advance)
    evaluation, (out, json, csv) = evaluation_of(pairs, machine.name, measured), files
    if out:
        write_text(out, page(evaluation, PICTURE_OF_MEASURED if drawn else None))
        _draw(drawn, out.parent / PICTURE_OF_MEASURED, partial(write_picture, pairs))
    _save([evaluation], json, csv)
    if STDOUT not in files:
        _print_anchor(evaluation, evaluation.rows)
        for remark in evaluation.anchor.remarks:
            print(f"- {remark}")


def _check(out: Path | None, json: Path | None, csv: Path | None, plot: bool) -> None:
    from simulator.errors import InputError, Problem

    if plot and (out is None or out == STDOUT):
        raise InputError(Problem("--plot needs a page to draw for", expected="--out FILE.md"))
    check_outputs({"--out": out, "--json": json, "--csv": csv})


def _checked_size(size: str) -> str:
    from analysis.read.pictures import checked_size

    return checked_size(size)


def _draw(size: str, path: Path, write_picture: "Callable[[Path, str], None]") -> None:
    """Draw in a size, if one is asked for."""
    if size:
        write_picture(path, size)


def _save(evaluations: "Sequence[Evaluation]", json: Path | None, csv: Path | None) -> None:
    """Write the data that were asked for; a file named - is printed instead."""
    from analysis.drive.accuracy.tables import csv_rows, json_data
    from analysis.read.layout import csv_text

    if json:
        from json import dumps

        write_text(json, dumps(json_data(evaluations), indent=1, ensure_ascii=False) + "\n")
    if csv:
        write_text(csv, csv_text(csv_rows(evaluations)))


def _print(evaluations: "Sequence[Evaluation]", *files: Path | None) -> None:
    """Print each anchor's rows and the summary, unless stdout is taken."""
    from analysis.drive.accuracy.summary import shown_rows, summarize
    from analysis.drive.accuracy.tables import SUMMARY_COLUMNS

    if STDOUT in files:
        return
    for evaluation in evaluations:
        _print_anchor(evaluation, shown_rows(evaluation))
    print_grid([summarize(evaluation) for evaluation in evaluations], SUMMARY_COLUMNS)


def _print_anchor(evaluation: "Evaluation", chosen: "Sequence[Row]") -> None:
    """Print an anchor's title and a table for each part, of the chosen rows."""
    from analysis.drive.accuracy.tables import parts

    print(f"{evaluation.anchor.title}\n{evaluation.anchor.source}\n")
    for rows, columns in parts(evaluation, chosen):
        if sys.stdout.isatty():
            from rich.console import Console

            from analysis.drive.accuracy.tables import print_rows

            print_rows(rows, columns, Console(file=terminal(sys.stdout)))
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
