"""An op that does not multiply, in the slow simulator: equal shares of its outputs stream through the vector unit."""

from fractions import Fraction
from itertools import pairwise, product
from math import ceil, prod

from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import Layer, Op
from tests.oracle.naive_bursts import CHANNELS, COLUMNS, DEEP, ROWS
from tests.oracle.slow_addresses import is_tiled, taken
from tests.oracle.slow_port import NOTHING, Moved, Played, Port, Tile, in_one_run, moved_energy, standing_energy
from tests.oracle.slow_schedule import Job, constants, tensor_bytes

INPUTS, WEIGHTS, OUTPUTS = Operand
MOVES = {Op.CONCAT, Op.SPLIT, Op.SHUFFLE, Op.GATHER, Op.RESHAPE, Op.PAD, Op.UNKNOWN}
ALWAYS_TRIED, MOST_TILES = 64, 4096


def operations(layer: Layer) -> int:
    """Operations of the vector unit."""
    if layer.op is Op.COL2IM:
        return max(0, prod(layer.input_shapes[0]) - prod(layer.output_shape))
    return prod(layer.output_shape) * each_output(layer)


def each_output(layer: Layer) -> int:
    """Operations for each output."""
    if layer.op in MOVES:
        return 0
    if layer.op in (Op.ADD, Op.MUL):
        return max(1, len(layer.inputs) - 1)
    if layer.op is Op.POOL:
        return prod(layer.kernel)
    if layer.op is Op.LRN:
        return 2 * layer.window_elements + 3
    if layer.op is Op.NORMALIZATION:
        return 4 if layer.variant in ("l2_norm", "lp_norm", "rms_norm") else 7
    return {Op.ACTIVATION: 1, Op.SOFTMAX: 4, Op.UPSAMPLE: 4 if layer.variant == "bilinear" else 1}[layer.op]


class VectorOp:
    """An op on the vector unit; `raw` are the bytes that tiles load, before they are rounded to bursts."""

    def __init__(self, job: Job, machine: Hardware) -> None:
        self.job, self.layer, self.machine = job, job.layer, machine
        self.outputs, self.operations = prod(job.layer.output_shape), operations(job.layer)
        in_pes = job.layer.op in machine.ops_on_array
        self.lanes = machine.array.pes if in_pes else machine.vector_lanes
        self.slots = machine.slots_of(INPUTS), machine.slots_of(OUTPUTS)

    def free_bytes(self) -> int:
        """What the op's tiles and resident tensors leave of the memory of weights."""
        memory = next(memory for memory in self.machine.buffers if WEIGHTS in memory.holds)
        _, _, need = self.fastest()
        return memory.capacity_bytes - (self.job.reserved + need if INPUTS in memory.holds else 0)

    def play(self, come=0, ahead=0) -> Played:
        """Play the tiles; `ahead` bytes of the next op cross the port meanwhile."""
        out, machine, layer = Played(), self.machine, self.layer
        port = Port(machine, *self.slots)
        out.tiles, raw, _ = self.fastest()
        times = port.play(out.tiles, ahead, whole=False)
        out.parts.update({name: times[name] for name in ("fill", "wait", "drain")})
        out.parts["vector"] = sum(tile.work for tile in out.tiles)
        out.parts["configuration"] = machine.launch_cycles
        out.dma_cycles, out.bounds = port.dma, {"dram": port.busy, "vector": out.parts["vector"]}
        out.bottleneck = out.longest("", 0)
        made = tensor_bytes(layer.output_shape, machine.output_bits)
        taken = self.input_bytes() + self.constant_bytes()
        own = constants(layer) if self.picked is None else min(layer.constant_elements, self.picked)
        distinct = self.input_bytes() + tensor_bytes((own,), machine.input_bits)
        out.footprint = {"inputs": self.met_bytes() if layer.op is Op.POOL else distinct, "outputs": made}
        if layer.op is Op.POOL:  # windows overlap: elements are read as often as windows hold them
            taken = max(taken, raw, ceil(self.operations * machine.input_bits / 8))
        if layer.op is Op.NORMALIZATION:  # statistics first, then every element once more
            taken = 2 * self.input_bytes() + self.constant_bytes()
        out.dram_read[INPUTS] = sum(tile.load.size for tile in out.tiles)
        out.dram_written = sum(tile.store.size for tile in out.tiles)
        out.dma_runs = sum((tile.load + tile.store).runs for tile in out.tiles)
        out.traffic = {
            ("dram", INPUTS): (out.dram_read[INPUTS], 0),
            ("dram", OUTPUTS): (0, out.dram_written),
            ("buffer", INPUTS): (taken, raw),
            ("buffer", OUTPUTS): (0 if self.job.outputs_stay else made, made),
        }
        out.energy = moved_energy(out.traffic, machine)
        kind = "mac" if layer.op in machine.ops_on_array else "vector"
        standing = standing_energy(machine, {kind: self.operations}, times["cycles"])
        out.energy |= standing | {"vector": standing.pop(kind)}
        return out

    def input_bytes(self) -> int:
        """Bytes of all that is read, each word once; of a slice only what it takes."""
        shapes = [self.layer.output_shape] if self.layer.op is Op.SPLIT else self.layer.input_shapes
        return sum(tensor_bytes(shape, self.machine.input_bits) for shape in shapes)

    def constant_bytes(self) -> int:
        """Bytes of constants: what is picked of a table, as much as comes out; all of any other, once."""
        words = constants(self.layer) if self.picked is None else self.picked
        return tensor_bytes((words + self.job.parameters,), self.machine.input_bits)

    @property
    def picked(self) -> int | None:
        """Words picked of a table, if there is one."""
        return self.outputs if self.layer.op is Op.GATHER and self.layer.constant_elements else None

    def met_bytes(self) -> int:
        """Bytes of the inputs that lie in some window."""
        layer, met = self.layer, []
        for axis, size in enumerate(layer.input_shapes[0][2:]):
            first = range(-layer.padding[axis], size, layer.stride[axis])[: layer.output_shape[2 + axis]]
            met.append({x + tap * layer.dilation[axis] for x in first for tap in range(layer.kernel[axis])})
            met[axis] &= set(range(size))
        return tensor_bytes((*layer.input_shapes[0][:2], *map(len, met)), self.machine.input_bits)

    def fastest(self):
        """Of the cuts into 1, 2, 4, ... tiles that fit, the fastest (of equals the coarsest): see `cut`.

        All up to `ALWAYS_TRIED` are tried, finer ones until one fits.
        """
        memory = next(memory for memory in self.machine.buffers if INPUTS in memory.holds)
        best, count = None, 1
        while best is None or count <= ALWAYS_TRIED:
            found = self.cut(count)
            if count >= MOST_TILES or found[-1] <= memory.capacity_bytes - self.job.reserved:
                end = Port(self.machine, *self.slots).play(found[0], whole=False)["cycles"]
                best = (end, found) if best is None or end < best[0] else best
            count *= 2
        return best[1]

    def cut(self, count):
        """Deal the op out to tiles: a pool's boxes of windows, or of other ops equal shares of all that there is.

        Of a normalization, sets of elements take the place of rows, and are loaded twice where tiles cut them.

        Return the tiles, the bytes that they load without rounding, and what the largest takes of its memory.
        """
        normal = self.layer.op is Op.NORMALIZATION
        rows = max(1, self.outputs // self.layer.window_elements) if normal else self.layer.output_shape[2]
        loaded = self.input_bytes() * (2 if normal and count > rows else 1)
        stored = tensor_bytes(self.layer.output_shape, self.machine.output_bits)
        totals = (loaded, self.constant_bytes(), stored, ceil(self.operations / self.lanes))
        boxes = list(self.boxes(count)) if self.layer.op is Op.POOL else [None] * count
        pieces = self.outputs if self.layer.op is Op.POOL or count > rows else rows
        tiles, raw, need, before = [], 0, 0, 0
        for i, box in enumerate(boxes, start=1):
            end = round(Fraction(i * pieces, count)) if box is None else before + prod(map(len, box))
            load, more, store, work = (total * end // pieces - total * before // pieces for total in totals)
            reached = box and self.reached(*box)
            load = self.box_bytes(*reached) if box else load
            load, store = load * (not self.job.inputs_here), store * (not self.job.outputs_stay)
            come = [self.moved(INPUTS, load, reached), self.piece(more)] if box else [self.piece(load + more)]
            raw += load + more
            tiles.append(Tile(NOTHING, sum(come, NOTHING), self.moved(OUTPUTS, store, box), work))
            load += more
            need = max(need, load * self.slots[0] + store * self.slots[1])
            before = end
        return tiles, raw, need

    def boxes(self, count):
        """Samples, channels, rows, columns of outputs of each tile of a pool, cut up as far as is needed.

        Rows are cut first, then samples, then channels, atoms of which stay together, columns last.
        """
        n, c, h, w = self.layer.output_shape
        atom = self.machine.dram.atom_channels
        cuts, left = [], Fraction(count)
        for extent, each, most in ((h, 1, h), (n, 1, n), (ceil(c / atom), atom, c), (w, 1, w)):
            parts = min(extent, ceil(left))
            ends = [round(Fraction(i * extent, parts)) * each for i in range(parts + 1)]
            cuts.append([range(start, min(end, most)) for start, end in pairwise(ends)])
            left /= extent
        return [(samples, channels, rows, columns) for rows, samples, channels, columns in product(*cuts)]

    def reached(self, samples, channels, rows, columns):
        """The inputs that windows of some outputs reach: of a line all, unless columns are cut up."""
        whole = len(columns) == self.layer.output_shape[3]
        across = range(self.layer.input_shapes[0][3]) if whole else self.lines(1, columns)
        return samples, channels, self.lines(0, rows), across

    def box_bytes(self, samples, channels, rows, columns) -> int:
        """Bytes of a box."""
        return tensor_bytes((len(samples), len(channels), len(rows), len(columns)), self.machine.input_bits)

    def lines(self, axis, outputs):
        """Rows or columns of the input that windows of some outputs reach, from the first to the last."""
        layer, size = self.layer, self.layer.input_shapes[0][2 + axis]
        taps, before = range(layer.kernel[axis]), layer.padding[axis]
        reach = {at * layer.stride[axis] + tap * layer.dilation[axis] - before for at in outputs for tap in taps}
        return sorted(set(range(min(reach, default=0), max(reach, default=-1) + 1)) & set(range(size)))

    def piece(self, size) -> Moved:
        """What some bytes take of the port that lie in one piece."""
        burst = self.machine.dram.burst_bytes
        return in_one_run(ceil(size / burst) * burst) if size else NOTHING

    def moved(self, operand, size, box) -> Moved:
        """What some bytes take of the port: a box of a tensor that does not lie in one piece, or all in one."""
        machine = self.machine
        if not size or not box or is_tiled(machine, False, operand in machine.dram.run_length):
            return self.piece(size)
        shape = self.layer.input_shapes[0] if operand == INPUTS else self.layer.output_shape
        axes = (DEEP, CHANNELS, ROWS, COLUMNS)
        bits, nowhere = (machine.input_bits, 0, machine.output_bits)[operand], {axis: [] for axis in axes}
        places = dict(zip(axes, map(list, box), strict=True))
        found = taken(places, dict(zip(axes, shape, strict=True)), nowhere, machine, bits)
        return Moved(found.size, found.runs, found.descriptors)
