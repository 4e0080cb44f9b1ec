"""SqueezeNet: its three strategies and its bypasses, in cycles and energy beside published accuracy."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench
from analysis.drive.codesign.report import Claim, Illustration, Report, Section, Table, claims_table
from analysis.drive.codesign.tradeoff import entries_of, tradeoff, tradeoff_table
from analysis.read import units
from analysis.read.layout import Row
from analysis.read.pictures import Picture
from analysis.read.units import change, listed, millions
from simulator.result.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MACHINES = ("squeezenext_16x16", "flexible_168")
BASE = "squeezenet"
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
RATIOS = (0.125, 0.25, 0.5, 0.75, 1.0)
POOLS = ("2-3", "2-6", "4-8", "6-9", "8-9")
BYPASSES = ("none", "simple", "complex")
VARIED = {
    "share of 3x3 among the filters that expand": {f"{share:g}": f"{BASE}:share_3x3={share}" for share in SHARES},
    "squeeze ratio": {f"{ratio:g}": f"{BASE}:squeeze_ratio={ratio}" for ratio in RATIOS},
    "fire modules after which maps are halved": {pools: f"{BASE}:pools={pools}" for pools in POOLS},
    "bypass": {bypass: f"{BASE}:bypass={bypass}" for bypass in BYPASSES},
}
NETWORKS = {
    "SqueezeNet": {"1.0": BASE, "simple bypass": f"{BASE}:bypass=simple", "complex bypass": f"{BASE}:bypass=complex"},
    "others": {"AlexNet": "alexnet", "SqueezeNext v1": "squeezenext", "SqueezeNext v5": "squeezenext:variant=v5"},
}
FEWER_PARAMS = 50  # times fewer than AlexNet's (Iandola et al., arXiv 1602.07360, title)

Runs = Mapping[tuple[str, str], Run]  # by machine and spec


def run(bench: Bench) -> Report:
    """Vary one strategy at a time on two machines."""
    specs = list(dict.fromkeys([*(spec for choices in VARIED.values() for spec in choices.values()), BASE, "alexnet"]))
    bench.expect(len(MACHINES) * len(specs) + sum(map(len, NETWORKS.values())))
    runs = {(machine, spec): bench.run(machine, spec) for machine in MACHINES for spec in specs}
    entries = entries_of(bench, MACHINES[0], NETWORKS)
    sections = (
        Section("Claims", (claims_table(_claims(runs)),)),
        *(_section(number, title, choices, runs) for number, (title, choices) in enumerate(VARIED.items(), start=1)),
        Section("Accuracy against cost", (tradeoff(entries, MACHINES[0]), tradeoff_table(entries), _accuracy_text())),
    )
    return Report(
        "SqueezeNet: what few parameters cost in time",
        'Iandola et al., "SqueezeNet", arXiv 1602.07360.',
        _findings(runs),
        sections,
    )


def _accuracy_text() -> str:
    return "Networks of other shares, ratios and pools have no accuracy here: none is published for them."


def _claims(runs: Runs) -> list[Claim]:
    machine = MACHINES[0]
    base, alexnet = runs[machine, BASE], runs[machine, "alexnet"]
    fewer = alexnet.network.params / base.network.params
    faster = alexnet.total.cycles / base.total.cycles
    simple, complex_ = (runs[machine, f"{BASE}:bypass={kind}"] for kind in ("simple", "complex"))
    narrow, all_3x3 = (runs[machine, f"{BASE}:share_3x3={share}"] for share in (0.0, 1.0))
    early, late = (runs[machine, f"{BASE}:pools={pools}"] for pools in (POOLS[0], POOLS[-1]))
    work, time = late.total.macs / early.total.macs, late.total.cycles / early.total.cycles
    return [
        Claim(
            "parameters of AlexNet relative to SqueezeNet's",
            f"{FEWER_PARAMS}x",
            f"{fewer:.0f}x",
            fewer > 0.9 * FEWER_PARAMS,
        ),
        Claim(
            "... which makes it as much faster", "not claimed", f"{faster:.1f}x as fast on {machine}", faster >= fewer
        ),
        Claim(
            "1x1 filters in place of 3x3 save parameters",
            "9x fewer a filter",
            f"{all_3x3.network.params / narrow.network.params:.1f}x fewer in all,"
            f" {all_3x3.total.cycles / narrow.total.cycles:.1f}x the speed",
            narrow.network.params < all_3x3.network.params,
        ),
        Claim(
            "late downsampling costs no parameters, but work",
            "larger maps",
            f"{work:.1f}x the MACs, {time:.1f}x the cycles",
            late.network.params == early.network.params and late.total.cycles > early.total.cycles,
        ),
        Claim(
            "a simple bypass needs no parameters",
            "none",
            f"{simple.network.params - base.network.params:,}",
            simple.network.params == base.network.params,
        ),
        Claim(
            "a complex bypass needs some",
            "1x1 convolutions",
            f"{complex_.network.params - base.network.params:,}",
            complex_.network.params > base.network.params,
        ),
    ]


def _findings(runs: Runs) -> tuple[str, ...]:
    lines = []
    for title, choices in VARIED.items():
        words, specs = list(choices), list(choices.values())
        texts = []
        for machine in MACHINES:
            start, end = runs[machine, specs[0]].total, runs[machine, specs[-1]].total
            energy = change(end.energy_pj, start.energy_pj, "less")
            texts.append(f"{change(end.cycles, start.cycles)} cycles and {energy} energy on {machine}")
        first, last = runs[MACHINES[0], specs[0]].network, runs[MACHINES[0], specs[-1]].network
        sizes = f"{change(last.macs, first.macs)} MACs, {change(last.params, first.params)} parameters"
        lines.append(f"{_sentence(title)}, from {words[0]} to {words[-1]}: {sizes}; {listed(texts)}.")
    return tuple(lines)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _section(number: int, title: str, choices: Mapping[str, str], runs: Runs) -> Section:
    rows: list[Row] = [
        {
            "choice": word,
            "machine": machine,
            "macs": runs[machine, spec].total.macs,
            "params": runs[machine, spec].network.params,
            "cycles": runs[machine, spec].total.cycles,
            "energy_pj": runs[machine, spec].total.energy_pj,
            "utilization": runs[machine, spec].total.utilization,
        }
        for word, spec in choices.items()
        for machine in MACHINES
    ]
    base = next((word for word, spec in choices.items() if _is_base(spec, runs)), next(iter(choices)))
    picture = Picture(f"varied{number}", rows, lambda: _draw(title, choices, base, runs))
    caption = f"SqueezeNet by {title}, relative to {base}, which is version 1.0."
    return Section(_sentence(title), (Illustration(picture, caption), _table(choices, runs)))


def _is_base(spec: str, runs: Runs) -> bool:
    """Whether a spec builds what version 1.0 is."""
    own, base = runs[MACHINES[0], spec], runs[MACHINES[0], BASE]
    return (own.total.macs, own.network.params) == (base.total.macs, base.network.params)


def _table(choices: Mapping[str, str], runs: Runs) -> Table:
    rows = []
    for word, spec in choices.items():
        one = runs[MACHINES[0], spec]
        cells = [word, millions(one.total.macs), millions(one.network.params)]
        for machine in MACHINES:
            own = runs[machine, spec]
            energy = units.energy(own.total.energy_pj)
            cells += [units.count(own.total.cycles, digits=4), units.percent(own.total.utilization), energy]
        rows.append(tuple(cells))
    measures = [f"{measure}, {machine}" for machine in MACHINES for measure in ("cycles", "use", "energy")]
    return Table(("", "MACs, M", "params, M", *measures), tuple(rows))


def _draw(title: str, choices: Mapping[str, str], base: str, runs: Runs) -> "Figure":
    figure, (axes,) = charts.panels(1, height=2.8)
    first = [runs[MACHINES[0], spec] for spec in choices.values()]
    at = list(choices).index(base)
    series: dict[str, Sequence[float]] = {
        "MACs": [own.total.macs / first[at].total.macs for own in first],
        "params": [own.network.params / first[at].network.params for own in first],
    }
    for machine in MACHINES:
        own = [runs[machine, spec].total for spec in choices.values()]
        series[f"cycles, {machine}"] = [total.cycles / own[at].cycles for total in own]
        series[f"energy, {machine}"] = [total.energy_pj / own[at].energy_pj for total in own]
    charts.grouped_bars(axes, list(choices), series, tick=units.ratio)
    charts.reference(axes, 1.0, "")
    axes.set(xlabel=title, ylabel=f"relative to {base}")
    return figure
