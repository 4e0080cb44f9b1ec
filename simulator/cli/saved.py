"""`simulate explain` and `simulate report`: what a saved run has to tell."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.inputs import Formats, Look, NoCache, PictureSize, Sets
from simulator.cli.options import By, Parquet, Shown, Sort, Top
from simulator.cli.output import (
    STDOUT,
    check_outputs,
    line_width,
    print_json,
    print_run,
    progress,
    trace_of,
    write_text,
)
from simulator.cli.verbose import Verbose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.result.run import Run

PAGE = "report.html"
RunFile = Annotated[
    Path, typer.Argument(metavar="RUN.json|DIR", help="a run saved with --json, or the folder of --out")
]


def explain(
    run_file: RunFile,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LAYER|STAGE]...", help="layers or stages of it; the whole network if left out"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print JSON instead of text, with every change tried")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="save the run's page with what would help on it; - is stdout")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="simulate and tell every change, also those that provably save less")
    ] = False,
    settings: Sets = None,
    no_cache: NoCache = False,
    verbose: Verbose = 0,
) -> None:
    """Explain a saved run: what bounds it, and what would help.

    Changes of the machine or the network are simulated, each by itself; what one saves is what simulating it again
    gives. Those that cannot save as much as what is told, or 1%, are left out, by bounds on their ops, unless --all
    asks for them. With --set, the run is first simulated again on the machine so changed.
    """
    from analysis.drive.explain import explain_layers, explain_network
    from analysis.drive.explain.data import explanation_data, levers_data
    from analysis.drive.explain.text import explanation_text
    from simulator.door import open_run, simulate_again

    check_outputs({"--html": html})
    run = open_run(run_file)
    if settings:
        with progress("mapping") as advance:
            run = simulate_again(run, settings, advance)
    with progress("changes") as advance:
        explanation = (
            explain_layers(run, names, advance, every=every) if names else explain_network(run, advance, every=every)
        )
    if html:
        _save_page(run, html, levers_data(explanation))
    if html == STDOUT:
        return
    if as_json:
        print_json(explanation_data(explanation))
        return
    for line in explanation_text(explanation, line_width()):
        print(line)


def report(
    run_file: RunFile,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="folder for the page, pictures and CSV files")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="save the page alone; - is stdout")] = None,
    formats: Formats = "png",
    size: PictureSize = "screen",
    mapping: Annotated[
        list[str] | None, typer.Option(metavar="LAYER", help="draw how a layer lies on the array, too; may be repeated")
    ] = None,
    timeline: Annotated[Path | None, typer.Option(metavar="FILE", help="save a trace of tiles for Perfetto")] = None,
    parquet: Parquet = None,
    by: By = "",
    sort: Sort = "",
    top: Top = None,
    columns: Shown = "",
    verbose: Verbose = 0,
) -> None:
    """Print the table of a saved run, or draw the run.

    With --out, a page to explore, its table of layers and every plot, with the rows of each as CSV, go into a folder;
    the page alone, or the trace of its tiles, into a file.
    """
    from analysis.read.pictures import checked_formats, checked_size
    from analysis.read.views import WHOLE, check_view, view_of
    from simulator.door import open_run
    from simulator.errors import InputError, Problem

    look, view = (checked_formats(formats.split(",")), checked_size(size)), view_of(by, sort, top, columns)
    if mapping and not out:
        raise InputError(Problem("--mapping needs a folder to draw into", expected="--out DIR"))
    check_outputs({"--html": html, "--timeline": timeline, "--parquet": parquet}, out, (PAGE,))
    run = open_run(run_file)
    check_view(view, run.hardware)
    if html:
        _save_page(run, html)
    if timeline:
        _save_trace(run, timeline)
    if parquet:
        from simulator.result.frames import write_parquet

        write_parquet(run.to_rows(), parquet)
    if out:
        _save_pictures(run, out, look, mapping or [])
    if view != WHOLE or not (out or html or timeline or parquet):
        print_run(run, view)


def _save_page(run: "Run", file: Path, levers: "Mapping[str, object] | None" = None) -> None:
    """Save the page of a run, with what would help if that was tried."""
    from analysis.read.report import report_html

    write_text(file, report_html(run, levers))


def _save_trace(run: "Run", file: Path) -> None:
    """Save the trace of a run, if the model still is what made it."""
    from simulator.errors import InputError, Problem
    from simulator.result.laws import LawViolation

    try:
        text = trace_of(run)
    except LawViolation as error:
        message = "another version of the model has made the run: simulate it again"
        raise InputError(Problem(message, got=str(error.violations[0]))) from error
    write_text(file, text)


def _save_pictures(run: "Run", out: Path, look: Look, layers: list[str]) -> None:
    """Save the page, the table of layers and every plot, the mappings of some layers, and name each file."""
    from analysis.read.layout import csv_text
    from analysis.read.pictures import write_pictures
    from analysis.read.plots import mapping_picture, write_plots
    from simulator.source.folders import whole_folder

    mappings = [mapping_picture(run, layer) for layer in dict.fromkeys(layers)]
    with whole_folder(out) as folder:
        page, table = folder / PAGE, folder / "layers.csv"
        _save_page(run, page)
        write_text(table, csv_text(run.to_rows()))
        written = [page, table, *write_plots(run, folder, *look), *write_pictures(mappings, folder, *look)]
    for path in written:
        print(out / path.relative_to(folder))
