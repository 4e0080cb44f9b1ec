"""Decide which tensor lives where and when: what is stored, what stays in the buffer, what that takes of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import MAC_OPS, Layer, Network, Op
from simulator.network.lifetimes import Lifetime, lifetimes
from simulator.network.ops import OPS
from simulator.network.shapes import tensor_bytes, window_reach
from simulator.schedule.fusion import Fusion, fuse

Storage = Mapping[str, frozenset[str]]
"""Tensor -> the stored tensors that hold it: itself, its producer's, or all that a folded op joins."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A tensor that stays in the buffer from when it is made until it is last read."""

    lifetime: Lifetime
    size_bytes: int


KeptTensors = Mapping[str, Kept]


@dataclass(frozen=True, slots=True)
class Residency:
    """Where tensors are stored, which of them stay on chip, and what those take while each op runs.

    `alive_bytes` are theirs, `reserved_bytes` these rounded up.
    """

    storage: Storage
    kept: KeptTensors
    alive_bytes: tuple[int, ...]
    reserved_bytes: tuple[int, ...]

    def stored_in(self, tensors: Iterable[str]) -> frozenset[str]:
        """Return the stored tensors that hold some tensors."""
        return frozenset().union(*(self.storage[name] for name in tensors))

    def on_chip(self, tensors: Iterable[str]) -> bool:
        """Return whether all that holds some tensors stays on chip."""
        return self.stored_in(tensors) <= self.kept.keys()


def residency(network: Network, hardware: Hardware, fusion: Fusion) -> Residency:
    """Return where the tensors of a network live on a machine."""
    storage = storage_of(network, fusion)
    kept = _kept(network, hardware, fusion, storage) if hardware.keeps_activations else {}
    buffer = hardware.activation_buffer
    alive = tuple(_occupancy(kept, len(network.layers)))
    return Residency(storage, kept, alive, tuple(_rounded(size, buffer.capacity_bytes) for size in alive))


def storage_of(network: Network, fusion: Fusion) -> Storage:
    """Return for each tensor the stored ones that hold it."""
    storage = {name: frozenset({name}) for name in network.inputs}
    for layer in network.layers:
        if layer.name in fusion.folded:
            storage[layer.name] = frozenset().union(*(storage[name] for name in layer.inputs))
        else:
            storage[layer.name] = frozenset({fusion.producer_of.get(layer.name, layer.name)})
    return storage


def full_residency_bytes(network: Network, hardware: Hardware) -> int:
    """Return a capacity of the activations' buffer at which every tensor between two ops of a network stays there.

    Bytes: the most, over all ops, of all tensors alive, in sixteenths of the buffer, and the op's strip with its inputs
    and outputs there. As sixteenths grow with the buffer, it is grown until all ops fit.
    """
    fusion = fuse(network, hardware)
    storage = storage_of(network, fusion)
    all_kept = _candidates(network, hardware, fusion, storage)
    strips = [_strip(layer, hardware, fusion, storage, all_kept) for layer in network.layers]
    ops = [(size, strip) for size, strip in zip(_occupancy(all_kept, len(strips)), strips, strict=True) if size]
    capacity = max((size + strip for size, strip in ops), default=0)
    while (needed := max((_rounded(size, capacity) + strip for size, strip in ops), default=0)) > capacity:
        capacity = needed
    return capacity


def _rounded(size: int, capacity_bytes: int) -> int:
    """Round what kept tensors take up to sixteenths of the buffer, so that ops of one shape meet the same rest."""
    sixteenth = max(1, capacity_bytes // 16)
    return -(-size // sixteenth) * sixteenth


def _kept(network: Network, hardware: Hardware, fusion: Fusion, storage: Storage) -> KeptTensors:
    """Choose the tensors that stay in the buffer.

    They are considered in the order they are made. One stays if, whatever runs meanwhile, all that stay leave room for
    a strip of it, see `strip_bytes`. An op finds all of its inputs there or none of them; a product, each factor.
    """
    capacity, layers = hardware.activation_buffer.capacity_bytes, network.layers
    kept: dict[str, Kept] = {}
    taken = [0] * len(layers)
    for name, tensor in _candidates(network, hardware, fusion, storage).items():
        trial = {**kept, name: tensor}
        alive = range(tensor.lifetime.made, tensor.lifetime.last_read + 1)
        if all(
            _rounded(taken[i] + tensor.size_bytes, capacity) + _strip(layers[i], hardware, fusion, storage, trial)
            <= capacity
            for i in alive
        ):
            kept = trial
            for i in alive:
                taken[i] += tensor.size_bytes
    while dropped := _torn(network, storage, kept):
        kept = {name: entry for name, entry in kept.items() if name not in dropped}
    return kept


def _candidates(network: Network, hardware: Hardware, fusion: Fusion, storage: Storage) -> KeptTensors:
    """Tensors that may stay in the buffer, in the order they are made: what some op makes where another reads it."""
    buffer = hardware.activation_buffer
    if Operand.OUTPUTS not in buffer.holds:
        return {}
    life = _stored_lifetimes(network, storage)
    elsewhere = set() if Operand.WEIGHTS in buffer.holds else _second_factors(network, storage)
    found: dict[str, Kept] = {}
    for name, group in fusion.groups.items():
        if life[name].last_read < len(network.layers) and name not in elsewhere:
            stored = group.fused[-1] if group.fused else group.producer
            found[name] = Kept(life[name], tensor_bytes(stored.output_shape, hardware.output_bits))
    return found


def _strip(layer: Layer, hardware: Hardware, fusion: Fusion, storage: Storage, kept: KeptTensors) -> int:
    """Bytes of a strip of an op, or none if it does not run."""
    if layer.name not in fusion.groups:
        return 0
    inputs = frozenset().union(*(storage[name] for name in layer.inputs))
    return strip_bytes(layer, hardware, inputs <= kept.keys(), layer.name in kept)


def strip_bytes(layer: Layer, hardware: Hardware, inputs_kept: bool, outputs_kept: bool) -> int:
    """Bytes that an op takes of the activations' buffer to run well: for a row of outputs, what is not kept there.

    Of the array's ops that is a row of one sample and group, as partial sums, the rows of inputs that it needs, and,
    where weights lie there too, one for each PE; of windows of the vector unit, rows of all channels. Other vector ops
    go element by element. What crosses the DRAM port is there as often as the buffer has slots.
    """
    buffer, array, entry = hardware.activation_buffer, hardware.array, OPS[layer.op]
    multiplies, slots = layer.op in MAC_OPS, 2 if buffer.double_buffered else 1
    if not multiplies and not entry.windowed:
        return 0
    (samples, channels, height, width), (_, filters, _, columns) = layer.input_shapes[0], layer.output_shape
    rows = min(height, window_reach(layer.kernel[0], layer.dilation[0]))
    deep = (1, channels // layer.groups, filters // layer.groups) if multiplies else (samples, channels, filters)
    inputs = tensor_bytes((deep[0], deep[1], rows, width), hardware.input_bits)
    sums = hardware.partial_sum_bits if multiplies else hardware.output_bits
    outputs = tensor_bytes((deep[0], deep[2], columns), sums)
    weights = tensor_bytes((array.rows, array.columns), hardware.weight_bits)
    size = 0 if inputs_kept else slots * inputs
    size += slots * weights if multiplies and Operand.WEIGHTS in buffer.holds else 0
    return size + (slots * outputs if not outputs_kept else outputs if multiplies else 0)


def _second_factors(network: Network, storage: Storage) -> set[str]:
    """Stored tensors that an op multiplies by as by weights."""
    products = (layer for layer in network.layers if layer.op is Op.MATMUL)
    return {stored for layer in products for stored in storage[layer.inputs[1]]}


def _stored_lifetimes(network: Network, storage: Storage) -> dict[str, Lifetime]:
    """Lifetimes of the stored tensors that ops make, those of fused and folded ops that alias them included."""
    life: dict[str, Lifetime] = {}
    for name, own in lifetimes(network).items():
        for stored in storage[name] - network.inputs.keys():
            before = life.get(stored, own)
            life[stored] = Lifetime(min(before.made, own.made), max(before.last_read, own.last_read))
    return life


def _torn(network: Network, storage: Storage, kept: KeptTensors) -> set[str]:
    """Kept tensors that some op reads together with one that is not kept; factors of a product are read apart."""
    dropped: set[str] = set()
    for layer in network.layers:
        if layer.op is Op.MATMUL:
            continue
        stored = frozenset().union(*(storage[name] for name in layer.inputs))
        if not stored <= kept.keys():
            dropped |= stored & kept.keys()
    return dropped


def _occupancy(kept: KeptTensors, ops: int) -> list[int]:
    """Bytes that kept tensors take while each op runs."""
    taken = [0] * ops
    for tensor in kept.values():
        for i in range(max(0, tensor.lifetime.made), min(ops, tensor.lifetime.last_read + 1)):
            taken[i] += tensor.size_bytes
    return taken
