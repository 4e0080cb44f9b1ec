"""Comparisons as text, and as rows for CSV."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.read import units
from analysis.read.compare.comparison import Change, Comparison
from analysis.read.layout import Column, Row, fit, printable, text_lines
from simulator.result.run import Run
from simulator.source.cells import Cell

MOST_LAYERS = 20  # told one by one


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
    Column("frames/s", 8, lambda row: units.count(row.run.frames_per_s)),
    Column("MACs", 5, lambda row: units.count(row.run.total.macs, digits=4)),
    Column("util", 4, lambda row: units.percent(row.run.total.utilization)),
    Column("DRAM", 6, lambda row: units.size(row.run.total.dram_bytes)),
    Column("energy", 7, lambda row: units.energy(row.run.total.energy_pj)),
)


IN_TIME: Column[RunRow] = Column(
    "in time", 2, lambda row: _relative(row.run.total.latency_s, row.first.total.latency_s)
)
"""The change that counts where clocks differ, or hosts take time of their own."""


def _relative(after: float, before: float) -> str:
    return units.signed_percent((after - before) / before if before else None)


def comparison_columns(comparison: Comparison, title: str) -> tuple[Column[Change], ...]:
    """Return the columns of changes by `title`: layer, stage or part."""

    def amount(value: float) -> str:
        sign = "-" if value < 0 else "+" if value > 0 else ""
        return f"{sign}{write(abs(value))}"

    def write(value: float) -> str:
        if comparison.measure.name == "cycles":
            return f"{value:,.0f}"
        return comparison.write(value) if value else "0"

    columns: list[Column[Change]] = [
        Column(title, 0, lambda row: comparison.named(row.name), is_number=False),
        Column("before", 4, lambda row: write(row.before)),
        Column("after", 4, lambda row: write(row.after)),
        Column("change", 1, lambda row: amount(row.change)),
        Column("relative", 3, lambda row: units.signed_percent(row.relative)),
        Column("of total", 2, lambda row: units.signed_percent(row.contribution)),
    ]
    if title == "layer":
        columns.append(Column("matched", 5, lambda row: row.detail or "-", is_number=False))
    return tuple(columns)


def overview(runs: Sequence[Run], labels: Sequence[str], width: int | None) -> Iterator[str]:
    """Yield a line for each run."""
    rows = [RunRow(label, run, runs[0]) for label, run in zip(labels, runs, strict=True)]
    cycles_tell = len({(run.hardware.clock_hz, run.hardware.host_s) for run in runs}) == 1
    at = [column.title for column in RUN_COLUMNS].index("latency") + 1
    columns = RUN_COLUMNS if cycles_tell else (*RUN_COLUMNS[:at], IN_TIME, *RUN_COLUMNS[at:])
    yield from text_lines(fit(rows, columns, width))


def comparison_text(comparison: Comparison, labels: tuple[str, str], width: int | None) -> Iterator[str]:
    """Yield the lines of a comparison: by stage, by part and by layer."""
    measure = comparison.measure
    yield printable(f"{measure.name}: from {labels[0]} to {labels[1]}")
    shown = [change for change in comparison.layers if change.change][:MOST_LAYERS]
    rest = [change for change in comparison.layers if change not in shown]
    if rest:
        shown.append(_others(rest, comparison))
    for title, changes in ((comparison.grouped, comparison.stages), ("part", comparison.parts), ("layer", shown)):
        yield ""
        yield from text_lines(fit([*changes, comparison.total], comparison_columns(comparison, title), width))


def _others(changes: Sequence[Change], comparison: Comparison) -> Change:
    """Sum up the layers that are not told one by one."""
    before, after = sum(change.before for change in changes), sum(change.after for change in changes)
    base = comparison.total.before
    name = units.counted(len(changes), "other")
    return Change(name, "", before, after, (after - before) / base if base else 0.0, {})


def comparison_rows(comparisons: Sequence[Comparison], labels: Sequence[str]) -> list[Row]:
    """Return a row for every change: run, what it is cut by, its name, figures, and the change of each part.

    `labels` name the first run and then the other of each comparison.
    """
    names = list(dict.fromkeys(name for comparison in comparisons for name in comparison.total.parts))
    return [
        _row(change, comparison, cut, (labels[0], label), names)
        for comparison, label in zip(comparisons, labels[1:], strict=True)
        for cut, changes in (
            ("total", (comparison.total,)),
            ("part", comparison.parts),
            (comparison.grouped, comparison.stages),
            ("layer", comparison.layers),
        )
        for change in changes
    ]


def _row(
    change: Change, comparison: Comparison, cut: str, labels: tuple[str, str], parts: Sequence[str]
) -> dict[str, Cell]:
    return {
        "before_run": labels[0],
        "after_run": labels[1],
        "measure": comparison.measure.name,
        "by": cut,
        "name": change.name,
        "matched": change.detail,
        "before": change.before,
        "after": change.after,
        "change": change.change,
        "relative": "" if change.relative is None else change.relative,
        "contribution": change.contribution,
        **{f"change_{name}": change.parts.get(name, 0) for name in parts},
    }
