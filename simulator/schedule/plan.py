"""Decide what each op of a network is on a machine: run, fused into another, or free; and what stays on chip."""

from dataclasses import dataclass, replace
from fractions import Fraction

from simulator.cost.stored import WHOLE_TENSORS, Slices
from simulator.hardware.model import Hardware
from simulator.nest import Operand, footprint
from simulator.network.ir import Layer, Network, Op
from simulator.schedule.addresses import Addresses
from simulator.schedule.fusion import Fusion, fuse
from simulator.schedule.residency import Kept, Residency, Storage, residency


@dataclass(frozen=True, slots=True)
class PlannedOp:
    """One op as the machine runs it.

    `producer` names the op it is fused into, `folded` says that it is free; otherwise it runs itself, and `fused` ops
    are applied to its outputs. `residuals` counts the operands that fused adds fetch from DRAM, `stored` is what fused
    pools and sums leave of the outputs, as a fraction, and `added` the products that such sums add to others.
    `resident` tells by operand whether it stays on chip (as weights also the second factor of a product), where
    `reserved_bytes` are taken by tensors that are kept meanwhile, which have `alive_bytes`; what it makes itself is
    `kept` until the op `read_last_by`. `slices` tells what folded ops make of where its
    tensors lie in DRAM.
    """

    layer: Layer
    producer: str | None = None
    folded: bool = False
    fused: tuple[str, ...] = ()
    residuals: int = 0
    resident: tuple[bool, bool, bool] = (False, False, False)
    reserved_bytes: int = 0
    alive_bytes: int = 0
    kept: Kept | None = None
    read_last_by: str = ""
    stored: Fraction = Fraction(1)
    added: int = 0
    slices: Slices = WHOLE_TENSORS

    @property
    def runs(self) -> bool:
        """Whether the op takes time of its own."""
        return self.producer is None and not self.folded


def plan(network: Network, hardware: Hardware) -> tuple[PlannedOp, ...]:
    """Return every op of the network as the machine runs it, in order."""
    fusion = fuse(network, hardware)
    places = residency(network, hardware, fusion)
    zeros = _zeros_read(network, places.storage)
    addresses = Addresses(network, fusion)
    told = (_with_zeros(layer, zeros, places.storage, hardware) for layer in network.layers)
    weights = kept_weights(network, hardware)
    planned = (_planned(layer, fusion, places, layer.name in weights) for layer in told)
    beside = (_beside_kept(op, at, network, places) for at, op in enumerate(planned))
    return tuple(_sliced(op, addresses) for op in beside)


def kept_weights(network: Network, hardware: Hardware) -> frozenset[str]:
    """Return the layers whose weights stay on chip from run to run: one after the other, those that find room."""
    room, kept = hardware.kept_weight_bytes, set()
    for layer in network.layers:
        if layer.nest is None or layer.op is Op.MATMUL:
            continue
        size = -(-footprint(layer.nest, layer.nest.bounds, Operand.WEIGHTS) * hardware.weight_bits // 8)
        if size <= room:
            room -= size
            kept.add(layer.name)
    return frozenset(kept)


def _planned(layer: Layer, fusion: Fusion, places: Residency, weights_kept: bool) -> PlannedOp:
    product = layer.op is Op.MATMUL
    inputs, weights = (layer.inputs[:1], layer.inputs[1:]) if product else (layer.inputs, ())
    weights_here = places.on_chip(weights) if product else weights_kept
    resident = (places.on_chip(inputs), weights_here, layer.name in places.kept)
    op = PlannedOp(layer, resident=resident)
    group = fusion.groups.get(layer.name)
    if group is None:
        return replace(op, producer=fusion.producer_of.get(layer.name), folded=layer.name in fusion.folded)
    fetched = sum(not places.on_chip([name]) for name in group.residuals) + group.constants
    return replace(
        op, fused=tuple(layer.name for layer in group.fused), residuals=fetched, stored=group.stored, added=group.added
    )


def _beside_kept(op: PlannedOp, at: int, network: Network, places: Residency) -> PlannedOp:
    """Add what tensors take that stay on chip meanwhile, and until when what the op makes is one of them."""
    kept = places.kept.get(op.layer.name)
    last = network.layers[kept.lifetime.last_read].name if kept else ""
    reserved, alive = places.reserved_bytes[at], places.alive_bytes[at]
    return replace(op, reserved_bytes=reserved, alive_bytes=alive, kept=kept, read_last_by=last)


def _sliced(op: PlannedOp, addresses: Addresses) -> PlannedOp:
    """Add where the tensors of an op lie, if it runs; the last op that is fused into it makes its outputs."""
    return replace(op, slices=addresses.slices(op.layer, op.fused)) if op.runs else op


def _with_zeros(layer: Layer, zeros: dict[str, float], storage: Storage, hardware: Hardware) -> Layer:
    """Tell a layer of the zeros in its outputs, and in a second factor, which has as many as activations have."""
    layer = replace(layer, zero_outputs_fraction=zeros.get(layer.name, layer.zero_outputs_fraction))
    if layer.op is not Op.MATMUL or layer.zero_weights_fraction is not None:
        return layer
    second = "".join(storage[layer.inputs[1]]) if len(storage[layer.inputs[1]]) == 1 else ""
    return replace(layer, zero_weights_fraction=zeros.get(second, hardware.array.zero_inputs_fraction))


def _zeros_read(network: Network, storage: Storage) -> dict[str, float]:
    """Shares of zeros in stored tensors, as the ops that read them directly know them."""
    zeros = {}
    for layer in network.layers:
        stored = storage[layer.inputs[0]]
        if layer.zero_inputs_fraction is not None and len(stored) == 1:
            zeros[min(stored)] = layer.zero_inputs_fraction
    return zeros
