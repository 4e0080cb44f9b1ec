"""Published accuracy against simulated cost: what a network gives for its time and energy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench
from analysis.drive.codesign.report import Illustration, Table
from analysis.read.layout import Row
from analysis.read.objective import ENERGY, LATENCY
from analysis.read.pictures import Picture
from analysis.read.units import energy, kilo, millions, seconds
from workloads.load import load_network

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Entry:
    """A network as the picture shows it: its series, a short word, its accuracy and cost."""

    series: str
    word: str
    spec: str
    top1_percent: float
    source: str
    macs: int
    params: int
    cycles: int
    latency_s: float
    energy_pj: float


def entries_of(bench: Bench, machine: str, series: Mapping[str, Mapping[str, str]]) -> list[Entry]:
    """Simulate networks, by series and word, that have a published accuracy; the others are left out."""
    found = []
    for name, specs in series.items():
        for word, spec in specs.items():
            facts = load_network(spec).facts
            if "top1_percent" not in facts:
                continue
            run = bench.run(machine, spec)
            total = run.total
            found.append(
                Entry(
                    name,
                    word,
                    spec,
                    float(facts["top1_percent"]),
                    facts["source"],
                    total.macs,
                    run.network.params,
                    total.cycles,
                    total.latency_s,
                    total.energy_pj,
                )
            )
    return found


def tradeoff(entries: Sequence[Entry], machine: str, name: str = "tradeoff") -> Illustration:
    """Show accuracy against latency and energy."""
    rows: list[Row] = [
        {
            "network": entry.spec,
            "series": entry.series,
            "top1_percent": entry.top1_percent,
            "source": entry.source,
            "macs": entry.macs,
            "params": entry.params,
            "cycles": entry.cycles,
            "latency_s": entry.latency_s,
            "energy_pj": entry.energy_pj,
        }
        for entry in entries
    ]
    caption = f"Published top-1 accuracy against simulated latency and energy on {machine}."
    return Illustration(Picture(name, rows, lambda: _draw(entries)), caption)


def tradeoff_table(entries: Sequence[Entry]) -> Table:
    """List accuracy, with its source, and cost."""
    rows = tuple(
        (
            entry.spec,
            f"{entry.top1_percent:g}%",
            millions(entry.macs),
            millions(entry.params),
            kilo(entry.cycles),
            seconds(entry.latency_s),
            energy(entry.energy_pj),
            entry.source,
        )
        for entry in entries
    )
    columns = ("network", "top-1", "MACs, M", "params, M", "K cycles", "latency", "energy", "source of the accuracy")
    return Table(columns, rows)


def _draw(entries: Sequence[Entry]) -> "Figure":
    figure, (left, right) = charts.panels(2, columns=2, height=3.4, share_y=True)
    names = list(dict.fromkeys(entry.series for entry in entries))

    def series(cost: Callable[[Entry], float]) -> dict[str, list[tuple[float, float, str]]]:
        return {n: [(cost(e), e.top1_percent, e.word) for e in entries if e.series == n] for n in names}

    def percent(value: float) -> str:
        return f"{value:g}"

    charts.points(left, series(lambda e: e.latency_s), LATENCY.tick, percent, legend=False)
    charts.points(right, series(lambda e: e.energy_pj), ENERGY.tick, percent, legend=len(names) > 1)
    left.set(xlabel=LATENCY.name, ylabel="top-1 accuracy, %, as published")
    right.set_xlabel(ENERGY.name)
    return figure
