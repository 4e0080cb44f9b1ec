"""Memory: what must be whole at each resolution, what keeping tensors and stacks save, what runs wholly on chip."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench, varied
from analysis.drive.codesign.materialized import Materialized, materialized
from analysis.drive.codesign.report import Claim, Illustration, Report, Section, Table, claims_table
from analysis.read import units
from analysis.read.layout import Row
from analysis.read.pictures import Picture
from analysis.read.plots.bars import tick_in
from simulator.hardware.load import load_hardware
from simulator.result.run import Run
from simulator.schedule import full_residency_bytes
from simulator.source.parser import Value
from workloads.load import load_network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MACHINE = "edge_npu_like"
SIZES = (2**18, 2**19, 2**20, 2**21, 2**22)  # bytes of its memory
NETWORKS = (
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v3",
    "mnasnet",
    "shufflenet_v1",
    "shufflenet_v2",
    "squeezenext:variant=v5",
    "efficientnet",
    "resnet:depth=50",
    "deeplabv3",  # of 513 x 513
)
COMPARED = {
    "MobileNetV1": "mobilenet_v1",
    "MobileNetV2": "mobilenet_v2",
    "ShuffleNet 2x, g=3": "shufflenet_v1:groups=3,width=2.0",
}
PAPER_KILOBYTES = {"MobileNetV1": 1600, "MobileNetV2": 400, "ShuffleNet 2x, g=3": 600}
"""The most that must be whole at 16 bits an activation: last line of table 3 of Sandler et al., CVPR 2018."""
PAPER_BYTES = 2  # an activation there
WIDTHS, RESOLUTIONS = (0.35, 0.5, 0.75, 1.0, 1.4), (96, 128, 160, 192, 224)
ALONE, KEPT, STACKED = "each layer alone", "kept where they fit", "kept and stacked"
POLICIES: dict[str, dict[str, Value]] = {
    ALONE: {"layers.keep_activations": False, "layers.stacks": "none"},
    KEPT: {"layers.keep_activations": True, "layers.stacks": "none"},
    STACKED: {"layers.keep_activations": True, "layers.stacks": "depth_first"},
}
"""What becomes of tensors between ops -> keys of the machine's file."""

Runs = Mapping[tuple[str, int, str], Run]
"""By network, bytes of memory, and policy."""


def run(bench: Bench) -> Report:
    """Run networks on memories of five sizes: alone, with tensors kept, in stacks; read the paper's table."""
    bench.expect(len(COMPARED) + len(POLICIES) * len(NETWORKS) * len(SIZES))
    whole = {name: materialized(bench.run(MACHINE, spec)) for name, spec in COMPARED.items()}
    runs = {
        (network, size, policy): on_memory(bench, network, size, policy)
        for network in NETWORKS
        for size in SIZES
        for policy in POLICIES
    }
    sections = (
        Section("Claims", (claims_table(claims(whole)), _claims_text())),
        _resolution_section(whole),
        _size_section(runs),
        _wholly_section(),
    )
    return Report(
        "Memory between layers: what must be whole, and what stays on chip",
        'Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, section 5.1 and table 3.',
        _findings(whole, runs),
        sections,
    )


def _size(value: float) -> str:
    return units.size(int(value))


def on_memory(bench: Bench, network: str, size: int, policy: str) -> Run:
    """Simulate a network on the machine with so many bytes of memory."""
    return bench.run(varied(MACHINE, {"buffers.0.capacity": size, **POLICIES[policy]}), network)


def kilobytes(found: Materialized) -> float:
    """Return the most thousands of bytes that a tensor takes which must be whole, at the paper's width."""
    return max(found.values()) * PAPER_BYTES / 1000


def claims(whole: Mapping[str, Materialized]) -> list[Claim]:
    """Set the most that must be whole beside the paper's figure."""
    found = []
    for name, paper in PAPER_KILOBYTES.items():
        ours = kilobytes(whole[name])
        text = f"{name}: the largest tensor that must be whole"
        found.append(Claim(text, f"{paper}K", f"{ours:.0f}K", abs(ours / paper - 1) < 0.01))
    return found


def _claims_text() -> str:
    return (
        "Sizes are those of the layer lists here, at 16 bits an activation. Inner tensors of an inverted residual, what"
        " its expansion and its depthwise layer make, are never whole: the block is a sum over slices of them. Nor is"
        " what a pool takes in as it is made. The 600K of ShuffleNet are some 380 channels at 28x28; the layer list has"
        " twice those of ShuffleNet's own table for three groups, 480."
    )


def _findings(whole: Mapping[str, Materialized], runs: Runs) -> tuple[str, ...]:
    ratio = kilobytes(whole["MobileNetV1"]) / kilobytes(whole["MobileNetV2"])
    lines = [
        f"Tensors that must be whole are at most {ratio:.1f} times as large in MobileNetV1 as in MobileNetV2, which is"
        " its paper's argument; it holds for machines that run a block as one, slice by slice."
    ]
    full = {network: runs[network, SIZES[0], KEPT].network.full_residency_bytes for network in NETWORKS}
    lines.append(
        "Where layers run one after the other, inner tensors are whole, too: all tensors between ops stay on chip from"
        f" {units.size(full['mobilenet_v1'])} in MobileNetV1, {units.size(full['mobilenet_v2'])} in MobileNetV2."
    )
    for size in (SIZES[0], SIZES[2], SIZES[-1]):
        texts = []
        for policy, title in ((KEPT, "keeping tensors saves"), (STACKED, "stacks besides")):
            saved = {n: 1 - _dram(runs, n, size, policy) / _dram(runs, n, size, ALONE) for n in NETWORKS}
            least, most = (end(saved, key=lambda name: saved[name]) for end in (min, max))
            texts.append(
                f"{title} from {units.percent(saved[least])} ({least}) to {units.percent(saved[most])} ({most})"
            )
        lines.append(f"In {units.size(size)}, {'; '.join(texts)} of the DRAM bytes of each layer alone.")
    return tuple(lines)


def _dram(runs: Runs, network: str, size: int, policy: str) -> int:
    return runs[network, size, policy].total.dram_bytes


def _resolution_section(whole: Mapping[str, Materialized]) -> Section:
    sides = sorted({side for found in whole.values() for side in found}, reverse=True)
    rows: list[Row] = [
        {"resolution": side, **{name: found.get(side, 0) * PAPER_BYTES for name, found in whole.items()}}
        for side in sides
    ]
    picture = Picture("resolutions", rows, lambda: _draw_resolutions(sides, whole))
    caption = "The largest tensor that must be whole at each resolution, at 16 bits an activation."
    cells = tuple(
        (f"{side}x{side}", *(_whole_text(found.get(side, 0), side) for found in whole.values())) for side in sides
    )
    most = ("most", *(f"{kilobytes(found):.0f}K" for found in whole.values()))
    paper = ("paper", *(f"{PAPER_KILOBYTES[name]}K" for name in whole))
    table = Table(("resolution", *(f"{name}: channels, bytes" for name in whole)), (*cells, most, paper))
    return Section("What must be whole", (Illustration(picture, caption), table))


def _whole_text(words: int, side: int) -> str:
    return f"{words // side**2}, {words * PAPER_BYTES / 1000:.0f}K" if words else "-"


def _draw_resolutions(sides: Sequence[int], whole: Mapping[str, Materialized]) -> "Figure":
    figure, (axes,) = charts.panels(1)
    series = {name: [found.get(side, 0) * PAPER_BYTES for side in sides] for name, found in whole.items()}
    charts.grouped_bars(axes, [f"{side}x{side}" for side in sides], series, tick=_size)
    axes.set_ylabel("bytes of the largest tensor")
    tick_in(axes.yaxis, "B")
    return figure


def _size_section(runs: Runs) -> Section:
    rows: list[Row] = [
        {
            "network": network,
            "memory_bytes": size,
            "activations": policy,
            "dram_bytes": own.total.dram_bytes,
            "cycles": own.total.cycles,
            "energy_pj": own.total.energy_pj,
            "peak_sram_bytes": own.total.peak_sram_bytes,
            "full_residency_bytes": own.network.full_residency_bytes,
        }
        for (network, size, policy), own in runs.items()
    ]
    picture = Picture("sizes", rows, lambda: _draw_sizes(runs))
    caption = f"DRAM bytes of networks on {MACHINE} by its memory: {', '.join(POLICIES)}."
    text = "DRAM bytes, and in parentheses cycles relative to each layer alone in as much memory."
    tables = [part for policy in (KEPT, STACKED) for part in (f"Tensors {policy}.", _table(runs, policy))]
    return Section("What keeping and stacks save", (Illustration(picture, caption), text, *tables))


def _table(runs: Runs, policy: str) -> Table:
    titles = ("network", "all stays from", "alone", *(units.size(size) for size in SIZES))
    return Table(titles, tuple(_size_row(runs, network, policy) for network in NETWORKS))


def _size_row(runs: Runs, network: str, policy: str) -> tuple[str, ...]:
    cells = [network, units.size(runs[network, SIZES[0], KEPT].network.full_residency_bytes)]
    cells.append(units.size(_dram(runs, network, SIZES[-1], ALONE)))
    for size in SIZES:
        total, alone = runs[network, size, policy].total, runs[network, size, ALONE].total
        cells.append(f"{units.size(total.dram_bytes)} ({total.cycles / alone.cycles:.2f}x)")
    return tuple(cells)


def _draw_sizes(runs: Runs) -> "Figure":
    from matplotlib.ticker import FuncFormatter

    figure, axes = charts.panels(3, columns=3, share_y=True)
    labels = [units.size(size) for size in SIZES]
    for panel, policy in zip(axes, POLICIES, strict=True):
        series = {network: [_dram(runs, network, size, policy) for size in SIZES] for network in NETWORKS}
        charts.lines(panel, labels, series, _size, legend=policy == STACKED)
        panel.set_title(policy)
        panel.set_xlabel("memory")
    axes[0].set_ylabel("DRAM bytes")
    axes[0].set_yscale("log", base=2)  # the networks differ by factors
    axes[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: _size(value)))
    return figure


def _wholly_section() -> Section:
    """Show from which memory on all tensors of MobileNetV2 stay, by width and resolution; nothing is simulated."""
    machine = load_hardware(MACHINE)
    rows: list[Row] = [
        {
            "width": width,
            "resolution": resolution,
            "full_residency_bytes": full_residency_bytes(load_network(_spec(width, resolution)), machine),
        }
        for width in WIDTHS
        for resolution in RESOLUTIONS
    ]
    picture = Picture("wholly", rows, lambda: _draw_wholly(rows))
    caption = f"Memory of {MACHINE} from which on all tensors between ops of MobileNetV2 stay on chip."
    fit = [f"{row['resolution']} at width {row['width']}" for row in _largest_that_fit(rows)]
    text = f"In {units.size(SIZES[2])} it runs wholly on chip up to resolution {units.listed(fit)}."
    return Section("What runs wholly on chip", (Illustration(picture, caption), text))


def _spec(width: float, resolution: int) -> str:
    return f"mobilenet_v2:width={width},resolution={resolution}"


def _largest_that_fit(rows: Sequence[Row]) -> list[Row]:
    """Return for each width the highest resolution at which everything stays in the machine's own memory."""
    fit = [row for row in rows if float(row["full_residency_bytes"]) <= SIZES[2]]
    return [
        max((r for r in fit if r["width"] == w), key=lambda r: r["resolution"]) for w in {r["width"]: 0 for r in fit}
    ]


def _draw_wholly(rows: Sequence[Row]) -> "Figure":
    figure, (axes,) = charts.panels(1)
    found = {(row["width"], row["resolution"]): float(row["full_residency_bytes"]) for row in rows}
    values = [[found[width, resolution] for resolution in RESOLUTIONS] for width in WIDTHS]
    charts.field(axes, [str(r) for r in RESOLUTIONS], [str(w) for w in WIDTHS], values, _size, base=2)
    axes.set_xlabel("resolution")
    axes.set_ylabel("width")
    return figure
