"""Decide which tensor lives where and when: what is stored, what stays in the buffer, what that takes of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simulator.hardware.model import Buffer, Hardware
from simulator.nest import Operand
from simulator.network.ir import Network
from simulator.network.lifetimes import Lifetime, lifetimes
from simulator.network.shapes import tensor_bytes
from simulator.schedule.fusion import Fusion

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
    """Where tensors are stored, which of them stay on chip, and what those take while each op runs, rounded up."""

    storage: Storage
    kept: KeptTensors
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
    kept = _kept(network, hardware, storage) if hardware.keeps_activations else {}
    buffer = _activation_buffer(hardware)
    reserved = tuple(_rounded(size, buffer) for size in _occupancy(kept, len(network.layers)))
    return Residency(storage, kept, reserved)


def storage_of(network: Network, fusion: Fusion) -> Storage:
    """Return for each tensor the stored ones that hold it."""
    storage = {name: frozenset({name}) for name in network.inputs}
    for layer in network.layers:
        if layer.name in fusion.folded:
            storage[layer.name] = frozenset().union(*(storage[name] for name in layer.inputs))
        else:
            storage[layer.name] = frozenset({fusion.producer_of.get(layer.name, layer.name)})
    return storage


def _activation_buffer(hardware: Hardware) -> Buffer:
    return next(buffer for buffer in hardware.buffers if Operand.INPUTS in buffer.holds)


def _rounded(size: int, buffer: Buffer) -> int:
    """Round what kept tensors take up to sixteenths of the buffer, so that ops of one shape meet the same rest."""
    sixteenth = max(1, buffer.capacity_bytes // 16)
    return -(-size // sixteenth) * sixteenth


def _kept(network: Network, hardware: Hardware, storage: Storage) -> KeptTensors:
    """Choose the tensors that stay in the buffer.

    They are considered in the order they are made. At no time do they take more than half of the buffer that holds
    inputs and outputs; the other half is for tiles. An op finds all of its inputs there or none of them.
    """
    buffer = _activation_buffer(hardware)
    if Operand.OUTPUTS not in buffer.holds:
        return {}
    life = _stored_lifetimes(network, storage)
    kept: dict[str, Kept] = {}
    for layer in network.layers:
        if layer.name not in life or life[layer.name].last_read >= len(network.layers):
            continue
        size = tensor_bytes(layer.output_shape, hardware.output_bits)
        trial = {**kept, layer.name: Kept(life[layer.name], size)}
        if max(_occupancy(trial, len(network.layers))) <= buffer.capacity_bytes // 2:
            kept = trial
    while dropped := _torn(network, storage, kept):
        kept = {name: entry for name, entry in kept.items() if name not in dropped}
    return kept


def _stored_lifetimes(network: Network, storage: Storage) -> dict[str, Lifetime]:
    """Lifetimes of the stored tensors that ops make, those of fused and folded ops that alias them included."""
    life: dict[str, Lifetime] = {}
    for name, own in lifetimes(network).items():
        for stored in storage[name] - network.inputs.keys():
            before = life.get(stored, own)
            life[stored] = Lifetime(min(before.made, own.made), max(before.last_read, own.last_read))
    return life


def _torn(network: Network, storage: Storage, kept: KeptTensors) -> set[str]:
    """Kept tensors that some op reads together with one that is not kept."""
    dropped: set[str] = set()
    for layer in network.layers:
        stored = frozenset().union(*(storage[name] for name in layer.inputs))
        if not stored <= kept.keys():
            dropped |= stored & kept.keys()
    return dropped


def _occupancy(kept: KeptTensors, ops: int) -> list[int]:
    """Bytes that kept tensors take while each op runs."""
    taken = [0] * max(1, ops)
    for tensor in kept.values():
        for i in range(max(0, tensor.lifetime.made), min(ops, tensor.lifetime.last_read + 1)):
            taken[i] += tensor.size_bytes
    return taken
