"""Decide what each op of a network is on a machine: run, fused into another, or free; and what stays on chip."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import groupby
from typing import TypedDict

from simulator.cost.stored import WHOLE_TENSORS, Slices
from simulator.hardware.model import Hardware
from simulator.nest import LoopNest
from simulator.network.ir import Layer, Network, Op
from simulator.schedule.addresses import Addresses
from simulator.schedule.choice import Schedule, choose_schedule, stacks_to_choose
from simulator.schedule.fusion import Fusion, Group, fuse
from simulator.schedule.residency import Residency, residency
from simulator.schedule.stacks import Part, Stack, flow_of, strips_of, weight_bytes
from simulator.schedule.strips import Rows, Strips, produced, strip_layer
from simulator.schedule.tensors import Kept, Storage, candidates


@dataclass(frozen=True, slots=True)
class InStack:
    """What an op of a stack does: strips of so many shapes, and in which strip which, None where nothing is new.

    Of its outputs it makes `again_rows` more than there are. `parts` are what the stack has of its tensor, and its
    weights, in the buffer, from one op until another.
    """

    stack: Stack
    shapes: tuple["PlannedOp", ...]
    plays: tuple[int | None, ...]
    again_rows: int
    parts: Mapping[Part, tuple[Kept, str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedOp:
    """One op as the machine runs it.

    `producer` names the op it is fused into, `folded` says that it is free; otherwise it runs itself, and `fused` ops
    are applied to its outputs. `residuals` counts the operands that fused adds fetch from DRAM, `stored` is what fused
    pools and sums leave of the outputs, as a fraction, and `added` the products that such sums add to others;
    `filtering` are the loops of depthwise layers that an engine runs behind the array, `parameters` the words that
    fused ops read from DRAM: their weights, and constants but for tables.
    `resident` tells by operand whether it stays on chip (as weights also the second factor of a product), where
    `reserved_bytes` are taken by tensors that are kept meanwhile, which have `alive_bytes`; what it makes itself is
    `kept` until the op `read_last_by`. `slices` tells what folded ops make of where its
    tensors lie in DRAM. An op `in_stack` is played strip by strip, each of which is a planned op of its own.
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
    filtering: tuple[LoopNest, ...] = ()
    parameters: int = 0
    slices: Slices = WHOLE_TENSORS
    in_stack: InStack | None = None

    @property
    def as_read(self) -> Layer:
        """An op that does not multiply, with all constants that it reads: its own, and those of fused ops."""
        return replace(self.layer, constant_elements=self.layer.constants + self.parameters)

    @property
    def runs(self) -> bool:
        """Whether the op takes time of its own."""
        return self.producer is None and not self.folded


def plan(
    network: Network, hardware: Hardware, schedule: Schedule | None = None, stay: Collection[str] = ()
) -> tuple[PlannedOp, ...]:
    """Return every op of the network as the machine runs it, in order; what stays, and stacks, as a schedule says.

    Without one nothing is stacked, and those tensors stay that save most. Weights that `stay` from frame to frame are
    on chip already, beside those that the machine has a memory for.
    """
    fusion = fuse(network, hardware)
    places = residency(network, hardware, fusion, schedule)
    zeros, addresses = _zeros_read(network, places.storage), Addresses(network, fusion)
    weights = kept_weights(fusion, hardware).union(stay)
    told = [_with_zeros(layer, zeros, places.storage, hardware) for layer in network.layers]
    beside = [_beside_kept(at, layer, network, places) for at, layer in enumerate(told)]
    ops = tuple(
        _planned(layer, fusion, places, layer.name in weights, addresses, kept)
        for layer, kept in zip(told, beside, strict=True)
    )
    return _in_stacks(ops, network, fusion, places) if places.stacks else ops


def schedules(network: Network, hardware: Hardware) -> tuple[Schedule | None, ...]:
    """Return the schedules that a machine has to choose from: without stacks, and with those that save most.

    Where all tensors stay whole, no stack saves more. A machine that may keep rows that strips share, or make them
    again, has a schedule with stacks of either kind, and one with those of both that together save most.
    """
    if not hardware.runs_stacks:
        return (None,)
    fusion = fuse(network, hardware)
    places = residency(network, hardware, fusion)
    if places.kept.keys() == candidates(network, hardware, fusion, places.storage).keys():
        return (None,)
    found = list[Schedule]()
    for offered in stacks_to_choose(network, hardware, fusion, places.storage):
        schedule = choose_schedule(network, hardware, fusion, places.storage, offered)
        found += [schedule] if schedule.stacks and schedule not in found else []
    return (None, *found)


def played(ops: Iterable[PlannedOp]) -> Iterator[PlannedOp]:
    """Yield each op that runs; of one in a stack, a strip of each shape."""
    for op in ops:
        if op.runs:
            yield from op.in_stack.shapes if op.in_stack else (op,)


def in_order(ops: Sequence[PlannedOp]) -> Iterator[tuple[PlannedOp, PlannedOp]]:
    """Yield what runs in the order of time, and the op it is of: a strip of each op of a stack, then the next strip."""
    running = [op for op in ops if op.runs]
    for stack, together in groupby(running, lambda op: op.in_stack and op.in_stack.stack):
        if stack is None:
            yield from ((op, op) for op in together)
            continue
        members = [(op, op.in_stack) for op in together]
        for plays in zip(*(own.plays for _, own in members if own), strict=True):
            yield from (
                (own.shapes[shape], op)
                for (op, own), shape in zip(members, plays, strict=True)
                if own and shape is not None
            )


def kept_weights(fusion: Fusion, hardware: Hardware) -> frozenset[str]:
    """Return the layers whose weights stay on chip from run to run: one after the other, those that find room.

    What ops bring that are fused into them goes along.
    """
    room, kept = hardware.kept_weight_bytes, set()
    for name, group in fusion.groups.items() if room else ():
        if group.producer.nest is None or group.producer.op is Op.MATMUL:
            continue
        size = weight_bytes(group, hardware)
        if size <= room:
            room -= size
            kept.add(name)
    return frozenset(kept)


class _Kept(TypedDict):
    """What tensors that are kept have to do with an op, as fields of `PlannedOp`."""

    reserved_bytes: int
    alive_bytes: int
    kept: Kept | None
    read_last_by: str


def _planned(
    layer: Layer, fusion: Fusion, places: Residency, weights_kept: bool, addresses: Addresses, kept: _Kept
) -> PlannedOp:
    """Put together what is known of an op; the last op that is fused into one that runs makes its outputs."""
    product = layer.op is Op.MATMUL
    inputs, weights = (layer.inputs[:1], layer.inputs[1:]) if product else (layer.inputs, ())
    weights_here = places.on_chip(weights) if product else weights_kept
    stays = layer.name in places.kept or layer.name in places.inner
    resident = (places.on_chip(inputs), weights_here, stays)
    group = fusion.groups.get(layer.name)
    if group is None:
        producer = fusion.producer_of.get(layer.name)
        return PlannedOp(layer, producer, layer.name in fusion.folded, resident=resident, **kept)
    fused = tuple(layer.name for layer in group.fused)
    return PlannedOp(
        layer,
        fused=fused,
        residuals=sum(not places.on_chip([name]) for name in group.residuals) + group.constants,
        resident=resident,
        stored=group.stored,
        added=group.added,
        filtering=group.filtering,
        parameters=0 if weights_kept else group.parameters,
        slices=addresses.slices(layer, fused),
        **kept,
    )


def _beside_kept(at: int, layer: Layer, network: Network, places: Residency) -> _Kept:
    """Tell what tensors take that stay on chip meanwhile, and until when what the op makes is one of them."""
    kept = places.kept.get(layer.name)
    last = network.layers[kept.lifetime.last_read].name if kept else ""
    return _Kept(
        reserved_bytes=places.reserved_bytes[at], alive_bytes=places.alive_bytes[at], kept=kept, read_last_by=last
    )


def _in_stacks(ops: Sequence[PlannedOp], network: Network, fusion: Fusion, places: Residency) -> tuple[PlannedOp, ...]:
    """Cut ops of stacks into strips."""
    flow, found = flow_of(network, fusion, places.storage), dict[str, tuple[Stack, list[tuple[Rows, Fraction]]]]()
    for stack in places.stacks:
        for name, strips in strips_of(flow, stack).items():
            found[name] = stack, _made_and_stored(fusion.groups[name], strips)
    names, parts = [layer.name for layer in network.layers], dict[str, dict[Part, tuple[Kept, str, str]]]()
    for (name, part), kept in places.parts.items():
        parts.setdefault(name, {})[part] = kept, names[kept.lifetime.made], names[kept.lifetime.last_read]
    return tuple(
        replace(op, in_stack=replace(_strips(op, *found[op.layer.name]), parts=parts.get(op.layer.name, {})))
        if op.layer.name in found
        else op
        for op in ops
    )


def _made_and_stored(group: Group, strips: Strips) -> list[tuple[Rows, Fraction]]:
    """Return the rows that a group makes in each strip, and what is stored of them, which a fused pool makes of them.

    What a pool leaves for which nothing new is made, at the lower edge, is left by the last strip that made something.
    """
    found = [(made, b - a) for made, (a, b) in zip(produced(group.fused, strips).made, strips.made, strict=True)]
    for at, (made, left) in enumerate(found):
        if made[0] == made[1] and left:
            before = max(n for n in range(at) if found[n][0][0] < found[n][0][1])
            found[before], found[at] = (found[before][0], found[before][1] + left), (made, 0)
    whole = group.stored * Fraction(group.producer.output_shape[2], strips.height)
    return [(made, whole * Fraction(left, max(1, made[1] - made[0]))) for made, left in found]


def _strips(op: PlannedOp, stack: Stack, strips: Sequence[tuple[Rows, Fraction]]) -> InStack:
    """Cut an op; where weights are held, its first strip loads them and finds none there yet."""
    shapes: dict[tuple[object, ...], PlannedOp] = {}
    plays: list[tuple[object, ...] | None] = []
    inputs, weights, outputs = op.resident
    for made, stored in strips:
        if made[0] == made[1]:
            plays.append(None)
            continue
        layer = strip_layer(op.layer, made)
        here = weights or (layer.nest is not None and stack.weights == "held" and bool(shapes))
        key = layer.input_shapes, layer.output_shape, layer.padding, here, stored
        shapes.setdefault(key, replace(op, layer=layer, resident=(inputs, here, outputs), stored=stored))
        plays.append(key)
    order = {key: at for at, key in enumerate(shapes)}
    again = sum(end - begin for (begin, end), _ in strips) - op.layer.output_shape[2]
    return InStack(stack, tuple(shapes.values()), tuple(None if key is None else order[key] for key in plays), again)


def _with_zeros(layer: Layer, zeros: dict[str, float], storage: Storage, hardware: Hardware) -> Layer:
    """Tell a layer of the zeros in its outputs, and in a second factor, which has as many as activations have."""
    if layer.name in zeros:
        layer = replace(layer, zero_outputs_fraction=zeros[layer.name])
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
