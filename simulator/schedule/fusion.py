"""Group the ops of a network: a producer, which runs, and the ops fused into it; and set free ones aside."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

from simulator.hardware.model import Hardware
from simulator.nest import LoopNest, Operand, footprint
from simulator.network.ir import MAC_OPS, Layer, Network, Op
from simulator.network.ops import OPS


@dataclass(frozen=True, slots=True)
class Group:
    """An op that runs, and those applied to its outputs on their way out.

    `residuals` names the tensors that fused adds read besides: they come from where they are stored.
    """

    producer: Layer
    fused: tuple[Layer, ...] = ()
    residuals: tuple[str, ...] = ()

    @property
    def last(self) -> Layer:
        """The op that leaves what is stored."""
        return self.fused[-1] if self.fused else self.producer

    @property
    def stored(self) -> Fraction:
        """What is stored, as a fraction of what the producer makes: a fused pool downsamples it."""
        return Fraction(prod(self.last.output_shape), prod(self.producer.output_shape))

    @property
    def added(self) -> int:
        """Products that are added to others on their way out, by ops that accumulate."""
        return sum(OPS[op.op].operations(op) for op in self.fused if OPS[op.op].accumulates)

    @property
    def filtering(self) -> tuple[LoopNest, ...]:
        """Loops of the depthwise layers that an engine runs behind the array."""
        return tuple(op.nest for op in self.fused if op.op is Op.DEPTHWISE and op.nest)

    @property
    def parameters(self) -> int:
        """Words that fused ops bring besides: weights of depthwise layers, and constants but for those tables."""
        return sum(words_brought(op) for op in self.fused)

    @property
    def constants(self) -> int:
        """Residual operands that are constants: of fused ops, tables of a value for every output of a sample."""
        wide = (layer for layer in self.fused if has_table(layer))
        return sum(-(-layer.constant_elements // prod(layer.output_shape[1:])) for layer in wide)


@dataclass(frozen=True, slots=True)
class Fusion:
    """Groups by their producer's name, the producer of each fused op, and the ops that are free."""

    groups: Mapping[str, Group]
    producer_of: Mapping[str, str]
    folded: frozenset[str]


def fuse(network: Network, hardware: Hardware) -> Fusion:
    """Fuse what the machine fuses into the op that makes its input, if nothing else reads that, and fold free ops.

    Sums of what the array multiplies are part of it on every machine.
    An add is fused into the op that makes its last-made input; its other inputs are residual operands.
    """
    groups: dict[str, Group] = {}
    producer_of: dict[str, str] = {}
    folded: set[str] = set()
    readers = _readers(network)
    made = {layer.name: i for i, layer in enumerate(network.layers)}
    for layer in network.layers:
        last = max(layer.inputs, key=lambda name: made.get(name, -1))
        group = groups.get(producer_of.get(last, last))
        if layer.op in hardware.folds:
            folded.add(layer.name)
        elif group and readers[last] == 1 and _fuses(layer, hardware) and _can_fuse(layer, group.producer):
            name = group.producer.name
            producer_of[layer.name] = name
            groups[name] = _joined(group, layer, last)
        else:
            groups[layer.name] = Group(layer)
    return Fusion(groups, producer_of, frozenset(folded))


def _joined(group: Group, layer: Layer, last: str) -> Group:
    others = tuple(name for name in layer.inputs if name != last)
    return replace(group, fused=(*group.fused, layer), residuals=group.residuals + others)


def _readers(network: Network) -> dict[str, int]:
    """How many ops read each tensor, the outside world counting as one."""
    readers = dict.fromkeys(_tensors(network), 0)
    for name in (*(name for layer in network.layers for name in layer.inputs), *network.outputs):
        readers[name] += 1
    return readers


def _tensors(network: Network) -> Iterable[str]:
    return (*network.inputs, *(layer.name for layer in network.layers))


def _fuses(layer: Layer, hardware: Hardware) -> bool:
    engine = layer.op is Op.DEPTHWISE and hardware.depthwise is not None
    return engine or layer.op in hardware.fuses or OPS[layer.op].accumulates


def has_table(layer: Layer) -> bool:
    """Whether an op has constants of more than a value a channel: a residual operand, which is read as it is used."""
    return layer.constant_elements > layer.output_shape[1]


def words_brought(layer: Layer) -> int:
    """Words that come once for an op that is fused: its weights, or its constants unless they are a table."""
    if layer.nest:
        return footprint(layer.nest, layer.nest.bounds, Operand.WEIGHTS)
    return 0 if has_table(layer) else layer.constants


def _can_fuse(layer: Layer, producer: Layer) -> bool:
    """Whether an op can be applied to a producer's outputs on their way out.

    Only MAC ops take residual operands, of their own shape, and ops that downsample what is stored. A table of
    constants is a residual operand, too: it comes with each tile that completes outputs, so once for each sample.
    An engine filters what the array makes, and makes no more of it. Of a table that rows are picked from, no other
    constants come with them.
    """
    entry, multiplies = OPS[layer.op], producer.op in MAC_OPS
    if layer.op is Op.DEPTHWISE:
        return multiplies and prod(layer.output_shape) <= prod(layer.input_shapes[0])
    if producer.op is Op.GATHER and layer.constants:
        return False
    if len(layer.inputs) == 1 and not has_table(layer):
        return layer.output_shape == layer.input_shapes[0] or (entry.downsamples and multiplies)
    same = all(shape == producer.output_shape for shape in layer.input_shapes)
    return entry.residuals and same and multiplies
