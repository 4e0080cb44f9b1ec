"""`simulate compare`: saved runs, or machines and networks simulated now, side by side."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from simulator.cli.inputs import Formats, Look, NoCache, PictureSize, Sets, load, specs
from simulator.cli.options import Baseline, FailIf, Machines, Networks
from simulator.cli.output import FAILED_CHECK, STDOUT, check_outputs, line_width, progress, write_text
from simulator.cli.verbose import Verbose

if TYPE_CHECKING:
    from analysis.read.compare import Comparison
    from analysis.read.compare.gate import Condition, Failure
    from analysis.read.objective import Measure
    from simulator.result.run import Run

TABLE = "changes.csv"

Options: TypeAlias = tuple[int | None, str, str | None, tuple[str, ...]]
"""Batch, dataflow, objective, and settings of the machine."""


def compare(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN.json...]", help="saved runs, the first the base")
    ] = None,
    hardware: Machines = "",
    network: Networks = "",
    by: Annotated[str, typer.Option(metavar="NAME", help="cycles, energy or dram (bytes)")] = "cycles",
    batch: Annotated[int | None, typer.Option(min=1, max=65536, help="with --hw and --net")] = None,
    dataflow: Annotated[str, typer.Option(metavar="NAME", help="with --hw and --net")] = "best",
    objective: Annotated[str | None, typer.Option(metavar="NAME", help="with --hw and --net")] = None,
    baseline: Baseline = "",
    fail_if: FailIf = None,
    settings: Sets = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="save a row per change; - is stdout")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="save changes.csv and waterfalls here")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="save a page of two runs; - is stdout")] = None,
    formats: Formats = "png",
    size: PictureSize = "screen",
    no_cache: NoCache = False,
    verbose: Verbose = 0,
) -> None:
    """Compare runs: what changed by stage, by part and by layer.

    Layers correspond by name, then by shape; in networks of different families by size, role and order.
    Example: simulate compare --hw eyeriss_like --net squeezenet,squeezenext
    """
    from analysis.read.compare import checked_measure
    from analysis.read.compare import compare as compare_runs
    from analysis.read.compare.gate import read_condition
    from analysis.read.compare.likeness import ordered
    from analysis.read.pictures import checked_formats, checked_size

    look = checked_formats(formats.split(",")), checked_size(size)
    measure, conditions = checked_measure(by), [read_condition(text) for text in fail_if or ()]
    check_outputs({"--csv": csv, "--html": html}, out, (TABLE,))
    _check_page(html, len(files or specs(hardware) * len(specs(network))))
    runs = _runs(files or [], hardware, network, (batch, dataflow, objective, tuple(settings or ())))
    runs, labels = ordered(runs, [str(file) for file in files or ()], baseline)
    _warn(runs, measure)
    if html:
        _save_page(runs, labels, html)
    comparisons = [compare_runs(runs[0], other, by) for other in runs[1:]]
    failed = _failures(conditions, runs, labels)
    _save(comparisons, labels, csv, out, look)
    if STDOUT not in (csv, html):
        _print(runs, comparisons, labels)
    _complain(failed)


def _warn(runs: "list[Run]", measure: "Measure") -> None:
    """Say what makes the figures of runs speak of different things."""
    from analysis.read.compare.likeness import unlike
    from analysis.read.layout import printable

    for line in unlike(runs, measure):
        print(printable(f"warning: {line}"), file=sys.stderr)


def _failures(conditions: "list[Condition]", runs: "list[Run]", labels: list[str]) -> "list[Failure]":
    from analysis.read.compare.gate import failures

    pairs = zip(runs[1:], labels[1:], strict=True)
    return [failure for run, label in pairs for failure in failures(conditions, runs[0], run, label)]


def _complain(failed: "list[Failure]") -> None:
    """Name every condition that a run fails, with the layers to blame, and exit with 1 if there is any."""
    for failure in failed:
        print(f"failed: {failure.line}", file=sys.stderr)
        for line in failure.blamed:
            print(f"  {line}", file=sys.stderr)
    if failed:
        raise typer.Exit(FAILED_CHECK)


def _runs(files: Sequence[Path], hardware: str, network: str, options: Options) -> "list[Run]":
    """Load the runs, or simulate every machine with every network; raise InputError for fewer than two."""
    from simulator.door import open_run
    from simulator.errors import InputError, Problem

    if files and options[-1]:
        raise InputError(Problem("saved runs do not go with --set", expected="--hw and --net"))
    if files and (hardware or network):
        raise InputError(Problem("saved runs do not go with --hw and --net", expected="one or the other"))
    if files:
        if len(files) < 2:
            raise InputError(Problem("nothing to compare with", expected="two saved runs or more", got=str(files[0])))
        return [open_run(file) for file in files]
    machines, networks = specs(hardware), specs(network)
    if not machines or not networks or len(machines) * len(networks) < 2:
        expected = "two saved runs or more, or --hw and --net with several names in one of them"
        raise InputError(Problem("nothing to compare", expected=expected))
    return _simulated(machines, networks, options)


def _simulated(machines: list[str], networks: list[str], options: Options) -> "list[Run]":
    from simulator import simulate
    from simulator.hardware.load import load_hardware

    batch, dataflow, objective, settings = options
    loaded = [(load_hardware(machine), load(spec, batch)) for machine in machines for spec in networks]
    runs = []
    for hardware, network in loaded:
        with progress(f"{network.name} on {hardware.name}") as advance:
            chosen = simulate(
                hardware, network, dataflow=dataflow, objective=objective, settings=settings, progress=advance
            )
            runs.append(chosen)
    return runs


def _save(comparisons: "list[Comparison]", labels: list[str], csv: Path | None, out: Path | None, look: Look) -> None:
    from analysis.read.compare.tables import comparison_rows
    from analysis.read.layout import csv_text

    text = csv_text(comparison_rows(comparisons, labels)) if csv or out else ""
    if csv:
        write_text(csv, text)
    if out:
        from analysis.read.compare.waterfall import waterfall
        from analysis.read.pictures import write_pictures
        from simulator.source.folders import whole_folder

        numbers = [""] if len(comparisons) == 1 else [f"_{number}" for number in range(2, len(comparisons) + 2)]
        pictures = [
            waterfall(comparison, (labels[0], label), f"waterfall{number}")
            for comparison, label, number in zip(comparisons, labels[1:], numbers, strict=True)
        ]
        with whole_folder(out) as folder:
            write_text(folder / TABLE, text)
            write_pictures(pictures, folder, *look)


def _save_page(runs: "list[Run]", labels: list[str], html: Path) -> None:
    from analysis.read.report import comparison_html

    write_text(html, comparison_html(runs[0], runs[1], (labels[0], labels[1])))


def _check_page(html: Path | None, runs: int) -> None:
    """Raise InputError for a page of more than two runs."""
    from simulator.errors import InputError, Problem

    if html and runs > 2:
        raise InputError(Problem("--html compares two runs", expected="2", got=str(runs)))


def _print(runs: "list[Run]", comparisons: "list[Comparison]", labels: list[str]) -> None:
    from analysis.read.compare.tables import comparison_text, overview

    for line in overview(runs, labels, line_width()):
        print(line)
    for comparison, label in zip(comparisons, labels[1:], strict=True):
        print()
        for line in comparison_text(comparison, (labels[0], label), line_width()):
            print(line)
