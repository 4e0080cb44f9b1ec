"""SqueezeNext v1 to v5 on the arrays of the paper, beside its figures 6 and 8 and its table 3."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.drive.accuracy.figures import published
from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench
from analysis.drive.codesign.report import Claim, Illustration, Section, Table, claims_table
from analysis.read import units
from analysis.read.layout import Row
from analysis.read.losses import stage_uses
from analysis.read.pictures import Picture
from analysis.read.units import kilo, signed_percent
from simulator.mapping.dataflow import initials
from simulator.result.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VARIANTS = ("v1", "v2", "v3", "v4", "v5")
ARRAYS = ("8x8", "16x16")
GROUPS = {
    "conv1": ("conv1",),
    "block1": ("block1",),
    "block2": ("block2",),
    "block3": ("block3",),
    "others": ("block4", "head"),
}
"""Parts of figure 8, and the stages that make them up."""

Runs = dict[tuple[str, str], Run]  # by array and variant


def run_variants(bench: Bench) -> Runs:
    """Simulate all variants on both arrays."""
    bench.expect(len(ARRAYS) * len(VARIANTS))
    return {(a, v): bench.run(f"squeezenext_{a}", f"squeezenext:variant={v}") for a in ARRAYS for v in VARIANTS}


def cycles_by_group(run: Run) -> dict[str, int]:
    """Sum the cycles of each part of figure 8."""
    uses = {use.stage: use.cycles for use in stage_uses(run)}
    return {group: sum(uses[stage] for stage in stages) for group, stages in GROUPS.items()}


def saving(runs: Runs, array: str) -> float:
    """Return the share of v1's cycles that v5 does without."""
    return 1 - runs[array, "v5"].total.cycles / runs[array, "v1"].total.cycles


def by_block(runs: Runs) -> Section:
    """Show figure 8: where the cycles of each variant go, on both arrays."""
    figures = {row["variant"]: row for row in published("squeezenext_figure8")}
    rows: list[Row] = []
    for (array, variant), run in runs.items():
        paper = figures.get(variant) if array == "16x16" else None
        row: dict[str, str | int] = {"array": array, "variant": variant, **cycles_by_group(run)}
        rows.append(row | {"total": run.total.cycles, "published_kcycles": paper["total"] if paper else ""})
    picture = Picture("by_block", rows, lambda: _draw_by_block(rows))
    caption = "Cycles of the five variants by part of the network, on both arrays (the paper's figure 8)."
    first, last = cycles_by_group(runs["16x16", "v1"]), cycles_by_group(runs["16x16", "v5"])
    gone = ", ".join(f"{part} {kilo(first[part])} to {kilo(last[part])}" for part in GROUPS)
    text = f"K cycles on 16x16 from v1 to v5: {gone}."
    return Section("Variants by block", (Illustration(picture, caption), _block_table(runs), text))


def _block_table(runs: Runs) -> Table:
    figures = {row["variant"]: row for row in published("squeezenext_figure8")}
    lines = []
    for (array, variant), run in runs.items():
        total, paper = run.total.cycles, figures.get(variant) if array == "16x16" else None
        kcycles = float(paper["total"]) if paper else None
        lines.append(
            (
                array,
                variant,
                *(kilo(value) for value in cycles_by_group(run).values()),
                kilo(total),
                f"{kcycles:,.0f}" if kcycles else "-",
                signed_percent(total / (1000 * kcycles) - 1) if kcycles else "-",
            )
        )
    return Table(("array", "variant", *GROUPS, "total, K cycles", "paper", "deviation"), tuple(lines))


def _draw_by_block(rows: Sequence[Row]) -> "Figure":
    figure, axes = charts.panels(2, columns=2)
    for panel, array in zip(axes, ARRAYS, strict=True):
        own = [row for row in rows if row["array"] == array]
        parts = {group: [float(row[group]) for row in own] for group in GROUPS}
        marks = [1000 * float(row["published_kcycles"]) if row["published_kcycles"] else None for row in own]
        charts.stacked_bars(
            panel, [str(row["variant"]) for row in own], parts, {"paper's total": marks}, legend=array == ARRAYS[-1]
        )
        panel.set_title(f"{array} PEs")
    axes[0].set_ylabel("cycles")
    return figure


def by_layer(runs: Runs) -> Section:
    """Show figure 6: single layers of v2 to v5."""
    results = {layer.name: layer for layer in runs["16x16", "v2"].layers}
    rows: list[Row] = [
        {
            "layer": row["layer"],
            "shape": row["shape"],
            "published_kcycles": float(row["kcycles"]),
            "kcycles": results[row["layer"]].cycles / 1000,
            "published_dataflow": row["dataflow"],
            "dataflow": results[row["layer"]].dataflow,
            "bound_by": results[row["layer"]].bottleneck,
        }
        for row in published("squeezenext_figure6")
    ]
    cells = tuple(
        (
            str(row["layer"]),
            str(row["shape"]),
            f"{row['published_kcycles']}",
            f"{row['kcycles']:.1f}",
            signed_percent(float(row["kcycles"]) / float(row["published_kcycles"]) - 1),
            str(row["published_dataflow"]),
            initials(str(row["dataflow"])),
            str(row["bound_by"]),
        )
        for row in rows
    )
    columns = ("layer", "shape", "paper, K cycles", "here", "deviation", "paper's dataflow", "here", "bound by")
    picture = Picture("by_layer", rows, lambda: _draw_by_layer(rows[1:]))
    caption = "Cycles of single layers of v2 on 16x16 PEs (the paper's figure 6); the table has the first layer, too."
    return Section("Single layers", (Illustration(picture, caption), Table(columns, cells)))


def _draw_by_layer(rows: Sequence[Row]) -> "Figure":
    figure, (axes,) = charts.panels(1)
    labels = [str(row["layer"]) for row in rows]
    series: dict[str, list[float | None]] = {
        "paper": [float(row["published_kcycles"]) for row in rows],
        "here": [float(row["kcycles"]) for row in rows],
    }
    charts.grouped_bars(axes, labels, series, tick=lambda value: f"{value:g}")
    axes.set_ylabel("K cycles")
    return figure


def relative(bench: Bench, runs: Runs) -> Section:
    """Show table 3: time and energy of seven networks relative to v5."""
    rows: list[Row] = []
    table = published("squeezenext_table3")
    bench.expect(4)
    base_row = next(row for row in table if row["network"].endswith("v5"))
    for array in ARRAYS:
        base = runs[array, "v5"].total
        for row in table:
            total = bench.run(f"squeezenext_{array}", row["spec"]).total
            rows.append(
                {
                    "array": array,
                    "network": row["network"],
                    "published_time": float(row[f"time_{array}"]) / float(base_row[f"time_{array}"]),
                    "time": total.cycles / base.cycles,
                    "published_energy": float(row[f"energy_{array}"]) / float(base_row[f"energy_{array}"]),
                    "energy": total.energy_pj / base.energy_pj,
                }
            )
    cells = tuple(
        (
            str(row["array"]),
            str(row["network"]),
            *(f"{row[name]:.2f}" for name in ("published_time", "time", "published_energy", "energy")),
        )
        for row in rows
    )
    columns = ("array", "network", "time / v5, paper", "here", "energy / v5, paper", "here")
    picture = Picture("relative", rows, lambda: _draw_relative(rows))
    caption = "Time and energy relative to v5 on each array (the paper's table 3)."
    return Section("Time and energy", (Illustration(picture, caption), Table(columns, cells)))


def _draw_relative(rows: Sequence[Row]) -> "Figure":
    figure, axes = charts.panels(4, columns=2, height=2.5)
    for number, (measure, array) in enumerate((m, a) for m in ("time", "energy") for a in ARRAYS):
        own = [row for row in rows if row["array"] == array]
        series = {
            name: [float(row[key]) for row in own]
            for name, key in (("paper", f"published_{measure}"), ("here", measure))
        }
        labels = [str(row["network"]).replace("1.0-SqNxt-23", "23").replace("SqueezeNet v", "SqzNet\n") for row in own]
        charts.dots(axes[number], labels, series, units.ratio, legend=number == 1)
        charts.reference(axes[number], 1.0, "")
        axes[number].set_title(f"{measure} relative to v5, {array} PEs")
    return figure


def claims(runs: Runs) -> Table:
    """Set what the paper says of its variants beside what comes out here."""
    table = {row["variant"]: float(row["total"]) for row in published("squeezenext_figure8")}
    paper, ours = 1 - table["v5"] / table["v1"], saving(runs, "16x16")
    cycles = [runs["16x16", v].total.cycles for v in VARIANTS]
    first = runs["16x16", "v1"].layers[0]
    early, late = (use.utilization for use in stage_uses(runs["16x16", "v1"]) if use.stage in ("block1", "block3"))
    small = [runs["8x8", v].total.cycles for v in VARIANTS[1:]]
    spread = max(small) / min(small)
    found = (
        Claim(
            "v5 needs fewer cycles than v1 on 16x16 PEs", f"{paper:.1%} fewer", f"{ours:.1%} fewer", ours > 0.9 * paper
        ),
        Claim(
            "each variant is faster than the one before",
            "v1 > v2 > ... > v5",
            " > ".join(kilo(c) for c in cycles),
            cycles == sorted(cycles, reverse=True),
        ),
        Claim(
            "the first layer runs output stationary",
            "OS",
            initials(first.dataflow),
            first.dataflow.startswith("output"),
        ),
        Claim(
            "early blocks of few channels use the array badly",
            "stage 1 below stage 3",
            f"{units.percent(early)} against {units.percent(late)}",
            early < late,
        ),
        Claim("on 8x8 PEs v2 to v5 take the same time", "1.00", f"1.00 to {spread:.2f}", spread < 1.03),
    )
    return claims_table(found)
