"""Add the layers of the project's own layer lists, YAML and CSV; `layer_ops` says which keys each op takes.

A layer list spells a network as `Graph` builds it: shapes follow by themselves.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from simulator.network.graph import Tensor
from simulator.network.ir import ACROSS_CHANNELS, NORMALIZATIONS, Layer, Op, normalized_elements
from simulator.network.ops import CONVOLUTIONS, MAC_OPS
from simulator.network.shapes import sides
from simulator.source.validation import RenamedWord
from workloads.importers.assembly import Assembly
from workloads.importers.layer_ops import OPS, UNKNOWN, entry_of
from workloads.importers.layer_schema import Row
from workloads.importers.lowering import text, wrong

Build = Callable[[Assembly, Row, Sequence[Tensor], str], Tensor]


def conv(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Add a convolution; without `filters` it keeps the channels."""
    x = xs[0]
    groups = x.channels if row.op == "depthwise" else row.groups
    filters = row.filters or x.channels
    return g.conv(x, filters, row.kernel, row.stride, row.padding, groups, row.dilation, row.bias, name=name)


def linear(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Add a fully connected layer."""
    return g.linear(xs[0], row.filters or xs[0].channels, row.bias, groups=row.groups, name=name)


def pool(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Add a pooling layer of a kind."""
    x, kind = xs[0], OPS[row.op].variant or row.variant or "max"
    return g.pool(x, kind, row.kernel, row.stride, row.padding, row.dilation, row.ceil, name)


def global_pool(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Add a pooling layer over whole maps."""
    return g.global_pool(xs[0], row.variant or "average", name)


def activation(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Add a function of one element."""
    return g.activation(xs[0], row.variant, name)


def normalization(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Add a normalization by the elements' own statistics."""
    kind = OPS[row.op].variant or row.variant
    return g.normalize(xs[0], kind, row.groups, row.size[0] if row.size else None, name)


def concat(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Join tensors."""
    return g.concat(*xs, axis=row.axis, name=name)


def split(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Cut channels out."""
    if row.channels is None or len(row.channels) != 2:
        raise wrong(name, "channels are missing", "channels: [start, stop], or output")
    return g.slice(xs[0], *row.channels, name=name)


def gather(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Pick channels."""
    if row.channels is None or len(row.channels) != 1:
        raise wrong(name, "channels are missing", "channels: a number, or output")
    return g.gather(xs[0], row.channels[0], name)


def reshape(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Give elements another shape."""
    if row.shape is None:
        raise wrong(name, "the shape is missing", "shape: [channels, height, width], or output")
    return g.reshape(xs[0], row.shape, name)


def upsample(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Resize maps."""
    if row.size is None:
        raise wrong(name, "the size is missing", "size: [height, width], or output")
    return g.upsample(xs[0], row.size, row.variant or "bilinear", name)


def stated(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Add a layer whose output is stated; the keys it has go into it as they are."""
    entry, x = OPS[row.op], xs[0]
    output = row.output
    if output is None:
        raise wrong(name, "the output is missing", "output: [channels, height, width]")
    if entry.op in MAC_OPS:
        fits = (
            output[0] == x.shape[0] and output[2:] == x.size and not (x.channels % row.groups or output[1] % row.groups)
        )
        if not fits:
            raise wrong(name, "the output does not fit", f"{x.shape[0]}, filters, {text(x.size)}", text(output))
    edges = sides(row.padding, x.size, row.kernel, row.stride, row.dilation)
    inputs, shapes = tuple(x.name for x in xs), tuple(x.shape for x in xs)
    window = (row.kernel, row.stride, edges, row.dilation)
    variant = row.variant or entry.variant
    layer = Layer(name, entry.op, inputs, shapes, output, *window, row.groups, row.bias, variant, row.ceil)
    return g.put(_sized(layer, row))


def plain(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Add an op that needs no more than its inputs, or one that nobody knows."""
    return g.apply(OPS[row.op].op, *xs, variant=row.variant, name=name) if row.op in OPS else unknown(g, row, xs, name)


def _window(row: Row) -> int:
    return row.size[0] if row.size else 5


def _sized(layer: Layer, row: Row) -> Layer:
    """Return a layer with the elements by which it scales each one, if it does."""
    if layer.op is Op.NORMALIZATION:
        usual = normalized_elements(layer.variant, layer.input_shapes[0], row.groups)
        return replace(layer, groups=1, window=row.size[0] if row.size else usual)
    return replace(layer, window=_window(row)) if layer.op is Op.LRN else layer


def unknown(g: Assembly, row: Row, xs: Sequence[Tensor], name: str) -> Tensor:
    """Add an op that nobody knows; unless it is said, it makes as much as the first tensor that it reads."""
    shape = row.output or xs[0].shape
    if row.op != UNKNOWN:
        return g.unknown(name, row.op, xs, shape)
    inputs, shapes = tuple(x.name for x in xs), tuple(x.shape for x in xs)
    return g.put(Layer(name, Op.UNKNOWN, inputs, shapes, shape, variant=row.variant))


BUILDERS: Mapping[str, Build] = {
    "activation": activation,
    "avg_pool": pool,
    "col2im": stated,
    "concat": concat,
    "conv": conv,
    "depthwise": conv,
    "flatten": lambda g, row, xs, name: g.flatten(xs[0], name),
    "gather": gather,
    "global_pool": global_pool,
    "linear": linear,
    "lrn": lambda g, row, xs, name: g.lrn(xs[0], _window(row), row.variant or ACROSS_CHANNELS, name),
    "matmul": stated,
    "max_pool": pool,
    "normalization": normalization,
    "pad": lambda g, row, xs, name: g.pad(xs[0], row.padding, name),
    "pool": pool,
    "reshape": reshape,
    "shuffle": lambda g, row, xs, name: g.shuffle(xs[0], row.groups, name),
    "split": split,
    UNKNOWN: unknown,
    "upsample": upsample,
    **dict.fromkeys(NORMALIZATIONS, normalization),
}
"""Op as it is written -> what adds its layer, where that is more than the op over its inputs."""


def current(row: Row) -> Row:
    """Return a row in today's words, with a warning where it is in others: normalizations were activations."""
    if row.op != "activation" or row.variant not in NORMALIZATIONS:
        return row
    warnings.warn(f"`op: activation, variant: {row.variant}` is now `op: {row.variant}`", RenamedWord, stacklevel=2)
    return row.model_copy(update={"op": "normalization"})


def add_row(g: Assembly, row: Row, xs: Sequence[Tensor]) -> Tensor:
    """Add the layer of a row, and its activation; return what they make."""
    row = current(row)
    name = row.name or g.unique(f"{row.op}{g.size + 1}")
    given = row.model_fields_set
    op = entry_of(row.op).op
    free = "output" in given and op not in CONVOLUTIONS | {Op.UNKNOWN}
    y = (stated if free else BUILDERS.get(row.op, plain))(g, row, xs, name)
    if row.output is not None and y.shape != row.output:
        raise wrong(name, "the output is not what follows from the inputs", text(y.shape), text(row.output))
    if row.output is not None:
        g.retype(y.name, op)
    zeros = (row.zero_inputs_fraction, row.zero_weights_fraction, row.zero_outputs_fraction)
    g.revise(y.name, row.stage, row.variant, zeros, row.zero_columns, row.constant_elements)
    return g.activation(y, row.activation) if row.activation else y
