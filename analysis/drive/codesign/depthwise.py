"""Depthwise layers and what may replace them at equal MACs: 1-D filters, grouped and dense, by class of machine."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench, varied
from analysis.drive.codesign.report import Claim, Illustration, Report, Section, Table, claims_table
from analysis.read.layout import Row
from analysis.read.pictures import Picture
from analysis.read.units import listed, millions
from simulator.hardware.model import Hardware
from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from simulator.result.run import Run
from workloads.blocks import round_channels
from workloads.mobilenet_v2 import LAST, STAGES, STEM

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASSES = {
    "row stationary": "eyeriss_like",
    "flexible": "flexible_168",
    "dot products": "nvdla_256",
    "edge NPU": "edge_npu_like",
    "systolic 32x32": "systolic_32x32",
    "systolic 64x64": "",
    "of SqueezeNext": "squeezenext_16x16",
}
"""Class -> machine; the paper's systolic array is the bundled one, of 64 x 64."""
GROUP = 8  # channels of a group in grouped convolutions
REPLACEMENTS = ("1-D, half", "1-D, full", "grouped", "dense")  # of depthwise 3x3
TOLERATED = 0.02  # of the MACs
PAPER = 3.0  # times faster at least


def spatial(g: Graph, x: Tensor, kind: str, stride: int) -> Tensor:
    """Add what mixes positions within a block.

    A 1-D filter is a depthwise 1x3 or 3x1: one over each half of the channels, or both over all of them, side by side
    (FuSeConv's half and full variants).
    """
    conv = partial(g.conv, stride=stride, padding="same", activation="relu6")
    if kind == "depthwise":
        return conv(x, x.channels, 3, groups=x.channels, name="spatial")
    if kind.startswith("1-D"):
        half = x.channels // 2
        left, right = g.split(x, half, x.channels - half, name="half") if "half" in kind else (x, x)
        down = conv(left, left.channels, (3, 1), groups=left.channels, name="down")
        across = conv(right, right.channels, (1, 3), groups=right.channels, name="across")
        return g.concat(down, across, name="both")
    groups = x.channels // GROUP if kind == "grouped" else 1
    return conv(x, x.channels, 3, groups=groups, name="spatial")


def build(kind: str, expansion: float) -> Network:
    """Build MobileNetV2 with another layer in the place of depthwise ones, blocks expanding so much."""
    g = Graph(f"mobilenet_v2, {kind}")
    x = g.conv(g.input(3, 224, 224), STEM, 3, stride=2, padding="same", activation="relu6", name="conv1")
    for stage, (first, filters, repeats, first_stride) in enumerate(STAGES, start=1):
        for index in range(repeats):
            with g.stage(f"stage{stage}"), g.scope(f"block{stage}_{index + 1}"):
                ratio = expansion if first > 1 else min(1.0, expansion)
                expanded = round_channels(x.channels * ratio)
                wide = x if expanded == x.channels else g.conv(x, expanded, activation="relu6", name="expand")
                y = spatial(g, wide, kind, first_stride if index == 0 else 1)
                y = g.conv(y, filters, name="project")
                x = g.add(x, y, name="add") if x.shape == y.shape else y
    with g.stage("head"):
        x = g.conv(x, LAST, activation="relu6", name="conv_last")
        g.softmax(g.conv(g.global_pool(x), 1000, bias=True, name="classifier"))
    return g.build()


def of_equal_macs(kind: str, macs: int) -> Network:
    """Find the expansion at which a network has so many MACs, as near as channels in eights come."""
    low, high = 0.1, 8.0
    tried = []
    for _ in range(14):  # halvings, to a thousandth of the expansion
        middle = (low + high) / 2
        network = build(kind, middle)
        tried.append(network)
        low, high = (low, middle) if network.macs > macs else (middle, high)
    return min(tried, key=lambda network: abs(network.macs - macs))


def run(bench: Bench) -> Report:
    """Simulate MobileNetV2 with each replacement at equal MACs on each class of machine."""
    base = build("depthwise", 6.0)
    networks = {"depthwise": base} | {kind: of_equal_macs(kind, base.macs) for kind in REPLACEMENTS}
    plain = {"1-D, half": build("1-D, half", 6.0), "1-D, full": build("1-D, full", 6.0)}
    machines = {name: machine_of(name) for name in CLASSES}
    bench.expect(len(machines) * (len(networks) + len(plain)))
    runs = {(m, kind): bench.run(hw, net) for m, hw in machines.items() for kind, net in networks.items()}
    in_place = {(m, kind): bench.run(hw, net) for m, hw in machines.items() for kind, net in plain.items()}
    sections = (
        Section("The paper's claims", (claims_table(_claims(runs, in_place)), TOLERANCE)),
        Section(
            "At equal MACs", (_sizes(networks), _picture("equal_macs", runs, tuple(networks)), _table(runs, networks))
        ),
        Section(
            "In place, at the same width", (_in_place_text(), _table(runs | in_place, {"depthwise": base} | plain))
        ),
    )
    return Report(
        "Depthwise layers and their replacements",
        'Ganesan et al., "FuSeConv: Fully Separable Convolutions for Fast Inference on Systolic Arrays", DATE 2021,'
        " arXiv 2105.13434.",
        tuple(_findings(runs)),
        sections,
    )


def machine_of(name: str) -> str | Hardware:
    """Return the machine of a class."""
    return CLASSES[name] or varied("systolic_32x32", {"array.rows": 64, "array.columns": 64})


Runs = dict[tuple[str, str], Run]

TOLERANCE = (
    "The paper adds links to its array that broadcast weights along rows, so that 1-D filters of many channels run at"
    " once; no machine here has them. So what is compared is whether networks alone gain as much. Equal MACs are equal"
    f" within {TOLERATED:.0%}. Nothing is said of accuracy."
)


def speedup(runs: Runs, machine: str, kind: str, base: Runs) -> float:
    """Return how many times faster than with depthwise layers a network is."""
    return base[machine, "depthwise"].total.cycles / runs[machine, kind].total.cycles


def _claims(runs: Runs, in_place: Runs) -> list[Claim]:
    claims = []
    for kind in ("1-D, half", "1-D, full"):
        for machine in ("systolic 64x64", "systolic 32x32"):
            ours = speedup(in_place, machine, kind, runs)
            text = f"{kind} filters in place of depthwise ones, {machine}"
            claims.append(Claim(text, "3x to 7x, with its links", f"{ours:.2f}x", ours >= PAPER))
    return claims


def _sizes(networks: dict[str, Network]) -> str:
    sizes = [f"{kind} {millions(net.macs)} M MACs, {millions(net.params)} M params" for kind, net in networks.items()]
    found = listed(sizes)
    return f"MobileNetV2 with other layers in the place of depthwise ones, blocks expanded to equal MACs: {found}."


def _in_place_text() -> str:
    return (
        "With MobileNetV2's own expansion of 6: half the channels each way have fewer MACs than depthwise 3x3, all"
        " channels both ways have twice the channels to project. Speed, depthwise = 1."
    )


def _table(runs: Runs, networks: dict[str, Network]) -> Table:
    rows = tuple(
        (name, *(f"{speedup(runs, name, kind, runs):.2f}" for kind in networks), _bound(runs, name)) for name in CLASSES
    )
    return Table(("machine", *networks, "depthwise layers take"), rows)


def _bound(runs: Runs, machine: str) -> str:
    run = runs[machine, "depthwise"]
    cycles = sum(layer.cycles for layer in run.layers if layer.name.endswith("spatial"))
    return f"{cycles / run.total.cycles:.0%}"


def _picture(name: str, runs: Runs, kinds: tuple[str, ...]) -> Illustration:
    rows: list[Row] = [
        {
            "machine": machine,
            "kind": kind,
            "cycles": runs[machine, kind].total.cycles,
            "macs": runs[machine, kind].total.macs,
        }
        for machine in CLASSES
        for kind in kinds
    ]
    caption = "Speed of MobileNetV2 with each replacement at equal MACs, with depthwise layers = 1."
    return Illustration(Picture(name, rows, lambda: _draw(runs, kinds)), caption)


def _draw(runs: Runs, kinds: tuple[str, ...]) -> "Figure":
    figure, (axes,) = charts.panels(1, height=3.2)
    series: dict[str, list[float | None]] = {
        kind: [speedup(runs, machine, kind, runs) for machine in CLASSES] for kind in kinds
    }
    labels = [name.replace(" ", "\n", 1) for name in CLASSES]
    charts.grouped_bars(axes, labels, series, tick=lambda value: f"{value:g}")
    axes.set_ylabel("speed, depthwise = 1")
    return figure


def _findings(runs: Runs) -> Iterator[str]:
    for kind in REPLACEMENTS:
        speeds = {name: speedup(runs, name, kind, runs) for name in CLASSES}
        faster = [f"{name} ({speed:.2f}x)" for name, speed in speeds.items() if speed > 1.02]
        where = listed(faster) if faster else "no machine"
        yield f"At equal MACs {kind} layers are faster than depthwise ones on {where}."
