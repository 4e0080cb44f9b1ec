"""What one tile does on the array of the slow simulator: step after step, PE after PE, MAC after MAC.

A word is a tuple of indices. What the PEs hold of an operand is a set of words for each PE, and it is replaced when a
loop runs that is the innermost to index the operand (of those that run more than once in a full tile) or lies outside
of it. Positions on padding are words like others inside the chip.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import product
from math import ceil, prod

from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping
from simulator.nest import RELEVANT, Dim, LoopNest, Operand

N, G, K, C, P, Q, R, S = Dim
INPUTS, WEIGHTS, OUTPUTS = Operand
AXES = ((P, R), (Q, S))


@dataclass
class Walked:
    """What the array did of a tile, in words and MACs."""

    crossed: Counter = field(default_factory=Counter)  # operand -> words read from the buffer; outputs: written into it
    delivered: Counter = field(default_factory=Counter)  # operand -> words in and out of all PEs
    returned: int = 0  # partial sums that come back from the buffer
    fills: Counter = field(default_factory=Counter)  # operand -> how often the registers were filled
    leads: list[int] = field(default_factory=list)  # of every step, MACs of the first PE
    macs: int = 0
    first_window: int = 0  # inputs that the array takes at the first step
    first_pes: int = 0  # PEs that work then,
    first_skew: int = 0  # and the way of a wave front over their rows and columns


class ArrayWalk:
    """The array with a mapping loaded; `products` counts what every output has had, over all tiles."""

    def __init__(self, nest: LoopNest, mapping: Mapping, machine: Hardware) -> None:
        self.nest, self.mapping, self.machine = nest, mapping, machine
        self.products: Counter = Counter()
        self.begun: set = set()  # outputs of which there are partial sums outside the PEs
        listed = mapping.buffer_order
        self.order = (*(d for d in Dim if d not in listed), *listed)
        self.spatial = mapping.spatial
        self.step = [s * r for s, r in zip(self.spatial, mapping.registers, strict=True)]
        self.trips = self.trips_of(self.indices([range(extent) for extent in mapping.tile]))
        self.reloads = {operand: self.loops_that_reload(operand) for operand in Operand}

    def indices(self, tile):
        """What the array counts along each dimension of a tile: its own indices, or those of a matrix product."""
        if not self.mapping.lowered:
            return [list(part) for part in tile]
        n, g, k, c, p, q, r, s = tile
        one = [0]
        return [one, list(g), list(k), list(product(c, r, s)), list(product(n, p, q)), one, one, one]

    def trips_of(self, parts):
        """How often each loop over steps runs."""
        return [ceil(len(part) / step) for part, step in zip(parts, self.step, strict=True)]

    def loops_that_reload(self, operand):
        """The loops that replace an operand's words, outermost first."""
        inner = [at for at, d in enumerate(self.order) if d in RELEVANT[operand] and self.trips[d] > 1]
        return self.order[: max(inner) + 1] if inner else ()

    def keeps(self, operand):
        """Whether registers keep an operand: in a systolic array, where all else hops on, the stationary one alone."""
        systolic = self.machine.array.delivery[operand].network == "systolic"
        return self.mapping.retains and (operand == self.mapping.stationary or not systolic)

    def words(self, operand, own):
        """The words of an operand that a PE needs for its share of a step."""
        n, g, k, c, p, q, r, s = own
        if operand is WEIGHTS:
            return set(product(g, k, c, r, s))
        if operand is OUTPUTS:
            return set(product(n, g, k, p, q))
        if self.mapping.lowered:
            return set(product(g, c, p))
        (v, h), (dv, dh) = self.nest.stride, self.nest.dilation
        rows, columns = ({y * v + j * dv for y in p for j in r}, {x * h + i * dh for x in q for i in s})
        return set(product(n, g, c, rows, columns))

    def pes(self, block):
        """What every PE that has work takes of a step, by its position; the first has the most."""
        ways = [
            [(i // own, part[i : i + own]) for i in range(0, len(part), own)]
            for part, own in zip(block, self.mapping.registers, strict=True)
        ]
        for way in product(*ways):
            yield tuple(j for j, _ in way), [part for _, part in way]

    def play(self, tile):
        """Play a tile, given as the range of each dimension."""
        walked, before, held = Walked(), {}, {operand: {} for operand in Operand}
        cuts = [
            [part[i : i + step] for i in range(0, len(part), step)]
            for part, step in zip(self.indices(tile), self.step, strict=True)
        ]
        for turn in product(*(range(len(cuts[d])) for d in self.order)):
            at = dict(zip(self.order, turn, strict=True))
            taken, sums = self.multiply([cuts[d][at[d]] for d in Dim], walked)
            for operand in Operand:
                key = tuple(at[d] for d in self.reloads[operand])
                if not self.keeps(operand) or before.get(operand) != key:
                    slid = self.slides(operand, before.get(operand), key)
                    self.replace(operand, held[operand], taken[operand], slid, walked)
                    held[operand] = taken[operand]
                before[operand] = key
            if not walked.first_window:
                walked.first_pes = len(taken[INPUTS])
                walked.first_skew = self.way_over(taken[INPUTS])
                walked.first_window = len(set().union(*taken[INPUTS].values()))
            self.products.update(sums)
        self.leave(held[OUTPUTS], walked)
        return walked

    def way_over(self, pes):
        """Steps from the first of some PEs to the last, down the rows and across the columns."""
        wide, tall = self.mapping.columns, self.mapping.rows
        columns = {tuple(at % w for at, w in zip(pe, wide, strict=True)) for pe in pes}
        rows = {tuple(at // w % t for at, w, t in zip(pe, wide, tall, strict=True)) for pe in pes}
        return len(columns) + len(rows) - 2

    def multiply(self, block, walked):
        """Do the MACs of a step; return the words that each PE takes, and how many products each output gets."""
        taken, sums = {operand: {} for operand in Operand}, Counter()
        for pe, own in self.pes(block):
            for operand in Operand:
                taken[operand][pe] = self.words(operand, own)
            for _ in product(*(own[d] for d in (C, R, S))):
                sums.update(taken[OUTPUTS][pe])
            macs = prod(map(len, own))
            walked.macs += macs
            if not any(pe):
                walked.leads.append(macs)
        return taken, sums

    def slides(self, operand, before, key):
        """The axis along which the windows of inputs have moved by one step, nothing else having changed; or None."""
        loops = self.reloads[operand]
        if operand is not INPUTS or not self.keeps(INPUTS) or self.mapping.lowered or before is None or not loops:
            return None
        stayed = any(self.trips[d] > 1 for d in self.order[len(loops) :])
        if stayed and self.machine.array.delivery[INPUTS].windows_apart:
            return None
        axis = next((axis for axis in AXES if loops[-1] in axis), None)
        return axis if before[:-1] == key[:-1] else None

    def replace(self, operand, old, new, slid, walked):
        """Bring words to the PEs: those of inputs that are there already stay, as far as windows slide."""
        walked.fills[operand] += 1
        if operand is OUTPUTS:
            self.leave(old, walked)
            self.come_back(new, walked)
            return
        fresh, here = new, set()
        if slid and prod(self.spatial[d] for d in slid) == 1:
            fresh = {pe: words - old.get(pe, set()) for pe, words in new.items()}
        elif slid and self.machine.array.delivery[INPUTS].forwarding:
            here = set().union(*old.values())
        walked.delivered[operand] += sum(map(len, fresh.values()))
        if (
            operand is INPUTS and self.machine.array.delivery[INPUTS].windows_apart
        ):  # PEs of other filters take the same
            fresh = {pe: {((*pe[:K], *pe[C:]), word) for word in words} for pe, words in fresh.items()}
        walked.crossed[operand] += self.over_network(operand, [words - here for words in fresh.values()])

    def over_network(self, operand, sets):
        """Words on a network: one for all PEs that want it, or one for each of them."""
        if self.machine.array.delivery[operand].network == "unicast" and operand is not OUTPUTS:
            return sum(map(len, sets))
        return len(set().union(*sets))

    def come_back(self, new, walked):
        """Fetch the partial sums that there are of what the PEs begin; PEs that add to the same sum fetch it once."""
        wanted = set().union(*new.values())
        always = self.machine.array.delivery[OUTPUTS].initial_sums
        walked.returned += len(wanted if always else wanted & self.begun)

    def leave(self, old, walked):
        """Take the partial sums or outputs of all PEs to the buffer; those of a line of PEs are added on their way."""
        walked.delivered[OUTPUTS] += sum(map(len, old.values()))
        walked.crossed[OUTPUTS] += self.over_network(OUTPUTS, list(old.values()))
        self.begun.update(*old.values())
