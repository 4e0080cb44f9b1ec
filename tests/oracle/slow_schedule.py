"""What the slow simulator makes of a network before it plays it: which ops run, and where their tensors are.

The rules, told anew: an op goes along with the op that made its newest input, if the machine fuses ops of its kind and
nobody else wants that input. A tensor may stay on chip from when it is made until it is read last, if at all times what
stays, counted in sixteenths of the memory of inputs, leaves a strip of that memory to the op at work, and if whoever
reads it finds its other inputs there, too. The two factors of a product are apart. Of all that may stay together, those
do that spare DRAM most bytes; of equal ones, the earlier.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import product
from math import ceil, prod

from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import MAC_OPS, Layer, Network, Op
from tests.oracle.slow_addresses import widths_of


@dataclass
class Job:
    """An op that runs, what goes along with it, and what lies on chip meanwhile."""

    layer: Layer
    fused: list[Layer] = field(default_factory=list)
    residuals: list[str] = field(default_factory=list)  # tensors that fused ops read besides
    fetched: int = 0  # how many of these come from DRAM
    inputs_here: bool = False
    weights_here: bool = False
    outputs_stay: bool = False
    wide_inputs: int = 0  # channels of the tensor in DRAM in which its inputs lie, if that is a larger one
    wide_outputs: int = 0
    dealt: bool = False  # its inputs' channels lie in another order
    parameters: int = 0  # words that ops which go along read besides
    reserved: int = 0  # bytes that resident tensors take of the memory of inputs

    @property
    def stored(self) -> Fraction:
        """What is stored of what the op makes."""
        shapes = [layer.output_shape for layer in (self.layer, *self.fused)]
        return Fraction(prod(shapes[-1]), prod(shapes[0]))


def tensor_bytes(shape, bits) -> int:
    """Bytes of a tensor."""
    return ceil(prod(shape) * bits / 8)


def schedule(network: Network, machine: Hardware) -> list[Job]:
    """The jobs of a network in order; all other ops cost nothing."""
    jobs, homes = jobs_of(network, machine)
    stays = residents(network, machine, jobs, homes) if machine.keeps_activations else {}
    shares = {}
    for layer in network.layers:  # what the reader of a stored tensor knows of its zeros holds for its writer
        if layer.zero_inputs_fraction is not None and len(homes[layer.inputs[0]]) == 1:
            (home,) = homes[layer.inputs[0]]
            shares[home] = layer.zero_inputs_fraction
    taken = reserved(stays, network, machine)
    widths, dealt = widths_of(network, machine.folds)
    for at, layer in enumerate(network.layers):
        if job := jobs.get(layer.name):
            here = [all(home in stays for home in homes[name]) for name in layer.inputs]
            job.inputs_here = here[0] if layer.op is Op.MATMUL else all(here)
            job.weights_here = layer.op is Op.MATMUL and here[1]
            job.fetched = sum(any(home not in stays for home in homes[name]) for name in job.residuals)
            job.fetched += sum(tables(fused) for fused in job.fused)
            job.parameters = sum(constants(fused) for fused in job.fused if not tables(fused))
            job.outputs_stay = layer.name in stays
            job.reserved = taken[at]
            made, read = (job.fused or [layer])[-1].name, layer.inputs[0]
            job.wide_inputs = widths[read] if widths[read] > layer.input_shapes[0][1] else 0
            job.wide_outputs = widths[made] if widths[made] > layer.output_shape[1] else 0
            job.dealt = read in dealt
            job.layer = replace(layer, zero_outputs_fraction=shares.get(layer.name, layer.zero_outputs_fraction))
            if layer.op is Op.MATMUL and layer.zero_weights_fraction is None:  # activations, like those it multiplies
                home = min(homes[layer.inputs[1]]) if len(homes[layer.inputs[1]]) == 1 else None
                share = shares.get(home, machine.array.zero_inputs_fraction)
                job.layer = replace(job.layer, zero_weights_fraction=share)
    return list(jobs.values())


def jobs_of(network, machine):
    """The ops that run, by name; and for every tensor the stored tensors that it is made of."""
    jobs, host, homes = {}, {}, {name: {name} for name in network.inputs}
    order = [*network.inputs, *(layer.name for layer in network.layers)]
    read = [*(name for layer in network.layers for name in layer.inputs), *network.outputs]
    for layer in network.layers:
        newest = max(layer.inputs, key=lambda name: order.index(name) if name not in network.inputs else -1)
        job = jobs.get(host.get(newest, newest))
        if layer.op in machine.folds:
            homes[layer.name] = set().union(*(homes[name] for name in layer.inputs))
        elif (
            job and layer.op in {*machine.fuses, Op.COL2IM} and read.count(newest) == 1 and goes_along(layer, job.layer)
        ):
            job.fused.append(layer)
            job.residuals += [name for name in layer.inputs if name != newest]
            host[layer.name] = job.layer.name
            homes[layer.name] = {job.layer.name}
        else:
            jobs[layer.name] = Job(layer)
            homes[layer.name] = {layer.name}
    return jobs, homes


def goes_along(layer, maker) -> bool:
    """Element by element anything does; only the array's outputs are added to, and pooled, on their way out."""
    if len(layer.inputs) == 1 and layer.input_shapes[0] == layer.output_shape and not tables(layer):
        return True
    if maker.op not in MAC_OPS:
        return False
    return layer.op in (Op.POOL, Op.COL2IM) or (layer.op is Op.ADD and set(layer.input_shapes) == {maker.output_shape})


def tables(layer) -> int:
    """Constants with a value for every element of a sample; a value for each channel is none."""
    _, channels, height, width = layer.output_shape
    return ceil(layer.constant_elements / (channels * height * width)) if layer.constant_elements > channels else 0


def constants(layer) -> int:
    """What an op reads beside its inputs: as told, or slopes, factors and offsets, gains as its kind has them."""
    channels = layer.output_shape[1]
    if layer.constant_elements or layer.op in MAC_OPS:
        return layer.constant_elements
    of_channels = {"prelu": 1, "instance_norm": 2, "group_norm": 2} | dict.fromkeys(("norm", "norm_relu"), 2)
    of_sets = {"layer_norm": 2, "rms_norm": 1}
    return of_channels.get(layer.variant, 0) * channels + of_sets.get(layer.variant, 0) * layer.window


def residents(network, machine, jobs, homes):
    """Stored tensor -> (made, last read, bytes) of those that stay on chip."""
    memory = next(buffer for buffer in machine.buffers if Operand.INPUTS in buffer.holds)
    ends = dict.fromkeys(jobs, 0)
    for at, layer in enumerate(network.layers):
        for home in homes[layer.name] | set().union(*(homes[name] for name in layer.inputs)):
            ends[home] = at
    for name in network.outputs:
        for home in homes[name]:
            ends[home] = len(network.layers)
    able = {}
    for at, layer in enumerate(network.layers):
        if Operand.OUTPUTS in memory.holds and layer.name in jobs and ends[layer.name] < len(network.layers):
            shape = (jobs[layer.name].fused or [layer])[-1].output_shape
            if not is_factor(layer.name, network, homes, memory):
                able[layer.name] = (at, ends[layer.name], tensor_bytes(shape, machine.output_bits))
    gains = {home: gain(home, size, jobs, homes, machine) for home, (_, _, size) in able.items()}
    every = [
        kept
        for kept in product((True, False), repeat=len(able))
        if whole(dict(zip(able, kept, strict=True)), network, homes)
    ]
    every.sort(key=lambda kept: (sum(g for g, k in zip(gains.values(), kept, strict=True) if k), kept), reverse=True)
    choices = ({home: able[home] for home, k in zip(able, kept, strict=True) if k} for kept in every)
    return next(stays for stays in choices if has_room(stays, network, machine, jobs, homes, memory))


def gain(home, size, jobs, homes, machine) -> int:
    """Bytes that a tensor on chip spares DRAM: when it is made, and whenever an op reads it, or a part of it."""
    spared = size
    for job in jobs.values():
        read = [*zip(job.layer.inputs, job.layer.input_shapes, strict=True)]
        read += [(name, job.layer.output_shape) for name in job.residuals]
        spared += sum(min(size, tensor_bytes(shape, machine.input_bits)) for name, shape in read if home in homes[name])
    return spared


def whole(kept, network, homes) -> bool:
    """Whether no op, a product apart, finds some of what it reads on chip and some not."""
    reads = [set().union(*(homes[name] for name in op.inputs)) for op in network.layers if op.op is not Op.MATMUL]
    return all(len({kept.get(home, False) for home in read}) == 1 for read in reads)


def has_room(stays, network, machine, jobs, homes, memory) -> bool:
    """Whether all ops during which something stays have their strips beside it."""
    taken = reserved(stays, network, machine)
    for at, op in enumerate(network.layers):
        if taken[at] and op.name in jobs:
            here = all(home in stays for name in op.inputs for home in homes[name])
            taken[at] += strip(op, machine, memory, here, op.name in stays)
    return max(taken) <= memory.capacity_bytes


def reserved(stays, network, machine) -> list[int]:
    """Bytes that resident tensors take while each op runs, whole sixteenths."""
    memory = next(buffer for buffer in machine.buffers if Operand.INPUTS in buffer.holds)
    sixteenth = max(1, memory.capacity_bytes // 16)
    alive = [[n for made, end, n in stays.values() if made <= at <= end] for at in range(len(network.layers))]
    return [ceil(sum(sizes) / sixteenth) * sixteenth for sizes in alive]


def strip(layer, machine, memory, inputs_here, outputs_stay) -> int:
    """Bytes for one row of outputs: what it is made of, its sums, and a weight for each PE; none of what stays."""
    multiplies, copies = layer.op in MAC_OPS, 2 if memory.double_buffered else 1
    if not multiplies and layer.op is not Op.POOL:
        return 0
    taps, spread = layer.kernel[0], layer.dilation[0]
    samples, channels, height, width = layer.input_shapes[0]
    rows, filters = len([row for row in range((taps - 1) * spread + 1) if row < height]), layer.output_shape[1]
    if multiplies:
        samples, channels, filters = 1, channels // layer.groups, filters // layer.groups
    bytes_in = ceil(samples * channels * rows * width * machine.input_bits / 8)
    width_out = machine.partial_sum_bits if multiplies else machine.output_bits
    bytes_out = ceil(samples * filters * layer.output_shape[3] * width_out / 8)
    wanted = [bytes_in] * (0 if inputs_here else copies)
    wanted += [bytes_out] * ((1 if multiplies else 0) if outputs_stay else copies)
    if multiplies and Operand.WEIGHTS in memory.holds:
        wanted += [ceil(machine.array.rows * machine.array.columns * machine.weight_bits / 8)] * copies
    return sum(wanted)


def is_factor(home, network, homes, memory) -> bool:
    """Whether a tensor is wanted where weights lie, in another memory than it was made in."""
    products = [layer for layer in network.layers if layer.op is Op.MATMUL]
    return Operand.WEIGHTS not in memory.holds and any(home in homes[layer.inputs[1]] for layer in products)
