"""An op that does not multiply, in the slow simulator: equal shares of its outputs stream through the vector unit."""

from math import ceil, prod

from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import Layer, Op
from tests.oracle.slow_port import Played, Port, Tile, moved_energy
from tests.oracle.slow_schedule import Job, tensor_bytes

INPUTS, WEIGHTS, OUTPUTS = Operand
MOVES = {Op.CONCAT, Op.SPLIT, Op.SHUFFLE, Op.GATHER, Op.RESHAPE, Op.PAD, Op.UNKNOWN}
MOST_TILES = 4096


def operations(layer: Layer) -> int:
    """Operations of the vector unit for each output."""
    if layer.op in MOVES:
        return 0
    if layer.op in (Op.ADD, Op.MUL):
        return max(1, len(layer.inputs) - 1)
    if layer.op is Op.POOL:
        return prod(layer.kernel)
    if layer.op is Op.LRN:
        return 2 * layer.window_elements + 3
    return {Op.ACTIVATION: 1, Op.SOFTMAX: 4, Op.UPSAMPLE: 4 if layer.variant == "bilinear" else 1}[layer.op]


class VectorOp:
    """An op on the vector unit."""

    def __init__(self, job: Job, machine: Hardware) -> None:
        self.job, self.layer, self.machine = job, job.layer, machine
        self.every = prod(self.layer.output_shape)
        self.each = operations(self.layer)
        self.memory = next(memory for memory in machine.buffers if INPUTS in memory.holds)
        slots = machine.slots_of(INPUTS), machine.slots_of(OUTPUTS)
        self.slots = slots
        self.tiles, self.demand = self.fastest()

    def input_bytes(self) -> int:
        """Bytes of all that is read, each word once; of a slice only what it takes."""
        shapes = [self.layer.output_shape] if self.layer.op is Op.SPLIT else self.layer.input_shapes
        return sum(tensor_bytes(shape, self.machine.input_bits) for shape in shapes)

    def fastest(self):
        """The tiles that are over first of cuts into 1, 2, 4, ..., the fewest of these; and the bytes they need."""
        pieces = self.layer.output_shape[0] * self.layer.output_shape[2] if self.layer.op is Op.POOL else self.every
        best, count = None, 1
        while count <= max(1, min(pieces, MOST_TILES)):
            tiles, demand = self.cut(count, pieces)
            fits = demand <= self.memory.capacity_bytes - self.job.reserved
            if fits or (best is None and count * 2 > min(pieces, MOST_TILES)):
                end = Port(self.machine, *self.slots).play(tiles, whole=False)["cycles"]
                if best is None or end < best[0]:
                    best = end, tiles, demand
            count *= 2
        return best[1:]

    def cut(self, count, pieces):
        """Deal rows or elements of the outputs out to so many tiles."""
        ends = [(i + 1) * pieces // count for i in range(count)]
        tiles, need, before = [], 0, 0
        stored = tensor_bytes(self.layer.output_shape, self.machine.output_bits)
        for end in ends:
            out = self.share(stored, before, end, pieces)
            come = self.window_bytes(before, end) if self.layer.op is Op.POOL else self.share(self.input_bytes(), before, end, pieces)
            work = self.share(ceil(self.every * self.each / self.machine.vector_lanes), before, end, pieces)
            tiles.append(Tile(0, 0 if self.job.inputs_here else self.bursts(come), 0 if self.job.outputs_stay else self.bursts(out), work))
            tiles[-1].raw = come
            need = max(need, come * self.slots[0] + out * self.slots[1])
            before = end
        return tiles, need

    def share(self, total, start, end, pieces):
        """What of a total belongs to some of the pieces."""
        return total * end // pieces - total * start // pieces

    def window_bytes(self, start, end):
        """Bytes of the rows that windows of some output rows touch, from the first to the last."""
        layer = self.layer
        _, c, h, w = layer.input_shapes[0]
        samples = {}
        for row in range(start, end):
            n, p = divmod(row, layer.output_shape[2])
            reach = [p * layer.stride[0] + r * layer.dilation[0] - layer.padding[0] for r in range(layer.kernel[0])]
            samples.setdefault(n, []).extend(reach)
        rows = [row for reach in samples.values() for row in range(min(reach), max(reach) + 1) if 0 <= row < h]
        return ceil(c * w * len(rows) * self.machine.input_bits / 8)

    def bursts(self, size):
        """Bytes in whole bursts."""
        burst = self.machine.dram.burst_bytes
        return ceil(size / burst) * burst

    def free_bytes(self) -> int:
        """What the op's tiles and resident tensors leave of the memory of weights."""
        memory = next(memory for memory in self.machine.buffers if WEIGHTS in memory.holds)
        return memory.capacity_bytes - (self.job.reserved + self.demand if INPUTS in memory.holds else 0)

    def play(self, come=0, ahead=0) -> Played:
        """Play the tiles; `ahead` bytes are the next op's."""
        out, machine, layer = Played(), self.machine, self.layer
        port = Port(machine, *self.slots)
        out.tiles = self.tiles
        times = port.play(self.tiles, ahead, whole=False)
        out.parts.update({name: times[name] for name in ("fill", "wait", "drain")})
        out.parts["vector"] = sum(tile.work for tile in self.tiles)
        out.port_cycles, out.dma_cycles = port.busy, port.dma
        out.dram_read[INPUTS] = sum(tile.load for tile in self.tiles)
        out.dram_written = sum(tile.store for tile in self.tiles)
        loaded = 0 if self.job.inputs_here else sum(tile.raw for tile in self.tiles)
        made = tensor_bytes(layer.output_shape, machine.output_bits)
        taken = self.input_bytes()
        if layer.op is Op.POOL:
            taken = max(taken, ceil(self.every * self.each * machine.input_bits / 8))
        out.traffic = {
            ("dram", INPUTS): (out.dram_read[INPUTS], 0),
            ("dram", OUTPUTS): (0, out.dram_written),
            ("buffer", INPUTS): (taken, loaded),
            ("buffer", OUTPUTS): (0 if self.job.outputs_stay else made, made),
        }
        out.energy = moved_energy(out.traffic, machine)
        out.energy["vector"] = self.every * self.each * machine.energy.vector_op_pj
        out.energy["leakage"] = times["cycles"] * machine.energy.leakage_pj_per_cycle
        return out
