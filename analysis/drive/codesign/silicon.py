"""The networks of SqueezeNext's lineage on machines of the mobile class that exist, beside what was measured there."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from analysis.drive.accuracy.bounds import deviation
from analysis.drive.accuracy.figures import published
from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench
from analysis.drive.codesign.report import Claim, Illustration, Report, Section, Table, claims_table
from analysis.read import units
from analysis.read.kinds import DEPTHWISE, ONE_BY_ONE, by_kind, share_of
from analysis.read.layout import Row
from analysis.read.objective import MACS
from analysis.read.pictures import Picture
from simulator.network.ir import Op
from simulator.result.run import LayerResult, Run
from workloads.load import load_network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPERS = "squeezenext_16x16"
CHIPS = ("edge_tpu", "ethos_u65_512", "dpu_b4096", "neural_art_14")
MACHINES = (*CHIPS, PAPERS)
VARIANTS = {variant: f"squeezenext:variant={variant}" for variant in ("v1", "v2", "v3", "v4", "v5")}
NETWORKS = {
    "AlexNet": "alexnet",
    "SqueezeNet 1.1": "squeezenet:version=1.1",
    "SqueezeNext v5": VARIANTS["v5"],
    "0.5 MobileNet": "mobilenet_v1:width=0.5",
    "MobileNet": "mobilenet_v1",
    "MobileNetV2": "mobilenet_v2",
}
WITHOUT, WITH = "SqueezeNext v5", "0.5 MobileNet"
"""Of about equal accuracy, without depthwise layers and with them."""
MEASURED = (("edge_tpu", "edge_tpu", "spec"), ("neural_art_14", "neural_art", "network"))
"""Machine, the published figures of it, and their column with the network."""

Runs = Mapping[tuple[str, str], Run]  # by machine and network


def run(bench: Bench) -> Report:
    """Simulate networks and variants on every machine, and what was measured on two of them."""
    rows = [(machine, row[column], row) for machine, name, column in MEASURED for row in published(name)]
    bench.expect(len(MACHINES) * (len(NETWORKS) + len(VARIANTS)) + len(rows))
    runs = {(machine, name): bench.run(machine, spec) for machine in MACHINES for name, spec in NETWORKS.items()}
    variants = {(machine, name): bench.run(machine, spec) for machine in MACHINES for name, spec in VARIANTS.items()}
    measured = [(bench.run(machine, spec), row) for machine, spec, row in rows]
    sections = (
        _measured(measured),
        _networks(runs),
        _depthwise(runs),
        _variants(variants),
    )
    source = 'Gholami et al., "SqueezeNext", arXiv 1803.10615; chips as their machines\' files name them.'
    return Report("SqueezeNext's lineage on silicon", source, _findings(runs, variants), sections)


def depthwise_cost(run: Run) -> float:
    """Return how many times the cycles of a MAC in a 1x1 layer one in a depthwise layer takes.

    Both with all that their layers take: (depthwise cycles / depthwise MACs) / (1x1 cycles / 1x1 MACs).
    """
    cycles, macs = by_kind(run, partial(_without_depthwise, run)), by_kind(run, MACS.of_layer)
    return (depthwise_cycles(run) / macs[DEPTHWISE]) / (cycles[ONE_BY_ONE] / macs[ONE_BY_ONE])


def depthwise_cycles(run: Run) -> int:
    """Return the cycles of depthwise layers; of those that an engine runs behind another op, what they add to it."""
    return run.total.cycles - sum(_without_depthwise(run, layer) for layer in run.layers)


def _without_depthwise(run: Run, layer: LayerResult) -> int:
    """Return the cycles of a layer but for what is depthwise of them."""
    if layer.op is Op.DEPTHWISE:
        return 0
    behind = any(each.name in layer.fused and each.op is Op.DEPTHWISE for each in run.layers)
    return layer.cycles - (layer.cycle_parts["vector"] if behind else 0)


def preferred(variants: Runs, machine: str) -> str:
    """Return the variant of SqueezeNext that a machine runs in the fewest cycles."""
    return min(VARIANTS, key=lambda name: variants[machine, name].total.cycles)


def speed_up(runs: Runs, machine: str) -> float:
    """Return how many times as fast the network with depthwise layers is as the one of its accuracy without."""
    return runs[machine, WITHOUT].total.latency_s / runs[machine, WITH].total.latency_s


def started(run: Run) -> float:
    """Return the share of cycles in which ops are started, or the array is set up for them."""
    return run.total.cycle_parts["configuration"] / run.total.cycles


def _findings(runs: Runs, variants: Runs) -> tuple[str, ...]:
    costs = {machine: depthwise_cost(runs[machine, "MobileNet"]) for machine in MACHINES}
    least, most = min(costs, key=lambda name: costs[name]), max(costs, key=lambda name: costs[name])
    pays = [machine for machine in MACHINES if speed_up(runs, machine) > 1]
    macs = runs[PAPERS, WITHOUT].total.macs / runs[PAPERS, WITH].total.macs
    starts = {machine: units.percent(started(runs[machine, WITHOUT])) for machine in MACHINES}
    choice = ", ".join(f"{machine} {preferred(variants, machine)}" for machine in MACHINES)
    return (
        f"A MAC of a depthwise layer takes {costs[least]:.1f} ({least}) to {costs[most]:.1f} ({most}) times the cycles"
        " of one in a 1x1 layer of MobileNet.",
        f"{WITH}, of {macs:.1f} times fewer MACs than {WITHOUT}, is faster on {_listed(pays)}"
        f" and slower on {_listed([machine for machine in MACHINES if machine not in pays])}.",
        f"Many small layers are dear where starting one takes long: {starts['dpu_b4096']} of {WITHOUT}'s cycles on"
        f" dpu_b4096, {starts['neural_art_14']} on neural_art_14.",
        f"The variant of SqueezeNext that takes fewest cycles: {choice}.",
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none of them"


def _measured(measured: list[tuple[Run, Mapping[str, str]]]) -> Section:
    rows = []
    for found, row in measured:
        ours, theirs = 1e3 * found.total.latency_s, float(row["ms"])
        off = units.signed_percent(deviation(theirs, ours))
        rows.append((found.hardware.name, row["network"], f"{theirs:.2f}", f"{ours:.2f}", off, row["half"]))
    text = (
        "Whole networks that were timed on these chips, host included; rows on which parameters were fitted say so. Of"
        " DPU and Ethos-U, the accuracy page has single layers. No time of SqueezeNext is among them."
    )
    titles = ("machine", "network", "measured, ms", "here, ms", "deviation", "rows")
    return Section("Beside what was measured", (text, Table(titles, tuple(rows))))


def _networks(runs: Runs) -> Section:
    rows: list[Row] = [
        {
            "machine": machine,
            "network": name,
            "latency_ms": 1e3 * found.total.latency_s,
            "cycles": found.total.cycles,
            "utilization": found.total.utilization,
        }
        for (machine, name), found in runs.items()
    ]
    picture = Picture("latency", rows, partial(_draw_latency, runs))
    caption = "Latency in ms, what the host takes included; dark is slow"
    accuracies = tuple(
        (name, f"{float(facts['top1_percent']):.1f}%", units.millions(runs[PAPERS, name].total.macs))
        for name, spec in NETWORKS.items()
        if "top1_percent" in (facts := load_network(spec).facts)
    )
    table = Table(("network", "top-1, published", "MACs, M"), accuracies)
    return Section("Every network on every machine", (Illustration(picture, caption), table))


def _draw_latency(runs: Runs) -> "Figure":
    figure, (axes,) = charts.panels(1)
    values = [[1e3 * runs[machine, name].total.latency_s for machine in MACHINES] for name in NETWORKS]
    charts.field(axes, MACHINES, list(NETWORKS), values, lambda value: f"{value:.3g}")
    return figure


def _depthwise(runs: Runs) -> Section:
    """Test on each chip what the paper says of depthwise layers, and set equal accuracy side by side."""
    costs = {machine: depthwise_cost(runs[machine, "MobileNet"]) for machine in MACHINES}
    claims = [
        Claim(f"depthwise layers use it worse than 1x1 ones: {machine}", ">1x a MAC", f"{cost:.1f}x", cost > 1)
        for machine, cost in costs.items()
    ]
    rows: list[Row] = [
        {
            "machine": machine,
            "cost_of_a_mac": costs[machine],
            "share_of_macs": share_of(runs[machine, "MobileNet"], DEPTHWISE, MACS.of_layer),
            "share_of_cycles": depthwise_cycles(found := runs[machine, "MobileNet"]) / found.total.cycles,
            "speed_up": speed_up(runs, machine),
        }
        for machine in MACHINES
    ]
    picture = Picture("depthwise", rows, partial(_draw_depthwise, costs, runs))
    caption = "What a depthwise MAC costs, and whether fewer MACs with them are faster"
    text = (
        "Depthwise layers make a 3x3 convolution of many channels eight to nine times fewer MACs. They pay where a MAC"
        " costs less than that many times more, with all that its layer takes. At about equal accuracy,"
        f" {WITH} has them and {WITHOUT} has not."
    )
    return Section("Where depthwise pays", (claims_table(claims), text, Illustration(picture, caption)))


def _draw_depthwise(costs: Mapping[str, float], runs: Runs) -> "Figure":
    figure, (left, right) = charts.panels(2)
    charts.grouped_bars(left, MACHINES, {"": [costs[machine] for machine in MACHINES]}, _times, legend=False)
    left.set_title("MobileNet's depthwise over 1x1 layers")
    left.set_ylabel("cycles of a MAC")
    charts.grouped_bars(right, MACHINES, {"": [speed_up(runs, machine) for machine in MACHINES]}, _times, legend=False)
    charts.reference(right, 1.0, "equally fast")
    right.set_title(f"{WITH} over {WITHOUT}")
    right.set_ylabel("speed")
    return figure


def _times(value: float) -> str:
    return f"{value:g}x"


def _variants(variants: Runs) -> Section:
    def relative(machine: str, name: str) -> float:
        return variants[machine, name].total.cycles / variants[machine, "v1"].total.cycles

    rows: list[Row] = [
        {"machine": machine, "variant": name, "cycles": found.total.cycles, "relative": relative(machine, name)}
        for (machine, name), found in variants.items()
    ]
    series = {machine: [100 * relative(machine, name) for name in VARIANTS] for machine in MACHINES}
    picture = Picture("variants", rows, partial(_draw_variants, series))
    text = (
        f"The variants were made for {PAPERS}: a smaller first layer (v2), then blocks moved from the first stage,"
        " whose channels are too few for the array, to the third. Cycles, without the host:"
    )
    table = Table(
        ("machine", *VARIANTS, "fewest"),
        tuple(
            (machine, *(units.percent(relative(machine, name)) for name in VARIANTS), preferred(variants, machine))
            for machine in MACHINES
        ),
    )
    return Section(
        "Which SqueezeNext each machine prefers", (text, Illustration(picture, "Cycles relative to v1"), table)
    )


def _draw_variants(series: Mapping[str, list[float]]) -> "Figure":
    figure, (axes,) = charts.panels(1)
    charts.lines(axes, list(VARIANTS), series, lambda value: f"{value:g}%")
    return figure
