"""ShuffleNetV2's four guidelines, measured on simulated machines in the paper's own set-up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from analysis.drive.accuracy.figures import published
from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench
from analysis.drive.codesign.report import Illustration, Report, Section, Table
from analysis.drive.codesign.tradeoff import entries_of, tradeoff, tradeoff_table
from analysis.read.layout import Row
from analysis.read.pictures import Picture
from analysis.read.units import listed
from simulator.hardware.load import load_hardware
from simulator.network.ir import Network, Op
from workloads.guidelines import channel_ratio, elementwise, fragmented, grouped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MACHINES = ("squeezenext_16x16", "flexible_168", "systolic_32x32")
COST_MACHINE = "squeezenext_16x16"
GPU, ARM = "GPU", "ARM"
ADVICE = {
    "G1": "equal channel width minimizes memory access cost",
    "G2": "excessive group convolution increases memory access cost",
    "G3": "fragmentation reduces the degree of parallelism",
    "G4": "element-wise operations are not negligible",
}
ARM_CASES = {(32, 32): 76.2, (22, 44): 72.9, (13, 78): 69.1, (9, 108): 57.6}
"""Images a second on a Snapdragon 810 for the channels of guideline 1 there (Ma et al., arXiv 1807.11164, table 1)."""
SERIES = {
    "ShuffleNet v1, g=3": {f"{w}x": f"shufflenet_v1:groups=3,width={w}" for w in (0.5, 1.0, 1.5, 2.0)},
    "ShuffleNet v2": {f"{w}x": f"shufflenet_v2:width={w}" for w in (0.5, 1.0, 1.5, 2.0)},
    "MobileNet v2": {f"{w}": f"mobilenet_v2:width={w},resolution=224" for w in (0.5, 0.75, 1.0, 1.4)},
}
NEAR = 0.02  # speeds that differ by less are called equal


@dataclass(frozen=True, slots=True)
class Case:
    """A stack of blocks: its guideline, its name, and its speed on each device, best of the guideline's = 1."""

    guideline: str
    name: str
    speeds: Mapping[str, float]


def run(bench: Bench) -> Report:
    """Measure every case of the guidelines on all machines, and the networks that came of them."""
    table = published("shufflenet_v2_guidelines")
    bench.expect(len(MACHINES) * (len(table) + len(ARM_CASES)) + sum(map(len, SERIES.values())))
    cases = [
        case for guideline in ADVICE for case in measured(bench, [r for r in table if r["guideline"] == guideline])
    ]
    small = arm_cases(bench)
    entries = entries_of(bench, COST_MACHINE, SERIES)
    sections = (
        Section("The guidelines", (_verdict_table(cases), _disagreements(cases))),
        *(_guideline_section(guideline, [c for c in cases if c.guideline == guideline]) for guideline in ADVICE),
        _arm_section(small),
        Section("The networks", (tradeoff(entries, COST_MACHINE), tradeoff_table(entries))),
    )
    return Report(
        "ShuffleNetV2's guidelines on accelerators",
        'Ma et al., "ShuffleNet V2", ECCV 2018, arXiv 1807.11164, tables 1 to 4 (GPU: GeForce GTX 1080Ti, x1).',
        _findings(cases),
        sections,
    )


BUILDERS: dict[str, Callable[[Sequence[str]], Network]] = {
    "G1": lambda words: channel_ratio(int(words[0]), int(words[1])),
    "G2": lambda words: grouped(int(words[0]), int(words[1])),
    "G3": lambda words: fragmented(int(words[0]), words[1]),
    "G4": lambda words: elementwise(words[0] == "yes", words[1] == "yes"),
}
"""How the arguments of a case make its network."""


def measured(bench: Bench, rows: Sequence[Mapping[str, str]]) -> list[Case]:
    """Simulate the cases of one guideline; the speed on each device is relative to the best there."""
    speeds = {GPU: [float(row["batches_per_s"]) for row in rows]}
    networks = [BUILDERS[row["guideline"]](row["arguments"].split()) for row in rows]
    for machine in MACHINES:
        speeds[machine] = [1 / bench.run(machine, network).total.latency_s for network in networks]
    return _relative(rows[0]["guideline"], [row["case"] for row in rows], speeds)


def arm_cases(bench: Bench) -> list[Case]:
    """Simulate the narrower stacks that guideline 1 was measured with on ARM."""
    speeds = {ARM: list(ARM_CASES.values())}
    networks = [channel_ratio(*channels) for channels in ARM_CASES]
    for machine in MACHINES:
        speeds[machine] = [1 / bench.run(machine, network).total.latency_s for network in networks]
    return _relative("G1", [f"({narrow}, {wide})" for narrow, wide in ARM_CASES], speeds)


def _relative(guideline: str, names: Sequence[str], speeds: Mapping[str, Sequence[float]]) -> list[Case]:
    best = {device: max(values) for device, values in speeds.items()}
    return [
        Case(guideline, name, {device: values[i] / best[device] for device, values in speeds.items()})
        for i, name in enumerate(names)
    ]


def cost(cases: Sequence[Case], device: str) -> float:
    """Return how many times slower the worst case is than the one that the guideline recommends, the first."""
    return cases[0].speeds[device] / min(case.speeds[device] for case in cases)


def disagreements(cases: Sequence[Case], device: str) -> list[str]:
    """Name the cases that are faster on a device than the recommended one though slower on the GPU."""
    first = cases[0]
    return [case.name for case in cases[1:] if case.speeds[device] > first.speeds[device] * (1 + NEAR)]


def same_order(cases: Sequence[Case], device: str) -> bool:
    """Whether a device ranks the cases as the GPU does, near equals aside."""
    ranked = sorted(cases, key=lambda case: -case.speeds[GPU])
    pairs = pairwise(ranked)
    return all(after.speeds[device] <= before.speeds[device] * (1 + NEAR) for before, after in pairs)


def _of(cases: Sequence[Case], guideline: str) -> list[Case]:
    return [case for case in cases if case.guideline == guideline]


def _verdict_table(cases: Sequence[Case]) -> Table:
    rows = []
    for guideline, advice in ADVICE.items():
        own = _of(cases, guideline)
        costs = []
        for device in (GPU, *MACHINES):
            mark = "" if device == GPU or (not disagreements(own, device) and same_order(own, device)) else " *"
            costs.append(f"{cost(own, device):.2f}x{mark}")
        rows.append((guideline, advice, *costs))
    return Table(("", "guideline", "worst case on the GPU", *MACHINES), tuple(rows))


def _disagreements(cases: Sequence[Case]) -> str:
    """Explain the stars of the table: where a machine ranks cases otherwise than the GPU."""
    lines = []
    for guideline in ADVICE:
        own = _of(cases, guideline)
        for machine in MACHINES:
            better = disagreements(own, machine)
            if better:
                lines.append(f"- {guideline} on {machine}: faster than what it recommends: {listed(better)}.")
            elif not same_order(own, machine):
                ranked = sorted(own, key=lambda case: -case.speeds[machine])
                lines.append(f"- {guideline} on {machine}: its order is {listed([case.name for case in ranked])}.")
    free = [machine for machine in MACHINES if Op.ADD in load_hardware(machine).folds]
    lines += [f"- Element-wise additions are free by the description of: {listed(free)}."] if free else []
    head = "How many times slower the worst case is than what the guideline recommends; a star marks another order than"
    return f"{head} the GPU's.\n\n" + ("\n".join(lines) or "No machine has another order.")


def _guideline_section(guideline: str, cases: Sequence[Case]) -> Section:
    rows: list[Row] = [{"case": case.name, **case.speeds} for case in cases]
    picture = Picture(guideline.lower(), rows, lambda: _draw(cases, (GPU, *MACHINES)))
    caption = f"{guideline}, {ADVICE[guideline]}: speed of each case, the best on each device = 1, at about equal MACs."
    return Section(f"{guideline}: {ADVICE[guideline]}", (Illustration(picture, caption), _case_table(cases)))


def _case_table(cases: Sequence[Case]) -> Table:
    devices = tuple(cases[0].speeds)
    return Table(
        ("case", *devices), tuple((case.name, *(f"{case.speeds[device]:.2f}" for device in devices)) for case in cases)
    )


def _arm_section(cases: Sequence[Case]) -> Section:
    rows: list[Row] = [{"case": case.name, **case.speeds} for case in cases]
    picture = Picture("g1_arm", rows, lambda: _draw(cases, (ARM, *MACHINES)))
    caption = "G1 with the narrow stacks of the paper's ARM column: speed, the best on each device = 1."
    return Section("G1 beside ARM", (Illustration(picture, caption), _case_table(cases)))


def _draw(cases: Sequence[Case], devices: Sequence[str]) -> "Figure":
    figure, (axes,) = charts.panels(1, height=2.7)
    series = {device: [case.speeds[device] for case in cases] for device in devices}
    charts.grouped_bars(axes, [case.name.replace(" (", "\n(") for case in cases], series, tick=lambda v: f"{v:g}")
    axes.set_ylabel("relative speed")
    return figure


def _findings(cases: Sequence[Case]) -> tuple[str, ...]:
    lines = []
    for guideline, advice in ADVICE.items():
        own = _of(cases, guideline)
        costs = [f"{cost(own, machine):.2f}x on {machine}" for machine in MACHINES]
        against = [machine for machine in MACHINES if disagreements(own, machine)]
        text = f"{guideline}, {advice}: ignoring it costs {cost(own, GPU):.2f}x on the GPU, {listed(costs)}"
        lines.append(text + (f"; {listed(against)} would rather ignore it." if against else "."))
    return tuple(lines)
