"""Comparisons as text, and as rows for CSV."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from analysis.read import units
from analysis.read.compare.comparison import Change, Comparison
from analysis.read.layout import Column, Row, fit, printable, text_lines
from simulator.result.run import Run
from simulator.result.steady import any_steady
from simulator.source.cells import Cell

MOST_LAYERS = 20  # told one by one
FRAMES = "frames_per_second"


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

STEADY: Column[RunRow] = Column("steady", 8, lambda row: f"{units.count(row.run.steady_frames_per_s)}/s")
"""Frames one behind the other, where weights of a run stay on chip meanwhile."""


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
    behind = {"latency": () if cycles_tell else (IN_TIME,), "frames/s": (STEADY,) if any_steady(*runs) else ()}
    columns = [each for column in RUN_COLUMNS for each in (column, *behind.get(column.title, ()))]
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

    `labels` name the first run and then the other of each comparison. Rows by `frames` are of frames a second.
    """
    names = list(dict.fromkeys(name for comparison in comparisons for name in comparison.total.parts))
    return [
        _row(change, FRAMES if cut == "frames" else comparison.measure.name, cut, (labels[0], label), names)
        for comparison, label in zip(comparisons, labels[1:], strict=True)
        for cut, changes in (
            ("total", (comparison.total,)),
            ("frames", _frames(comparison)),
            ("part", comparison.parts),
            (comparison.grouped, comparison.stages),
            ("layer", comparison.layers),
        )
        for change in changes
    ]


def _frames(comparison: Comparison) -> Iterator[Change]:
    """Yield the change of frames a second, by themselves and one behind the other, where these differ in a run."""
    before, after = comparison.before, comparison.after
    if any_steady(before, after):
        rates: dict[str, Callable[[Run], float]] = {
            "frames": lambda run: run.frames_per_s,
            "steady_frames": lambda run: run.steady_frames_per_s,
        }
        for name, rate in rates.items():
            was, now = rate(before), rate(after)
            yield Change(name, "", was, now, (now - was) / was if was else 0.0, {})


def _row(change: Change, measure: str, cut: str, labels: tuple[str, str], parts: Sequence[str]) -> dict[str, Cell]:
    return {
        "before_run": labels[0],
        "after_run": labels[1],
        "measure": measure,
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
