"""The report of a redesign: what each step changed and saved, what else was tried, and what nobody has measured."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from analysis.drive.codesign import charts
from analysis.drive.codesign.report import Illustration, Part, Report, Section, Table
from analysis.drive.estimate.surrogate import published_surrogate
from analysis.drive.redesign.limits import Limits, Size
from analysis.drive.redesign.state import Stage, Way, network_of
from analysis.read import units
from analysis.read.layout import Row
from analysis.read.pictures import Picture
from analysis.read.units import kilo, millions
from simulator.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST = 30  # letters of a line below a bar


def report_of(way: Way, limits: Limits, network: str, machine: str) -> Report:
    """Return the report of a redesign."""
    shown: tuple[Part, ...] = (_waterfall(way), _steps_table(way)) if len(way.stages) > 1 else ()
    sections = [Section("Step by step", (f"Allowed: {limits.text}.", *shown))]
    tried = tuple(_tried_lines(way))
    if tried:
        columns = ("step", "tried, and not taken", "of the objective, before the step = 1")
        sections.append(Section("What else was tried", (Table(columns, tried),)))
    sections.append(Section("Accuracy", (accuracy_text(way),)))
    source = (
        "Moves are the network changes of `simulate explain`, alone or two at once, each simulated on the machine. What"
        " saves most of the objective, which may be more than cycles, is taken. The last network is in network.yaml."
    )
    return Report(f"{network} redesigned for {machine}", source, tuple(findings_of(way, limits)), tuple(sections))


def findings_of(way: Way, limits: Limits) -> Iterator[str]:
    """Tell what was gained, and at which size."""
    start, end, count = way.start, way.end, len(way.stages) - 1
    why = "no further move pays" if way.finished else "more steps may save more"
    if not count:
        yield "No move pays." if way.finished else "No step was asked for."
        return
    yield (
        f"{units.counted(count, 'step')}: {way.saving:.1%} fewer cycles ({start.cycles:,} to {end.cycles:,}),"
        f" energy {units.signed_percent(end.energy_pj / start.energy_pj - 1)}; {why}."
    )
    yield (
        f"MACs {units.count(start.macs)} to {units.count(end.macs)}, parameters {units.count(start.params)} to"
        f" {units.count(end.params)}{_sram_text(start, end)}."
    )
    if not limits.hold(Size(end.macs, end.params, 0, 0), end.sram):
        yield "**It is not within the limits**: it began beyond them, and no step that pays led there."


def _sram_text(start: Stage, end: Stage) -> str:
    return f", peak SRAM {units.size(start.sram)} to {units.size(end.sram)}" if start.sram or end.sram else ""


def _waterfall(way: Way) -> Illustration:
    rows: list[Row] = []
    for number, stage in enumerate(way.stages):
        saved = way.stages[number - 1].cycles - stage.cycles if number else 0
        sizes = {"macs": stage.macs, "params": stage.params, "sram": stage.sram, "energy_pj": stage.energy_pj}
        moves = "; ".join(stage.moves) or "start"
        rows.append({"step": number, "moves": moves, "cycles": stage.cycles, "saved": saved, **sizes})
    caption = "Cycles from the network as given to the one that was arrived at, step by step."
    return Illustration(Picture("waterfall", rows, lambda: _draw(rows)), caption)


def _draw(rows: Sequence[Row]) -> "Figure":
    figure, (axes,) = charts.panels(1, height=3.4)
    steps = [(f"step {row['step']}", -float(row["saved"])) for row in rows[1:]]
    charts.waterfall(axes, ("start", float(rows[0]["cycles"])), steps, units.tick)
    axes.set_ylabel("cycles")
    return figure


def _steps_table(way: Way) -> Table:
    lines = [("", "start", kilo(way.start.cycles), "-", "1.000", *_sizes(way.start), "1")]
    for number, stage in enumerate(way.stages[1:], start=1):
        before = way.stages[number - 1].cycles
        saves = f"{1 - stage.cycles / before:.1%}"
        moves = "; ".join(stage.moves)
        cost = f"{stage.cost / way.start.cost:.3f}"
        lines.append((str(number), moves, kilo(stage.cycles), saves, cost, *_sizes(stage), str(stage.simulated)))
    return Table(
        ("step", "moves", "K cycles", "saves", "objective, start = 1", "MACs, M", "params, M", "simulated"),
        tuple(lines),
    )


def _sizes(stage: Stage) -> tuple[str, str]:
    return millions(stage.macs), millions(stage.params)


def _tried_lines(way: Way) -> Iterator[tuple[str, ...]]:
    for number, stage in enumerate(way.stages[1:], start=1):
        before = way.stages[number - 1].cost
        for text, cost in (each for each in stage.others if each[1] < before):
            yield str(number), text, f"{cost / before:.3f}"


def accuracy_text(way: Way) -> str:
    """Tell what can be told of accuracy: nobody has trained the network."""
    told = "Nobody has trained this network: limits on MACs, parameters and layers are a stand-in for accuracy."
    try:
        surrogate = published_surrogate()
        if not surrogate.left_out.concludes:
            return f"{told} An estimate tells nothing: {surrogate.left_out.text}."
        first, last = (surrogate.estimate(network_of(stage)) for stage in (way.start, way.end))
    except InputError as error:
        why = error.problems[0].message.removeprefix("accuracy is not estimated: ")
        return f"{told} It is not estimated either: {why}."
    return (
        f"{told} An estimate, not a measurement, gives {last.percent:.1f}% ({last.low:.1f} to {last.high:.1f}) where it"
        f" gives {first.percent:.1f}% for the network as given: {surrogate.left_out.text}. A difference within that"
        " error says nothing."
    )
