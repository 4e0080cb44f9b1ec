"""A naive walk of a mapped layer: what each level holds is a set of words, and whatever enters it is counted.

Nothing here is a formula over tile counts. Words are named by the layer's own indices; tiles, array steps and PEs are
visited one by one. A buffer holds one tile of each operand; the array starts every tile empty.
"""

from collections import Counter
from fractions import Fraction
from itertools import product
from math import ceil, prod
from types import SimpleNamespace

from simulator.cost.case import FIXED_POINT, SUM_BITS
from simulator.nest import REDUCTION, RELEVANT, Dim, Operand
from simulator.timing.tiles import PortSpec, TileRun
from tests.oracle.naive_array import ArrayWalk, array_steps, axes_of, busy_pes, packing, program_of, words_of
from tests.oracle.test_timeline import plain_end

N, G, K, C, P, Q, R, S = Dim
INPUTS, WEIGHTS, OUTPUTS = Operand
ROWS, COLUMNS = range(2)


def plain(record):
    """A record's fields as Python integers and lists of them."""
    return SimpleNamespace(**{name: record[name].tolist() for name in record.dtype.names})


def tiles_of(layer, mapping):
    """Every tile, as the range of each dimension, in the order of the DRAM loops."""
    cuts = [
        [
            range(start, min(start + mapping.tile[d], layer.bounds[d]))
            for start in range(0, layer.bounds[d], mapping.tile[d])
        ]
        for d in Dim
    ]
    for chosen in product(*(cuts[d] for d in mapping.dram_order)):
        tile = dict(zip(mapping.dram_order, chosen, strict=True))
        yield tuple(tile[d] for d in Dim)


def part_of(tile, operand):
    """The ranges that tell one tile of an operand from another."""
    return tuple(tile[d] for d in Dim if d in RELEVANT[operand])


def box(tile, axis, layer, whole_rows=False):
    """The contiguous rows or columns of the padded tensor that hold all that a tile touches.

    With `whole_rows` those up to the next tile's first are among them.
    """
    pixels, taps = tile[P + axis], tile[R + axis]
    touched = [p * layer.stride[axis] + r * layer.dilation[axis] for p in pixels for r in taps]
    end = max(touched) + 1
    if whole_rows:
        end = max(end, min(touched) + len(pixels) * layer.stride[axis])
    return range(min(touched), end)


def loaded_inputs(tile, machine, layer):
    """Words that a DMA moves for a tile's inputs: a box, less the padding."""
    words = len(tile[N]) * len(tile[G]) * len(tile[C])
    for axis in (ROWS, COLUMNS):
        inside = range(layer.pad[axis], layer.pad[axis] + layer.size[axis])
        words *= sum(position in inside for position in box(tile, axis, layer, machine.whole_rows))
    return words


def words_in(tile, operand):
    return prod(map(len, part_of(tile, operand)))


class LayerWalk:
    """The walk of a layer; `totals` has an entry for each total of the kernel, by its name."""

    def __init__(self, machine, layer, mapping):
        self.machine, self.layer, self.mapping = map(plain, (machine, layer, mapping))
        self.totals, self.runs, self.macs = Counter(), [], 0
        self.in_buffer, self.touched = {}, set()
        self.reduced = Counter()  # reduction tiles seen, by tile of the outputs
        tiles = list(tiles_of(self.layer, self.mapping))
        self.reductions = len({tuple(tile[d] for d in REDUCTION) for tile in tiles})
        self.program = program_of(tiles[0], self.mapping)
        for tile, following in zip(tiles, [*tiles[1:], None], strict=True):
            self.visit(tile, following)
        assert self.macs == self.layer.macs
        self.finish()

    def visit(self, tile, following):
        totals, outputs = self.totals, part_of(tile, OUTPUTS)
        loads = self.load(tile)
        if not self.runs:
            totals["FIRST_WEIGHTS_BYTES"] = totals["DRAM_WEIGHTS"]
            loads[WEIGHTS] -= self.layer.prefetched_bytes
        self.reduced[outputs] += 1
        leaving = following is None or part_of(following, OUTPUTS) != outputs
        stored = 0
        if leaving and self.reduced[outputs] == self.reductions:
            loads[OUTPUTS] += self.load_addends(tile)
        if leaving and not self.layer.resident[OUTPUTS]:
            stored = self.store(tile, complete=self.reduced[outputs] == self.reductions)
        array = ArrayWalk(tile, self.program, self.machine, self.layer, self.mapping, self.touched)
        totals.update(array.figures)
        totals["ALL_TILES"] += 1
        self.macs += array.macs
        early = loads.pop(self.machine.early, 0)
        early, load, store = map(self.port_cycles, (early, sum(loads.values()), stored))
        totals["PORT_CYCLES"] += early + load + store
        totals["DMA_CYCLES"] += sum(size + self.machine.latency_cycles for size in (early, load, store) if size)
        self.runs.append(TileRun(load, array.figures["ARRAY_CYCLES"], store, early_cycles=early))

    def load(self, tile):
        """Bring in what the buffer does not hold; return the bytes by operand."""
        loaded = dict.fromkeys(Operand, 0)
        for operand in Operand:
            part = part_of(tile, operand)
            again = self.machine.reloads and operand is not OUTPUTS
            if self.in_buffer.get(operand) == part and not again:
                continue
            self.in_buffer[operand] = part
            if self.layer.resident[operand]:
                continue
            if operand is INPUTS:
                words = loaded_inputs(tile, self.machine, self.layer)
                loaded[INPUTS] = self.move("LOADED_INPUTS", "DRAM_INPUTS", words, INPUTS)
            elif operand is WEIGHTS:
                loaded[WEIGHTS] = self.move("LOADED_WEIGHTS", "DRAM_WEIGHTS", words_in(tile, WEIGHTS), WEIGHTS)
            elif self.reduced[part]:
                loaded[OUTPUTS] = self.move("LOADED_SUMS", "DRAM_OUTPUTS_READ", words_in(tile, OUTPUTS), SUM_BITS)
        return loaded

    def load_addends(self, tile):
        words = words_in(tile, OUTPUTS)
        ratio = self.layer.addends_compression
        return sum(self.move("LOADED_ADDENDS", "DRAM_INPUTS", words, OUTPUTS, ratio) for _ in range(self.layer.addends))

    def store(self, tile, complete):
        words = words_in(tile, OUTPUTS)
        if complete:
            return self.move("STORED_OUTPUTS", "DRAM_OUTPUTS_WRITTEN", words, OUTPUTS)
        return self.move("STORED_SUMS", "DRAM_OUTPUTS_WRITTEN", words, SUM_BITS)

    def move(self, word_total, byte_total, words, kind, ratio=None):
        """Count a transfer of words of inputs, weights, outputs or partial sums; return its bytes at the port.

        Those are compressed (partial sums are not), in whole bytes and whole bursts.
        """
        size = ceil(Fraction(words * self.machine.bits[kind], 8))
        if kind != SUM_BITS:
            size = ceil(size * Fraction(self.layer.compression[kind] if ratio is None else ratio, FIXED_POINT))
        bursts = ceil(Fraction(size, self.machine.burst_bytes))
        size = bursts * self.machine.burst_bytes
        self.totals[word_total] += words
        self.totals[byte_total] += size
        return size

    def port_cycles(self, size):
        machine = self.machine
        if machine.dram_numerator == 0:
            return 0
        return ceil(size / Fraction(machine.dram_numerator, machine.dram_denominator))

    def finish(self):
        machine, layer = self.machine, self.layer
        ahead = self.port_cycles(layer.prefetch_bytes)
        slots = machine.slots, machine.out_slots
        port = PortSpec(*slots, machine.channels, machine.latency_cycles, ahead, machine.early_slots)
        self.totals["CYCLES"] = plain_end(self.runs, port)
        if machine.overlapped:
            self.overlap()
        self.totals["REGISTERS"] = int(self.mapping.retains)
        executed = layer.macs * Fraction(layer.skip, FIXED_POINT) if self.mapping.skips else layer.macs
        self.totals["EXECUTED_MACS"] = int(executed)

    def overlap(self):
        """Neighbours hide the layer's ends: the longer of array and port, nothing rounded between tiles."""
        totals = self.totals
        names = ("DRAM_INPUTS", "DRAM_WEIGHTS", "DRAM_OUTPUTS_READ", "DRAM_OUTPUTS_WRITTEN")
        totals["PORT_CYCLES"] = self.port_cycles(sum(totals[name] for name in names))
        if not totals["DELIVERY_CYCLES"]:
            exact = ceil(Fraction(totals["MAC_STEPS"], self.machine.macs_per_cycle * packing(self.layer, self.mapping)))
            totals["ARRAY_CYCLES"] += exact - totals["MAC_CYCLES"]
            totals["MAC_CYCLES"] = exact
        totals["CYCLES"] = max(totals["ARRAY_CYCLES"], totals["PORT_CYCLES"])


def buffer_demands(machine, layer, mapping):
    """Bytes that each buffer must hold at once, resident tensors apart."""
    machine, layer, mapping = map(plain, (machine, layer, mapping))
    tiles = list(tiles_of(layer, mapping))
    demands = [0] * machine.buffers
    for operand in Operand:
        buffer, word = machine.buffer_of[operand], SUM_BITS if operand is OUTPUTS else operand
        words = held_words(tiles[0], operand, machine, layer, mapping)
        size = ceil(Fraction(words * machine.bits[word], 8))
        again = machine.reloads and operand is not OUTPUTS
        changes = len(tiles if again else {part_of(tile, operand) for tile in tiles}) > 1
        if not layer.resident[operand]:
            twice = machine.double_buffered[buffer] and changes and not machine.streams[operand]
            demands[buffer] += 2 * size if twice else size
        if operand is OUTPUTS:
            size = layer.addends * ceil(Fraction(words * machine.bits[OUTPUTS], 8))
            demands[buffer] += 2 * size if machine.double_buffered[buffer] else size
    return demands


def held_words(tile, operand, machine, layer, mapping):
    """Words of a tile that lie in the buffer together; of weights that pass once, those of one step of the array."""
    if operand is INPUTS:
        rows, columns = (len(box(tile, axis, layer)) for axis in (ROWS, COLUMNS))
        return len(tile[N]) * len(tile[G]) * len(tile[C]) * rows * columns
    if operand is WEIGHTS and machine.streams[WEIGHTS]:
        fills = weight_fills(tile, layer, mapping)
        if max(Counter(word for fill in fills for word in fill).values()) == 1:
            return len(fills[0])
    return words_in(tile, operand)


def weight_fills(tile, layer, mapping):
    """The weights that each fill of the array takes from the buffer."""
    axes, loops = axes_of(tile, mapping.lowered), program_of(tile, mapping).reloading[WEIGHTS]
    fills, turns = [], None
    for start in array_steps(axes, mapping):
        if turns != (turns := tuple(start[d] for d in loops)):
            parts = [words_of(WEIGHTS, work, layer, mapping.lowered) for _, work in busy_pes(axes, start, mapping)]
            fills.append(frozenset().union(*parts))
    return fills
