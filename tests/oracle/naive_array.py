"""A naive walk of one tile of the outermost memory: loops one by one, PEs one by one, words as sets of index tuples.

What a memory level or a PE holds is a set, whatever enters it is counted. Three rules are not geometry:

- What replaces an operand's words is fixed by the full tile: the innermost loop that indexes the operand and runs more
  than once there, and every loop outside of it, on whichever level these loops are.
- When no loop but that innermost one has advanced, and it lies outside the PEs, inputs that are there already are not
  sent again: those in a PE's own registers, or, where PEs forward inputs, those anywhere in their array. Without
  forwarding, a window that is spread over PEs is sent whole, and so is one that is spread over arrays; with it, a
  spread window comes into each PE whole, if only from the neighbour.
- Where loops inside the PEs cut pixels or taps of windows on their way to a destination, windows of different PEs are
  sent apart, however they overlap.
- What a systolic array hands from PE to PE into registers passes through them, unless it is the stationary operand: it
  comes again in every step.
- Where a machine's windows are apart, PEs whose positions differ in filters alone share what is sent, and no others;
  and inputs stay only if no loop has run meanwhile that left them in place.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby, product
from math import ceil, prod

from simulator.nest import REDUCTION, RELEVANT, Dim, Operand, array_bounds

N, G, K, C, P, Q, R, S = Dim
INPUTS, WEIGHTS, OUTPUTS = Operand
AXES = ((P, R), (Q, S))


def axes_of(tile, lowered):
    """The indices along each dimension as the array sees them: the tile's own, or those of its matrix product."""
    if not lowered:
        return dict(zip(Dim, tile, strict=True))
    n, g, k, c, p, q, r, s = tile
    one = [0]
    whole = one, list(g), list(k), list(product(c, r, s)), list(product(n, p, q)), one, one, one
    return dict(zip(Dim, whole, strict=True))


def steps_by(machine, mapping):
    """Extents that the loops inside each memory level step by: blocks of the next level, or steps of the array."""
    blocks = [*mapping.inner_tile[1 : machine.levels], mapping.registers]
    last = machine.chip_levels - 1
    blocks[last] = [pes * block for pes, block in zip(mapping.spatial, blocks[last], strict=True)]
    return blocks


def own_block(machine, mapping):
    """Extents of what one PE takes of a step."""
    return [*mapping.inner_tile[1 : machine.levels], mapping.registers][machine.chip_levels - 1]


def iterations(parts, order, sizes):
    """Every iteration of loops that cut the parts of each dimension, which are several where PEs run in step.

    Yields how far each loop is, and the parts then.
    """
    if not order:
        yield (), parts
        return
    d, *inner = order
    for i in range(max(ceil(len(part) / sizes[d]) for part in parts[d])):
        cut = [part[i * sizes[d] : (i + 1) * sizes[d]] for part in parts[d]]
        for counters, cuts in iterations({**parts, d: cut}, inner, sizes):
            yield (i, *counters), cuts


@dataclass(frozen=True)
class Schedule:
    """What the full tile fixes, for every tile.

    `loops` are those that run more than once, by level, outermost first; `replacing[to, operand]` counts those of all
    levels, from the outermost, that replace an operand's words in a destination. `held`: whether it stays in the PEs
    over some of the others.
    """

    loops: list[list[Dim]]
    replacing: dict[tuple[int, Operand], int] = field(default_factory=dict)
    held: dict[Operand, bool] = field(default_factory=dict)

    def flat(self, levels):
        return [(level, d) for level in range(levels) for d in self.loops[level]]


def destinations(machine, operand):
    """The levels within the outermost that hold an operand, then the registers."""
    return [to for to in range(1, machine.levels + 1) if to == machine.levels or machine.memory_of[to][operand] >= 0]


def schedule_of(full_tile, machine, mapping):
    """Run the first iteration of every loop of a full tile, and see which of them have a second."""
    extents = array_bounds([len(part) for part in full_tile], mapping.lowered)
    loops = []
    for level, sizes in enumerate(steps_by(machine, mapping)):
        loops.append([Dim(d) for d in mapping.orders[level] if extents[d] > sizes[d]])
        within = own_block(machine, mapping) if level == machine.chip_levels - 1 else sizes
        extents = [min(pair) for pair in zip(extents, within, strict=True)]
    schedule = Schedule(loops)
    for operand in Operand:
        for to in destinations(machine, operand):
            outside = schedule.flat(to)
            replacing = max((j + 1 for j, (_, d) in enumerate(outside) if d in RELEVANT[operand]), default=0)
            if to == machine.levels and not keeps_in_registers(machine, mapping, operand):
                replacing = len(outside)
            schedule.replacing[to, operand] = replacing
            if to == machine.array_level[operand]:
                schedule.held[operand] = operand == mapping.stationary or replacing < len(outside)
    return schedule


def keeps_in_registers(machine, mapping, operand):
    """Whether registers may hold an operand over some steps."""
    to, systolic = machine.array_level[operand], machine.shift_cycles[operand] > 0
    return mapping.retains and not (systolic and to == machine.levels and operand != mapping.stationary)


def pes_with_work(block):
    """The parts of every dimension that each PE has of a block; PEs without work are left out."""
    shares = [[(position, part) for position, part in enumerate(block[d]) if len(part)] for d in Dim]
    for chosen in product(*shares):
        yield tuple(position for position, _ in chosen), [part for _, part in chosen]


def indices_of(operand, work):
    """The indices along the dimensions of an operand."""
    return [work[d] for d in Dim if d in RELEVANT[operand]]


def words_of(operand, work, layer, lowered, apart=(False, False)):
    """The words of an operand that some indices need; along axes where they count `apart`, marked with the indices."""
    if operand is not INPUTS or lowered:
        return frozenset(product(*indices_of(operand, work)))
    lines = []
    for axis, (pixel, tap) in enumerate(AXES):
        line = {p * layer.stride[axis] + r * layer.dilation[axis] for p in work[pixel] for r in work[tap]}
        lines.append({(x, work[pixel], work[tap]) for x in line} if apart[axis] else line)
    return frozenset(product(work[N], work[G], work[C], *lines))


@dataclass(frozen=True)
class Fill:
    """What the PEs (or a level outside of them, as one) hold of an operand, and how far the loops are that fill it."""

    counters: tuple[int, ...]
    indices: dict[tuple[int, ...], list]
    words: dict[tuple[int, ...], frozenset[tuple]]


class ArrayWalk:
    """One tile's walk; `done` counts the MACs that each output has had, and grows.

    Whatever MACs run, the PE must hold their words in every level that holds the operand. `counts` has a count for
    each of crossed, delivered and returned (kind, destination, operand), `moves` for read and written (kind, level,
    operand, side), `network` for each array of the words over its networks (array, operand).
    """

    def __init__(self, tile, schedule, machine, layer, mapping, done):
        self.schedule, self.machine, self.layer, self.mapping, self.done = schedule, machine, layer, mapping, done
        self.sizes = steps_by(machine, mapping)
        self.whole = {d: [indices] for d, indices in axes_of(tile, mapping.lowered).items()}
        self.counts, self.moves, self.network, self.fills = Counter(), Counter(), Counter(), Counter()
        self.left, self.sums, self.begun = Counter(), set(), {}
        self.own = own_block(machine, mapping)
        self.holds, self.fullest, self.steps, self.macs = {}, [], [], 0
        self.first_window, self.first_step, self.first_skew = 0, 0, 0
        self.walk()

    def walk(self):
        chip = len(self.schedule.flat(self.machine.chip_levels))
        for _, moments in groupby(self.moments(0, self.whole), key=lambda moment: moment[0][:chip]):
            loads = Counter()
            for counters, blocks in moments:
                if not loads:
                    self.begin_step(blocks)
                self.fill_all(counters, blocks)
                loads.update(self.multiply(blocks))
            self.macs += sum(loads.values())
            self.fullest.append(max(loads.values()))
            self.first_step = self.first_step or max(loads.values())
        for to in destinations(self.machine, OUTPUTS):
            self.leave(to)

    def moments(self, level, parts, counters=(), blocks=()):
        """Every iteration of the loops inside a level and within; the block of destination i is at i - 1."""
        if level == self.machine.levels:
            yield counters, blocks
            return
        for advanced, inside in iterations(parts, self.schedule.loops[level], self.sizes[level]):
            if level == self.machine.chip_levels - 1:
                inside = self.spread(inside)
            yield from self.moments(level + 1, inside, (*counters, *advanced), (*blocks, inside))

    def spread(self, step):
        """Share a step out: every position along a dimension takes the next block of it."""
        own, pes = own_block(self.machine, self.mapping), self.mapping.spatial
        return {d: [step[d][0][i * own[d] : (i + 1) * own[d]] for i in range(pes[d])] for d in Dim}

    def begin_step(self, blocks):
        """Note what PEs have of a step and what it is cut from; and how many inputs the first step needs."""
        pes = blocks[self.machine.chip_levels - 1]
        around = blocks[self.machine.chip_levels - 2] if self.machine.chip_levels > 1 else self.whole
        self.steps.append((pes, around))
        if not self.first_window:
            words = [words_of(INPUTS, work, self.layer, self.mapping.lowered) for _, work in pes_with_work(pes)]
            self.first_window = len(frozenset().union(*words))
            places = [self.place_of(pe) for pe, _ in pes_with_work(pes)]
            self.first_skew = len({row for row, _ in places}) + len({column for _, column in places}) - 2

    def fill_all(self, counters, blocks):
        """Replace the words of every destination whose loops have advanced; check that the others are still right."""
        for operand in Operand:
            for to in destinations(self.machine, operand):
                there = counters[: self.schedule.replacing[to, operand]]
                work = dict(pes_with_work(blocks[to - 1]))
                if (to, operand) not in self.holds or self.holds[to, operand].counters != there:
                    self.fill(operand, to, there, work)
                held = self.holds[to, operand].indices
                assert all(held[pe] == indices_of(operand, part) for pe, part in work.items())

    def multiply(self, blocks):
        """Do the MACs of a moment; return how many each PE does."""
        loads = {}
        for pe, work in pes_with_work(blocks[-1]):
            loads[pe] = prod(map(len, work))
            words = words_of(OUTPUTS, work, self.layer, self.mapping.lowered)
            times = prod(len(work[d]) for d in REDUCTION)
            self.sums |= words
            for word in words:
                self.done[word] += times
            for to in destinations(self.machine, OUTPUTS):
                if to >= self.machine.chip_levels:
                    self.begun.setdefault((to, pe), set()).update(words)
        return loads

    def fill(self, operand, to, counters, work):
        """Bring an operand's words to a destination, and take away the outputs that were there."""
        if operand is OUTPUTS:
            self.leave(to)
        lowered, before = self.mapping.lowered, self.holds.get((to, operand))
        words = {pe: words_of(operand, part, self.layer, lowered) for pe, part in work.items()}
        indices = {pe: indices_of(operand, part) for pe, part in work.items()}
        fill = self.holds[to, operand] = Fill(counters, indices, words)
        chip = len(self.schedule.flat(self.machine.chip_levels))
        if before is None or before.counters[:chip] != counters[:chip]:
            self.fills[to, operand] += 1
        arriving = words
        if operand is INPUTS and to == self.machine.array_level[operand]:
            sent, arriving = self.sent_inputs(fill, before, work)
            if self.machine.windows_apart:
                windows = {pe: {((*pe[:K], *pe[C:]), word) for word in some} for pe, some in arriving.items()}
                sent = self.by_array(windows)
        else:
            sent = self.by_array(words)
        copies = sum(map(len, arriving.values()))
        crossed = len(frozenset().union(*sent.values()))
        if to == self.machine.array_level[operand]:
            unicast = self.machine.unicast[operand] and operand is not OUTPUTS
            for array, some in self.by_array(arriving, apart=True).items():
                self.network[array, operand] += len(some) if unicast else len(sent[array])
            crossed = copies if unicast else crossed
        returned = self.returned(to, words) if operand is OUTPUTS else 0
        self.count(operand, to, crossed, copies, returned)

    def array_of(self, pe):
        """The array that a PE is in: contiguous positions along every dimension."""
        sizes = [s // a for s, a in zip(self.mapping.spatial, self.mapping.arrays, strict=True)]
        return tuple(position // size for position, size in zip(pe, sizes, strict=True))

    def place_of(self, pe):
        """The row and the column of a PE in its array: a row of PEs has consecutive positions along a dimension."""
        rows, columns = [], []
        for d in Dim:
            tall = self.mapping.rows[d]
            wide = self.mapping.spatial[d] // (self.mapping.arrays[d] * tall)
            rows.append(pe[d] // wide % tall)
            columns.append(pe[d] % wide)
        return tuple(rows), tuple(columns)

    def by_array(self, words, apart=False):
        """The words of all PEs of each array; `apart`: each PE's are different ones."""
        found = {}
        for pe, some in words.items():
            some = {(pe, word) for word in some} if apart else some
            found.setdefault(self.array_of(pe), set()).update(some)
        return found

    def sent_inputs(self, fill, before, work):
        """Words that come over each array's network, and words that arrive in each PE."""
        to, apart = self.machine.array_level[INPUTS], self.cut_inside()
        words = fill.words
        if any(apart):
            words = {pe: words_of(INPUTS, part, self.layer, self.mapping.lowered, apart) for pe, part in work.items()}
        sent, own = self.by_array(words), {}
        loops = self.schedule.flat(self.machine.levels)[: self.schedule.replacing[to, INPUTS]]
        keeps = keeps_in_registers(self.machine, self.mapping, INPUTS) or to < self.machine.levels
        if self.machine.windows_apart and len(loops) < len(self.schedule.flat(to)):
            keeps = False
        if before and keeps and before.counters[:-1] == fill.counters[:-1]:
            level, loop = loops[-1]
            pair = next((pair for pair in AXES if loop in pair), ())
            if level < self.machine.chip_levels and all(self.mapping.arrays[d] == 1 for d in pair):
                if self.machine.forwarding:
                    there = self.by_array(before.words)
                    sent = {array: some - there[array] for array, some in sent.items()}
                if all(self.mapping.spatial[d] == 1 for d in pair):
                    own = before.words
                    if not self.machine.forwarding:
                        sent = self.by_array({pe: some - own[pe] for pe, some in fill.words.items()})
        return sent, {pe: some - own.get(pe, frozenset()) for pe, some in fill.words.items()}

    def cut_inside(self):
        """Along which axes loops inside the PEs cut windows before these reach the array's destination of inputs."""
        to, chip = self.machine.array_level[INPUTS], self.machine.chip_levels
        loops = {d for level in range(chip, to) for d in self.schedule.loops[level]}
        return [not loops.isdisjoint(pair) for pair in AXES]

    def returned(self, to, words):
        """Partial sums that come along. Of all PEs that add to a sum, the first gets it when it returns."""
        inside, arrays = to > self.machine.array_level[OUTPUTS], self.machine.array_level[OUTPUTS] == to
        source = max((s for s in destinations(self.machine, OUTPUTS) if s < to), default=0)
        known, count = set(), 0
        for pe, some in words.items():
            begun = self.begun.get((source, pe), set()) if inside else self.begun_outside(some)
            back = some & begun if inside else (some & begun) - known
            known |= back
            count += len(back)
            if arrays:
                self.network[self.array_of(pe), "returned"] += len(back)
            self.begun[to, pe] = set(back)
        return count

    def begun_outside(self, words):
        """Which of these sums come to the array with a value."""
        return words if self.machine.initial_sums else words & self.done.keys()

    def leave(self, to):
        """Tell final outputs from partial sums among what leaves a destination."""
        if (to, OUTPUTS) in self.holds:
            words = frozenset().union(*self.holds[to, OUTPUTS].words.values())
            whole = prod(self.layer.bounds[d] for d in REDUCTION)
            final = sum(self.done[word] == whole for word in words)
            self.left[to, "final"] += final
            self.left[to, "partial"] += len(words) - final

    def count(self, operand, to, crossed, copies, returned):
        """Count words at both ends of their way, and at the array's network between them.

        Moves say whether a level is the source, to which what moves is `inward`, or the destination.
        """
        machine, outputs = self.machine, operand is OUTPUTS
        self.counts["crossed", to, operand] += crossed
        self.counts["delivered", to, operand] += copies
        if outputs:
            self.counts["returned", to] += returned
        down, up = (returned, copies) if outputs else (copies, 0)
        holders = [level for level in range(to) if machine.memory_of[level][operand] >= 0]
        if holders:
            source = holders[-1]
            shared = crossed if source < machine.chip_levels else copies
            self.moves["read", source, operand, "inward"] += returned if outputs else shared
            self.moves["written", source, operand, "inward"] += shared if outputs else 0
        if to == machine.array_level[operand]:
            self.moves["read", machine.levels, operand, "network"] += down
            self.moves["written", machine.levels, operand, "network"] += up
        if to < machine.levels:
            self.moves["written", to, operand, "outward"] += down
            self.moves["read", to, operand, "outward"] += up
