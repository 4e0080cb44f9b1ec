"""A naive walk of a mapped layer: what each level holds is a set of words, and whatever enters it is counted.

Nothing here is a formula over tile counts. Words are named by the layer's own indices; tiles, array steps and PEs are
visited one by one. The outermost level holds a tile of each of its operands; what lies within starts every tile empty.
"""

from collections import Counter
from fractions import Fraction
from itertools import product
from math import ceil, prod
from types import SimpleNamespace

from simulator.cost.case import FIXED_POINT, SUM_BITS
from simulator.nest import REDUCTION, RELEVANT, Dim, Operand
from simulator.timing.tiles import PortSpec, TileRun
from tests.oracle.naive_array import ArrayWalk, schedule_of
from tests.oracle.naive_bursts import RESIDUALS, tile_transfer
from tests.oracle.naive_time import filled_before, network_words, paces_of, packing, tile_figures
from tests.oracle.test_timeline import plain_play

N, G, K, C, P, Q, R, S = Dim
INPUTS, WEIGHTS, OUTPUTS = Operand
ROWS, COLUMNS = range(2)
OUTERMOST = 0
NOTHING = 0, 0
"""A transfer of no bytes and no descriptors."""


def plain(record):
    """A record's fields as Python integers and lists of them."""
    return SimpleNamespace(**{name: record[name].tolist() for name in record.dtype.names})


def add(transfers):
    """Bytes and descriptors of several transfers."""
    transfers = list(transfers)
    return tuple(sum(column) for column in zip(NOTHING, *transfers, strict=True))


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


def real_box(tile, machine, layer):
    """Rows and columns of a tile's box that are no padding."""
    found = []
    for axis in (ROWS, COLUMNS):
        inside = range(layer.pad[axis], layer.pad[axis] + layer.input_size[axis])
        found.append({position for position in box(tile, axis, layer, machine.whole_rows) if position in inside})
    return found


def loaded_inputs(tile, machine, layer, beside=None):
    """Words that a DMA moves for a tile's inputs: a box, less the padding and what the tile `beside` it held.

    Their rows and columns, counted without padding, come with them.
    """
    rows, columns = real_box(tile, machine, layer)
    words = set(product(rows, columns))
    if beside:
        words -= set(product(*real_box(beside, machine, layer)))
    lines = [{word[axis] - layer.pad[axis] for word in words} for axis in (ROWS, COLUMNS)]
    return len(tile[N]) * len(tile[G]) * len(tile[C]) * len(words), lines


def words_in(tile, operand):
    return prod(map(len, part_of(tile, operand)))


def whole_tensors(machine, layer):
    """Words of the inputs and weights that come whole before the first tile: the smaller first, as long as they fit."""
    everything = tuple(map(range, layer.bounds))
    words = {INPUTS: loaded_inputs(everything, machine, layer)[0], WEIGHTS: words_in(everything, WEIGHTS)}
    room, found = 8 * machine.whole_bytes, {}
    for operand in sorted(words, key=lambda operand: words[operand] * machine.bits[operand]):
        size = words[operand] * machine.bits[operand]
        if machine.whole_bytes and size <= room and not layer.resident[operand]:
            room -= size
            found[operand] = words[operand]
    return found


class LayerWalk:
    """The walk of a layer; `totals` has an entry for each total of the kernel, by its name (and place)."""

    def __init__(self, machine, port, layer, mapping):
        self.machine, self.port, self.layer, self.mapping = map(plain, (machine, port, layer, mapping))
        self.totals, self.runs, self.macs, self.moves = Counter(), [], 0, Counter()
        self.in_buffer, self.before, self.done = {}, None, Counter()
        self.reduced = Counter()  # reduction tiles seen, by tile of the outputs
        self.whole = whole_tensors(self.machine, self.layer)
        tiles = list(tiles_of(self.layer, self.mapping))
        self.reductions = len({tuple(tile[d] for d in REDUCTION) for tile in tiles})
        self.schedule = schedule_of(tiles[0], self.machine, self.mapping)
        for tile, following in zip(tiles, [*tiles[1:], None], strict=True):
            self.visit(tile, following)
            self.before = tile
        assert self.macs == self.layer.macs
        self.finish()

    def visit(self, tile, following):
        totals, outputs = self.totals, part_of(tile, OUTPUTS)
        array = ArrayWalk(tile, self.schedule, self.machine, self.layer, self.mapping, self.done)
        self.filled = filled_before(array)
        loads = self.load(tile, array)
        if not self.runs:
            loads[WEIGHTS] = add([loads[WEIGHTS], self.load_parameters()])
            totals["first_weights_bytes"] = totals["dram_read", WEIGHTS]
            size, descriptors = loads[WEIGHTS]
            left = size - self.layer.prefetched_bytes
            loads[WEIGHTS] = left, descriptors if left else 0
        self.reduced[outputs] += 1
        leaving = following is None or part_of(following, OUTPUTS) != outputs
        if leaving and self.reduced[outputs] == self.reductions:
            loads[OUTPUTS] = add([loads[OUTPUTS], self.load_residuals(tile)])
        stored = self.store(tile, leaving, array)
        figures = tile_figures(array)
        totals.update(figures)
        totals.update(array.counts)
        words = network_words(array)
        totals.update({("network_words", operand): words[operand] for operand in Operand})
        totals["network_returned"] += words["returned"]
        self.moves.update(array.moves)
        totals["tiles"] += 1
        self.macs += array.macs
        early = loads.pop(self.machine.deeper_operand, NOTHING)
        totals["dma_descriptors"] += add([early, *loads.values(), stored])[1]
        early, load, store = (self.port_cycles(*moved) for moved in (early, add(loads.values()), stored))
        totals["port_cycles"] += early + load + store
        totals["dma_cycles"] += sum(size + self.port.latency_cycles for size in (early, load, store) if size)
        self.runs.append(TileRun(load, figures["array_cycles"], store, deeper_cycles=early))

    def load(self, tile, array):
        """Bring in what the outermost level does not hold; what it never holds, as it is taken.

        Return bytes and descriptors.
        """
        loaded = dict.fromkeys(Operand, NOTHING)
        for operand in Operand:
            home, part = self.machine.outermost[operand], part_of(tile, operand)
            again = self.machine.reloads and operand is not OUTPUTS
            kept = home == OUTERMOST and self.in_buffer.get(operand) == part and not again
            kept = kept or (operand in self.whole and self.before is not None)
            self.in_buffer[operand] = part
            if kept or self.layer.resident[operand]:
                continue
            lines = None
            if operand in self.whole:
                words = self.whole[operand]
            elif home != OUTERMOST:
                words = array.counts["returned", home] if operand is OUTPUTS else array.counts["crossed", home, operand]
            elif operand is INPUTS:
                words, lines = loaded_inputs(tile, self.machine, self.layer, self.beside(tile))
            else:
                words = words_in(tile, operand) if operand is WEIGHTS or self.reduced[part] else 0
            kind = SUM_BITS if operand is OUTPUTS else operand
            apart = home == OUTERMOST and operand is not OUTPUTS and operand not in self.whole
            laid = self.laid(tile, operand, lines) if apart else None
            loaded[operand] = self.move(("loaded", operand), ("dram_read", operand), words, kind, laid=laid)
        return loaded

    def beside(self, tile):
        """The tile before, where a machine keeps halos and only the innermost loop has advanced, along an axis."""
        if not self.machine.keeps_halo or self.before is None:
            return None
        innermost = [d for d in self.mapping.dram_order if self.mapping.tile[d] < self.layer.bounds[d]][-1]
        advanced = [d for d in Dim if tile[d] != self.before[d]]
        return self.before if advanced == [innermost] and innermost in (P, Q) else None

    def load_residuals(self, tile):
        words, ratio = words_in(tile, OUTPUTS), self.layer.residual_compression
        laid = self.laid(tile, RESIDUALS)
        return add(
            self.move("loaded_residuals", ("dram_read", INPUTS), words, OUTPUTS, ratio, laid)
            for _ in range(self.layer.residuals)
        )

    def load_parameters(self):
        """What ops that are fused bring besides, in one run, neither compressed nor cut."""
        words, bits, burst = self.layer.parameters, self.machine.bits[WEIGHTS], 8 * self.machine.burst_bytes
        bursts = len({bit // burst for bit in range(words * bits)})
        size, some = bursts * self.machine.burst_bytes, int(words > 0)
        self.totals["loaded_parameters"] += words
        self.totals["dram_read", WEIGHTS] += size
        self.totals["dma_runs"] += some
        return size, some

    def laid(self, tile, kind, lines=None):
        """What a tile moves of a tensor that does not lie tile by tile: bytes, runs and descriptors."""
        if self.layer.tiled[kind]:
            return None
        return tile_transfer(tile, self.mapping, self.machine, self.layer, kind, lines)

    def store(self, tile, leaving, array):
        """Take outputs away: with the tile, or as they leave the PEs where no level outside holds them."""
        home, words = self.machine.outermost[OUTPUTS], words_in(tile, OUTPUTS)
        if self.layer.resident[OUTPUTS]:
            return NOTHING
        if home != OUTERMOST:
            final, partial = array.left[home, "final"], array.left[home, "partial"]
        elif not leaving:
            return NOTHING
        else:
            complete = self.reduced[part_of(tile, OUTPUTS)] == self.reductions
            final, partial = (words, 0) if complete else (0, words)
        laid = self.laid(tile, OUTPUTS) if final else None
        moved = self.move("stored_outputs", "dram_written", final, OUTPUTS, laid=laid)
        return add([moved, self.move("stored_sums", "dram_written", partial, SUM_BITS)])

    def move(self, word_total, byte_total, words, kind, ratio=None, laid=None):
        """Count a transfer of words of inputs, weights, outputs or partial sums; return bytes and descriptors.

        Bytes are compressed (partial sums are not), whole, and in whole bursts; unless each word has an address:
        `laid` says what they make then.
        """
        size = ceil(Fraction(words * self.machine.bits[kind], 8))
        if kind != SUM_BITS:
            size = ceil(size * Fraction(self.layer.compression[kind] if ratio is None else ratio, FIXED_POINT))
        bursts = ceil(Fraction(size, self.machine.burst_bytes))
        size = bursts * self.machine.burst_bytes
        size, runs, descriptors = laid or (size, int(words > 0), int(words > 0))
        self.totals[word_total] += words
        self.totals[byte_total] += size
        self.totals["dma_runs"] += runs
        return size, descriptors

    def port_cycles(self, size, descriptors=0):
        machine = self.machine
        setting_up = descriptors * machine.descriptor_cycles
        if machine.dram_numerator == 0:
            return setting_up
        return max(setting_up, ceil(size / Fraction(machine.dram_numerator, machine.dram_denominator)))

    def finish(self):
        machine, layer, totals, p = self.machine, self.layer, self.totals, self.port
        ahead = self.port_cycles(layer.prefetch_bytes)
        port = PortSpec(p.slots, p.out_slots, p.channels, p.latency_cycles, ahead, p.deeper_slots)
        end, computed = plain_play(self.runs, port)
        work = sum(run.compute_cycles for run in self.runs)
        totals["cycles"], totals["fill_cycles"] = end, computed[0] - self.runs[0].compute_cycles
        totals["drain_cycles"] = end - max(computed.values())
        totals["wait_cycles"] = max(computed.values()) - work - totals["fill_cycles"]
        if machine.overlapped:
            self.overlap()
        totals["retains"] = int(self.mapping.retains)
        executed = layer.macs * Fraction(layer.skip, FIXED_POINT) if self.mapping.skips else layer.macs
        totals["executed_macs"] = int(executed)

    def overlap(self):
        """Neighbours hide the layer's ends: the longer of array and port; nothing on the array waits between tiles."""
        totals = self.totals
        names = [("dram_read", operand) for operand in Operand]
        size = sum(totals[name] for name in (*names, "dram_written"))
        totals["port_cycles"] = self.port_cycles(size, totals["dma_descriptors"])
        words = {operand: totals["network_words", operand] for operand in Operand}
        words["returned"] = totals["network_returned"]
        rate = self.machine.macs_per_cycle * packing(self.layer, self.mapping)
        macs = ceil(Fraction(totals["mac_slots"], rate))
        pace = max(macs, *paces_of(self.machine, words, self.moves, self.filled))
        totals["array_cycles"] -= totals["mac_cycles"] + totals["delivery_cycles"] - pace
        totals["mac_cycles"], totals["delivery_cycles"] = macs, pace - macs
        totals["cycles"] = max(totals["array_cycles"], totals["port_cycles"])
        waits = {"fill_cycles": 0, "wait_cycles": totals["cycles"] - totals["array_cycles"], "drain_cycles": 0}
        totals.update({name: cycles - totals[name] for name, cycles in waits.items()})

    def traffic(self):
        """Words read from and written to each level on chip: (kind, level, operand)."""
        found, totals, rf = Counter(), self.totals, self.machine.levels + 1
        for (kind, level, operand, _), words in self.moves.items():
            found[kind, level, operand] += words
        for operand in Operand:
            if self.machine.outermost[operand] == OUTERMOST:
                found["written", OUTERMOST, operand] += totals["loaded", operand]
        if self.machine.outermost[OUTPUTS] == OUTERMOST:
            found["read", OUTERMOST, OUTPUTS] += totals["stored_outputs"] + totals["stored_sums"]
        for kind in ("read", "written"):
            found[kind, self.machine.outermost[INPUTS], INPUTS] += totals["loaded_residuals"]
            found[kind, self.machine.outermost[WEIGHTS], WEIGHTS] += totals["loaded_parameters"]
        if totals["retains"]:
            for operand in Operand:
                found["read", rf, operand] += totals["executed_macs"]
                filled = totals["delivered", self.machine.levels, operand]
                found["written", rf, operand] += totals["executed_macs"] if operand is OUTPUTS else filled
        return found
