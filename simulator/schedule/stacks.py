"""Stacks: consecutive ops that run depth-first, strip by strip, their inner tensors never whole anywhere.

What a stack takes of the activations' buffer, as blocks with an address each:

part        bytes                                          while
line        rows that wait from one strip to the next, as  the stack runs
            well before fused pools; none where those that
            strips share are made again
rows        those that are new besides                     from the op that makes them to the last that reads them
weights     all weights of an op, where they are held      the stack runs
frames      those that stay from frame to frame, of any op all the time

Residual adds whose operands are inner are free of DRAM as any op is that finds all of its inputs there. What must be
whole first (global pools, softmax, normalizations, all that has one row) ends a stack, as does a tensor that is read
behind it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from simulator.hardware.model import Hardware, Overlap
from simulator.nest import Operand, footprint
from simulator.network.ir import Layer, Network, Op
from simulator.network.lifetimes import Lifetime
from simulator.network.ops import OPS
from simulator.network.shapes import Shape, tensor_bytes
from simulator.schedule.fusion import Fusion, Group
from simulator.schedule.placement import Block
from simulator.schedule.room import strip_bytes
from simulator.schedule.strips import Strips, before_pools, by_strips, halo_rows, last_strips, produced, strips_before

Weights: TypeAlias = Literal["held", "reloaded"]
"""Of all ops of a stack: loaded by the first strip and there until the last, or loaded again by each."""
Part: TypeAlias = Literal["whole", "line", "rows", "weights", "frames"]
Place: TypeAlias = tuple[str, Part]
"""A block: the op that makes the tensor, or whose weights it holds, and which part."""

ROW_BY_ROW = frozenset({Op.CONV, Op.DEPTHWISE, Op.POOL, Op.ADD, Op.MUL, Op.ACTIVATION, Op.CONCAT, Op.SPLIT, Op.SHUFFLE})
ACROSS_ROWS = frozenset({"cum_sum", "hardmax", "trilu"})
"""Variants of activations that look beyond a row."""
WHOLE_ROWS = frozenset({Op.CONCAT, Op.SPLIT, Op.SHUFFLE})
"""Folded, they leave rows in their places if they leave heights and widths."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Ops that run strip by strip, in order; the last makes so many rows in each strip, in the last strip the rest.

    Rows that two strips share are `kept` in line buffers, or `recomputed` by each strip from what it reads outside.
    """

    ops: tuple[str, ...]
    strip_rows: int
    weights: Weights = "held"
    overlap: Overlap = "kept"


@dataclass(frozen=True, slots=True)
class Reader:
    """An op that reads a tensor, by its place among the groups, and the layer that tells which rows it reads."""

    group: int
    layer: Layer


@dataclass(frozen=True, slots=True)
class Flow:
    """Which group reads which stored tensor by rows; `index` is that of a group's producer among the layers.

    Of a group, `own` are the tensors that its producer reads, and `own_places` the earliest and the latest group that
    makes one of them, -1 for the network's inputs; `added` those that hold each of its residual operands. A tensor in
    `outside` is an output of the network, or read by what does not go by rows.
    """

    groups: tuple[Group, ...]
    index: tuple[int, ...]
    place: Mapping[str, int]
    readers: Mapping[str, tuple[Reader, ...]]
    own: tuple[frozenset[str], ...]
    own_places: tuple[tuple[int, int], ...]
    added: tuple[tuple[frozenset[str], ...], ...]
    outside: frozenset[str]
    stackable: tuple[bool, ...]

    def name(self, at: int) -> str:
        """The op that runs."""
        return self.groups[at].producer.name

    def height(self, at: int) -> int:
        """Rows of what a group leaves."""
        return self.groups[at].last.output_shape[2]

    def inner(self, at: int, last: int) -> bool:
        """Whether a group may lie within a stack that ends with another: only ops up to there read what it makes."""
        found = self.readers.get(self.name(at), ())
        return bool(found) and self.name(at) not in self.outside and all(at < each.group <= last for each in found)

    def finds(self, at: int, first: int) -> bool:
        """Whether a stack that begins with a group makes what the producer of another reads."""
        return self.own_places[at][1] >= first

    def splits(self, at: int, first: int) -> bool:
        """Whether it makes some of that, and not all."""
        earliest, latest = self.own_places[at]
        return earliest < first <= latest


def flow_of(network: Network, fusion: Fusion, storage: Mapping[str, frozenset[str]]) -> Flow:
    """Follow rows through a network."""
    groups, aligned = tuple(fusion.groups.values()), _aligned(network, fusion)
    index = {layer.name: at for at, layer in enumerate(network.layers)}
    place = {group.producer.name: at for at, group in enumerate(groups)}
    outside = set().union(*(storage[name] for name in network.outputs))
    readers: dict[str, list[Reader]] = {}
    own, stackable = [], []
    for at, group in enumerate(groups):
        layer = group.producer
        read = [(name, layer) for name in layer.inputs]
        read += [(name, group.fused[-1]) for name in group.residuals]
        stackable.append(_by_rows(group) and all(name in aligned for name, _ in read))
        own.append(frozenset().union(*(storage[name] for name in layer.inputs)))
        for name, by in read:
            for stored in storage[name]:
                readers.setdefault(stored, []).append(Reader(at, by))
            outside |= set() if stackable[-1] else storage[name]
    return Flow(
        groups,
        tuple(index[group.producer.name] for group in groups),
        place,
        {name: tuple(found) for name, found in readers.items()},
        tuple(own),
        tuple((min(at), max(at)) for at in ([place.get(name, -1) for name in names] for names in own)),
        tuple(tuple(storage[name] for name in group.residuals) for group in groups),
        frozenset(outside),
        tuple(stackable),
    )


def _aligned(network: Network, fusion: Fusion) -> set[str]:
    """Tensors whose rows are rows of the stored tensors that hold them."""
    aligned = set(network.inputs)
    for layer in network.layers:
        sizes = {shape[2:] for shape in layer.input_shapes} | {layer.output_shape[2:]}
        kept = layer.op in WHOLE_ROWS and len(sizes) == 1 and aligned.issuperset(layer.inputs)
        if kept or layer.name not in fusion.folded:
            aligned.add(layer.name)
    return aligned


def _by_rows(group: Group) -> bool:
    """Whether a group goes row by row; fused pools do, too, where nothing is added to what they read."""
    layer, pools = group.producer, [op for op in group.fused if OPS[op.op].downsamples]
    alike = not (group.added or group.parameters or group.constants or (pools and group.residuals))
    windows = all(op.op in ROW_BY_ROW and by_strips(op) for op in (layer, *pools))
    return alike and windows and layer.variant not in ACROSS_ROWS


def strips_of(flow: Flow, stack: Stack) -> dict[str, Strips]:
    """Return the strips of what each op of a stack makes."""
    (*before, last) = stack.ops
    height, recomputed = flow.height(flow.place[last]), stack.overlap == "recomputed"
    found = {last: last_strips(height, stack.strip_rows, recomputed)}
    for name in reversed(before):
        found[name] = _strips_at(flow, flow.place[name], found)
    return found


def _strips_at(flow: Flow, at: int, found: Mapping[str, Strips]) -> Strips:
    behind = [
        (each.layer, produced(flow.groups[each.group].fused, found[flow.name(each.group)]))
        for each in flow.readers[flow.name(at)]
    ]
    return strips_before(flow.height(at), behind)


def blocks_of(flow: Flow, stack: Stack, hardware: Hardware) -> dict[Place, Block]:
    """Return what a stack takes of the buffer."""
    places = [flow.place[name] for name in stack.ops]
    whole = Lifetime(flow.index[places[0]], flow.index[places[-1]])
    found: dict[Place, Block] = {}
    strips = strips_of(flow, stack)
    for at in places:
        line, rows = line_and_rows(flow, at, strips[flow.name(at)], hardware, last=at == places[-1])
        behind = [each.group for each in flow.readers.get(flow.name(at), ()) if each.group <= places[-1]]
        life = Lifetime(flow.index[at], flow.index[max(behind, default=at)])
        found[flow.name(at), "line"], found[flow.name(at), "rows"] = Block(whole, line), Block(life, rows)
    if stack.weights == "held":
        found |= {(flow.name(at), "weights"): Block(whole, weight_bytes(flow.groups[at], hardware)) for at in places}
    return {place: block for place, block in found.items() if block.size_bytes}


def line_and_rows(flow: Flow, at: int, strips: Strips, hardware: Hardware, *, last: bool = False) -> tuple[int, int]:
    """Bytes of the rows of what a group makes that wait between strips, and of those that are there besides.

    Before fused pools, rows wait that windows of two strips share. What the last group of a stack leaves is elsewhere.
    """
    group, bits = flow.groups[at], hardware.output_bits
    pending = sum(_rows_bytes(shape, each.line_rows, bits) for shape, each in before_pools(group.fused, strips))
    shape = group.last.output_shape
    line, held = (0, 0) if last else (_rows_bytes(shape, rows, bits) for rows in (strips.line_rows, strips.held_rows))
    return line + pending, max(0, held - line)


def _rows_bytes(shape: Shape, rows: int, bits: int) -> int:
    samples, channels, _, width = shape
    return tensor_bytes((samples, channels, rows, width), bits)


def weight_bytes(group: Group, hardware: Hardware) -> int:
    """Bytes of the weights of a group: G*K*C*R*S words of its producer, and those that fused ops bring."""
    nest = group.producer.nest
    if nest is None:
        return 0
    return -(-(footprint(nest, nest.bounds, Operand.WEIGHTS) + group.parameters) * hardware.weight_bits // 8)


@dataclass(frozen=True, slots=True)
class StackChoice:
    """A stack that a schedule may have: layers `first` to `last`, and the DRAM bytes that it saves.

    At each op (`index`) its blocks take `taken_bytes`, and the op's own tiles `tile_bytes` besides. `inner` are the
    ops whose tensors it never has whole.
    """

    stack: Stack
    index: tuple[int, ...]
    saved_bytes: int
    taken_bytes: tuple[int, ...]
    tile_bytes: tuple[int, ...]
    strips: int

    @property
    def inner(self) -> tuple[str, ...]:
        """Ops whose outputs only the stack reads."""
        return self.stack.ops[:-1]


@dataclass(slots=True)
class _Growing:
    """A stack that grows upwards from its last op, with strips of so many rows."""

    strip_rows: int
    overlap: Overlap
    strips: dict[str, Strips]
    rows: dict[int, int] = field(default_factory=dict)  # by group: bytes of `rows` that are there
    again: dict[int, tuple[int, int]] = field(default_factory=dict)  # and those that come again from outside
    whole: dict[int, int] = field(default_factory=dict)  # and those that inner tensors would take, whole
    lines: int = 0
    weights: int = 0
    saved: int = 0


def choices(
    flow: Flow, hardware: Hardware, saved: Mapping[str, int], overlap: Overlap = "kept"
) -> Iterator[StackChoice]:
    """Yield every stack that fits the buffer alone, strips in powers of two rows; `saved` are bytes by inner tensor.

    Of those that take no less than their inner tensors do whole, none is better than keeping these.
    """
    rooms = [_rooms(group, hardware) for group in flow.groups]
    for last in range(1, len(flow.groups)):
        if flow.stackable[last]:
            height, strip_rows = flow.height(last), 1
            while strip_rows < height:
                yield from _ending(flow, last, (strip_rows, overlap), hardware, saved, rooms)
                strip_rows *= 2


Rooms: TypeAlias = dict[tuple[bool, bool], int]
"""Whether inputs and outputs of an op are on chip -> bytes that its tiles take besides."""


def _rooms(group: Group, hardware: Hardware) -> Rooms:
    each = [(here, stay) for here in (False, True) for stay in (False, True)]
    return {pair: strip_bytes(group.producer, hardware, *pair) for pair in each}


def _ending(
    flow: Flow,
    last: int,
    cut: tuple[int, Overlap],
    hardware: Hardware,
    saved: Mapping[str, int],
    rooms: Sequence[Rooms],
) -> Iterator[StackChoice]:
    (strip_rows, overlap), capacity = cut, hardware.activation_buffer.capacity_bytes
    strips = last_strips(flow.height(last), strip_rows, overlap == "recomputed")
    grown = _Growing(strip_rows, overlap, {flow.name(last): strips})
    grown.lines, _ = line_and_rows(flow, last, strips, hardware, last=True)
    grown.weights, grown.rows[last], grown.whole[last] = weight_bytes(flow.groups[last], hardware), 0, 0
    grown.again[last] = _come_again(flow.groups[last], strips, hardware)
    for first in range(last - 1, -1, -1):
        name = flow.name(first)
        if not flow.stackable[first] or not flow.inner(first, last):
            return
        grown.strips[name] = _strips_at(flow, first, grown.strips)
        line, rows = line_and_rows(flow, first, grown.strips[name], hardware)
        size = tensor_bytes(flow.groups[first].last.output_shape, hardware.output_bits)
        grown.again[first] = _come_again(flow.groups[first], grown.strips[name], hardware)
        grown.rows[first] = grown.whole[first] = 0
        for at in range(first, max(each.group for each in flow.readers[name]) + 1):
            grown.rows[at] += rows
            grown.whole[at] += size
        grown.lines += line
        grown.weights += weight_bytes(flow.groups[first], hardware)
        grown.saved += saved.get(name, 0)
        if grown.lines + max(grown.rows.values()) > capacity:
            return
        if not any(flow.splits(at, first) for at in range(first + 1, last + 1)):
            yield from _choices_of(flow, range(first, last + 1), grown, hardware, rooms)


def _choices_of(
    flow: Flow, places: Sequence[int], grown: _Growing, hardware: Hardware, rooms: Sequence[Rooms]
) -> Iterator[StackChoice]:
    buffer, strips = hardware.activation_buffer, len(next(iter(grown.strips.values())).ends)
    inner, ops = len(places) - 1, tuple(flow.name(at) for at in places)
    tiles = tuple(rooms[at][flow.finds(at, places[0]), number < inner] for number, at in enumerate(places))
    again = sum(_read_again(flow, at, places[0], grown.again[at]) for at in places)
    for weights, held, more in (("held", grown.weights, 0), ("reloaded", 0, (strips - 1) * grown.weights)):
        taken = tuple(grown.lines + grown.rows[at] + held for at in places)
        fits = all(size + tile <= buffer.capacity_bytes for size, tile in zip(taken, tiles, strict=True))
        worth = grown.saved - again - more
        less = any(size < grown.whole[at] for size, at in zip(taken, places, strict=True))
        if fits and less and worth > 0 and (weights == "reloaded" or Operand.WEIGHTS in buffer.holds):
            stack = Stack(ops, grown.strip_rows, "held" if weights == "held" else "reloaded", grown.overlap)
            yield StackChoice(stack, tuple(flow.index[at] for at in places), worth, taken, tiles, strips)


def _come_again(group: Group, strips: Strips, hardware: Hardware) -> tuple[int, int]:
    """Bytes that strips of a group read again, as they share rows, if these are outside the stack.

    Of what its producer reads; and where rows are made again, of each operand that a fused add reads.
    """
    layer, own = group.producer, produced(group.fused, strips)
    shared, each = halo_rows(layer, own), len(own.ends) - 1  # an operand of one row comes with every strip
    read = [(n, channels, shared if rows > 1 else each, width) for n, channels, rows, width in layer.input_shapes]
    samples, channels, _, width = layer.output_shape
    added = tensor_bytes((samples, channels, own.again_rows, width), hardware.input_bits)
    return sum(tensor_bytes(shape, hardware.input_bits) for shape in read), added


def _read_again(flow: Flow, at: int, first: int, again: tuple[int, int]) -> int:
    """Bytes that a group does read again from outside a stack that begins with another."""
    own, added = again
    fetched = sum(any(flow.place.get(name, -1) < first for name in names) for names in flow.added[at]) if added else 0
    return fetched * added + (0 if flow.finds(at, first) else own)


def stacked_layers(stacks: Iterable[Stack]) -> frozenset[str]:
    """Return the ops whose tensors are inner ones of a stack."""
    return frozenset(name for stack in stacks for name in stack.ops[:-1])
