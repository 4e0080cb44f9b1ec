"""`simulate sweep`: every combination of a plan, on all cores, into a store that survives interruption."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.inputs import Formats, Look, NoCache, PictureSize
from simulator.cli.options import Parquet
from simulator.cli.output import FAILED_CHECK, STDOUT, check_outputs, print_grid, progress, write_text
from simulator.cli.verbose import Verbose

if TYPE_CHECKING:
    from analysis.drive.sweep import Outcome
    from analysis.drive.sweep.measures import Ranked
    from analysis.drive.sweep.plan import Plan

TABLE = "points.csv"
MOST_NAMED = 10  # rows of a store that were damaged

Stores = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE.sqlite",
        help="where finished points are kept, named after the plan; given again: another to take points from",
    ),
]
Workers = Annotated[int | None, typer.Option(min=1, max=1024, help="processes; as many as there are cores if left out")]
AccuracyOf = Annotated[
    str,
    typer.Option(
        "--accuracy",
        metavar="WHAT",
        help="top-1 beside the published: estimate, a CSV of spec,top1_percent,source, module:function, command:WORDS, "
        "or plan, which runs what the plan names",
    ),
]
Scheduler = Annotated[
    str | None, typer.Option(metavar="tcp://HOST:PORT", help="simulate on the workers of this Dask scheduler")
]


def sweep(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN.yaml", help="machines, networks and axes")],
    store: Stores = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="save a row per point; - is stdout")] = None,
    parquet: Parquet = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="save points.csv and pictures here")] = None,
    pareto: Annotated[
        str, typer.Option(metavar="MEASURES", help="two or three columns to draw a front of: latency,area,top1")
    ] = "",
    workers: Workers = None,
    scheduler: Scheduler = None,
    accuracy: AccuracyOf = "",
    formats: Formats = "png",
    size: PictureSize = "screen",
    no_cache: NoCache = False,
    verbose: Verbose = 0,
) -> None:
    """Simulate every combination of machines, networks and axes, or samples of them.

    Each finished point is kept at once: interrupted or killed, the same command does what is missing.
    """
    from analysis.drive.estimate.accuracy import chosen
    from analysis.drive.sweep import load_plan
    from analysis.drive.sweep.columns import with_accuracy
    from analysis.drive.sweep.measures import read_measures
    from analysis.read.pictures import checked_formats, checked_size

    look = checked_formats(formats.split(",")), checked_size(size)
    plan = load_plan(plan_file)
    measures = read_measures(pareto or "latency,energy", plan)
    plan = with_accuracy(plan, chosen(accuracy, plan.document), [each.column for each in measures])
    kept, *others = store or [named_store(plan_file)]
    check_outputs({"--store": kept, "--csv": csv, "--parquet": parquet}, out, (TABLE,))
    if parquet:
        from simulator.result.frames import check_frames

        check_frames()
    outcome = _run(plan, kept, others, workers, scheduler)
    _tell_damaged(outcome)
    _save(outcome, csv, out, look, measures if pareto else None)
    if parquet:
        from analysis.drive.sweep.results import rows
        from simulator.result.frames import write_parquet

        write_parquet(list(rows(outcome)), parquet)
    _print(outcome, csv)
    _report_failures(outcome)


def named_store(plan_file: Path) -> Path:
    """Return the store of a plan, unless another is asked for: beside the user, named after it."""
    return Path(plan_file.with_suffix(".sqlite").name)


def _run(plan: "Plan", store: Path, others: Sequence[Path], workers: int | None, scheduler: str | None) -> "Outcome":
    """Run the sweep behind a bar; say after Ctrl-C that nothing finished is lost."""
    from analysis.drive.sweep import run_sweep

    reached = (0, 0)
    try:
        with progress("sweep") as bar:

            def advance(done: int, total: int, what: str) -> None:
                nonlocal reached
                reached = (done, total)
                bar(done, total, what)

            return run_sweep(plan, store, others=others, workers=workers, scheduler=scheduler, progress=advance)
    except KeyboardInterrupt:
        done, total = reached
        print(f"{done} of {total} points are kept in {store}; run the same again to go on", file=sys.stderr)
        raise


def _tell_damaged(outcome: "Outcome") -> None:
    """Name the rows that were simulated again as they were not what had been written, the first of them."""
    damaged = sorted(outcome.damaged)
    for key in damaged[:MOST_NAMED]:
        print(f"note: {outcome.store}: the row of key {key} was damaged: simulated again", file=sys.stderr)
    if len(damaged) > MOST_NAMED:
        print(f"note: and {len(damaged) - MOST_NAMED} more rows", file=sys.stderr)


def _save(
    outcome: "Outcome",
    csv: Path | None,
    out: Path | None,
    look: Look,
    measures: "Sequence[Ranked] | None",
) -> None:
    from analysis.drive.sweep.results import sweep_csv

    text = sweep_csv(outcome) if csv or out else ""
    if csv:
        write_text(csv, text)
    if out:
        from analysis.drive.sweep.heat_map import why_no_heat_map
        from analysis.drive.sweep.pictures import sweep_pictures
        from analysis.read.layout import printable
        from analysis.read.pictures import write_pictures
        from simulator.source.folders import whole_folder

        with whole_folder(out) as folder:
            write_text(folder / TABLE, text)
            write_pictures(sweep_pictures(outcome, measures), folder, *look)
        if why := why_no_heat_map(outcome):
            print(f"note: {printable(why)}", file=sys.stderr)


def _print(outcome: "Outcome", csv: Path | None) -> None:
    """Print what was done and the best point of each network, unless stdout is the CSV's."""
    if csv == STDOUT:
        return
    from analysis.drive.sweep.results import BEST_COLUMNS, best_points, summary_lines

    best = best_points(outcome)
    if best:
        print_grid(best, BEST_COLUMNS)
        print()
    for line in summary_lines(outcome):
        print(line)


def _report_failures(outcome: "Outcome") -> None:
    """Fail where the simulator did, which is a bug and no result, and where not one point can be simulated."""
    from analysis.drive.sweep.results import fault_lines, problems_of

    if outcome.faults:
        for line in fault_lines(outcome):
            print(f"internal error: {line}", file=sys.stderr)
        raise typer.Exit(FAILED_CHECK)
    problems = problems_of(outcome)
    if sum(problems.values()) == outcome.plan.points:
        from simulator.errors import InputError, Problem

        raise InputError(Problem("no point of the plan could be simulated"), *map(Problem, list(problems)[:10]))
