"""What each of several cores does of an op: a slice of its filters, its rows or its samples, as an op of its own.

    filters    outputs of some channels, from all inputs; of groups, whole ones, from their own channels alone
    rows       outputs of some rows, from the rows that their windows meet (`simulator.schedule.strips.strip_layer`)
    samples    outputs of some samples of the batch

Slices are as equal as can be: of n units over k cores, the first n mod k have one more than the others. Units are
filters, or groups where an op has several; of ops that do not multiply, channels. What goes across units is not cut by
them: a fused pool by rows, a softmax or a normalization by channels or rows, a product of two tensors by filters.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias, get_args

from simulator.cost.stored import Slices
from simulator.hardware.model import Hardware
from simulator.nest import Dim, LoopNest
from simulator.network.ir import Layer, Network, Op, Shape
from simulator.network.ops import OPS
from simulator.schedule.choice import Split, SplitBy
from simulator.schedule.fusion import Group, fuse
from simulator.schedule.plan import PlannedOp, plan
from simulator.schedule.stacks import ACROSS_ROWS, ROW_BY_ROW
from simulator.schedule.strips import by_strips, strip_layer

WAYS: tuple[SplitBy, ...] = get_args(SplitBy)
Part: TypeAlias = tuple[int, int]
"""The first unit of a slice, and the one behind its last."""

BY_CHANNELS = frozenset({Op.POOL, Op.ADD, Op.MUL, Op.ACTIVATION, Op.UPSAMPLE})
"""Ops that do not multiply, whose output channels each follow from the same input channel."""


@dataclass(frozen=True, slots=True)
class OpOfCores:
    """An op that runs, with what is fused into it."""

    planned: PlannedOp
    group: Group


def parts_of(units: int, cores: int) -> Iterator[Part]:
    """Yield slices as equal as can be, no more than there are units.

    >>> list(parts_of(7, 3)), list(parts_of(2, 4))
    ([(0, 3), (3, 5), (5, 7)], [(0, 1), (1, 2)])
    """
    count, begin = min(units, cores), 0
    for number in range(count):
        end = begin + units // count + (number < units % count)
        yield begin, end
        begin = end


def ways_of(op: OpOfCores, cores: int) -> tuple[Split, ...]:
    """Return the ways in which an op can be cut: over all cores, and over 2, 4, 8 and so on of more.

    Those leave more of the DRAM port to each. What a machine can do, one of twice as many cores can, if these are 2, 4
    or 8 and so on.
    """
    counts = [*(1 << at for at in range(1, cores.bit_length()) if 1 << at < cores), cores]
    found = [Split(by, min(count, _units(op, by))) for by in WAYS for count in counts]
    return tuple(dict.fromkeys(split for split in found if split.cores > 1))


def most_slices(op: OpOfCores) -> dict[SplitBy, int]:
    """Return into how many slices an op can be cut, by what is cut; 1 where it cannot."""
    return {by: _units(op, by) for by in WAYS}


def ops_of_cores(network: Network, hardware: Hardware) -> list[OpOfCores]:
    """Return the ops of a network that run on a core of a machine, in order."""
    groups = fuse(network, hardware.core).groups
    return [OpOfCores(op, groups[op.layer.name]) for op in plan(network, hardware.core) if op.runs]


def slices_of(op: OpOfCores, split: Split) -> tuple[PlannedOp, ...]:
    """Return what each core does of an op: at most as many slices as there are cores, named after their units."""
    by, cores = split
    units, name = _units(op, by), op.planned.layer.name
    slices = (_SLICES[by](op.planned, part) for part in parts_of(units, cores))
    return tuple(
        replace(own, layer=replace(own.layer, name=f"{name}[{by} {begin}:{end}]"))
        for own, (begin, end) in zip(slices, parts_of(units, cores), strict=True)
    )


def all_slices(network: Network, hardware: Hardware) -> list[PlannedOp]:
    """Return all slices into which a machine of several cores may cut the ops of a network; of one core none."""
    ops = ops_of_cores(network, hardware) if hardware.cores > 1 else []
    return [own for op in ops for split in ways_of(op, hardware.cores) for own in slices_of(op, split)]


def _units(op: OpOfCores, by: SplitBy) -> int:
    """Return into how many slices an op can be cut; 1 where it is whole."""
    able = {"filters": _by_filters, "rows": _by_rows, "samples": _by_samples}[by]
    if not able(op):
        return 1
    layer = op.planned.layer
    if by == "rows":
        return layer.output_shape[2]
    return layer.output_shape[0] if by == "samples" else _groups(layer) or layer.output_shape[1]


def _groups(layer: Layer) -> int:
    """Return the groups of an op that multiplies in several, else 0."""
    return layer.groups if layer.nest is not None and layer.groups > 1 else 0


def _by_filters(op: OpOfCores) -> bool:
    layer, channels = op.planned.layer, op.planned.layer.output_shape[1]
    if layer.constant_elements or any(OPS[fused.op].accumulates for fused in op.group.fused):
        return False
    if any(fused.output_shape[1] != channels for fused in op.group.fused):
        return False
    if layer.nest is None:
        return layer.op in BY_CHANNELS and all(shape[1] in (1, channels) for shape in layer.input_shapes)
    kept_whole = all(nest.bounds[Dim.G] == channels for nest in op.planned.filtering)
    return layer.op is not Op.MATMUL and kept_whole and not (op.planned.filtering and _groups(layer))


def _by_rows(op: OpOfCores) -> bool:
    layer, fused = op.planned.layer, op.group.fused
    windowed = any(OPS[each.op].windowed or OPS[each.op].accumulates for each in fused)
    if windowed or layer.variant in ACROSS_ROWS:
        return False
    if layer.op is Op.MATMUL:
        return layer.output_shape[2] == layer.input_shapes[0][2]
    return layer.op in ROW_BY_ROW and by_strips(layer) and _keeps_rows(layer)


def _keeps_rows(layer: Layer) -> bool:
    """Whether an op that has no windows reads rows where it writes them: inputs are as high, or of one row."""
    if OPS[layer.op].windowed:
        return True
    height = layer.output_shape[2]
    return any(shape[2] == height for shape in layer.input_shapes)


def _by_samples(op: OpOfCores) -> bool:
    layer = op.planned.layer
    samples = layer.output_shape[0]
    whole = layer.op in (Op.MATMUL, Op.RESHAPE, Op.GATHER, Op.UNKNOWN) or op.planned.filtering
    return not whole and all(shape[0] == samples for shape in layer.input_shapes)


def _filters(op: PlannedOp, part: Part) -> PlannedOp:
    """Cut filters; in DRAM they lie among all of them, and channels of groups among all of these."""
    (begin, end), layer = part, op.layer
    groups, samples_filters = _groups(layer), layer.output_shape[1]
    share = Fraction(end - begin, groups or samples_filters)
    filters, shapes = int(samples_filters * share), layer.input_shapes
    channels = shapes[0][1]
    if groups or layer.nest is None:
        shapes = tuple(_with(shape, 1, int(shape[1] * share) if shape[1] > 1 else 1) for shape in shapes)
    cut = replace(
        layer,
        input_shapes=shapes,
        output_shape=_with(layer.output_shape, 1, filters),
        groups=end - begin if groups else layer.groups,
    )
    wide_in = op.slices.input_channels or (channels if shapes[0][1] < channels else 0)
    slices = Slices(wide_in, op.slices.output_channels or samples_filters, op.slices.scattered)
    filtering = tuple(_with_bound(nest, Dim.G, filters) for nest in op.filtering)
    parameters = -(-op.parameters * (end - begin) // (groups or samples_filters))
    return replace(op, layer=cut, slices=slices, filtering=filtering, parameters=parameters)


def _rows(op: PlannedOp, part: Part) -> PlannedOp:
    layer = op.layer
    if layer.op is not Op.MATMUL:
        return replace(op, layer=strip_layer(layer, part))
    first, *others = layer.input_shapes
    rows = part[1] - part[0]
    shapes = (_with(first, 2, rows), *others)
    return replace(op, layer=replace(layer, input_shapes=shapes, output_shape=_with(layer.output_shape, 2, rows)))


def _samples(op: PlannedOp, part: Part) -> PlannedOp:
    layer, samples = op.layer, part[1] - part[0]
    shapes = tuple(_with(shape, 0, samples) for shape in layer.input_shapes)
    added = op.added * samples // layer.output_shape[0]
    cut = replace(layer, input_shapes=shapes, output_shape=_with(layer.output_shape, 0, samples))
    return replace(op, layer=cut, added=added)


_SLICES: Mapping[SplitBy, Callable[[PlannedOp, Part], PlannedOp]] = {
    "filters": _filters,
    "rows": _rows,
    "samples": _samples,
}


def _with(shape: Shape, axis: int, extent: int) -> Shape:
    n, c, h, w = (extent if at == axis else each for at, each in enumerate(shape))
    return n, c, h, w


def _with_bound(nest: LoopNest, dim: Dim, extent: int) -> LoopNest:
    n, g, k, c, p, q, r, s = (extent if at == dim else bound for at, bound in enumerate(nest.bounds))
    return replace(nest, bounds=(n, g, k, c, p, q, r, s))
