"""An op that does not multiply, in the slow simulator: equal shares of its outputs stream through the vector unit."""

from fractions import Fraction
from math import ceil, prod

from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import Layer, Op
from tests.oracle.slow_port import Played, Port, Tile, moved_energy, standing_energy
from tests.oracle.slow_schedule import Job, tensor_bytes

INPUTS, WEIGHTS, OUTPUTS = Operand
MOVES = {Op.CONCAT, Op.SPLIT, Op.SHUFFLE, Op.GATHER, Op.RESHAPE, Op.PAD, Op.UNKNOWN}
ALWAYS_TRIED, MOST_TILES = 64, 4096


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
    """An op on the vector unit; `raw` are the bytes that tiles load, before they are rounded to bursts."""

    def __init__(self, job: Job, machine: Hardware) -> None:
        self.job, self.layer, self.machine = job, job.layer, machine
        self.outputs, self.each = prod(job.layer.output_shape), operations(job.layer)
        self.slots = machine.slots_of(INPUTS), machine.slots_of(OUTPUTS)

    def free_bytes(self) -> int:
        """What the op's tiles and resident tensors leave of the memory of weights."""
        memory = next(memory for memory in self.machine.buffers if WEIGHTS in memory.holds)
        _, _, need = self.fastest(0)
        return memory.capacity_bytes - (self.job.reserved + need if INPUTS in memory.holds else 0)

    def play(self, come=0, ahead=0) -> Played:
        """Play the tiles; `ahead` bytes of the next op cross the port meanwhile."""
        out, machine, layer = Played(), self.machine, self.layer
        port = Port(machine, *self.slots)
        out.tiles, raw, _ = self.fastest(ahead)
        times = port.play(out.tiles, ahead, whole=False)
        out.parts.update({name: times[name] for name in ("fill", "wait", "drain")})
        out.parts["vector"] = sum(tile.work for tile in out.tiles)
        out.parts["configuration"] = machine.launch_cycles
        out.dma_cycles, out.bounds = port.dma, {"dram": port.busy, "vector": out.parts["vector"]}
        out.bottleneck = "dram" if port.busy >= out.parts["vector"] else "vector"
        made = tensor_bytes(layer.output_shape, machine.output_bits)
        taken = self.input_bytes()
        out.footprint = {"inputs": self.met_bytes() if layer.op is Op.POOL else taken, "outputs": made}
        if layer.op is Op.POOL:  # windows overlap: elements are read as often as windows hold them
            taken = max(taken, raw, ceil(self.outputs * self.each * machine.input_bits / 8))
        out.dram_read[INPUTS] = sum(tile.load for tile in out.tiles)
        out.dram_written = sum(tile.store for tile in out.tiles)
        out.traffic = {
            ("dram", INPUTS): (out.dram_read[INPUTS], 0),
            ("dram", OUTPUTS): (0, out.dram_written),
            ("buffer", INPUTS): (taken, 0 if self.job.inputs_here else raw),
            ("buffer", OUTPUTS): (0 if self.job.outputs_stay else made, made),
        }
        out.energy = moved_energy(out.traffic, machine)
        out.energy |= standing_energy(machine, {"vector": self.outputs * self.each}, times["cycles"])
        return out

    def input_bytes(self) -> int:
        """Bytes of all that is read, each word once; of a slice only what it takes."""
        shapes = [self.layer.output_shape] if self.layer.op is Op.SPLIT else self.layer.input_shapes
        return sum(tensor_bytes(shape, self.machine.input_bits) for shape in shapes)

    def met_bytes(self) -> int:
        """Bytes of the inputs that lie in some window."""
        layer, met = self.layer, []
        for axis, size in enumerate(layer.input_shapes[0][2:]):
            first = range(-layer.padding[axis], size, layer.stride[axis])[: layer.output_shape[2 + axis]]
            met.append({x + tap * layer.dilation[axis] for x in first for tap in range(layer.kernel[axis])})
            met[axis] &= set(range(size))
        return tensor_bytes((*layer.input_shapes[0][:2], *map(len, met)), self.machine.input_bits)

    def fastest(self, ahead):
        """Of the cuts into 1, 2, 4, ... tiles that fit, the fastest (of equals the coarsest): see `cut`.

        All up to `ALWAYS_TRIED` are tried, finer ones until one fits.
        """
        memory = next(memory for memory in self.machine.buffers if INPUTS in memory.holds)
        best, count = None, 1
        while best is None or count <= ALWAYS_TRIED:
            found = self.cut(count)
            if count >= MOST_TILES or found[-1] <= memory.capacity_bytes - self.job.reserved:
                end = Port(self.machine, *self.slots).play(found[0], ahead, whole=False)["cycles"]
                best = (end, found) if best is None or end < best[0] else best
            count *= 2
        return best[1]

    def cut(self, count):
        """Deal rows of the outputs out to so many tiles, or elements where there are fewer rows than tiles.

        Return the tiles, the bytes that they load without rounding, and what the largest takes of its memory.
        """
        rows = self.layer.output_shape[2]
        by_rows = count <= rows
        pieces = rows if by_rows else self.outputs
        totals = (
            self.input_bytes(),
            tensor_bytes(self.layer.output_shape, self.machine.output_bits),
            ceil(self.outputs * self.each / self.machine.vector_lanes),
        )
        tiles, raw, need, before = [], 0, 0, 0
        for end in (round(Fraction(i * pieces, count)) for i in range(1, count + 1)):
            load, store, work = (total * end // pieces - total * before // pieces for total in totals)
            if by_rows and self.layer.op is Op.POOL:
                load = self.window_bytes(before, end)
            raw += load
            load, store = load * (not self.job.inputs_here), store * (not self.job.outputs_stay)
            tiles.append(Tile(0, self.bursts(load), self.bursts(store), work))
            need = max(need, load * self.slots[0] + store * self.slots[1])
            before = end
        return tiles, raw, need

    def window_bytes(self, start, end) -> int:
        """Bytes of the rows that windows of some output rows touch, from the first to the last; each in whole bytes."""
        n, c, h, w = self.layer.input_shapes[0]
        (stride, _), (dilation, _), top = self.layer.stride, self.layer.dilation, self.layer.padding[0]
        taps = range(self.layer.kernel[0])
        reach = {p * stride + r * dilation - top for p in range(start, end) for r in taps}
        rows = set(range(min(reach, default=0), max(reach, default=-1) + 1)) & set(range(h))
        return sum(tensor_bytes((n, c, 1, w), self.machine.input_bits) for _ in rows)

    def bursts(self, size) -> int:
        """Bytes in whole bursts."""
        burst = self.machine.dram.burst_bytes
        return ceil(size / burst) * burst
