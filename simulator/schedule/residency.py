"""Decide which tensor lives where and when: what is stored, what stays in the buffer, what that takes of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import MAC_OPS, Layer, Network, Op
from simulator.network.lifetimes import Lifetime, lifetimes
from simulator.network.ops import OPS
from simulator.network.shapes import tensor_bytes, window_reach
from simulator.schedule.fusion import Fusion, fuse
from simulator.schedule.keeping import Bundle, Step, choose, rounded
from simulator.schedule.placement import Block, place

Storage = Mapping[str, frozenset[str]]
"""Tensor -> the stored tensors that hold it: itself, its producer's, or all that a folded op joins."""


@dataclass(frozen=True, slots=True)
class Kept(Block):
    """A tensor that stays in the buffer from when it is made until it is last read."""

    address: int = 0


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
    return Residency(storage, kept, alive, tuple(rounded(size, buffer.capacity_bytes) for size in alive))


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
    while (needed := max((rounded(size, capacity) + strip for size, strip in ops), default=0)) > capacity:
        capacity = needed
    return capacity


def _kept(network: Network, hardware: Hardware, fusion: Fusion, storage: Storage) -> KeptTensors:
    """Choose the tensors that stay in the buffer: those that save most DRAM bytes; see `keeping.choose`.

    All that stay leave room for a strip of the op that runs, see `strip_bytes`. An op finds all of its inputs there or
    none of them; a product, each factor. A tensor that finds no address does not stay, nor do those read with it.
    """
    capacity, found = hardware.activation_buffer.capacity_bytes, _candidates(network, hardware, fusion, storage)
    saved, together = _saved_bytes(hardware, fusion, storage, found), _together(network, storage, found)
    while True:
        bundles = [_bundle(names, found, saved) for names in together]
        chosen = choose(bundles, _steps(network, hardware, fusion, storage, together), capacity)
        kept = {name for number in chosen for name in together[number]}
        addresses = place({name: found[name] for name in found if name in kept}, capacity)
        if len(addresses) == len(kept):
            return {name: replace(found[name], address=addresses[name]) for name in found if name in kept}
        together = [names for names in together if not (kept - addresses.keys()) & {*names}]


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


def _together(network: Network, storage: Storage, found: KeptTensors) -> list[tuple[str, ...]]:
    """Tensors that stay together or not at all, as some op reads them together; those read with what cannot stay go.

    Factors of a product are read apart.
    """
    read_with: dict[str, set[str]] = {}
    for layer in network.layers:
        if layer.op is not Op.MATMUL:
            joined = set().union(*(storage[name] for name in layer.inputs))
            joined = joined.union(*(read_with.get(name, set()) for name in joined))
            read_with |= dict.fromkeys(joined, joined)
    bundles = (tuple(other for other in found if other in read_with.get(name, {name})) for name in found)
    whole = (names for names in bundles if read_with.get(names[0], {*names}) == {*names})
    return list(dict.fromkeys(whole))


def _saved_bytes(hardware: Hardware, fusion: Fusion, storage: Storage, found: KeptTensors) -> dict[str, int]:
    """Bytes that need not cross the DRAM port if a tensor stays: where it is made, and for each op that reads of it."""
    saved = {name: tensor.size_bytes for name, tensor in found.items()}
    for group in fusion.groups.values():
        layer = group.producer
        read = [*zip(layer.inputs, layer.input_shapes, strict=True)]
        read += [(name, layer.output_shape) for name in group.residuals]
        for name, shape in read:
            for stored in storage[name] & found.keys():
                saved[stored] += min(found[stored].size_bytes, tensor_bytes(shape, hardware.input_bits))
    return saved


def _bundle(names: tuple[str, ...], found: KeptTensors, saved: Mapping[str, int]) -> Bundle:
    alive = Counter[int]()
    for name in names:
        life = found[name].lifetime
        alive.update(dict.fromkeys(range(life.made, life.last_read + 1), found[name].size_bytes))
    return Bundle(sum(saved[name] for name in names), alive)


def _steps(
    network: Network, hardware: Hardware, fusion: Fusion, storage: Storage, together: list[tuple[str, ...]]
) -> list[Step]:
    number = {name: at for at, names in enumerate(together) for name in names}
    steps = []
    for layer in network.layers:
        read = frozenset().union(*(storage[name] for name in layer.inputs))
        reads = frozenset(number[name] for name in read) if read <= number.keys() else None
        strips = (
            [strip_bytes(layer, hardware, here, stay) for here in (False, True) for stay in (False, True)]
            if layer.name in fusion.groups
            else [0] * 4
        )
        steps.append(Step(reads, number.get(layer.name), (strips[0], strips[1], strips[2], strips[3])))
    return steps


def _occupancy(kept: KeptTensors, ops: int) -> list[int]:
    """Bytes that kept tensors take while each op runs."""
    taken = [0] * ops
    for tensor in kept.values():
        for i in range(max(0, tensor.lifetime.made), min(ops, tensor.lifetime.last_read + 1)):
            taken[i] += tensor.size_bytes
    return taken
