"""SqueezeNext: the variants on the paper's arrays, and the loop in which the profile redesigns the network."""

from analysis.drive.codesign.bench import Bench
from analysis.drive.codesign.report import Report, Section
from analysis.drive.codesign.squeezenext_machines import every_section
from analysis.drive.codesign.squeezenext_moves import figures_of
from analysis.drive.codesign.squeezenext_paper import by_block, by_layer, claims, relative, run_variants, saving
from analysis.drive.codesign.squeezenext_redesign import (
    MACHINE,
    V5,
    better_section,
    bounds_of,
    ends_on,
    loop_section,
    machines_section,
    redesign_on,
)
from analysis.drive.codesign.tradeoff import entries_of, tradeoff, tradeoff_table
from analysis.read.units import change

VARIANTS = {"1.0-SqNxt-23": {variant: f"squeezenext:variant={variant}" for variant in ("v1", "v2", "v3", "v4", "v5")}}
FAMILY = {
    f"v1, depth {depth}": {f"{width}": f"squeezenext:width={width},depth={depth}" for width in (1.0, 1.5, 2.0)}
    for depth in (23, 34, 44)
}
OTHERS = {"SqueezeNet": {"1.0": "squeezenet", "simple bypass": "squeezenet:bypass=simple"}}
"""Networks whose accuracy is set against their cost."""


def run(bench: Bench) -> Report:
    """Compare v1 to v5 with the paper, then redesign v1 for the paper's machine and for others."""
    runs = run_variants(bench)
    v5 = figures_of(bench.run(MACHINE, V5.spec))
    way = redesign_on(bench, MACHINE, bounds_of(v5))
    held = redesign_on(bench, MACHINE, bounds_of(v5), least_kernel=5, known=way.visited)
    ends = ends_on(bench, way, bounds_of(v5))
    variants = entries_of(bench, MACHINE, VARIANTS)
    family = entries_of(bench, MACHINE, FAMILY | OTHERS)
    every, on_all = every_section(bench, bounds_of(v5), ends)
    sections = (
        Section("The paper's claims", (claims(runs),)),
        by_block(runs),
        by_layer(runs),
        relative(bench, runs),
        Section(
            "Accuracy against cost",
            (
                tradeoff(variants, MACHINE, "tradeoff_variants"),
                tradeoff(family, MACHINE, "tradeoff_family"),
                tradeoff_table([*variants, *family]),
            ),
        ),
        loop_section(way, held, v5),
        better_section((way, held), v5),
        machines_section(bench, ends),
        every,
    )
    findings = (
        f"v5 needs {saving(runs, '16x16'):.1%} fewer cycles than v1 on 16x16 PEs.",
        f"From v1 the redesign loop finds, unaided, {way.end.design}: {way.saving:.1%} fewer cycles than v1,"
        f" {change(way.end.figures.cycles, v5.cycles)} than v5, with no more MACs and parameters than v5.",
        f"With the first layer held at 5x5 it reaches {held.saving:.1%}.",
        on_all,
    )
    return Report(
        "SqueezeNext, designed by its profile",
        'Gholami et al., "SqueezeNext: Hardware-Aware Neural Network Design", CVPR Workshops 2018, arXiv 1803.10615.',
        findings,
        sections,
    )
