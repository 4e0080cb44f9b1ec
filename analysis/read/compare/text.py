"""Comparisons as text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.read import units
from analysis.read.compare.comparison import Change, Comparison
from analysis.read.layout import Column, fit, printable, text_lines
from simulator.result.run import Run

MOST_LAYERS = 20  # told one by one


def run_labels(runs: Sequence[Run]) -> list[str]:
    """Name runs as shortly as tells them apart: by network, by machine, by both, and else by number."""
    nets, machines = [run.network.name for run in runs], [run.hardware.name for run in runs]
    both = [f"{net} on {machine}" for net, machine in zip(nets, machines, strict=True)]
    for names in (nets, machines, both):
        if len(set(names)) == len(names):
            return names
    return [f"{number}: {name}" for number, name in enumerate(both, start=1)]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A line of the overview."""

    label: str
    run: Run
    first: Run


RUN_COLUMNS: tuple[Column[RunRow], ...] = (
    Column("run", 0, lambda row: row.label, is_number=False),
    Column("cycles", 1, lambda row: f"{row.run.total.cycles:,}"),
    Column("change", 2, lambda row: _relative(row.run.total.cycles, row.first.total.cycles)),
    Column("latency", 3, lambda row: units.seconds(row.run.total.latency_s)),
    Column("MACs", 5, lambda row: units.count(row.run.total.macs, digits=4)),
    Column("util", 4, lambda row: units.percent(row.run.total.utilization)),
    Column("DRAM", 6, lambda row: units.size(row.run.total.dram_bytes)),
    Column("energy", 7, lambda row: units.energy(row.run.total.energy_pj, row.run.hardware.energy_unit)),
)


def _relative(after: float, before: float) -> str:
    return change_text((after - before) / before if before else None)


def change_text(fraction: float | None) -> str:
    """Write a change as a percentage with its sign.

    >>> change_text(-0.125), change_text(0.5), change_text(0.0), change_text(None)
    ('-12.5%', '+50.0%', '0.0%', 'new')
    """
    if fraction is None:
        return "new"
    text = units.percent(abs(fraction))
    return text if not fraction or text.startswith("<") else f"{'-' if fraction < 0 else '+'}{text}"


def comparison_columns(comparison: Comparison, title: str) -> tuple[Column[Change], ...]:
    """Return the columns of changes by `title`: layer, stage or part."""

    def amount(value: float) -> str:
        sign = "-" if value < 0 else "+" if value > 0 else ""
        return f"{sign}{write(abs(value))}"

    def write(value: float) -> str:
        if comparison.measure.name == "cycles":
            return f"{value:,.0f}"
        return comparison.measure.write(value, comparison.before) if value else "0"

    columns: list[Column[Change]] = [
        Column(title, 0, lambda row: comparison.measure.labels.get(row.name, row.name) or "-", is_number=False),
        Column("before", 4, lambda row: write(row.before)),
        Column("after", 4, lambda row: write(row.after)),
        Column("change", 1, lambda row: amount(row.change)),
        Column("relative", 3, lambda row: change_text(row.relative)),
        Column("of total", 2, lambda row: change_text(row.contribution)),
    ]
    if title == "layer":
        columns.append(Column("matched", 5, lambda row: row.detail or "-", is_number=False))
    return tuple(columns)


def overview(runs: Sequence[Run], labels: Sequence[str], width: int | None) -> Iterator[str]:
    """Yield a line for each run."""
    rows = [RunRow(label, run, runs[0]) for label, run in zip(labels, runs, strict=True)]
    yield from text_lines(fit(rows, RUN_COLUMNS, width))


def comparison_text(comparison: Comparison, labels: tuple[str, str], width: int | None) -> Iterator[str]:
    """Yield the lines of a comparison: by stage, by part and by layer."""
    measure = comparison.measure
    yield printable(f"{measure.name}: from {labels[0]} to {labels[1]}")
    shown = [change for change in comparison.layers if change.change][:MOST_LAYERS]
    rest = [change for change in comparison.layers if change not in shown]
    if rest:
        shown.append(_others(rest, comparison))
    for title, changes in (("stage", comparison.stages), ("part", comparison.parts), ("layer", shown)):
        yield ""
        yield from text_lines(fit([*changes, comparison.total], comparison_columns(comparison, title), width))


def _others(changes: Sequence[Change], comparison: Comparison) -> Change:
    """Sum up the layers that are not told one by one."""
    before, after = sum(change.before for change in changes), sum(change.after for change in changes)
    base = comparison.total.before
    name = units.counted(len(changes), "other")
    return Change(name, "", before, after, (after - before) / base if base else 0.0, {})
