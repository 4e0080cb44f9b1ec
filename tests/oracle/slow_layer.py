"""An op on the array in the slow simulator: its tiles, what they load and store, what they cost."""

from fractions import Fraction
from itertools import product
from math import ceil, prod

from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping
from simulator.nest import OPERAND_NAMES, RELEVANT, Dim, Operand
from tests.oracle.slow_addresses import SCALE, coded, is_tiled, tile_taken
from tests.oracle.slow_array import AXES, ArrayWalk, Walked
from tests.oracle.slow_memory import TileMemory
from tests.oracle.slow_port import (
    NOTHING,
    Moved,
    Played,
    Port,
    Tile,
    bits_of,
    in_one_run,
    moved_energy,
    standing_energy,
)
from tests.oracle.slow_schedule import Job

N, G, K, C, P, Q, R, S = Dim
INPUTS, WEIGHTS, OUTPUTS = Operand


class MacOp(TileMemory):
    """An op on the array, its tiles in the order of the loops over them."""

    def __init__(self, job: Job, machine: Hardware, mapping: Mapping) -> None:
        self.job, self.machine, self.mapping, self.nest = job, machine, mapping, job.layer.nest
        self.array = ArrayWalk(self.nest, mapping, machine)
        self.out = Played()
        sizes = zip(self.nest.bounds, mapping.tile, strict=True)
        cuts = [[range(i, min(i + tile, bound)) for i in range(0, bound, tile)] for bound, tile in sizes]
        order = [d for d in Dim if d not in mapping.dram_order] + list(mapping.dram_order)
        self.tiles = []
        for parts in product(*(cuts[d] for d in order)):
            found = dict(zip(order, parts, strict=True))
            self.tiles.append([found[d] for d in Dim])
        self.loops = [d for d in order if len(cuts[d]) > 1]
        self.whole = self.whole_tensors()

    def key(self, operand, tile):
        """What tells one tile of an operand from another."""
        return tuple((d, tile[d]) for d in sorted(RELEVANT[operand]))

    def play(self, come=0, ahead=0) -> Played:
        """Play all tiles; `come` bytes of the first weights are here already, `ahead` are the next op's."""
        out, walked = self.out, []
        slots = [self.machine.slots_of(operand) for operand in Operand]
        deeper = INPUTS if slots[INPUTS] > slots[WEIGHTS] else WEIGHTS if slots[WEIGHTS] > slots[INPUTS] else None
        for before, tile, after in zip([None, *self.tiles], self.tiles, [*self.tiles[1:], None], strict=False):
            loads = {operand: self.load(operand, before, tile) for operand in (INPUTS, WEIGHTS)}
            sums = self.load_sums(before, tile)
            if before is None:
                loads[WEIGHTS] += self.load_parameters()
                size, descriptors = loads[WEIGHTS].size - come, loads[WEIGHTS].descriptors
                loads[WEIGHTS] = Moved(size, loads[WEIGHTS].runs, descriptors if size else 0)
            walk = self.array.play(tile)
            walked.append(walk)
            rest = sums + self.load_residuals(tile)
            for operand in loads.keys() - {deeper}:
                rest += loads[operand]
            work = self.work(walk)
            out.tiles.append(Tile(loads.get(deeper, NOTHING), rest, self.store(tile, after), work))
        port = Port(self.machine, min(slots[:2]), slots[OUTPUTS], max(slots[:2]))
        self.join_tiles(walked)
        times = port.play(out.tiles, ahead)
        out.parts.update({name: times[name] for name in ("fill", "wait", "drain")})
        out.dma_cycles, out.mapped_pes = port.dma, walked[0].first_pes
        out.dma_runs = sum((tile.deeper + tile.load + tile.store).runs for tile in out.tiles)
        self.count(walked)
        self.bound(walked, port)
        self.price()
        return out

    def join_tiles(self, walked) -> None:
        """Let what works side by side go on from tile to tile, each by itself, where layers overlap."""
        if self.machine.layer_order == "overlapped":
            slots = sum(ceil(sum(map(self.slots, walk.leads))) for walk in walked)
            macs, parts = ceil(slots / self.machine.array.macs_per_cycle), self.out.parts
            whole = Walked(returned=sum(walk.returned for walk in walked))
            for walk in walked:
                whole.crossed.update(walk.crossed)
            pace = max(macs, *self.paces(whole))
            self.out.tiles[-1].work -= parts["compute"] + parts["delivery"] - pace
            parts["compute"], parts["delivery"] = macs, pace - macs

    def first_weights(self) -> int:
        """Bytes of weights that the first tile loads."""
        return self.load(WEIGHTS, None, self.tiles[0]).size + self.load_parameters().size

    def load_parameters(self) -> Moved:
        """Fetch what ops that go along read besides, once; return what crosses the port."""
        moved = self.at_port(self.job.parameters, self.machine.weight_bits)
        self.out.dram_read[WEIGHTS] += moved.size
        for way in (self.out.written, self.out.read):
            way["buffer", WEIGHTS] += self.job.parameters
        return moved

    # DRAM

    def at_port(self, words, bits, ratio=Fraction(1)) -> Moved:
        """Some words that lie side by side, at the port: whole bursts."""
        burst = self.machine.dram.burst_bytes
        return in_one_run(ceil(ceil(ceil(words * bits / 8) * ratio) / burst) * burst)

    def laid(self, operand, tile, bits, lines=None, wide=0) -> Moved:
        """What a tile takes of a tensor that does not lie tile by tile, in one of so many channels."""
        dealt = operand is INPUTS and self.job.dealt
        found = tile_taken(self.nest, self.mapping.tile, self.machine, operand, tile, bits, lines, wide, dealt)
        return Moved(found.size, found.runs, found.descriptors)

    def lines(self, tile, axis):
        """Input rows or columns that a DMA moves for a tile: from the first that it touches to the last."""
        pixels, taps = (tile[d] for d in AXES[axis])
        stride, dilation = self.nest.stride[axis], self.nest.dilation[axis]
        top, bottom = self.nest.padding[axis], self.nest.padding[axis + 2]
        touched = [p * stride + r * dilation for p in pixels for r in taps]
        if self.machine.dma_whole_rows:
            touched += [p * stride + taps[0] * dilation + more for p in pixels for more in range(stride)]
        size = self.nest.input_size[axis]
        first, end = (0, top + size + bottom) if self.machine.dma_moves_padding else (top, top + size)
        return set(range(min(touched), max(touched) + 1)) & set(range(first, end))

    def box(self, tile):
        """Inputs that a tile needs from DRAM, word by word."""
        return set(product(tile[N], tile[G], tile[C], self.lines(tile, 0), self.lines(tile, 1)))

    def load(self, operand, before, tile) -> Moved:
        """Load what is not here already of inputs or weights; return what crosses the port."""
        here = before is not None and self.key(operand, before) == self.key(operand, tile)
        if (here and not self.machine.dma_reloads) or (self.job.inputs_here, self.job.weights_here, False)[operand]:
            return NOTHING
        lines, whole = None, operand in self.whole
        if whole and before is not None:
            return NOTHING
        if whole:
            words = self.whole[operand]
        elif operand is INPUTS:
            words = self.box(tile)
            if self.machine.dma_keeps_halo and before is not None:
                moved = [d for d in Dim if before[d] != tile[d]]
                if moved == self.loops[-1:] and moved[0] in (P, Q):
                    words -= self.box(before)
            lines = [{word[3 + axis] for word in words} for axis in (0, 1)]
        else:
            words = set(product(*(tile[d] for d in sorted(RELEVANT[WEIGHTS]))))
        ratio = self.coded(operand, self.zeros(operand))
        bits = bits_of(self.machine)[operand]
        if whole or is_tiled(self.machine, operand is WEIGHTS, ratio != 1):
            moved = self.at_port(len(words), bits, ratio)
        else:
            moved = self.laid(operand, tile, bits, lines, self.job.wide_inputs if operand is INPUTS else 0)
        self.out.dram_read[operand] += moved.size
        self.out.written["buffer", operand] += len(words)
        return moved

    def outputs_of(self, tile):
        """The outputs that a tile adds to."""
        return set(product(*(tile[d] for d in sorted(RELEVANT[OUTPUTS]))))

    def load_sums(self, before, tile) -> Moved:
        """Bring back partial sums that had to leave; return what crosses the port."""
        if before is not None and self.key(OUTPUTS, before) == self.key(OUTPUTS, tile):
            return NOTHING
        back = [word for word in self.outputs_of(tile) if self.done(word)] if not self.job.outputs_stay else []
        moved = self.at_port(len(back), self.machine.partial_sum_bits)
        self.out.dram_read[OUTPUTS] += moved.size
        self.out.written["buffer", OUTPUTS] += len(back)
        return moved

    def done(self, word) -> int:
        """Products that an output has had so far."""
        n, g, k, p, q = word
        return self.array.products[(0, g, k, (n, p, q), 0) if self.mapping.lowered else word]

    def complete(self, tile) -> bool:
        """Whether the tile has added the last products to its outputs."""
        every = prod(self.nest.bounds[d] for d in (C, R, S))
        return all(self.done(word) == every for word in self.outputs_of(tile))

    def load_residuals(self, tile) -> Moved:
        """Fetch what fused adds add to outputs that are complete; return what crosses the port."""
        if not self.complete(tile) or not self.job.fetched:
            return NOTHING
        words, all_of_them = len(self.outputs_of(tile)), NOTHING
        for _ in range(self.job.fetched):
            all_of_them += self.outputs_moved(tile, words, self.coded(OUTPUTS, self.zeros(OUTPUTS)))
        self.out.dram_read[INPUTS] += all_of_them.size
        self.out.written["buffer", INPUTS] += words * self.job.fetched
        self.out.read["buffer", INPUTS] += words * self.job.fetched
        return all_of_them

    def store(self, tile, after) -> Moved:
        """Take outputs away before others come, complete or not; return what crosses the port."""
        if after is not None and self.key(OUTPUTS, after) == self.key(OUTPUTS, tile):
            return NOTHING
        if self.job.outputs_stay:
            return NOTHING
        words = len(self.outputs_of(tile))
        self.out.read["buffer", OUTPUTS] += words
        if self.complete(tile):
            ratio = self.coded(OUTPUTS, self.zeros(OUTPUTS)) * self.job.stored
            moved = self.outputs_moved(tile, words, ratio, self.job.wide_outputs)
        else:
            moved = self.at_port(words, self.machine.partial_sum_bits)
        self.out.dram_written += moved.size
        return moved

    def outputs_moved(self, tile, words, ratio, wide=0) -> Moved:
        """What so many complete outputs, or what is added to them, take of the port."""
        if is_tiled(self.machine, False, ratio != 1):
            return self.at_port(words, self.machine.output_bits, ratio)
        return self.laid(OUTPUTS, tile, self.machine.output_bits, wide=wide)

    def zeros(self, operand):
        """Share of zeros of an operand."""
        layer, array = self.job.layer, self.machine.array
        own = (layer.zero_inputs_fraction, layer.zero_weights_fraction, layer.zero_outputs_fraction)[operand]
        usual = (array.zero_inputs_fraction, array.zero_weights.fraction, array.zero_inputs_fraction)[operand]
        return usual if own is None else own

    def coded(self, operand, zeros):
        """Bits at the port for each bit."""
        winograd = operand is WEIGHTS and self.nest.stride == (1, 1)
        return coded(
            self.machine.dram, bits_of(self.machine)[operand], operand, zeros, winograd and self.job.layer.kernel
        )

    # The array

    def skipping(self):
        """Cycles for each MAC where the front end looks past zero weights, which all PEs must share."""
        layer, zero = self.job.layer, self.machine.array.zero_weights
        shared = all(self.array.spatial[d] == 1 for d in RELEVANT[WEIGHTS])
        share, window = self.zeros(WEIGHTS), zero.skip_window
        if window == 1 or not shared or self.mapping.lowered:
            return Fraction(1)
        if layer.zero_columns:
            return Fraction(round((1 - share) * SCALE), SCALE)
        taps = prod(layer.kernel)
        expected = [0.0]
        for left in range(1, taps + 1):
            most = min(window, left)
            ways = [(j, share ** (j - 1) * (1 - share)) for j in range(1, most)] + [(most, share ** (most - 1))]
            expected.append(1 + sum(chance * expected[left - j] for j, chance in ways))
        return Fraction(round(expected[taps] / taps * SCALE), SCALE)

    def work(self, walk) -> int:
        """Cycles of a tile on the array, and what they are spent on."""
        macs = ceil(ceil(sum(map(self.slots, walk.leads))) / self.machine.array.macs_per_cycle)
        pace = max(macs, *self.paces(walk))
        parts = {"compute": macs, "delivery": pace - macs}
        parts["preload"] = sum(self.preload(operand, walk, pace) for operand in (INPUTS, WEIGHTS))
        parts["skew"] = self.skew(walk)
        self.out.parts.update(parts)
        return sum(parts.values())

    def paces(self, walk):
        """Cycles of every network and memory port, but for fills that PEs wait for."""
        array, wide = self.machine.array, [d.words_per_cycle for d in self.machine.array.delivery]
        out, back = ceil(walk.crossed[OUTPUTS] / wide[OUTPUTS]), ceil(walk.returned / wide[OUTPUTS])
        sums = max(out, back) if array.delivery[OUTPUTS].concurrent else out + back
        kept = {operand: self.waits_for_fill(operand) for operand in (INPUTS, WEIGHTS)}
        lanes = [0 if kept[o] and not self.network_fill(o) else ceil(walk.crossed[o] / wide[o]) for o in kept]
        return [sums, *lanes, *self.memory_ports(walk)]

    def slots(self, macs) -> Fraction:
        """MACs that a PE has time for in a step in which it does so many."""
        array = self.machine.array
        least = array.step_cycles * array.macs_per_cycle if array.step_cycles > 1 else 0
        return max(Fraction(least), macs * self.skipping())

    def memory_ports(self, walk):
        """Cycles that memories with a bandwidth take to give and take what the array moves."""
        bits = (*bits_of(self.machine)[:2], self.machine.partial_sum_bits)
        for memory in self.machine.buffers:
            moved = {operand: walk.crossed[operand] for operand in memory.holds if operand != OUTPUTS}
            if OUTPUTS in memory.holds:
                moved[OUTPUTS] = walk.returned
                if memory.write_bytes_per_cycle:
                    yield ceil(Fraction(walk.crossed[OUTPUTS] * bits[OUTPUTS], 8 * memory.write_bytes_per_cycle))
            if memory.read_bytes_per_cycle:
                total = sum(words * bits[operand] for operand, words in moved.items())
                yield ceil(Fraction(total, 8 * memory.read_bytes_per_cycle))

    def held(self, operand) -> bool:
        """Whether the registers keep an operand over some steps, or for a whole pass."""
        array = self.array
        inside = array.order[len(array.reloads[operand]) :]
        stays = any(array.trips[d] > 1 for d in inside)
        return operand == self.mapping.stationary or (self.mapping.retains and stays)

    def waits_for_fill(self, operand) -> bool:
        """Whether registers are filled before a pass: in a systolic array only those of what does not pass through."""
        if self.machine.array.delivery[operand].network == "systolic":
            return operand == self.mapping.stationary
        return self.held(operand)

    def network_fill(self, operand) -> bool:
        """Whether a fill comes over the network while PEs are at work, as any other words."""
        delivery = self.machine.array.delivery[operand]
        return delivery.network != "systolic" and delivery.preload == "hidden"

    def passes(self, walk) -> int:
        """Fills of the stationary operand, or of what is filled least."""
        stationary = self.mapping.stationary
        return min(walk.fills.values()) if stationary is None else walk.fills[stationary]

    def preload(self, operand, walk, pace) -> int:
        """Cycles for which PEs wait until registers are filled, or until the first window of a pass has come."""
        array, delivery = self.machine.array, self.machine.array.delivery[operand]
        fills, passes, systolic = walk.fills[operand], self.passes(walk), delivery.network == "systolic"
        if not self.waits_for_fill(operand):
            window = ceil(walk.first_window / delivery.words_per_cycle)
            streams = operand is INPUTS and not systolic and delivery.preload != "hidden"
            return passes * window if streams else 0
        over_network = ceil(walk.crossed[operand] / delivery.words_per_cycle)
        every = max(fills * array.rows, over_network) if systolic else over_network
        if delivery.preload == "exposed":
            return every
        if delivery.preload == "double_buffered":
            step = ceil(Fraction(self.slots(walk.leads[0])) / array.macs_per_cycle)
            return max(0, every - passes * step)
        return max(0, every - pace) if systolic else 0

    def skew(self, walk) -> int:
        """Cycles in which a wave front fills and leaves the array, in each pass if it runs empty before, else once; and
        those before it, in which the tile is set up.
        """  # fmt: skip
        array = self.machine.array
        empty = any(array.delivery[o].preload == "exposed" for o in (INPUTS, WEIGHTS))
        way = walk.first_skew if array.skew_over_used else array.rows + array.columns - 2
        return array.tile_setup_cycles + (way * (self.passes(walk) if empty else 1) if array.skewed else 0)

    # The sum of it

    def count(self, walked) -> None:
        """Add up what the array moved."""
        out, skip = self.out, self.skipping()
        out.dense = sum(walk.macs for walk in walked)
        out.macs = int(out.dense * skip)
        for walk in walked:
            for operand in (INPUTS, WEIGHTS):
                out.read["buffer", operand] += walk.crossed[operand]
                out.read["array", operand] += walk.delivered[operand]
                out.written["rf", operand] += walk.delivered[operand]
            out.written["buffer", OUTPUTS] += walk.crossed[OUTPUTS]
            out.read["buffer", OUTPUTS] += walk.returned
            out.written["array", OUTPUTS] += walk.delivered[OUTPUTS]
            out.read["array", OUTPUTS] += walk.returned
        for operand in Operand:
            out.read["rf", operand] += out.macs
        out.written["rf", OUTPUTS] += out.macs
        out.parts["configuration"] = self.machine.configuration_cycles + self.machine.launch_cycles

    def price(self) -> None:
        """Bytes of all words, and energy: bytes and actions, each at its price."""
        out, machine = self.out, self.machine
        bits = (*bits_of(machine)[:2], machine.partial_sum_bits)
        levels = ("buffer", "array", "rf") if self.mapping.retains else ("buffer", "array")
        out.traffic = {("dram", o): (out.dram_read[o], out.dram_written if o is OUTPUTS else 0) for o in Operand}
        for level, o in product(levels, Operand):
            out.traffic[level, o] = tuple(ceil(words[level, o] * bits[o] / 8) for words in (out.read, out.written))
        share = self.zeros(INPUTS) if machine.array.gates_zero_inputs else 0
        each = 1 - share + share * machine.energy.gated_mac_fraction
        running = sum(out.parts.values()) - out.parts["configuration"]
        out.energy = moved_energy(out.traffic, machine, each)
        out.energy |= standing_energy(machine, {"mac": out.macs * each}, running)

    def bound(self, walked, port) -> None:
        """What each resource alone needs, the resource that needs most, and what the layer touches."""
        out, wide = self.out, [delivery.words_per_cycle for delivery in self.machine.array.delivery]
        moved = [sum(walk.crossed[operand] for walk in walked) for operand in Operand]
        sums = [ceil(words / wide[OUTPUTS]) for words in (moved[OUTPUTS], sum(walk.returned for walk in walked))]
        out.bounds = {
            "inputs": ceil(moved[INPUTS] / wide[INPUTS]),
            "weights": ceil(moved[WEIGHTS] / wide[WEIGHTS]),
            "outputs": max(sums) if self.machine.array.delivery[OUTPUTS].concurrent else sum(sums),
        }
        within = {part: out.parts[part] for part in ("compute", "delivery", "preload", "skew")}
        within["delivery"] = max(within["delivery"], *out.bounds.values())
        out.bounds |= {"array": sum(tile.work for tile in out.tiles), "dram": port.busy}
        out.bottleneck = out.longest(max(within, key=lambda part: within[part]), out.bounds["array"])
        lines = [set().union(*(self.touched(tile, axis) for tile in self.tiles)) for axis in range(2)]
        words = [prod(self.nest.bounds[d] for d in RELEVANT[operand]) for operand in Operand]
        words[INPUTS] = prod(self.nest.bounds[d] for d in (N, G, C)) * prod(map(len, lines))
        bits = bits_of(self.machine)
        out.footprint = {name: ceil(words[o] * bits[o] / 8) for o, name in enumerate(OPERAND_NAMES)}

    def touched(self, tile, axis):
        """Input rows or columns, padding apart, that some window of a tile meets."""
        (pixels, taps), top = (tile[d] for d in AXES[axis]), self.nest.padding[axis]
        at = {p * self.nest.stride[axis] + r * self.nest.dilation[axis] - top for p in pixels for r in taps}
        return at & set(range(self.nest.input_size[axis]))
