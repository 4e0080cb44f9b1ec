"""Write a network down as its paper's table does; shapes follow by themselves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, count
from math import prod

from simulator.errors import InputError, Problem
from simulator.network.ir import (
    ACROSS_CHANNELS,
    MAC_OPS,
    WITHIN_CHANNEL,
    Layer,
    Network,
    Op,
    Shape,
    normalized_elements,
)
from simulator.network.ops import OPS
from simulator.network.shapes import Misfit, Padding, Pair, Sides, joined, pair, shape_of, sides, text
from simulator.source.changed import changed


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
    not fit raises InputError with the layer's name as path. Batch norm, which folds into the convolution before it, and
    dropout have no layer.

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
        edges = sides(padding, x.size, kernel, stride, dilation)
        wanted = (x.shape[0], filters, *x.size)
        window = (kernel, stride, edges, dilation, groups, bias)
        layer = Layer(name, op, (x.name,), (x.shape,), wanted, *window, zero_inputs_fraction=zero_inputs_fraction)
        if zero_weights_fraction is not None or zero_columns:
            layer = replace(layer, zero_weights_fraction=zero_weights_fraction, zero_columns=zero_columns)
        y = self._shaped(layer)
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
        wanted = (x.shape[0], filters, 1, 1)
        y = self._shaped(Layer(name, Op.LINEAR, (x.name,), (x.shape,), wanted, groups=groups, bias=bias))
        return self.activation(y, activation) if activation else y

    def apply(self, op: Op, *xs: Tensor, variant: str = "", name: str = "", constants: int = 0) -> Tensor:
        """Add an op whose output follows from its inputs alone; `constants` are elements of operands beside them."""
        return self._unshaped(self._name(name, op.value), op, xs, variant=variant, constants=constants)

    def activation(self, x: Tensor, kind: str, name: str = "") -> Tensor:
        """Apply a function of one element, such as "relu" or "hard_swish"."""
        name = self._name(name, "activation") if name else self._free(f"{x.name}_{kind}")
        return self._unshaped(name, Op.ACTIVATION, [x], variant=kind)

    def relu(self, x: Tensor, name: str = "") -> Tensor:
        """Apply max(x, 0)."""
        return self.activation(x, "relu", name)

    def pool(
        self,
        x: Tensor,
        kind: str,
        kernel: int | Pair,
        stride: int | Pair = 1,
        padding: Padding = 0,
        dilation: int | Pair = 1,
        ceil: bool = False,
        name: str = "",
    ) -> Tensor:
        """Reduce each window to its "max" or "average"; `ceil` lets a last window hang over the edge, as Caffe does."""
        name = self._name(name, "pool")
        kernel, stride, dilation = pair(kernel), pair(stride), pair(dilation)
        _require_positive(name, kernel=kernel, stride=stride, dilation=dilation)
        window = (kernel, stride, sides(padding, x.size, kernel, stride, dilation), dilation)
        if min(window[2]) < 0:
            raise _error(name, "padding must not be negative", "0 or more", text(window[2]))
        return self._shaped(Layer(name, Op.POOL, (x.name,), (x.shape,), x.shape, *window, variant=kind, ceil=ceil))

    def max_pool(
        self,
        x: Tensor,
        kernel: int | Pair,
        stride: int | Pair = 1,
        padding: Padding = 0,
        ceil: bool = False,
        name: str = "",
    ) -> Tensor:
        """Take the largest of each window."""
        return self.pool(x, "max", kernel, stride, padding, 1, ceil, name)

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
        return self.pool(x, "average", kernel, stride, padding, 1, ceil, name)

    def global_pool(self, x: Tensor, kind: str = "average", name: str = "") -> Tensor:
        """Reduce each channel to one value."""
        return self.pool(x, kind, x.size, name=name)

    def add(self, *xs: Tensor, activation: str = "", name: str = "") -> Tensor:
        """Add tensors element by element, stretching extents of 1."""
        y = self.apply(Op.ADD, *xs, name=name)
        return self.activation(y, activation) if activation else y

    def mul(self, *xs: Tensor, name: str = "") -> Tensor:
        """Multiply tensors element by element, stretching extents of 1."""
        return self.apply(Op.MUL, *xs, name=name)

    def softmax(self, x: Tensor, name: str = "") -> Tensor:
        """Turn scores into probabilities, over the channels."""
        return self.apply(Op.SOFTMAX, x, name=name)

    def lrn(self, x: Tensor, size: int = 5, region: str = ACROSS_CHANNELS, name: str = "") -> Tensor:
        """Normalise each element by the `size` around it across channels, or by rows and columns "within_channel"."""
        name = self._name(name, "lrn")
        _require_positive(name, size=(size,))
        if region not in (ACROSS_CHANNELS, WITHIN_CHANNEL):
            raise _error(name, "not a region", f"{ACROSS_CHANNELS} or {WITHIN_CHANNEL}", region)
        return self._unshaped(name, Op.LRN, [x], variant=region, window=size)

    def normalize(self, x: Tensor, kind: str, groups: int = 1, elements: int | None = None, name: str = "") -> Tensor:
        """Scale elements by their own statistics: "layer_norm", "instance_norm", "group_norm", "rms_norm", ...

        `elements` share them: unless given, those of a position, a map, or a group of channels, as is usual.
        """
        name = self._name(name, kind)
        _require_positive(name, groups=(groups,))
        window = elements or max(1, normalized_elements(kind, x.shape, groups))
        return self._unshaped(name, Op.NORMALIZATION, [x], variant=kind, window=window)

    def upsample(self, x: Tensor, size: Pair, kind: str = "bilinear", name: str = "") -> Tensor:
        """Resize to `size`, by "bilinear" or "nearest" interpolation."""
        name = self._name(name, "upsample")
        _require_positive(name, size=size)
        return self._unshaped(name, Op.UPSAMPLE, [x], (*x.shape[:2], *size), variant=kind)

    def concat(self, *xs: Tensor, axis: int = 1, name: str = "") -> Tensor:
        """Join tensors along an axis of [N, C, H, W], channels unless said otherwise."""
        name = self._name(name, "concat")
        try:
            wanted = joined([x.shape for x in xs], [x.name for x in xs], axis)
        except Misfit as misfit:
            raise _misfit(name, misfit) from misfit
        return self._unshaped(name, Op.CONCAT, xs, wanted)

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
        return self._unshaped(self._name(name, "slice"), Op.SPLIT, [x], variant=f"{start}:{stop}")

    def shuffle(self, x: Tensor, groups: int, name: str = "") -> Tensor:
        """Interleave the channels of `groups` groups."""
        name = self._name(name, "shuffle")
        _require_positive(name, groups=(groups,))
        return self._unshaped(name, Op.SHUFFLE, [x], groups=groups)

    def gather(self, x: Tensor, channels: int, name: str = "") -> Tensor:
        """Pick `channels` channels by an index learned in training, some perhaps twice."""
        name = self._name(name, "gather")
        _require_positive(name, channels=(channels,))
        return self._unshaped(name, Op.GATHER, [x], (x.shape[0], channels, *x.size))

    def reshape(self, x: Tensor, shape: Sequence[int], name: str = "") -> Tensor:
        """Give the elements of each sample another [C, H, W], one of them -1 to be worked out."""
        name = self._name(name, "reshape")
        elements, known = prod(x.shape[1:]), prod(extent for extent in shape if extent != -1)
        full = [elements // known if extent == -1 else extent for extent in shape]
        if len(full) != 3 or prod(full) != elements:
            raise _error(name, "not the same number of elements", f"{elements} a sample", text(shape))
        return self._unshaped(name, Op.RESHAPE, [x], shape_of([x.shape[0], *full]))

    def flatten(self, x: Tensor, name: str = "") -> Tensor:
        """Turn each sample into a vector."""
        return self.reshape(x, (-1, 1, 1), name)

    def pad(self, x: Tensor, padding: Padding, name: str = "") -> Tensor:
        """Surround each channel with zeros, as a layer of its own."""
        edges = sides(padding, x.size, (1, 1), (1, 1))
        return self._unshaped(self._name(name, "pad"), Op.PAD, [x], padding=edges)

    def build(self, *outputs: Tensor) -> Network:
        """Return the network; unless named, its outputs are the tensors that no layer reads."""
        names = tuple(x.name for x in outputs) or tuple(name for name in self._layers if name not in self._read)
        if not names:
            raise _error(self.name, "a network needs at least one layer")
        return Network(self.name, dict(self._inputs), tuple(self._layers.values()), names)

    def _unshaped(
        self,
        name: str,
        op: Op,
        xs: Sequence[Tensor],
        wanted: Shape | None = None,
        variant: str = "",
        groups: int = 1,
        padding: Sides = (0, 0, 0, 0),
        window: int = 1,
        constants: int = 0,
    ) -> Tensor:
        """Add a layer of some inputs; `wanted` holds what only the output tells, such as how many channels."""
        inputs, shapes = tuple(x.name for x in xs), tuple(x.shape for x in xs)
        layer = Layer(name, op, inputs, shapes, wanted or xs[0].shape, padding=padding, groups=groups, variant=variant)
        more = window > 1 or constants
        return self._shaped(replace(layer, window=window, constant_elements=constants) if more else layer)

    def _shaped(self, layer: Layer) -> Tensor:
        """Add a layer with the output that its op makes of its inputs."""
        try:
            shape = OPS[layer.op].shape(layer, layer.input_shapes)
        except Misfit as misfit:
            raise _misfit(layer.name, misfit) from misfit
        return self._add(changed(layer, {"output_shape": shape}))

    def _add(self, layer: Layer) -> Tensor:
        self._claim(layer.name)
        self._layers[layer.name] = changed(layer, {"stage": self._stage_of(layer)})
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

    def shapes(layer: Layer) -> dict[str, object]:
        return {"input_shapes": tuple(map(many, layer.input_shapes)), "output_shape": many(layer.output_shape)}

    layers = tuple(changed(layer, shapes(layer)) for layer in network.layers)
    return replace(network, inputs={name: many(shape) for name, shape in network.inputs.items()}, layers=layers)


def _require_positive(name: str, **extents: Sequence[int]) -> None:
    for what, values in extents.items():
        if min(values) < 1:
            raise _error(name, f"{what} must be positive", "1 or more", text(values))


def _misfit(name: str, misfit: Misfit) -> InputError:
    return _error(name, misfit.message, misfit.expected, misfit.got)


def _error(name: str, message: str, expected: str | None = None, got: str | None = None) -> InputError:
    return InputError(Problem(message, path=name, expected=expected, got=got))
