"""Machine and network together, at equal area and bandwidth: SqueezeNext and the array that it was designed on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench, varied
from analysis.drive.codesign.redesign import Bounds
from analysis.drive.codesign.report import Claim, Illustration, Report, Section, Table, claims_table
from analysis.drive.codesign.squeezenext_moves import KERNELS, ORDERS, Design, published_design
from analysis.read import units
from analysis.read.layout import Row
from analysis.read.pictures import Picture
from analysis.read.units import change, kilo
from simulator.errors import InputError
from simulator.hardware.model import Hardware
from simulator.hardware.peak import area_mm2
from simulator.source.parser import Value
from workloads.load import load_network
from workloads.squeezenext import Squeezes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MACHINE = "squeezenext_16x16"
PROCESS: dict[str, Value] = {
    "energy": "cmos",  # circuits, which have areas
    "process": {"node": "28 nm"},  # not published: of the year; areas are compared with each other only
    "array.delivery.inputs.words_per_cycle": "edge",  # a word a row or column, as many as the published array has
    "array.delivery.weights.words_per_cycle": "edge",
    "array.delivery.outputs.words_per_cycle": "edge",
}
EDGES = (8, 10, 12, 14, 16, 18, 20, 24, 28, 32)
KIB = (32, 48, 64, 80, 96, 112, 128, 160, 192, 256)
INPUT_WORDS, OUTPUT_WORDS = (16, 24, 32, 48, 64), (1, 2, 3, 4, 6, 8)
FLOWS = (
    ("weight_stationary", "output_stationary_blocks"),
    ("weight_stationary",),
    ("output_stationary_blocks",),
    ("weight_stationary", "output_stationary_blocks", "output_stationary_pixels"),
)
SINGLE, JOINT = 40, 30  # simulations of a search for machine or network, and of one for both
SEEDS = (1, 2, 3, 4, 5)
WIDTHS = (1, 8, 16)


@dataclass(frozen=True, slots=True)
class Build:
    """What of the machine is chosen; as it stands, it is the published one."""

    rows: int = 16
    columns: int = 16
    kib: int = 128
    inputs: int = 32
    outputs: int = 3
    flows: tuple[str, ...] = FLOWS[0]

    def __str__(self) -> str:
        """Tell the machine in a few words."""
        flows = "+".join("".join(word[0] for word in flow.split("_")).upper() for flow in self.flows)
        return f"{self.rows}x{self.columns}, {self.kib} KiB, {self.inputs} and {self.outputs} words, {flows}"


@dataclass(frozen=True, slots=True)
class Pair:
    """A machine and a network."""

    build: Build
    design: Design


def machine_of(build: Build) -> Hardware:
    """Return the machine; raise InputError where one cannot be built so."""
    return varied(
        MACHINE,
        PROCESS
        | {
            "array.rows": build.rows,
            "array.columns": build.columns,
            "vector.lanes": build.columns,
            "buffers.0.capacity": f"{build.kib} KiB",
            "array.registers_words": {"inputs": build.inputs, "weights": 1, "outputs": build.outputs},
            "dataflows": list(build.flows),
        },
    )


@dataclass
class Arena:
    """Simulates pairs within an area and a network's size, each once."""

    bench: Bench
    area: float
    bounds: Bounds
    cycles: dict[Pair, int | None] = field(default_factory=dict)
    machines: dict[Build, Hardware | None] = field(default_factory=dict)

    def machine(self, build: Build) -> Hardware | None:
        """Return the machine; None for one of too much area, or that cannot be built."""
        if build not in self.machines:
            try:
                found: Hardware | None = machine_of(build)
            except InputError:
                found = None
            fits = found is not None and (area_mm2(found) or 0.0) <= self.area * (1 + 1e-9)
            self.machines[build] = found if fits else None
        return self.machines[build]

    def cost(self, pair: Pair) -> int | None:
        """Return the cycles of a pair; None for one that is not allowed."""
        if pair not in self.cycles:
            self.cycles[pair] = self._simulated(pair)
        return self.cycles[pair]

    def _simulated(self, pair: Pair) -> int | None:
        machine, network = self.machine(pair.build), load_network(pair.design.spec)
        within = network.macs <= self.bounds.macs and network.params <= self.bounds.params
        if machine is None or not within:
            return None
        try:
            return self.bench.run(machine, network).total.cycles
        except InputError:  # a dataflow that its registers cannot hold
            return None


Change = Callable[[Pair, Random], Pair]


def _near(choices: Sequence[int], value: int, draw: Random) -> int:
    """Return a value up to two places from one among choices."""
    place = choices.index(value) + draw.choice((-2, -1, 1, 2))
    return choices[max(0, min(len(choices) - 1, place))]


def other_machine(pair: Pair, draw: Random) -> Pair:
    """Change one or two parameters of the machine, to a neighbouring value; area goes from one to another so."""
    build = pair.build
    for _ in range(draw.choice((1, 2, 2))):
        rows, columns = _near(EDGES, build.rows, draw), _near(EDGES, build.columns, draw)
        inputs, outputs = _near(INPUT_WORDS, build.inputs, draw), _near(OUTPUT_WORDS, build.outputs, draw)
        build = draw.choice(
            (
                replace(build, rows=rows),
                replace(build, columns=columns),
                replace(build, kib=_near(KIB, build.kib, draw)),
                replace(build, inputs=inputs),
                replace(build, outputs=outputs),
            )
        )
    if draw.random() < 0.15:
        build = replace(build, flows=draw.choice(FLOWS))
    return replace(pair, build=build)


def other_network(pair: Pair, draw: Random) -> Pair:
    """Move a block or two to other stages, or change the first kernel, least width, order or what is squeezed."""
    design = pair.design
    kind = draw.choice(("blocks", "blocks", "blocks", "other"))
    if kind == "other":
        squeezes: tuple[Squeezes, ...] = ("input", "shortcut")
        others = (
            replace(design, kernel=draw.choice(KERNELS)),
            replace(design, narrowest=draw.choice(WIDTHS)),
            replace(design, order=draw.choice(ORDERS)),
            replace(design, squeezes=draw.choice(squeezes)),
        )
        return replace(pair, design=draw.choice(others))
    blocks = list(design.blocks)
    for _ in range(draw.choice((1, 2, 3))):
        source, target = draw.sample(range(len(blocks)), 2)
        if blocks[source] > 1:
            blocks[source], blocks[target] = blocks[source] - 1, blocks[target] + 1
    return replace(pair, design=replace(design, blocks=tuple(blocks)))


def other_both(pair: Pair, draw: Random) -> Pair:
    """Change the machine, the network, or both."""
    what = draw.choice((other_machine, other_network, None))
    return what(pair, draw) if what else other_network(other_machine(pair, draw), draw)


def climb(arena: Arena, start: Pair, change_of: Change, simulations: int, seed: int) -> Pair:
    """Keep the better of the best pair and a neighbour of it, until so many pairs were simulated."""
    draw, best = Random(seed), start
    seen = {start}
    for _ in range(40 * simulations):
        if len(seen) > simulations:
            break
        pair = change_of(best, draw)
        if pair in seen or arena.machine(pair.build) is None:
            continue
        cycles, least = arena.cost(pair), arena.cost(best)
        if cycles is None or least is None:
            continue
        seen.add(pair)
        best = pair if cycles < least else best
    return best


@dataclass(frozen=True, slots=True)
class Winners:
    """What the searches found: each alone, beginning with the published pair, and both together, by seed."""

    published: Pair
    machine: Pair
    network: Pair
    start: Pair
    joint: dict[int, Pair]


def search(arena: Arena) -> Winners:
    """Search machine and network alone, then both together from the best that single winners make."""
    published = Pair(Build(), published_design("v5"))
    machine = climb(arena, published, other_machine, SINGLE, seed=0)
    network = climb(arena, published, other_network, SINGLE, seed=0)
    both = Pair(machine.build, network.design)
    start = min((machine, network, both), key=lambda pair: arena.cost(pair) or 10**12)
    joint = {seed: climb(arena, start, other_both, JOINT, seed) for seed in SEEDS}
    return Winners(published, machine, network, start, joint)


def run(bench: Bench) -> Report:
    """Search at equal area and bandwidth; show what the pair gains, and what one network for all machines costs."""
    bench.expect(2 * SINGLE + len(SEEDS) * JOINT + 12)
    v5 = load_network(published_design("v5").spec)
    area = area_mm2(machine_of(Build())) or 0.0
    arena = Arena(bench, area, Bounds(v5.macs, v5.params))
    found = search(arena)
    best = min(found.joint.values(), key=lambda pair: arena.cost(pair) or 10**12)
    sections = (
        Section("What is claimed", (_rules(area), claims_table(_claims(arena, found)))),
        Section("What each search finds", (_gains_picture(arena, found), _gains_table(arena, found))),
        _matrix(arena, found, best),
    )
    return Report(
        "Machine and network together",
        'Gholami et al., "SqueezeNext", CVPR Workshops 2018, arXiv 1803.10615, and Kwon et al., "Co-Design of Deep'
        ' Neural Nets and Neural Net Accelerators for Embedded Vision Applications", DAC 2018, arXiv 1804.10642.',
        tuple(_findings(arena, found, best)),
        sections,
    )


def _rules(area: float) -> str:
    return (
        f"Machines have at most the area of {MACHINE}, {area:.2f} mm2 by circuits at 28 nm, and its bandwidth to DRAM."
        " Chosen are rows, columns, the buffer, words of registers for inputs and outputs, and dataflows. Networks have"
        " at most the MACs and parameters of v5, and 21 blocks. Chosen are the blocks of each stage, the first kernel,"
        " the least width, the order of 3x1 and 1x3, and what is squeezed. Every search keeps the better of the best"
        f" and a neighbour of it: {SINGLE} simulations alone, {JOINT} together from the best of what single winners"
        " make. A gain counts from one cycle on; what networks keep of accuracy is not known."
    )


def _cycles(arena: Arena, pair: Pair) -> int:
    cycles = arena.cost(pair)
    assert cycles is not None  # searches end at pairs that were simulated
    return cycles


def _claims(arena: Arena, found: Winners) -> list[Claim]:
    start = _cycles(arena, found.start)
    better = sum(_cycles(arena, pair) < start for pair in found.joint.values())
    worse = sum(_cycles(arena, pair) > start for pair in found.joint.values())
    both = min(_cycles(arena, pair) for pair in found.joint.values())
    alone = min(_cycles(arena, found.machine), _cycles(arena, found.network))
    return [
        Claim("together is never worse than what single winners make", "-", f"{worse} of 5 seeds worse", worse == 0),
        Claim("together is better on at least 3 of 5 seeds", "-", f"{better} of 5 seeds", better >= 3),
        Claim("hardware and network gain by being designed together", "yes", change(both, alone), both < alone),
    ]


def _ways(found: Winners) -> dict[str, Pair]:
    named = {
        "published": found.published,
        "machine alone": found.machine,
        "network alone": found.network,
        "both winners": found.start,
    }
    return named | {f"together, seed {seed}": pair for seed, pair in found.joint.items()}


def _gains_table(arena: Arena, found: Winners) -> Table:
    base = _cycles(arena, found.published)
    rows = []
    for name, pair in _ways(found).items():
        machine, cycles = arena.machine(pair.build), _cycles(arena, pair)
        area = area_mm2(machine) if machine else None
        rows.append(
            (name, str(pair.build), str(pair.design), kilo(cycles), f"{1 - cycles / base:.1%}", f"{area or 0:.3f}")
        )
    return Table(("search", "machine", "network", "K cycles", "fewer", "mm2"), tuple(rows))


def _gains_picture(arena: Arena, found: Winners) -> Illustration:
    rows: list[Row] = [
        {"search": name, "machine": str(pair.build), "network": pair.design.spec, "cycles": _cycles(arena, pair)}
        for name, pair in _ways(found).items()
    ]
    caption = (
        "Cycles of the pair that each search finds, from v5 on the published machine, at equal area and bandwidth."
    )
    return Illustration(Picture("gains", rows, lambda: _draw_gains(rows)), caption)


def _draw_gains(rows: list[Row]) -> "Figure":
    figure, (axes,) = charts.panels(1, height=3.4)
    labels = [str(row["search"]).replace("together, ", "both,\n").replace(" ", "\n", 1) for row in rows]
    charts.stacked_bars(axes, labels, {"cycles": [float(row["cycles"]) for row in rows]}, tick=units.tick, legend=False)
    axes.set_ylabel("cycles")
    return figure


def _matrix(arena: Arena, found: Winners, best: Pair) -> Section:
    builds = {"published": found.published.build, "for v5": found.machine.build, "of the pair": best.build}
    designs = {"v1": published_design("v1"), "v5": found.published.design}
    designs |= {"for the published": found.network.design}
    if best.design != found.network.design:
        designs |= {"of the pair": best.design}
    unlimited = replace(arena, bounds=Bounds(10**12, 10**12))  # v1 has more MACs than v5
    cycles = {(n, m): _cycles(unlimited, Pair(b, d)) for n, d in designs.items() for m, b in builds.items()}
    least = {machine: min(cycles[name, machine] for name in designs) for machine in builds}
    rows: list[Row] = [{"network": name, **{m: cycles[name, m] for m in builds}} for name in designs]
    values = [[cycles[name, machine] / least[machine] for machine in builds] for name in designs]
    picture = Picture("matrix", rows, lambda: _draw_matrix(list(builds), list(designs), values))
    caption = "Cycles of each network on each machine, the best network of each machine = 1."
    by_machine = [f"{m}: {min(designs, key=lambda n: cycles[n, m])}" for m in builds]
    by_network = [f"{n}: {min(builds, key=lambda m: cycles[n, m])}" for n in designs]
    costs = {name: max(cycles[name, machine] / least[machine] for machine in builds) for name in designs}
    one = min(costs, key=lambda name: costs[name])
    text = (
        f"Best network by machine: {'; '.join(by_machine)}. Best machine by network: {'; '.join(by_network)}."
        f" One network for all machines, {one}, costs at most {costs[one] - 1:.1%} on any of them."
    )
    return Section("One network for all", (Illustration(picture, caption), text))


def _draw_matrix(machines: list[str], networks: list[str], values: list[list[float]]) -> "Figure":
    figure, (axes,) = charts.panels(1, height=2.6)
    charts.field(axes, machines, networks, values, lambda value: f"{value:.3f}")
    axes.set(xlabel="machine", ylabel="network")
    return figure


def _findings(arena: Arena, found: Winners, best: Pair) -> Iterator[str]:
    base, pair = _cycles(arena, found.published), _cycles(arena, best)
    machine, network = _cycles(arena, found.machine), _cycles(arena, found.network)
    yield (
        f"At equal area and bandwidth the pair takes {1 - pair / base:.1%} fewer cycles than v5 on the published"
        f" machine; the best machine for v5 alone {1 - machine / base:.1%}, the best network alone"
        f" {1 - network / base:.1%}."
    )
    yield f"The pair: {best.build}; {best.design}."
    better = sum(_cycles(arena, each) < _cycles(arena, found.start) for each in found.joint.values())
    yield f"Beginning with what single winners make, the search of both is better on {better} of {len(SEEDS)} seeds."
