"""A naive walk of one buffer tile over the array: steps and PEs one by one, words as sets of index tuples.

Two rules are not geometry:

- The array's program is that of a full tile: an operand is filled again whenever a loop turns that is, or lies outside
  of, the innermost loop that indexes the operand and turns in a full tile.
- When no loop but that innermost one has turned, inputs that are there already are not sent again: those in a PE's own
  registers, or, where PEs forward inputs, those anywhere in the array. Without forwarding, a window that is spread over
  PEs is sent whole; with it, a spread window comes into each PE whole, if only from the neighbour.
"""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import ceil, prod

from simulator.cost.case import FIXED_POINT, SUM_BITS
from simulator.nest import RELEVANT, Dim, Operand

N, G, K, C, P, Q, R, S = Dim
INPUTS, WEIGHTS, OUTPUTS = Operand
HIDDEN, EXPOSED, BEHIND_STEP = range(3)


@dataclass(frozen=True)
class Program:
    """The loops whose turns fill an operand again, outermost first; whether it stays over steps; the stationary one."""

    reloading: dict[Operand, tuple[Dim, ...]]
    stays: dict[Operand, bool]
    stationary: Operand | None


@dataclass(frozen=True)
class Fill:
    """What the PEs hold of an operand, as indices and as words, and where the loops that fill it stand."""

    turns: tuple[int, ...]
    indices: dict[tuple[int, ...], list]
    pes: dict[tuple[int, ...], frozenset[tuple]]

    @property
    def union(self):
        return frozenset().union(*self.pes.values())


def axes_of(tile, lowered):
    """The indices along each dimension as the array sees them: the tile's own, or those of its matrix product."""
    if not lowered:
        return [list(indices) for indices in tile]
    n, g, k, c, p, q, r, s = tile
    one = [0]
    return [one, list(g), list(k), list(product(c, r, s)), list(product(n, p, q)), one, one, one]


def program_of(full_tile, mapping):
    axes, order = axes_of(full_tile, mapping.lowered), mapping.buffer_order
    turning = {d for d in Dim if len(axes[d]) > mapping.spatial[d] * mapping.registers[d]}
    reloading, stays = {}, {}
    for operand in Operand:
        depth = max((j for j, d in enumerate(order) if d in turning & RELEVANT[operand]), default=-1)
        if not mapping.retains:
            depth = len(order) - 1
        reloading[operand] = tuple(order[: depth + 1])
        stays[operand] = operand == mapping.stationary or not turning.isdisjoint(order[depth + 1 :])
    return Program(reloading, stays, mapping.stationary)


def array_steps(axes, mapping):
    """Where each dimension starts, for every step of the program."""
    starts = [range(0, len(axes[d]), mapping.spatial[d] * mapping.registers[d]) for d in mapping.buffer_order]
    for chosen in product(*starts):
        yield dict(zip(mapping.buffer_order, chosen, strict=True))


def busy_pes(axes, start, mapping):
    """The indices of every dimension that each PE works on in a step; PEs without work are left out."""
    shares = []
    for d in Dim:
        begins = [start[d] + position * mapping.registers[d] for position in range(mapping.spatial[d])]
        parts = [axes[d][begin : begin + mapping.registers[d]] for begin in begins]
        shares.append([(position, part) for position, part in enumerate(parts) if part])
    for chosen in product(*shares):
        yield tuple(position for position, _ in chosen), [part for _, part in chosen]


def indices_of(operand, work):
    """The indices along the dimensions of an operand."""
    return [work[d] for d in Dim if d in RELEVANT[operand]]


def words_of(operand, work, layer, lowered):
    """The words of an operand that some indices need."""
    if operand is not INPUTS or lowered:
        return frozenset(product(*indices_of(operand, work)))
    rows = {p * layer.stride[0] + r * layer.dilation[0] for p in work[P] for r in work[R]}
    columns = {q * layer.stride[1] + s * layer.dilation[1] for q in work[Q] for s in work[S]}
    return frozenset(product(work[N], work[G], work[C], rows, columns))


def sent_inputs(fill, before, program, machine, mapping):
    """Words that the buffer sends, and words that arrive in PEs."""
    present, own = frozenset(), {}
    if before and mapping.retains and before.turns[:-1] == fill.turns[:-1]:
        loop = program.reloading[INPUTS][-1]
        spread = any(mapping.spatial[d] > 1 for pair in ((P, R), (Q, S)) if loop in pair for d in pair)
        if machine.forwarding:
            present = before.union
        if not spread:
            own = before.pes
    arriving = {pe: words - own.get(pe, frozenset()) for pe, words in fill.pes.items()}
    arrivals = sum(map(len, arriving.values()))
    if machine.unicast[INPUTS]:
        return arrivals, arrivals
    return len(frozenset().union(*arriving.values()) - present), arrivals


class ArrayWalk:
    """One tile's walk; `touched` are the outputs that have partial sums already, and grows.

    At every step each PE must hold what its MACs need.
    """

    def __init__(self, tile, program, machine, layer, mapping, touched):
        self.program, self.machine, self.layer, self.mapping = program, machine, layer, mapping
        self.touched = touched
        self.axes = axes_of(tile, mapping.lowered)
        self.holds, self.fills, self.figures, self.macs = {}, Counter(), Counter(), 0
        self.first_window, self.first_step = None, 0
        self.sums = set()
        self.walk()

    def walk(self):
        fullest, packed = [], packing(self.layer, self.mapping)
        for start in array_steps(self.axes, self.mapping):
            work = dict(busy_pes(self.axes, start, self.mapping))
            each = [prod(map(len, part)) for part in work.values()]
            self.macs += sum(each)
            fullest.append(max(each))
            self.first_step = self.first_step or max(each)
            for operand in Operand:
                turns = tuple(start[d] for d in self.program.reloading[operand])
                if operand not in self.holds or self.holds[operand].turns != turns:
                    self.fill(operand, turns, work)
                held = self.holds[operand].indices
                assert all(held[pe] == indices_of(operand, part) for pe, part in work.items())
        if self.mapping.packs:
            fullest = list(packed_steps(self.axes, self.mapping, packed))
        share = Fraction(self.layer.skip, FIXED_POINT) if self.mapping.skips else 1
        rate, shortest = self.machine.macs_per_cycle * packed, self.machine.step_cycles
        least = shortest * rate if shortest > 1 else 0
        self.figures["MAC_STEPS"] = ceil(sum(max(least, macs * share) for macs in fullest))
        self.figures["MAC_CYCLES"] = ceil(Fraction(self.figures["MAC_STEPS"], rate))
        self.figures["WINDOW"] = len(self.first_window)
        self.figures["STEP"] = self.first_step
        self.figures["SUMS"] = len(self.sums)
        stationary = self.mapping.stationary
        passes = self.fills[stationary] if stationary in set(Operand) else min(self.fills.values())
        self.figures["PASSES"] = passes
        self.figures += array_cycles(self.figures, self.program, self.machine)

    def fill(self, operand, turns, work):
        pes = {pe: words_of(operand, part, self.layer, self.mapping.lowered) for pe, part in work.items()}
        indices = {pe: indices_of(operand, part) for pe, part in work.items()}
        fill, before = Fill(turns, indices, pes), self.holds.get(operand)
        self.holds[operand] = fill
        self.fills[operand] += 1
        copies = sum(map(len, pes.values()))
        if operand is INPUTS:
            self.first_window = fill.union if before is None else self.first_window
            sent, copies = sent_inputs(fill, before, self.program, self.machine, self.mapping)
        elif operand is WEIGHTS:
            sent = copies if self.machine.unicast[WEIGHTS] else len(fill.union)
        else:
            sent = len(fill.union)
            self.figures["SUMS_READ"] += sent if self.machine.initial_sums else len(fill.union & self.touched)
            self.touched |= fill.union
            self.sums |= fill.union
        self.figures[f"BUS_{operand.name}"] += sent
        self.figures[f"PES_{operand.name}"] += copies


def packing(layer, mapping):
    """Taps that lie side by side in the lanes over channels."""
    return prod(layer.stride) if mapping.packs else 1


def packed_steps(axes, mapping, packed):
    """MACs of the fullest PE, step by step, where each channel comes `packed` times, dealt out to the lanes."""
    lanes, deep = mapping.spatial[C], mapping.registers[C]
    slots, dealt = list(range(len(axes[C]) * packed)), []
    while slots:
        step, slots = slots[: lanes * deep], slots[lanes * deep :]
        dealt.append(len(step[:deep]))
    for start in array_steps(axes, mapping):
        if start[C] == 0:
            work = dict(busy_pes(axes, start, mapping)).values()
            others = max(prod(len(part[d]) for d in Dim if d != C) for part in work)
            yield from (others * channels for channels in dealt)


def array_cycles(counted, program, machine):
    """What the tile takes: the slowest of MACs, networks and buffer ports, then exposed fills, first windows, skew."""
    passes = counted["PASSES"]
    sums_in = ceil(Fraction(counted["SUMS_READ"], machine.words_per_cycle[OUTPUTS]))
    sums_out = ceil(Fraction(counted["BUS_OUTPUTS"], machine.words_per_cycle[OUTPUTS]))
    paces = [max(sums_in, sums_out) if machine.concurrent else sums_in + sums_out, *port_paces(counted, machine)]
    exposed = 0
    for operand in (INPUTS, WEIGHTS):
        sending = ceil(Fraction(counted[f"BUS_{operand.name}"], machine.words_per_cycle[operand]))
        shift, preload = machine.shift_cycles[operand], machine.exposed[operand]
        before = operand == program.stationary if shift else preload and program.stays[operand]
        if not before:
            paces.append(sending)
            continue
        filling = passes * shift or sending
        if preload == BEHIND_STEP:
            step = max(machine.step_cycles, ceil(Fraction(counted["STEP"], machine.macs_per_cycle)))
            filling -= min(filling, passes * step)
        if preload == HIDDEN:
            filling = sum(max(0, shift - counted["MAC_CYCLES"] // passes) for _ in range(1, passes))
        exposed += filling
    if machine.exposed[INPUTS] and not program.stays[INPUTS] and not machine.shift_cycles[INPUTS]:
        exposed += passes * ceil(Fraction(counted["WINDOW"], machine.words_per_cycle[INPUTS]))
    pace = max(counted["MAC_CYCLES"], *paces)
    cycles = {
        "DELIVERY_CYCLES": pace - counted["MAC_CYCLES"],
        "PRELOAD_CYCLES": exposed,
        "SKEW_CYCLES": machine.skew_cycles * (passes if EXPOSED in machine.exposed else 1),
    }
    return Counter(cycles | {"ARRAY_CYCLES": counted["MAC_CYCLES"] + sum(cycles.values())})


def port_paces(counted, machine):
    """Cycles that each buffer port takes for what the array reads and writes."""
    paces = []
    for buffer in range(machine.buffers):
        read, written = 0, 0
        moved = [(INPUTS, INPUTS, "BUS_INPUTS"), (WEIGHTS, WEIGHTS, "BUS_WEIGHTS"), (OUTPUTS, SUM_BITS, "SUMS_READ")]
        for operand, word, name in moved:
            if machine.buffer_of[operand] == buffer:
                read += ceil(Fraction(counted[name] * machine.bits[word], 8))
        if machine.buffer_of[OUTPUTS] == buffer:
            written = ceil(Fraction(counted["BUS_OUTPUTS"] * machine.bits[SUM_BITS], 8))
        if rate := machine.read_bytes_per_cycle[buffer]:
            paces.append(ceil(Fraction(read, rate)))
        if rate := machine.write_bytes_per_cycle[buffer]:
            paces.append(ceil(Fraction(written, rate)))
    return paces
