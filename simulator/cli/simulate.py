"""`simulate --hw H --net N`: the main job."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.inputs import Formats, Look, NoCache, PictureSize, Sets, load
from simulator.cli.options import (
    Batch,
    By,
    Dataflow,
    Machine,
    MappingFile,
    NetworkSpec,
    Objective,
    Parquet,
    Prove,
    RunFolder,
    ScheduleFile,
    Shown,
    SkipUnknown,
    Sort,
    Timeline,
    Top,
    Verify,
    Version,
)
from simulator.cli.output import STDOUT, check_outputs, print_run, progress, trace_of, write_text
from simulator.cli.verbose import Verbose

if TYPE_CHECKING:
    from analysis.read.views import View
    from simulator.result.run import Run

SET = ("run.json", "layers.csv", "mappings.yaml", "schedule.yaml", "report.html")
"""The files that --out writes, beside plots."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, checked before any work is done."""

    hardware: str
    network: str
    batch: int | None
    dataflow: str
    objective: str | None
    mapping: Path | None
    schedule: Path | None
    json: Path | None
    csv: Path | None
    parquet: Path | None
    out: Path | None
    plot: bool
    timeline: Path | None
    verify: bool
    skip_unknown: bool
    prove: bool
    settings: tuple[str, ...]
    view: "View"
    look: Look


def simulate_command(
    context: typer.Context,
    hardware: Machine = "",
    network: NetworkSpec = "",
    batch: Batch = None,
    dataflow: Dataflow = "best",
    objective: Objective = None,
    mapping: MappingFile = None,
    schedule: ScheduleFile = None,
    settings: Sets = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="save the run; - is stdout")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="save a row per layer; - is stdout")] = None,
    parquet: Parquet = None,
    out: RunFolder = None,
    plot: Annotated[bool, typer.Option("--plot", help="draw plots into the folder of --out")] = False,
    formats: Formats = "png",
    size: PictureSize = "screen",
    timeline: Timeline = None,
    verify: Verify = False,
    skip_unknown: SkipUnknown = False,
    prove: Prove = False,
    by: By = "",
    sort: Sort = "",
    top: Top = None,
    columns: Shown = "",
    no_cache: NoCache = False,
    verbose: Verbose = 0,
    show_version: Version = False,
    debug: Annotated[bool, typer.Option("--debug", hidden=True)] = False,
) -> None:
    """Simulate a neural network on an accelerator: cycles, traffic, energy and bottleneck of every op.

    Example: simulate --hw eyeriss_like --net squeezenext
    """
    if context.invoked_subcommand is None:
        if not (hardware or network):
            print(context.get_help())
            return
        files = schedule, json, csv, parquet, out, plot, timeline
        from analysis.read.views import view_of

        view, look = view_of(by, sort, top, columns), (tuple(formats.split(",")), size)
        others = verify, skip_unknown, prove, tuple(settings or ()), view, look
        _simulate(Request(hardware, network, batch, dataflow, objective, mapping, *files, *others))
    elif hardware or network:
        from simulator.errors import InputError

        raise InputError(f"--hw and --net do not go with the command {context.invoked_subcommand}")


def _simulate(request: Request) -> None:
    """Run, write files first (a reader may close the pipe of the table), then print, then verify."""
    from analysis.read.views import check_view
    from simulator import load_hardware, simulate
    from simulator.result.facts import machine_facts

    _check(request)
    network = load(request.network, request.batch, request.skip_unknown)
    machine = load_hardware(request.hardware)
    check_view(request.view, machine_facts(machine))
    with progress("mapping") as advance:
        run = simulate(
            machine,
            network,
            dataflow=request.dataflow,
            objective=request.objective,
            mapping=request.mapping,
            schedule=request.schedule,
            settings=request.settings,
            prove=request.prove,
            progress=advance,
        )
    _save(run, request)
    _print(run, request)
    if request.verify:
        from simulator.cli.mappings import verify_run

        verify_run(run, network)


def _check(request: Request) -> None:
    """Refuse at once what is missing, contradicts itself, or could not be written in the end."""
    from simulator.errors import InputError, Problem

    problems = []
    if not request.hardware:
        problems.append(Problem("--hw is missing", expected="a machine: see simulate list hardware"))
    if not request.network:
        problems.append(Problem("--net is missing", expected="a network: see simulate list networks"))
    if request.plot and not request.out:
        problems.append(Problem("--plot needs a folder to draw into", expected="--out DIR"))
    if request.plot and not problems:
        from analysis.read.pictures import checked_formats, checked_size

        checked_formats(request.look[0])
        checked_size(request.look[1])
    files = {"--json": request.json, "--csv": request.csv, "--parquet": request.parquet, "--timeline": request.timeline}
    if problems:
        raise InputError(*problems)
    check_outputs(files, request.out, SET)
    if request.parquet:
        from simulator.result.frames import check_frames

        check_frames()


def _save(run: "Run", request: Request) -> None:
    """Write the files that were asked for; those named - are printed instead of the table."""
    if request.timeline and request.timeline != STDOUT:
        write_text(request.timeline, trace_of(run))
    if request.json and request.json != STDOUT:
        from simulator.result.json_io import save_run

        save_run(run, request.json)
    if request.csv and request.csv != STDOUT:
        from analysis.read.layout import csv_text

        write_text(request.csv, csv_text(run.to_rows()))
    if request.parquet:
        from simulator.result.frames import write_parquet

        write_parquet(run.to_rows(), request.parquet)
    if request.out:
        from simulator.source.folders import whole_folder

        with whole_folder(request.out) as folder:
            _save_folder(run, folder, request.look if request.plot else None)


def _save_folder(run: "Run", folder: Path, look: Look | None) -> None:
    """Write the files of `SET`, and the plots beside them."""
    from analysis.read.layout import csv_text
    from analysis.read.report import report_html
    from simulator.cli.mappings import run_mappings, run_schedule
    from simulator.result.json_io import save_run

    run_file, table, mappings, schedule, page = SET
    save_run(run, folder / run_file)
    write_text(folder / table, csv_text(run.to_rows()))
    write_text(folder / mappings, run_mappings(run))
    write_text(folder / schedule, run_schedule(run))
    write_text(folder / page, report_html(run))
    if look:
        from analysis.read.plots import write_plots

        write_plots(run, folder, *look)


def _print(run: "Run", request: Request) -> None:
    """Print what was asked for on stdout, or the table."""
    if request.json == STDOUT:
        from simulator.result.json_io import run_to_json

        print(run_to_json(run), end="")
    elif request.csv == STDOUT:
        from analysis.read.layout import csv_text

        print(csv_text(run.to_rows()), end="")
    elif request.timeline == STDOUT:
        print(trace_of(run), end="")
    else:
        print_run(run, request.view)
