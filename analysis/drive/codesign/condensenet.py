"""CondenseNet: what condensing gains while the network learns, the deployed form, and what its index layers cost."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench, varied
from analysis.drive.codesign.report import Claim, Illustration, Part, Report, Section, Table, claims_table
from analysis.read import units
from analysis.read.layout import Row
from analysis.read.pictures import Picture
from analysis.read.theme import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from analysis.read.units import change, kilo, listed, millions
from simulator.hardware.load import load_hardware
from simulator.network.ir import Op
from simulator.result.run import LayerResult, Run
from workloads.load import load_network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GROUPS = 8
STAGES = tuple(range(GROUPS))
DEPLOYED = f"condensenet:groups={GROUPS}"
MACHINES = ("squeezenext_16x16", "systolic_32x32")
PARTS = {
    "1x1": BLUE,
    "3x3": GREEN,
    "gather": VERMILLION,
    "shuffle": ORANGE,
    "activation": PURPLE,  # and the norm before it
    "linear": SKY,
    "other ops": GREY,
}
MOVES = frozenset({Op.GATHER, Op.SHUFFLE})

Runs = Mapping[tuple[str, str], Run]  # by machine and spec


def run(bench: Bench) -> Report:
    """Simulate each condensing stage and the deployed network, and what gathers cost where addressing is not free."""
    specs = {f"stage {stage}": f"{DEPLOYED},stage={stage}" for stage in STAGES} | {"deployed": DEPLOYED}
    bench.expect(len(MACHINES) * (len(specs) + 2))
    runs = {(machine, spec): bench.run(machine, spec) for machine in MACHINES for spec in specs.values()}
    costs = {machine: _gather_costs(bench, machine) for machine in MACHINES}
    sections = (
        Section("Claims", (claims_table(_claims(runs)),)),
        _stage_section(specs, runs),
        _gather_section(costs),
    )
    return Report(
        "CondenseNet: from dense to grouped",
        'Huang et al., "CondenseNet", CVPR 2018, arXiv 1711.09224.',
        _findings(runs, costs),
        sections,
    )


def part_of(layer: LayerResult) -> str:
    """Name the part of the network that a layer belongs to."""
    if layer.op is Op.CONV:
        return "1x1" if layer.kernel == (1, 1) else "3x3"
    return layer.op.value if layer.op.value in PARTS else "other ops"


def by_part(run: Run) -> dict[str, int]:
    """Sum the cycles of each part."""
    sums = dict.fromkeys(PARTS, 0)
    for layer in run.layers:
        sums[part_of(layer)] += layer.cycles
    return sums


def _gather_costs(bench: Bench, machine: str) -> dict[str, Run]:
    """Run the deployed network where gathers and shuffles are ops of their own, and where addressing absorbs them."""
    folds = sorted(load_folds(machine))
    without = [op for op in folds if op not in MOVES]
    moves = sorted(op.value for op in MOVES)
    return {
        "gathers and shuffles move data": bench.run(varied(machine, {"folds": list(without)}), DEPLOYED),
        "addressing absorbs them": bench.run(varied(machine, {"folds": [*without, *moves]}), DEPLOYED),
    }


def load_folds(machine: str) -> frozenset[str]:
    """Return the ops that a machine absorbs."""
    return load_hardware(machine).folds


def _claims(runs: Runs) -> list[Claim]:
    facts = load_network(DEPLOYED).facts
    machine = MACHINES[0]
    dense, last, deployed = (
        runs[machine, spec] for spec in (f"{DEPLOYED},stage=0", f"{DEPLOYED},stage={GROUPS - 1}", DEPLOYED)
    )
    paper = float(facts["macs_m"])
    ratio = dense.total.macs / deployed.total.macs
    return [
        Claim(
            f"MACs of the deployed network, C = G = {GROUPS} ({facts['source']})",
            f"{paper:.0f}M",
            f"{deployed.total.macs / 1e6:.0f}M",
            abs(deployed.total.macs / 1e6 / paper - 1) < 0.05,
        ),
        Claim(
            f"parameters ({facts['source']})",
            f"{facts['params_m']}M",
            f"{deployed.network.params / 1e6:.2f}M",
            abs(deployed.network.params / 1e6 / float(facts["params_m"]) - 1) < 0.05,
        ),
        Claim(
            "the deployed form saves the MACs that condensing pruned, in standard group convolutions",
            "as fast as its MACs say",
            f"{ratio:.1f}x fewer MACs, {dense.total.cycles / deployed.total.cycles:.1f}x as fast on {machine}",
            dense.total.cycles / deployed.total.cycles > 0.8 * ratio,
        ),
        Claim(
            "zero weights alone do not speed up a network",
            "group form needed",
            listed([f"{_gain(runs, m, last):.2f}x on {m}" for m in MACHINES]),
            all(_gain(runs, m, last) < 0.5 * ratio for m in MACHINES),
        ),
    ]


def _gain(runs: Runs, machine: str, last: Run) -> float:
    """Return how many times as fast the last condensing stage is as the first."""
    first, end = runs[machine, f"{DEPLOYED},stage=0"], runs[machine, last.network.name]
    return first.total.cycles / end.total.cycles


def _findings(runs: Runs, costs: Mapping[str, Mapping[str, Run]]) -> tuple[str, ...]:
    lines = []
    for machine in MACHINES:
        dense, deployed = runs[machine, f"{DEPLOYED},stage=0"], runs[machine, DEPLOYED]
        pruned = runs[machine, f"{DEPLOYED},stage={GROUPS - 1}"]
        zeros, form = (change(own.total.cycles, dense.total.cycles) for own in (pruned, deployed))
        use = [units.percent(own.total.utilization) for own in (deployed, dense)]
        lines.append(
            f"{machine}, against the dense network: {zeros} cycles with the zeros of the last condensing stage; {form}"
            f" in the deployed form, of {change(deployed.total.macs, dense.total.macs)} MACs. That uses {use[0]} of the"
            f" array, dense {use[1]}."
        )
    for machine, own in costs.items():
        moved, absorbed = own.values()
        cycles = change(moved.total.cycles, absorbed.total.cycles)
        energy = change(moved.total.energy_pj, absorbed.total.energy_pj, "less")
        lines.append(f"{machine}: {cycles} cycles and {energy} energy where gathers and shuffles move data.")
    return tuple(lines)


def _stage_section(specs: Mapping[str, str], runs: Runs) -> Section:
    rows: list[Row] = []
    for machine in MACHINES:
        for word, spec in specs.items():
            own = runs[machine, spec]
            row: dict[str, str | int | float] = {"machine": machine, "form": word, "macs": own.total.macs}
            row |= {"effective_macs": sum(layer.effective_macs for layer in own.layers), "params": own.network.params}
            rows.append(row | {"cycles": own.total.cycles, "energy_pj": own.total.energy_pj, **by_part(own)})
    picture = Picture("stages", rows, lambda: _draw_stages(rows))
    caption = f"CondenseNet, C = G = {GROUPS}: cycles by part after each condensing stage, and deployed."
    cells = []
    for word, spec in specs.items():
        one = runs[MACHINES[0], spec]
        line = [word, millions(one.total.macs), millions(one.network.params)]
        for machine in MACHINES:
            own = runs[machine, spec]
            line += [kilo(own.total.cycles), units.percent(own.total.utilization)]
            line.append(units.energy(own.total.energy_pj))
        cells.append(tuple(line))
    titles = [f"{measure}, {machine}" for machine in MACHINES for measure in ("K cycles", "use", "energy")]
    facts = load_network(DEPLOYED).facts
    accuracy = f"Published top-1 accuracy of the deployed network: {facts['top1_percent']}% ({facts['source']})."
    table = Table(("", "MACs, M", "params, M", *titles), tuple(cells))
    return Section("Stages of condensation", (Illustration(picture, caption), table, accuracy))


def _draw_stages(rows: Sequence[Row]) -> "Figure":
    figure, axes = charts.panels(len(MACHINES), columns=len(MACHINES), share_y=True)
    for panel, machine in zip(axes, MACHINES, strict=True):
        own = [row for row in rows if row["machine"] == machine]
        parts = {part: [float(row[part]) for row in own] for part in PARTS}
        labels = [str(row["form"]) for row in own]
        charts.stacked_bars(panel, labels, parts, colours=PARTS, legend=machine == MACHINES[-1])
        panel.set_title(machine)
    axes[0].set_ylabel("cycles")
    return figure


def _gather_section(costs: Mapping[str, Mapping[str, Run]]) -> Section:
    rows: list[Row] = [
        {
            "machine": machine,
            "case": case,
            "cycles": own.total.cycles,
            "energy_pj": own.total.energy_pj,
            "dram_bytes": own.total.dram_bytes,
            **by_part(own),
        }
        for machine, cases in costs.items()
        for case, own in cases.items()
    ]
    table = Table(
        ("machine", "", "K cycles", "gathers", "shuffles", "DRAM", "energy"),
        tuple(
            (
                machine,
                case,
                kilo(own.total.cycles),
                units.percent(by_part(own)["gather"] / own.total.cycles),
                units.percent(by_part(own)["shuffle"] / own.total.cycles),
                units.size(own.total.dram_bytes),
                units.energy(own.total.energy_pj),
            )
            for machine, cases in costs.items()
            for case, own in cases.items()
        ),
    )
    picture = Picture("gathers", rows, lambda: _draw_gathers(rows))
    caption = "The deployed network where gathers and shuffles move data, and where addressing absorbs them."
    folded = [machine for machine in MACHINES if MOVES & load_folds(machine)]
    parts: list[Part] = [Illustration(picture, caption), table]
    parts.append(f"As described, addressing absorbs gathers or shuffles on: {listed(folded)}.")
    for machine, cases in costs.items():
        moved, absorbed = (by_part(own)["activation"] for own in cases.values())
        if absorbed > moved:
            text = f"On {machine} a norm is fused into the gather before it; without the gather it is a pass of its own"
            parts.append(f"{text}: {kilo(absorbed)} K cycles instead of {kilo(moved)}.")
    return Section("What the gather costs", tuple(parts))


def _draw_gathers(rows: Sequence[Row]) -> "Figure":
    figure, (axes,) = charts.panels(1, height=2.8)
    labels = [f"{row['machine']}\n{'moved' if 'move' in str(row['case']) else 'absorbed'}" for row in rows]
    charts.stacked_bars(axes, labels, {part: [float(row[part]) for row in rows] for part in PARTS}, colours=PARTS)
    axes.set_ylabel("cycles")
    return figure
