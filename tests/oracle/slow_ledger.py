"""Every tensor of a run from birth to last read, told anew from the network, the machine and what each op moved.

It shares nothing with the laws of production but their meaning: who reads a tensor finds it where it was left, in DRAM
or on chip; who moves it over DRAM moves all of it; what stays on chip at a time has room there.
"""

from collections.abc import Iterator
from math import ceil, prod

from simulator.hardware.model import Hardware
from simulator.network.ir import MAC_OPS, Layer, Network, Op
from simulator.result.run import LayerResult, Run
from tests.oracle.slow_schedule import constants as constants_of
from tests.oracle.slow_stacks import Walk

WINDOWS = {Op.CONV, Op.DEPTHWISE, Op.POOL}


class Ledger:
    """Where every stored tensor lies while the ops of a run follow one another; `faults` tells what is wrong."""

    def __init__(self, run: Run, network: Network, machine: Hardware) -> None:
        self.run, self.network, self.machine = run, network, machine
        self.results = {result.name: result for result in run.layers}
        self.layers = {layer.name: layer for layer in network.layers}
        self.hosts = {name: result.name for result in run.layers for name in result.fused}
        self.homes = {name: {name} for name in network.inputs}
        self.place = dict.fromkeys(network.inputs, "DRAM")
        self.sizes: dict[str, int] = {}
        for layer in network.layers:
            whole = set().union(*(self.homes[name] for name in layer.inputs))
            own = {self.hosts.get(layer.name, layer.name)}
            self.homes[layer.name] = whole if self.results[layer.name].folded else own
        self.in_stacks = self.stacked()

    def stacked(self) -> dict[str, int]:
        """Bytes on chip while each op of a stack runs: rows as a walk finds them, and weights that are held."""
        members: dict[str, list[LayerResult]] = {}
        for result in self.run.layers:
            if result.stacked:
                members.setdefault(result.stacked.first, []).append(result)
        found: dict[str, int] = {}
        for results in members.values():
            ops, stack = tuple(result.name for result in results), results[0].stacked
            walk = Walk(self.network, ops, stack.strip_rows, self.hosts)
            row = {job: prod(self.layers[job].output_shape) // self.layers[job].output_shape[2] for job in walk.jobs}
            held = sum(self.weight_bytes(self.layers[op]) for op in ops) if stack.weights == "held" else 0
            for op in ops:
                rows = [alive for job, alive in walk.alive if walk.op_of[job] == op]
                bits = [sum(each[t] * row[t] for t in each) * self.machine.output_bits for each in rows]
                found[op] = held + max(bits) // 8
        return found

    def faults(self) -> Iterator[str]:
        """Go from op to op; yield what an op finds wrong, its name in front."""
        for at, layer in enumerate(self.network.layers):
            result = self.results[layer.name]
            if result.folded or layer.name in self.hosts:
                found = ["a free op moves bytes"] if result.traffic else []
            else:
                found = [*self.reads(layer, result), *self.writes(layer, result), *self.room(at, result)]
            yield from (f"{layer.name}: {fault}" for fault in found)
        left = {home for name in self.network.outputs for home in self.homes[name] if self.place[home] != "DRAM"}
        yield from (f"{home}: an output of the network that never leaves the chip" for home in left)

    def reads(self, layer: Layer, result: LayerResult) -> Iterator[str]:
        """Find each operand where it was left, and as many bytes on their way as it has."""
        product = layer.op is Op.MATMUL
        operands = {"inputs": layer.inputs[:1] if product else layer.inputs, "weights": layer.inputs[1:] * product}
        for operand, names in operands.items():
            homes = set().union(*(self.homes[name] for name in names))
            if lost := homes - self.place.keys():
                yield f"reads {lost}, which nobody wrote"
            there = bool(names) and all(self.place.get(home) == "chip" for home in homes)
            if not there and any(self.place.get(home) == "chip" for home in homes):
                yield f"reads {homes} half from DRAM"
            if there != (operand in result.on_chip):
                yield f"takes its {operand} from where they are not"
            least = 0 if there else self.input_bytes(layer) if operand == "inputs" else self.weight_bytes(layer)
            home = "weights" if layer.op in MAC_OPS else "inputs"  # where what fused ops read besides is counted
            more = self.beside(result) if operand == "inputs" else 0
            more += self.brought(result) if operand == home else 0
            yield from self.moved(result, operand, least + more, exact=there)

    def moved(self, result: LayerResult, operand: str, least: int, exact: bool) -> Iterator[str]:
        """Compare bytes out of DRAM with those that must come."""
        dram = result.traffic["dram"]
        read, coded = dram[operand].read_bytes if operand in dram else 0, bool(self.machine.dram.run_length)
        if coded or (operand == "weights" and self.machine.dram.winograd):
            return
        most = self.at_most(least, result) if exact else read
        if not least <= read <= most:
            yield f"{read} bytes of {operand} come from DRAM, {least} must"

    def beside(self, result: LayerResult) -> int:
        """Bytes that come besides the inputs: constants, and what fused adds add that is not on chip."""
        layer, bits = self.layers[result.name], self.machine.output_bits
        picked = prod(layer.output_shape) if layer.op is Op.GATHER else layer.constant_elements
        constants = picked if layer.constant_elements else constants_of(layer)
        before, total = result.name, ceil(constants * self.machine.input_bits / 8)
        for name in result.fused:
            fused = self.layers[name]
            others = [other for other in fused.inputs if other != before]
            away = [other for other in others if any(self.place[home] != "chip" for home in self.homes[other])]
            total += len(away) * ceil(prod(fused.output_shape) * bits / 8)
            if fused.constant_elements > fused.output_shape[1]:  # no bias: it comes to every sample anew
                samples = fused.output_shape[0]
                total += ceil(fused.constant_elements * samples * bits / 8)
            before = name
        return total

    def brought(self, result: LayerResult) -> int:
        """Bytes of weights and constants of fused ops, those of channels: tables come with residual operands."""
        fused = [self.layers[name] for name in result.fused]
        weights = sum(self.weight_bytes(layer) for layer in fused)
        constants = [constants_of(layer) for layer in fused if layer.constant_elements <= layer.output_shape[1]]
        bits = self.machine.weight_bits if self.layers[result.name].op in MAC_OPS else self.machine.input_bits
        return weights + ceil(sum(constants) * bits / 8)

    def input_bytes(self, layer: Layer) -> int:
        """Distinct bytes of the inputs that an op needs."""
        shapes = dict(zip(layer.inputs, layer.input_shapes, strict=True))
        if layer.op is Op.MATMUL:
            shapes.pop(layer.inputs[1]) if len(shapes) > 1 else None
        elements = sum(map(prod, shapes.values()))
        if layer.op is Op.SPLIT:
            elements = prod(layer.output_shape)
        if layer.op in WINDOWS:
            elements = prod(layer.input_shapes[0][:2]) * len(met(layer, 0)) * len(met(layer, 1))
        return ceil(elements * self.machine.input_bits / 8)

    def weight_bytes(self, layer: Layer) -> int:
        """Distinct bytes of the weights, or of the second factor."""
        if layer.op not in MAC_OPS:
            return 0
        inner, filters = layer.input_shapes[0][1] // layer.groups, layer.output_shape[1]
        elements = prod(layer.input_shapes[1]) if layer.op is Op.MATMUL else filters * inner * prod(layer.kernel)
        return ceil(elements * self.machine.weight_bits / 8)

    def writes(self, layer: Layer, result: LayerResult) -> Iterator[str]:
        """Leave what was made, as the last fused op leaves it, in DRAM or on chip."""
        last, moved = self.layers[(result.name, *result.fused)[-1]], result.traffic["dram"]["outputs"]
        size = ceil(prod(last.output_shape) * self.machine.output_bits / 8)
        self.sizes[layer.name] = size
        self.place[layer.name] = "chip" if "outputs" in result.on_chip else "DRAM"
        if self.place[layer.name] == "chip":
            if moved.total_bytes:
                yield f"{moved.total_bytes} bytes of outputs cross DRAM that stay on chip"
        elif moved.write_bytes < size and not self.machine.dram.run_length:
            yield f"{moved.write_bytes} of {size} bytes of outputs are written"
        elif layer.op not in MAC_OPS and moved.write_bytes > self.at_most(size, result):
            yield f"{moved.write_bytes} bytes are written of {size}"

    def at_most(self, size: int, result: LayerResult) -> int:
        """Bytes that some take of DRAM at most: channels fill up atoms, and runs less than a burst at either end."""
        dram = self.machine.dram
        return size * dram.atom_channels + 2 * max(result.tiles, result.dma_runs) * (dram.burst_bytes - 1)

    def room(self, at: int, result: LayerResult) -> Iterator[str]:
        """Compare what is alive on chip while an op runs with what is set aside, and that with what there is."""
        memory = next(memory for memory in self.machine.buffers if 0 in memory.holds)
        chip = [home for home, place in self.place.items() if place == "chip"]
        whole = [home for home in chip if not self.inner(home)]
        alive = sum(self.sizes[home] for home in whole if at <= self.last_read(home))
        alive += self.in_stacks.get(result.name, 0)
        if not alive <= result.kept_bytes <= memory.capacity_bytes:
            yield f"{alive} bytes are alive, {result.kept_bytes} kept, of {memory.capacity_bytes}"

    def inner(self, home: str) -> bool:
        """Whether a stored tensor is one that a stack never has whole."""
        stack = self.results[home].stacked if home in self.results else None
        return stack is not None and stack.last != home

    def last_read(self, home: str) -> int:
        """The last op of the network that reads anything that a stored tensor holds."""
        order = list(self.network.layers)
        readers = (at for at, layer in enumerate(order) if any(home in self.homes[name] for name in layer.inputs))
        return max(readers, default=-1)


def met(layer: Layer, axis: int) -> set[int]:
    """Rows or columns of the input under some tap of some window."""
    outputs, size = layer.output_shape[2 + axis], layer.input_shapes[0][2 + axis]
    starts = [at * layer.stride[axis] - layer.padding[axis] for at in range(outputs)]
    return {start + tap * layer.dilation[axis] for start in starts for tap in range(layer.kernel[axis])} & {
        *range(size)
    }
