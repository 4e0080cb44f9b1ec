"""Write a network down as its paper's table does; shapes follow by themselves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, count
from math import prod

from simulator.errors import InputError, Problem
from simulator.network.ir import MAC_OPS, Layer, Network, Op, Shape
from simulator.network.shapes import Padding, Pair, Sides, broadcast, pair, sides, window_outputs

AXES = ("batch", "channels", "height", "width")


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor on its way through a graph."""

    name: str
    shape: Shape

    @property
    def channels(self) -> int:
        """Extent of C."""
        return self.shape[1]

    @property
    def size(self) -> Pair:
        """Extents of H and W."""
        return self.shape[2:]


class Graph:
    """Builds a `Network` op by op.

    Each method adds one layer, named `name` or after its op with a running number, and returns its tensor. What does
    not fit raises InputError with the layer's name as path. Batch norm folds into the convolution before it and
    dropout does nothing at inference, so neither has a layer.

    >>> g = Graph("tiny")
    >>> x = g.input(3, 32, 32)
    >>> x = g.conv(x, 8, kernel=3, padding=1, activation="relu")
    >>> x = g.linear(g.global_pool(x), 10)
    >>> [layer.name for layer in g.build().layers]
    ['conv1', 'conv1_relu', 'pool1', 'linear1']
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._inputs: dict[str, Shape] = {}
        self._layers: dict[str, Layer] = {}
        self._counts: dict[str, int] = {}
        self._read: set[str] = set()
        self._stage = ""
        self._scopes: tuple[str, ...] = ()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Mark the layers made inside as part of one stage, to be reported together.

        Outside of stages and scopes a convolution or product is a stage of its own, and what follows it belongs to it.
        """
        outer, self._stage = self._stage, name
        try:
            yield
        finally:
            self._stage = outer

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefix the names of layers made inside with `name/`; without a stage, the outermost scope is one."""
        outer, self._scopes = self._scopes, (*self._scopes, name)
        try:
            yield
        finally:
            self._scopes = outer

    def input(self, channels: int, height: int, width: int, name: str = "data", batch: int = 1) -> Tensor:
        """Declare an input of the network."""
        shape = (batch, channels, height, width)
        _require_positive(name, extents=shape)
        self._claim(name)
        self._inputs[name] = shape
        return Tensor(name, shape)

    def conv(
        self,
        x: Tensor,
        filters: int,
        kernel: int | Pair = 1,
        stride: int | Pair = 1,
        padding: Padding = 0,
        groups: int = 1,
        dilation: int | Pair = 1,
        bias: bool = False,
        activation: str = "",
        name: str = "",
        zero_weights_fraction: float | None = None,
        zero_inputs_fraction: float | None = None,
        zero_columns: bool = False,
    ) -> Tensor:
        """Convolve; with as many groups as input channels it is a depthwise convolution."""
        op = Op.DEPTHWISE if groups == x.channels > 1 else Op.CONV
        name = self._name(name, "conv")
        kernel, stride, dilation = pair(kernel), pair(stride), pair(dilation)
        _require_positive(name, filters=(filters,), kernel=kernel, stride=stride, dilation=dilation, groups=(groups,))
        _require_divisible(name, groups, input_channels=x.channels, filters=filters)
        edges = sides(padding, x.size, kernel, stride, dilation)
        size = _fitting(name, x, window_outputs(x.size, kernel, stride, edges, dilation))
        shape = (x.shape[0], filters, *size)
        layer = Layer(name, op, (x.name,), (x.shape,), shape, kernel, stride, edges, dilation, groups, bias)
        layer = replace(layer, zero_weights_fraction=zero_weights_fraction, zero_inputs_fraction=zero_inputs_fraction)
        y = self._add(replace(layer, zero_columns=zero_columns))
        return self.activation(y, activation) if activation else y

    def depthwise(
        self,
        x: Tensor,
        kernel: int | Pair,
        stride: int | Pair = 1,
        padding: Padding = 0,
        dilation: int | Pair = 1,
        bias: bool = False,
        activation: str = "",
        name: str = "",
    ) -> Tensor:
        """Convolve each channel with its own filter."""
        return self.conv(x, x.channels, kernel, stride, padding, x.channels, dilation, bias, activation, name)

    def linear(
        self, x: Tensor, filters: int, bias: bool = False, activation: str = "", groups: int = 1, name: str = ""
    ) -> Tensor:
        """Multiply by a matrix; what is not a vector yet is flattened first."""
        name = self._name(name, "linear")
        _require_positive(name, filters=(filters,), groups=(groups,))
        x = self.flatten(x) if x.size != (1, 1) else x
        _require_divisible(name, groups, inputs=x.channels, filters=filters)
        shape = (x.shape[0], filters, 1, 1)
        y = self._add(Layer(name, Op.LINEAR, (x.name,), (x.shape,), shape, groups=groups, bias=bias))
        return self.activation(y, activation) if activation else y

    def activation(self, x: Tensor, kind: str, name: str = "") -> Tensor:
        """Apply a function of one element, such as "relu" or "hard_swish"."""
        name = self._name(name, "activation") if name else self._free(f"{x.name}_{kind}")
        return self._unary(name, Op.ACTIVATION, x, x.shape, variant=kind)

    def relu(self, x: Tensor, name: str = "") -> Tensor:
        """Apply max(x, 0)."""
        return self.activation(x, "relu", name)

    def max_pool(
        self,
        x: Tensor,
        kernel: int | Pair,
        stride: int | Pair = 1,
        padding: Padding = 0,
        ceil: bool = False,
        name: str = "",
    ) -> Tensor:
        """Take the largest of each window; `ceil` lets a last window hang over the edge, as Caffe does."""
        return self._pool(x, "max", kernel, stride, padding, ceil, name)

    def avg_pool(
        self,
        x: Tensor,
        kernel: int | Pair,
        stride: int | Pair = 1,
        padding: Padding = 0,
        ceil: bool = False,
        name: str = "",
    ) -> Tensor:
        """Take the mean of each window."""
        return self._pool(x, "average", kernel, stride, padding, ceil, name)

    def global_pool(self, x: Tensor, kind: str = "average", name: str = "") -> Tensor:
        """Reduce each channel to one value."""
        return self._pool(x, kind, x.size, 1, 0, False, name)

    def add(self, *xs: Tensor, activation: str = "", name: str = "") -> Tensor:
        """Add tensors element by element, stretching extents of 1."""
        y = self._elementwise(Op.ADD, xs, name)
        return self.activation(y, activation) if activation else y

    def mul(self, *xs: Tensor, name: str = "") -> Tensor:
        """Multiply tensors element by element, stretching extents of 1."""
        return self._elementwise(Op.MUL, xs, name)

    def softmax(self, x: Tensor, name: str = "") -> Tensor:
        """Turn scores into probabilities, over the channels."""
        return self._unary(self._name(name, "softmax"), Op.SOFTMAX, x, x.shape)

    def lrn(self, x: Tensor, size: int = 5, name: str = "") -> Tensor:
        """Normalise each element by its `size` neighbours across channels."""
        return self._unary(self._name(name, "lrn"), Op.LRN, x, x.shape, variant=f"across_channels_{size}")

    def upsample(self, x: Tensor, size: Pair, kind: str = "bilinear", name: str = "") -> Tensor:
        """Resize to `size`, by "bilinear" or "nearest" interpolation."""
        name = self._name(name, "upsample")
        _require_positive(name, size=size)
        return self._unary(name, Op.UPSAMPLE, x, (*x.shape[:2], *size), variant=kind)

    def concat(self, *xs: Tensor, axis: int = 1, name: str = "") -> Tensor:
        """Join tensors along an axis of [N, C, H, W], channels unless said otherwise."""
        name = self._name(name, "concat")
        first = xs[0].shape
        for other in xs[1:]:
            for at, extent in enumerate(other.shape):
                if at != axis and extent != first[at]:
                    raise _error(name, f"{AXES[at]} of {other.name} differs", str(first[at]), str(extent))
        shape = list(first)
        shape[axis] = sum(x.shape[axis] for x in xs)
        return self._many(name, Op.CONCAT, xs, _shape(shape))

    def split(self, x: Tensor, *channels: int, name: str = "") -> tuple[Tensor, ...]:
        """Cut the channels into consecutive parts, one layer each."""
        name = name or self._count("split")
        if sum(channels) != x.channels:
            raise _error(name, "parts do not add up to the channels", str(x.channels), " + ".join(map(str, channels)))
        starts = [sum(channels[:part]) for part in range(len(channels))]
        bounds = zip(starts, channels, strict=True)
        return tuple(
            self.slice(x, start, start + width, f"{name}_{part}") for part, (start, width) in enumerate(bounds, start=1)
        )

    def slice(self, x: Tensor, start: int, stop: int, name: str = "") -> Tensor:
        """Take the channels from `start` up to `stop`; only they are read."""
        name = self._name(name, "slice")
        if not 0 <= start < stop <= x.channels:
            raise _error(name, "not a range of channels", f"within 0:{x.channels}", f"{start}:{stop}")
        shape = (x.shape[0], stop - start, *x.size)
        return self._unary(name, Op.SPLIT, x, shape, variant=f"{start}:{stop}")

    def shuffle(self, x: Tensor, groups: int, name: str = "") -> Tensor:
        """Interleave the channels of `groups` groups."""
        name = self._name(name, "shuffle")
        _require_positive(name, groups=(groups,))
        _require_divisible(name, groups, channels=x.channels)
        return self._unary(name, Op.SHUFFLE, x, x.shape, groups=groups)

    def gather(self, x: Tensor, channels: int, name: str = "") -> Tensor:
        """Pick `channels` channels by an index learned in training, some perhaps twice."""
        name = self._name(name, "gather")
        _require_positive(name, channels=(channels,))
        return self._unary(name, Op.GATHER, x, (x.shape[0], channels, *x.size))

    def reshape(self, x: Tensor, shape: Sequence[int], name: str = "") -> Tensor:
        """Give the elements of each sample another [C, H, W], one of them -1 to be worked out."""
        name = self._name(name, "reshape")
        elements, known = prod(x.shape[1:]), prod(extent for extent in shape if extent != -1)
        full = [elements // known if extent == -1 else extent for extent in shape]
        if len(full) != 3 or prod(full) != elements:
            raise _error(name, "not the same number of elements", f"{elements} a sample", _text(shape))
        return self._unary(name, Op.RESHAPE, x, _shape([x.shape[0], *full]))

    def flatten(self, x: Tensor, name: str = "") -> Tensor:
        """Turn each sample into a vector."""
        return self.reshape(x, (-1, 1, 1), name)

    def pad(self, x: Tensor, padding: Padding, name: str = "") -> Tensor:
        """Surround each channel with zeros, as a layer of its own."""
        edges = sides(padding, x.size, (1, 1), (1, 1))
        height, width = x.size[0] + edges[0] + edges[2], x.size[1] + edges[1] + edges[3]
        return self._unary(self._name(name, "pad"), Op.PAD, x, (*x.shape[:2], height, width), padding=edges)

    def build(self, *outputs: Tensor) -> Network:
        """Return the network; unless named, its outputs are the tensors that no layer reads."""
        leaves = tuple(name for name in self._layers if name not in self._read)
        names = tuple(x.name for x in outputs) or leaves
        if not names:
            raise _error(self.name, "a network needs at least one layer")
        return Network(self.name, dict(self._inputs), tuple(self._layers.values()), names)

    def _pool(
        self, x: Tensor, kind: str, kernel: int | Pair, stride: int | Pair, padding: Padding, ceil: bool, name: str
    ) -> Tensor:
        name = self._name(name, "pool")
        kernel, stride = pair(kernel), pair(stride)
        _require_positive(name, kernel=kernel, stride=stride)
        edges = sides(padding, x.size, kernel, stride)
        size = _fitting(name, x, window_outputs(x.size, kernel, stride, edges, ceil=ceil))
        shape = (*x.shape[:2], *size)
        window = (kernel, stride, edges)
        return self._add(Layer(name, Op.POOL, (x.name,), (x.shape,), shape, *window, variant=kind, ceil=ceil))

    def _elementwise(self, op: Op, xs: Sequence[Tensor], name: str) -> Tensor:
        name = self._name(name, op.value)
        shape: tuple[int, ...] = xs[0].shape
        for x in xs[1:]:
            stretched = broadcast(shape, x.shape)
            if stretched is None:
                raise _error(name, f"{x.name} does not match the other operands", _text(shape), _text(x.shape))
            shape = stretched
        return self._many(name, op, xs, _shape(shape))

    def _unary(
        self,
        name: str,
        op: Op,
        x: Tensor,
        shape: Shape,
        variant: str = "",
        groups: int = 1,
        padding: Sides = (0, 0, 0, 0),
    ) -> Tensor:
        return self._add(Layer(name, op, (x.name,), (x.shape,), shape, padding=padding, groups=groups, variant=variant))

    def _many(self, name: str, op: Op, xs: Sequence[Tensor], shape: Shape) -> Tensor:
        return self._add(Layer(name, op, tuple(x.name for x in xs), tuple(x.shape for x in xs), shape))

    def _add(self, layer: Layer) -> Tensor:
        self._claim(layer.name)
        self._layers[layer.name] = replace(layer, stage=self._stage_of(layer))
        self._read.update(layer.inputs)
        return Tensor(layer.name, layer.output_shape)

    def _stage_of(self, layer: Layer) -> str:
        if self._stage or self._scopes:
            return self._stage or self._scopes[0]
        maker = self._layers.get(layer.inputs[0])
        return maker.stage if maker and layer.op not in MAC_OPS else layer.name

    def _name(self, name: str, kind: str) -> str:
        return "/".join((*self._scopes, name or self._count(kind)))

    def _count(self, kind: str) -> str:
        prefix = "/".join((*self._scopes, kind))
        number = self._counts.get(prefix, 0) + 1
        while f"{prefix}{number}" in self._layers:
            number += 1
        self._counts[prefix] = number
        return f"{kind}{number}"

    def _free(self, name: str) -> str:
        taken = (f"{name}_{number}" for number in count(2))
        return next(free for free in chain((name,), taken) if free not in self._layers)

    def _claim(self, name: str) -> None:
        if name in self._layers or name in self._inputs:
            raise _error(name, "the name is taken", "a name of its own")


def check_batch(batch: int) -> None:
    """Raise InputError unless so many samples can be taken at once."""
    if not isinstance(batch, int) or batch < 1:
        raise InputError(Problem("not a batch", path="batch", expected="a whole number from 1", got=str(batch)))


def with_batch(network: Network, batch: int) -> Network:
    """Return the network for `batch` samples at once."""
    check_batch(batch)

    def many(shape: Shape) -> Shape:
        return (batch, *shape[1:])

    layers = tuple(
        replace(layer, input_shapes=tuple(map(many, layer.input_shapes)), output_shape=many(layer.output_shape))
        for layer in network.layers
    )
    return replace(network, inputs={name: many(shape) for name, shape in network.inputs.items()}, layers=layers)


def _fitting(name: str, x: Tensor, size: Pair) -> Pair:
    if min(size) < 1:
        raise _error(name, "the window is larger than the padded input", got=f"an input of {x.size[0]}x{x.size[1]}")
    return size


def _require_positive(name: str, **extents: Sequence[int]) -> None:
    for what, values in extents.items():
        if min(values) < 1:
            raise _error(name, f"{what} must be positive", "1 or more", _text(values))


def _require_divisible(name: str, groups: int, **channels: int) -> None:
    for what, extent in channels.items():
        if extent % groups:
            raise _error(
                name, f"{what.replace('_', ' ')} do not divide into groups", f"a multiple of {groups}", str(extent)
            )


def _shape(extents: Sequence[int]) -> Shape:
    n, c, h, w = extents
    return (n, c, h, w)


def _text(extents: Sequence[int]) -> str:
    return "x".join(map(str, extents))


def _error(name: str, message: str, expected: str | None = None, got: str | None = None) -> InputError:
    return InputError(Problem(message, path=name, expected=expected, got=got))
