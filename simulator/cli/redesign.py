"""`simulate redesign`: change a network step by step until it is faster on a machine."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.inputs import Formats, Look, NoCache, PictureSize, Sets, load
from simulator.cli.options import Batch, Machine, NetworkSpec, Objective, SkipUnknown
from simulator.cli.output import check_outputs, progress, write_text
from simulator.cli.verbose import Verbose

if TYPE_CHECKING:
    from analysis.drive.redesign.limits import Limits
    from analysis.drive.redesign.state import Way
    from simulator.hardware.model import Hardware
    from simulator.network.ir import Network

NETWORK = "network.yaml"


def redesign(
    hardware: Machine = "",
    network: NetworkSpec = "",
    within: Annotated[
        str,
        typer.Option(
            metavar="LIMITS", show_default="its own", help="macs=225M,params=0.9M,sram=96KiB: what it may have at most"
        ),
    ] = "",
    keep: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="share of these MACs and parameters that it has at least")
    ] = 0.9,
    steps: Annotated[int, typer.Option(min=0, max=1000, help="the most steps")] = 8,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="folder for report.md, network.yaml, pictures and steps.json")
    ] = None,
    objective: Objective = None,
    settings: Sets = None,
    batch: Batch = None,
    skip_unknown: SkipUnknown = False,
    formats: Formats = "png",
    size: PictureSize = "screen",
    no_cache: NoCache = False,
    verbose: Verbose = 0,
) -> None:
    """Redesign a network for a machine: take the change that saves most, step by step, within limits.

    Every step is kept in the folder: interrupted or killed, the same command goes on. Example:
    simulate redesign --hw edge_npu_like --net mobilenet_v2 --out redesigned
    """
    from analysis.read.pictures import checked_formats, checked_size
    from simulator.errors import InputError, Problem
    from simulator.hardware.load import load_hardware
    from simulator.hardware.settings import with_settings

    missing = {"--hw": hardware, "--net": network, "--out": out}
    problems = [Problem(f"{option} is missing") for option, value in missing.items() if not value]
    if problems:
        raise InputError(*problems)
    assert out is not None
    look = checked_formats(formats.split(",")), checked_size(size)
    machine = with_settings(load_hardware(hardware), settings or ())
    start = load(network, batch, skip_unknown)
    check_outputs({}, out)
    way, limits = _run(machine, start, within, keep, steps, objective, out)
    _save(way, limits, start, machine, out, look)


def _run(
    machine: "Hardware", network: "Network", within: str, keep: float, steps: int, objective: str | None, out: Path
) -> "tuple[Way, Limits]":
    from analysis.drive.codesign.bench import Bench
    from analysis.drive.redesign.run import redesigned

    try:
        with progress("redesign") as advance:
            bench = Bench(advance)
            return redesigned(bench, machine, network, within, keep=keep, steps=steps, objective=objective, folder=out)
    except KeyboardInterrupt:
        print(f"finished steps are kept in {out}; run the same again to go on", file=sys.stderr)
        raise


def _save(way: "Way", limits: "Limits", network: "Network", machine: "Hardware", out: Path, look: Look) -> None:
    from analysis.drive.codesign.report import write_report
    from analysis.drive.redesign.told import report_of
    from simulator.source.folders import whole_folder

    report = report_of(way, limits, network.name, machine.name)
    with whole_folder(out) as folder:
        write_report(report, folder, *look)
        write_text(folder / NETWORK, way.end.network)
    for finding in report.findings:
        print(finding)
    print(out / "report.md")
    print(out / NETWORK)
