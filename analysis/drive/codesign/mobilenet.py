"""MobileNet: the grid of width and resolution, what each kind of layer takes, where depthwise layers hurt."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.drive.accuracy.figures import published
from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench, varied
from analysis.drive.codesign.report import Claim, Illustration, Part, Report, Section, Table, claims_table
from analysis.drive.codesign.tradeoff import entries_of, tradeoff, tradeoff_table
from analysis.read import units
from analysis.read.kinds import COLOURS, DEPTHWISE, KINDS, ONE_BY_ONE, by_kind, share_of
from analysis.read.layout import Row
from analysis.read.objective import CYCLES, ENERGY, MACS, PARAMS
from analysis.read.pictures import Picture
from simulator.result.run import Run
from simulator.source.parser import Value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTHS = (0.25, 0.5, 0.75, 1.0)
RESOLUTIONS = (128, 160, 192, 224)
GRID_MACHINE = "squeezenext_16x16"
MACHINES = ("squeezenext_16x16", "flexible_168", "systolic_32x32")
SIZES = (8, 16, 32, 64, 128)
NETWORKS = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3", "shufflenet_v2")
MEASURES = (MACS, PARAMS, CYCLES, ENERGY)
PAPER_SHARES = ((MACS, 0.95), (PARAMS, 0.75))
"""Share of 1x1 convolutions, about what the paper's table 2 gives (Howard et al., arXiv 1704.04861)."""

ARRAYS = ("systolic_32x32", "scalesim_32x32")
"""Systolic arrays of which passes overlap, and as SCALE-Sim counts them: each pass fills and drains the whole array."""
FAST, SLOW = "mobilenet_v2", "resnet:depth=50"

Runs = Mapping[str, Run]
Curves = Mapping[tuple[str, str], Sequence[Run]]  # by array and network, a run for each size


def run(bench: Bench) -> Report:
    """Simulate the grid, the kinds of layers on three machines, and arrays of growing size."""
    bench.expect(2 * len(WIDTHS) * len(RESOLUTIONS) + len(MACHINES) + len(ARRAYS) * (len(NETWORKS) * len(SIZES) + 2))
    series = {f"width {w}": {str(r): _spec(w, r) for r in RESOLUTIONS} for w in WIDTHS}
    entries = entries_of(bench, GRID_MACHINE, series)
    runs = {machine: bench.run(machine, "mobilenet_v1") for machine in MACHINES}
    curves = {
        (array, network): [on_systolic(bench, array, network, size) for size in SIZES]
        for array in ARRAYS
        for network in NETWORKS
    }
    speeds = {array: speed_up(bench, array) for array in ARRAYS}
    grid = {(w, r): bench.run(GRID_MACHINE, _spec(w, r)) for w in WIDTHS for r in RESOLUTIONS}
    sections = (
        Section("Claims", (claims_table(_claims(runs, curves, speeds)), _claims_text(speeds))),
        _grid_section(grid),
        Section("Accuracy against cost", (tradeoff(entries, GRID_MACHINE), tradeoff_table(entries))),
        _kind_section(runs),
        _size_section(curves),
    )
    return Report(
        "MobileNet: cheap MACs, dear cycles",
        'Howard et al., "MobileNets", arXiv 1704.04861; Selvam et al., "FuSeConv", DATE 2021.',
        _findings(grid, runs, curves),
        sections,
    )


def on_systolic(bench: Bench, array: str, network: str, size: int) -> Run:
    """Simulate a network on one of the output-stationary systolic arrays at that size, memory ignored."""
    settings: dict[str, Value] = {"array.rows": size, "array.columns": size}
    machine = varied(array, settings | {"dram.bandwidth": "unlimited", "dram.latency_cycles": 0})
    return bench.run(machine, network, dataflow="output_stationary_lowered")


def _spec(width: float, resolution: int) -> str:
    return f"mobilenet_v1:width={width},resolution={resolution}"


def _claims(runs: Runs, curves: Curves, speeds: Mapping[str, float]) -> list[Claim]:
    first = runs[MACHINES[0]]
    found = []
    for measure, paper in PAPER_SHARES:
        ours = share_of(first, ONE_BY_ONE, measure.of_layer)
        text = f"share of {measure.name} in {ONE_BY_ONE} convolutions"
        found.append(Claim(text, f"about {paper:.0%}", units.percent(ours), abs(ours - paper) < 0.015))
    figures = {row["quantity"]: float(row["value"]) for row in published("fuseconv")}
    low, high = figures["least share of depthwise"] / 100, figures["most share of depthwise"] / 100
    for array in ARRAYS:
        shares = [share_of(curves[array, name][SIZES.index(64)], DEPTHWISE, CYCLES.of_layer) for name in NETWORKS]
        text = f"share of cycles in depthwise layers, 64x64, {array} (FuSeConv)"
        ours_text = f"{units.percent(min(shares))} to {units.percent(max(shares))}"
        found.append(Claim(text, f"{low:.0%} to {high:.0%}", ours_text, low <= min(shares) and max(shares) <= high))
    for array, ratio in speeds.items():
        text = f"speed of {FAST} relative to {SLOW}, 32x32, {array} (FuSeConv)"
        paper = figures["speed-up"]
        found.append(Claim(text, f"{paper}x", f"{ratio:.2f}x", abs(ratio / paper - 1) < 0.25))
    return found


def speed_up(bench: Bench, array: str) -> float:
    """Return how many times as fast MobileNetV2 is as ResNet-50 on 32x32 PEs."""
    slow, fast = (on_systolic(bench, array, network, 32) for network in (SLOW, FAST))
    return slow.total.cycles / fast.total.cycles


def _claims_text(speeds: Mapping[str, float]) -> str:
    """Say whether the two ways to count passes enclose the published speed-up."""
    paper = next(float(row["value"]) for row in published("fuseconv") if row["quantity"] == "speed-up")
    where = "between" if min(speeds.values()) <= paper <= max(speeds.values()) else "outside of"
    return (
        f"The published speed-up of {paper} lies {where} what the two arrays give: one overlaps fill and drain of its"
        " passes, the other pays them in full each time."
    )


def _findings(grid: Mapping[tuple[float, int], Run], runs: Runs, curves: Curves) -> tuple[str, ...]:
    large, small = grid[1.0, 224], grid[0.25, 224]
    macs = large.total.macs / small.total.macs
    cycles = large.total.cycles / small.total.cycles
    lines = [
        f"At a quarter of the width MACs fall {macs:.1f} times, cycles on {GRID_MACHINE} {cycles:.1f} times"
        f" (use of the array {units.percent(large.total.utilization)} and {units.percent(small.total.utilization)})."
    ]
    for machine, own in runs.items():
        shares = [
            f"{units.percent(share_of(own, DEPTHWISE, measure.of_layer))} of {measure.name}" for measure in MEASURES
        ]
        lines.append(f"Depthwise layers of MobileNetV1 on {machine}: {units.listed(shares)}.")
    first, last = (share_of(curves[ARRAYS[0], "mobilenet_v1"][i], DEPTHWISE, CYCLES.of_layer) for i in (0, -1))
    lines.append(
        f"Their share of the cycles goes from {units.percent(first)} on {SIZES[0]}x{SIZES[0]} PEs of {ARRAYS[0]},"
        f" memory ignored, to {units.percent(last)} on {SIZES[-1]}x{SIZES[-1]}."
    )
    return tuple(lines)


def _grid_section(grid: Mapping[tuple[float, int], Run]) -> Section:
    rows: list[Row] = [
        {
            "width": width,
            "resolution": resolution,
            "macs": own.total.macs,
            "cycles": own.total.cycles,
            "energy_pj": own.total.energy_pj,
            "utilization": own.total.utilization,
        }
        for (width, resolution), own in grid.items()
    ]
    picture = Picture("grid", rows, lambda: _draw_grid(grid))
    caption = f"MobileNetV1 on {GRID_MACHINE}, relative to width 1.0 at resolution 224."
    table = Table(
        ("width", *(f"use of the array at {resolution}" for resolution in RESOLUTIONS)),
        tuple((f"{w}", *(units.percent(grid[w, r].total.utilization) for r in RESOLUTIONS)) for w in WIDTHS),
    )
    return Section("Width and resolution", (Illustration(picture, caption), table))


def _draw_grid(grid: Mapping[tuple[float, int], Run]) -> "Figure":
    figure, axes = charts.panels(3, columns=3, height=2.6)
    base = grid[1.0, 224]
    for panel, measure in zip(axes, (MACS, CYCLES, ENERGY), strict=True):
        values = [[measure.of_run(grid[w, r]) / measure.of_run(base) for r in RESOLUTIONS] for w in WIDTHS]
        charts.field(panel, [str(r) for r in RESOLUTIONS], [str(w) for w in WIDTHS], values, lambda v: f"{v:.2g}", 1.0)
        panel.set_title(measure.name)
        panel.set_xlabel("resolution")
    axes[0].set_ylabel("width")
    return figure


def _kind_section(runs: Runs) -> Section:
    rows: list[Row] = []
    for machine, own in runs.items():
        for measure in MEASURES:
            sums = by_kind(own, measure.of_layer)
            whole = sum(sums.values())
            rows.append({"machine": machine, "measure": measure.name, **{k: sums.get(k, 0.0) / whole for k in KINDS}})
    picture = Picture("kinds", rows, lambda: _draw_kinds(rows))
    caption = "MobileNetV1: MACs and parameters by kind of layer, beside cycles and energy on three machines."
    shown = [kind for kind in KINDS if any(float(row[kind]) for row in rows)]
    table = Table(
        ("machine", "of", *shown),
        tuple((str(r["machine"]), str(r["measure"]), *(units.percent(float(r[kind])) for kind in shown)) for r in rows),
    )
    return Section("What each kind of layer takes", (Illustration(picture, caption), table))


def _draw_kinds(rows: Sequence[Row]) -> "Figure":
    """Draw what the network has, once, and what each machine takes for it."""
    fixed = (MACS.name, PARAMS.name)
    shown = {"MobileNetV1": [row for row in rows[: len(MEASURES)] if row["measure"] in fixed]}
    for machine in MACHINES:
        shown[machine] = [row for row in rows if row["machine"] == machine and row["measure"] not in fixed]
    figure, axes = charts.panels(len(shown), columns=len(shown), share_y=True)
    for panel, (title, own) in zip(axes, shown.items(), strict=True):
        parts = {kind: [float(row[kind]) for row in own] for kind in KINDS}
        labels = [str(row["measure"]) for row in own]
        charts.stacked_bars(panel, labels, parts, tick=units.percent_tick, colours=COLOURS, legend=False)
        panel.set_title(title, fontsize="medium")
    charts.outer_legend(axes[-1], reverse=True)
    axes[0].set_ylabel("share")
    return figure


def _size_section(curves: Curves) -> Section:
    mobile = {key: own for key, own in curves.items() if key[1] in NETWORKS}
    shares = {key: [share_of(own, DEPTHWISE, CYCLES.of_layer) for own in runs] for key, runs in mobile.items()}
    rows: list[Row] = [
        {
            "array": array,
            "network": network,
            "size": size,
            "depthwise_share": shares[array, network][i],
            "utilization": runs[i].total.utilization,
            "cycles": runs[i].total.cycles,
        }
        for (array, network), runs in mobile.items()
        for i, size in enumerate(SIZES)
    ]
    picture = Picture("sizes", rows, lambda: _draw_sizes(shares))
    caption = "Share of the cycles in depthwise layers by size of the array; output stationary, memory ignored."
    macs = [
        f"{network} {units.percent(share_of(runs[0], DEPTHWISE, MACS.of_layer))}"
        for (array, network), runs in mobile.items()
        if array == ARRAYS[0]
    ]
    parts: list[Part] = [
        Illustration(picture, caption),
        f"Of the MACs, depthwise layers make up: {units.listed(macs)}.",
    ]
    for array in ARRAYS:
        half = {
            name: [s for s, share in zip(SIZES, shares[array, name], strict=True) if share > 0.5] for name in NETWORKS
        }
        found = [f"{name} from {sizes[0]}x{sizes[0]}" for name, sizes in half.items() if sizes]
        parts.append(f"On {array} they take more than half of the cycles of: {units.listed(found)}.")
    return Section("Where depthwise layers hurt", tuple(parts))


def _draw_sizes(shares: Mapping[tuple[str, str], Sequence[float]]) -> "Figure":
    figure, axes = charts.panels(len(ARRAYS), columns=len(ARRAYS), share_y=True)
    labels = [f"{size}x{size}" for size in SIZES]
    for panel, array in zip(axes, ARRAYS, strict=True):
        own = {network: shares[array, network] for network in NETWORKS}
        charts.lines(panel, labels, own, units.percent_tick, legend=array == ARRAYS[-1])
        panel.set_title(f"as {array}")
        panel.set_xlabel("array")
    axes[0].set_ylabel("share of cycles in depthwise layers")
    axes[0].set_ylim(0, 1)
    return figure
