"""Dataflows: one for all layers against the best for each, over all network families, by kind of layer."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench, varied
from analysis.drive.codesign.report import Claim, Illustration, Report, Section, Table, claims_table
from analysis.read import units
from analysis.read.kinds import KINDS, OTHER, kinds_of
from analysis.read.layout import Row
from analysis.read.pictures import Picture
from simulator.mapping.dataflow import initials
from simulator.network.ir import Op
from simulator.result.run import Run
from workloads.load import load_network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MACHINE = "flexible_168"
FLOWS = (
    "weight_stationary",
    "output_stationary_pixels",
    "output_stationary_channels",
    "input_stationary",
    "row_stationary",
)
NETWORKS = {
    "alexnet": "alexnet",
    "condensenet": "condensenet:groups=8",
    "deeplabv3": "deeplabv3:backbone=mobilenet_v2,resolution=257",
    "densenet": "densenet:resolution=128",
    "efficientnet": "efficientnet",
    "googlenet": "googlenet",
    "lraspp": "lraspp:resolution=256",
    "mnasnet": "mnasnet",
    "mobilenet_v1": "mobilenet_v1",
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3": "mobilenet_v3",
    "resnet": "resnet:depth=18",
    "shufflenet_v1": "shufflenet_v1",
    "shufflenet_v2": "shufflenet_v2",
    "squeezenet": "squeezenet",
    "squeezenext": "squeezenext",
    "ssdlite": "ssdlite",
    "tiny_darknet": "tiny_darknet",
    "vgg": "vgg",
}
"""A network of each family, some at a lower resolution."""

Runs = dict[str, dict[str, Run]]  # by family and dataflow
PAPER_SAVING = (1.4, 2.5)
"""Energy of other dataflows relative to row stationary in AlexNet's convolutions (Chen et al., ISCA 2016, abstract)."""


def run(bench: Bench) -> Report:
    """Run a network of each family under each dataflow alone, and take the best for each layer."""
    machine = varied(MACHINE, {"layers.order": "serial"})  # so that layers do not depend on each other
    bench.expect(len(FLOWS) * (len(NETWORKS) + 1))
    runs: Runs = {}
    for family, spec in NETWORKS.items():
        network = load_network(spec)
        runs[family] = {flow: bench.run(machine, network, dataflow=flow) for flow in FLOWS}
    energies = {flow: _conv_energy(bench.run(machine, "alexnet", dataflow=flow, objective="energy")) for flow in FLOWS}
    slow = slowdowns(runs)
    sections = (
        Section("Claims", (claims_table(_claims(runs, energies)), _machine_text(runs))),
        _network_section(slow),
        _kind_section(runs),
        _winner_section(runs),
    )
    return Report(
        "Dataflows: one for all layers, or the best for each",
        'Chen et al., "Eyeriss: A Spatial Architecture", ISCA 2016; Gholami et al., "SqueezeNext", arXiv 1803.10615.',
        _findings(runs, slow),
        sections,
    )


def best_cycles(runs: Mapping[str, Run]) -> dict[str, int]:
    """Return the cycles of each layer under the dataflow that suits it best."""
    return {
        layers[0].name: min(layer.cycles for layer in layers)
        for layers in zip(*(run.layers for run in runs.values()), strict=True)
    }


def slowdowns(runs: Runs) -> dict[str, dict[str, float]]:
    """Return the cycles under one dataflow relative to the best per layer, by family and dataflow."""
    best = {family: sum(best_cycles(own).values()) for family, own in runs.items()}
    return {
        family: {flow: run.total.cycles / best[family] for flow, run in own.items()} for family, own in runs.items()
    }


def kind_sums(runs: Runs) -> dict[str, dict[str, float]]:
    """Sum cycles by kind, under each dataflow and under "best", as shares of each network's best cycles."""
    sums: dict[str, dict[str, float]] = {kind: defaultdict(float) for kind in KINDS}
    for own in runs.values():
        kinds, best = kinds_of(own[FLOWS[0]]), best_cycles(own)
        whole = sum(best.values())
        for flow, run in own.items():
            for layer in run.layers:
                sums[kinds[layer.name]][flow] += layer.cycles / whole
        for name, cycles in best.items():
            sums[kinds[name]]["best"] += cycles / whole
    return {kind: dict(found) for kind, found in sums.items() if found.get("best") and kind != OTHER}


def winner_sums(runs: Runs) -> dict[str, dict[str, float]]:
    """Sum the best cycles by kind and by the dataflow that reaches them; the first in the list wins a tie.

    Each network counts the same.
    """
    sums: dict[str, dict[str, float]] = {kind: dict.fromkeys(FLOWS, 0.0) for kind in KINDS if kind != OTHER}
    for own in runs.values():
        kinds, whole = kinds_of(own[FLOWS[0]]), sum(best_cycles(own).values())
        for layers in zip(*(own[flow].layers for flow in FLOWS), strict=True):
            if layers[0].macs:
                winner = min(range(len(FLOWS)), key=lambda i: layers[i].cycles)
                sums[kinds[layers[0].name]][FLOWS[winner]] += layers[winner].cycles / whole
    return {kind: found for kind, found in sums.items() if any(found.values())}


def _conv_energy(run: Run) -> float:
    return sum(layer.energy_pj for layer in run.layers if layer.op is Op.CONV)


def _claims(runs: Runs, energies: Mapping[str, float]) -> list[Claim]:
    others = {flow: value / energies["row_stationary"] for flow, value in energies.items() if flow != "row_stationary"}
    text = f"{min(others.values()):.2f}x to {max(others.values()):.2f}x"
    low, high = PAPER_SAVING
    mixed = [family for family, own in runs.items() if len(_winners(own)) > 1]
    return [
        Claim(
            "row stationary needs least energy in AlexNet's convolutions (ISCA 2016)",
            f"others {low}x to {high}x",
            f"others {text}",
            min(others.values()) >= 1,
        ),
        Claim(
            "no dataflow suits all layers of a network (SqueezeNext)",
            "WS and OS by layer",
            f"several win in {len(mixed)} of {len(runs)} networks",
            len(mixed) > len(runs) / 2,
        ),
    ]


def _winners(own: Mapping[str, Run]) -> set[str]:
    """Return the dataflows that are best for some layer, each layer's first one if several tie."""
    found = set()
    for layers in zip(*(own[flow].layers for flow in FLOWS), strict=True):
        if layers[0].macs:
            found.add(FLOWS[min(range(len(FLOWS)), key=lambda i: layers[i].cycles)])
    return found


def _machine_text(runs: Runs) -> str:
    machine = runs["alexnet"][FLOWS[0]].hardware
    return (
        f"The machine is {machine.name}, {machine.rows}x{machine.columns} PEs, its layers one after the other. It is"
        " the same for all dataflows; the paper gives each dataflow its own registers and buffer within one area."
    )


def _findings(runs: Runs, slow: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    mean = {flow: sum(own[flow] for own in slow.values()) / len(slow) for flow in FLOWS}
    best = min(mean, key=lambda flow: mean[flow])
    worst = max(((own[best], family) for family, own in slow.items()))
    kinds = kind_sums(runs)
    lines = [
        f"The best single dataflow is {best}: {mean[best]:.2f}x the cycles of the best per layer on average,"
        f" {worst[0]:.2f}x in the worst case ({worst[1]})."
    ]
    for kind, sums in kinds.items():
        ratios = {flow: sums[flow] / sums["best"] for flow in FLOWS}
        good = min(ratios, key=lambda flow: ratios[flow])
        bad = max(ratios, key=lambda flow: ratios[flow])
        lines.append(f"{kind} layers: best with {good} ({ratios[good]:.2f}x), worst with {bad} ({ratios[bad]:.2f}x).")
    return tuple(lines)


def _network_section(slow: Mapping[str, Mapping[str, float]]) -> Section:
    rows: list[Row] = [{"network": NETWORKS[family], **own} for family, own in slow.items()]
    picture = Picture("networks", rows, lambda: _draw_networks(slow))
    caption = f"Cycles on {MACHINE} under a single dataflow relative to the best dataflow for each layer."
    return Section("By network", (Illustration(picture, caption),))


def _draw_networks(slow: Mapping[str, Mapping[str, float]]) -> "Figure":
    figure, (axes,) = charts.panels(1, height=5.2)
    values = [[own[flow] for flow in FLOWS] for own in slow.values()]
    names = [NETWORKS[family] for family in slow]
    charts.field(
        axes,
        [_label(flow).replace(" (", "\n(") for flow in FLOWS],
        names,
        values,
        lambda value: f"{value:.2f}",
        neutral=1.0,
    )
    return figure


def _label(flow: str) -> str:
    """Name a dataflow shortly, with its initials."""
    return f"{flow.replace('_stationary', '').replace('_', ' ')} ({initials(flow)})"


def _kind_section(runs: Runs) -> Section:
    kinds = kind_sums(runs)
    whole = sum(sums["best"] for sums in kinds.values())
    rows: list[Row] = [
        {"kind": kind, **{name: sums[name] for name in (*FLOWS, "best")}} for kind, sums in kinds.items()
    ]
    picture = Picture("kinds", rows, lambda: _draw_kinds(kinds))
    caption = f"Cycles on {MACHINE} by kind of layer relative to the best dataflow for each; networks count alike."
    table = Table(
        ("kind", "share of best cycles", *(initials(flow) for flow in FLOWS)),
        tuple(
            (kind, units.percent(sums["best"] / whole), *(f"{sums[flow] / sums['best']:.2f}x" for flow in FLOWS))
            for kind, sums in kinds.items()
        ),
    )
    return Section("By kind of layer", (Illustration(picture, caption), table))


def _draw_kinds(kinds: Mapping[str, Mapping[str, float]]) -> "Figure":
    figure, (axes,) = charts.panels(1, height=3.4)
    series = {_label(flow): [sums[flow] / sums["best"] for sums in kinds.values()] for flow in FLOWS}
    charts.dots(axes, [kind.replace(" and ", "\nand ") for kind in kinds], series, units.ratio)
    charts.reference(axes, 1.0, "")
    axes.set_ylabel("cycles, best per layer = 1")
    return figure


def _winner_section(runs: Runs) -> Section:
    sums = winner_sums(runs)
    rows: list[Row] = [{"kind": kind, **found} for kind, found in sums.items()]
    picture = Picture("winners", rows, lambda: _draw_winners(sums))
    caption = f"Which dataflow is best on {MACHINE}, as a share of the best cycles of each kind."
    parts = []
    for kind, found in sums.items():
        shares = [f"{_label(flow)} {units.percent(found[flow] / sum(found.values()))}" for flow in _ordered(found)]
        parts.append(f"{kind}: {units.listed(shares)}")
    return Section("Which dataflow wins", (Illustration(picture, caption), "\n".join(f"- {part}" for part in parts)))


def _ordered(found: Mapping[str, float]) -> Sequence[str]:
    return sorted((flow for flow in found if found[flow]), key=lambda flow: -found[flow])


def _draw_winners(sums: Mapping[str, Mapping[str, float]]) -> "Figure":
    figure, (axes,) = charts.panels(1)
    parts = {_label(flow): [found[flow] / sum(found.values()) for found in sums.values()] for flow in FLOWS}
    charts.stacked_bars(axes, [kind.replace(" and ", "\nand ") for kind in sums], parts, tick=units.percent_tick)
    axes.set_ylabel("share of the best cycles")
    return figure
