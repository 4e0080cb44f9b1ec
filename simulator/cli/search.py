"""`simulate search`: the best combinations of a plan, without simulating all of them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.inputs import Formats, Look, NoCache, PictureSize
from simulator.cli.output import check_outputs, print_grid, progress, write_text
from simulator.cli.sweep import AccuracyOf, Scheduler, Workers, named_store
from simulator.cli.verbose import Verbose

if TYPE_CHECKING:
    from analysis.drive.sweep.search import Found, Search

TABLE = "trials.csv"


def search(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN.yaml", help="machines, networks, axes, and search")],
    store: Annotated[
        Path | None, typer.Option(metavar="FILE.sqlite", help="where finished points are kept; that of the sweep")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="save trials.csv and pictures here")] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    accuracy: AccuracyOf = "",
    formats: Formats = "png",
    size: PictureSize = "screen",
    no_cache: NoCache = False,
    verbose: Verbose = 0,
) -> None:
    """Search a plan's combinations for the least of its objectives, machine and network together.

    Finished points are kept in the store of the sweep: interrupted or killed, the same command goes on, and finds what
    an undisturbed one does.
    """
    from analysis.drive.sweep.search import load_search
    from analysis.read.pictures import checked_formats, checked_size

    look = checked_formats(formats.split(",")), checked_size(size)
    wanted = load_search(plan_file, accuracy)
    kept = store or named_store(plan_file)
    check_outputs({"--store": kept}, out, (TABLE,))
    found = _run(wanted, kept, workers, scheduler)
    if out:
        _save(found, out, look)
    _print(found)


def _run(wanted: "Search", store: Path, workers: int | None, scheduler: str | None) -> "Found":
    from analysis.drive.sweep.search import run_search

    try:
        with progress("search") as bar:
            return run_search(wanted, store, workers=workers, scheduler=scheduler, progress=bar)
    except KeyboardInterrupt:
        print(f"finished points are kept in {store}; run the same again to go on", file=sys.stderr)
        raise


def _save(found: "Found", out: Path, look: Look) -> None:
    from analysis.drive.sweep.searched import search_pictures, trial_rows
    from analysis.read.layout import csv_text
    from analysis.read.pictures import write_pictures
    from simulator.source.folders import whole_folder

    with whole_folder(out) as folder:
        write_text(folder / TABLE, csv_text(trial_rows(found)))
        write_pictures(search_pictures(found), folder, *look)


def _print(found: "Found") -> None:
    """Print the front and what was done; a search that found nothing is bad input."""
    from analysis.drive.sweep.searched import candidate, front_columns, front_of, reason_of, summary
    from simulator.errors import InputError, Problem

    best = [candidate(found, index) for index in front_of(found)]
    if not best:
        reasons = sorted({reason_of(trial) for trial in found.trials})[:5]
        raise InputError(Problem("no trial meets all constraints and has all objectives", got=", ".join(reasons)))
    print_grid(best, front_columns(found))
    print()
    for line in summary(found):
        print(line)
