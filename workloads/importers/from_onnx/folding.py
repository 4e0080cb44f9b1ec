"""Work out constants: the chains of Shape, Gather, Concat, ... that exporters write around a reshape.

Where values are few and known they are computed; of weights, whose values are not there, only the extents are.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod

import numpy as np

from workloads.importers.from_onnx.model import Const, Dims, Node
from workloads.importers.from_onnx.read import FEW
from workloads.importers.lowering import resolved

Array = np.ndarray
Fold = Callable[[Node, Sequence[Array]], "Array | list[Array]"]

TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}
"""Number of an ONNX type -> numpy's; others are kept as they are."""


BROKEN = (ValueError, TypeError, IndexError, StopIteration, RuntimeError)
"""What numpy raises for extents, axes and indices that do not fit each other."""
MOST_COMPUTED = 64 * FEW  # elements, of which no more than FEW are kept


class UnknownError(ValueError):
    """The result cannot be told."""


def fold(node: Node, inputs: Sequence[Const | None]) -> tuple[Const, ...]:
    """Return what an op makes of constants; raise UnknownError where not even the extents are known."""
    given = [const for const in inputs if const is not None]
    if node.op in SAME and given:
        name = node.outputs[0] if node.op == "Identity" else given[0].name
        return (Const(given[0].dims, given[0].values, name),)
    if node.op in ("Shape", "Size") and given:
        dims = given[0].dims[slice(node.int("start", 0), node.int("end", len(given[0].dims)))]
        return (_kept(np.asarray(dims, np.int64) if node.op == "Shape" else np.asarray(given[0].size, np.int64)),)
    try:
        if node.op == "Clip":
            return (_kept(_clip(node, inputs)),)
        if node.op in FOLDS and all(const.values is not None for const in given):
            name = node.outputs[0] if node.op == "ConstantOfShape" else given[0].name if node.op in REARRANGED else ""
            return _computed(node, [const.values for const in given if const.values is not None], name)
        if node.op in VIEWED:
            return tuple(Const(const.dims, name=given[0].name) for const in _computed(node, _placeholders(given)))
    except (*BROKEN, OverflowError, MemoryError, ZeroDivisionError):
        pass  # its extents may still be known
    if node.op not in EXTENTS:
        raise UnknownError(node.op)
    try:
        return (Const(EXTENTS[node.op](node, inputs), name=given[0].name if given else ""),)
    except BROKEN as error:
        raise UnknownError(str(error)) from error


def _placeholders(consts: Sequence[Const]) -> list[Array]:
    """Return arrays of the constants' extents that take no memory; all but the first need their values."""
    if any(const.values is None for const in consts[1:]):
        raise UnknownError("values are not known")
    return [np.broadcast_to(np.float32(0), consts[0].dims), *(c.values for c in consts[1:] if c.values is not None)]


def _computed(node: Node, arrays: Sequence[Array], name: str = "") -> tuple[Const, ...]:
    with np.errstate(all="ignore"):
        result = FOLDS[node.op](node, arrays)
    return tuple(_kept(array, name) for array in (result if isinstance(result, list) else [result]))


def _kept(array: Array, name: str = "") -> Const:
    return Const(tuple(array.shape), array if array.size <= FEW else None, name)


def _axes(node: Node, arrays: Sequence[Array]) -> Dims | None:
    """Return axes that are an attribute up to some opset and an input from then on."""
    if len(arrays) > 1:
        return tuple(int(axis) for axis in arrays[1].reshape(-1))
    return node.ints("axes")


def _cast(node: Node, arrays: Sequence[Array]) -> Array:
    return arrays[0].astype(TYPES.get(node.int("to", 0), arrays[0].dtype))


def _clip(node: Node, inputs: Sequence[Const | None]) -> Array:
    """Clip to bounds that are inputs, each of which may be left out, or attributes in older models."""
    x, *bounds = [const.values if const else None for const in (*inputs, None, None)][:3]
    if x is None:
        raise UnknownError("values are not known")
    low = bounds[0] if bounds[0] is not None else node.float("min", -np.inf)
    high = bounds[1] if bounds[1] is not None else node.float("max", np.inf)
    return np.asarray(np.minimum(np.maximum(x, low), high)).astype(x.dtype)


def _concat(node: Node, arrays: Sequence[Array]) -> Array:
    joined: Array = np.concatenate(arrays, node.int("axis", 0))
    return joined


def _divide(node: Node, arrays: Sequence[Array]) -> Array:
    first, second = arrays
    if first.dtype.kind not in "iu" or second.dtype.kind not in "iu":
        return np.asarray(np.divide(first, second))
    quotient = np.floor_divide(np.abs(first), np.abs(second))
    return np.asarray(quotient * np.sign(first) * np.sign(second))  # ONNX truncates


def _expand(node: Node, arrays: Sequence[Array]) -> Array:
    dims = np.broadcast_shapes(arrays[0].shape, tuple(int(extent) for extent in arrays[1]))
    return np.broadcast_to(arrays[0], dims)


def _filled(node: Node, arrays: Sequence[Array]) -> Array:
    value = node.attributes.get("value")
    fill = value.values.reshape(-1)[0] if isinstance(value, Const) and value.values is not None else np.float32(0)
    return np.broadcast_to(fill, tuple(int(extent) for extent in arrays[0]))


def _gather(node: Node, arrays: Sequence[Array]) -> Array:
    if arrays[0].size * arrays[1].size > MOST_COMPUTED:
        raise UnknownError("too large")
    return np.take(arrays[0], arrays[1].astype(np.int64), axis=node.int("axis", 0))


def _gather_nd(node: Node, arrays: Sequence[Array]) -> Array:
    if node.int("batch_dims", 0):
        raise UnknownError("batches")
    return np.asarray(arrays[0][tuple(np.moveaxis(arrays[1].astype(np.int64), -1, 0))])


def _range(node: Node, arrays: Sequence[Array]) -> Array:
    start, stop, step = (float(array.reshape(-1)[0]) for array in arrays)
    if not 0 <= (stop - start) / step <= FEW:
        raise UnknownError("too long")
    return np.arange(start, stop, step).astype(arrays[0].dtype)


def _reduction(function: Callable[..., Array]) -> Fold:
    def fold_reduction(node: Node, arrays: Sequence[Array]) -> Array:
        return np.asarray(function(arrays[0], axis=_axes(node, arrays), keepdims=bool(node.int("keepdims", 1))))

    return fold_reduction


def _reshape(node: Node, arrays: Sequence[Array]) -> Array:
    dims = resolved(arrays[0].shape, tuple(map(int, arrays[1])), bool(node.int("allowzero", 0)))
    return np.reshape(arrays[0], dims)


def _slice(node: Node, arrays: Sequence[Array]) -> Array:
    given = [tuple(int(number) for number in array.reshape(-1)) for array in arrays[1:]]
    starts, ends, *rest = given or [node.ints(name) or () for name in ("starts", "ends", "axes")]
    axes = rest[0] if rest and rest[0] else range(len(starts))
    steps = rest[1] if len(rest) > 1 else (1,) * len(starts)
    cuts = [slice(None)] * arrays[0].ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cuts[axis] = slice(start, end, step)
    return arrays[0][tuple(cuts)]


def _split(node: Node, arrays: Sequence[Array]) -> list[Array]:
    axis = node.int("axis", 0)
    sizes = node.ints("split") or (tuple(map(int, arrays[1])) if len(arrays) > 1 else ())
    cuts = np.cumsum(sizes)[:-1] if sizes else len(node.outputs)
    return [np.asarray(part) for part in np.array_split(arrays[0], cuts, axis)]


def _squeeze(node: Node, arrays: Sequence[Array]) -> Array:
    return np.squeeze(arrays[0], _axes(node, arrays))


def _tile(node: Node, arrays: Sequence[Array]) -> Array:
    if arrays[0].size * prod(max(0, int(times)) for times in arrays[1]) > MOST_COMPUTED:
        raise UnknownError("too large")
    return np.tile(arrays[0], arrays[1].astype(np.int64))


def _unsqueeze(node: Node, arrays: Sequence[Array]) -> Array:
    return np.expand_dims(arrays[0], _axes(node, arrays) or ())


def _plain(function: Callable[..., Array]) -> Fold:
    def fold_plain(node: Node, arrays: Sequence[Array]) -> Array:
        if prod(np.broadcast_shapes(*(array.shape for array in arrays))) > MOST_COMPUTED:
            raise UnknownError("too large")
        return np.asarray(function(*arrays))

    return fold_plain


SAME = frozenset({"Identity", "QuantizeLinear", "DequantizeLinear", "Dropout", "CastLike", "Detach"})
FOLDS: Mapping[str, Fold] = {
    "Abs": _plain(np.abs),
    "Add": _plain(np.add),
    "And": _plain(np.logical_and),
    "Cast": _cast,
    "Ceil": _plain(np.ceil),
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "CumSum": lambda node, arrays: np.cumsum(arrays[0], int(arrays[1])),
    "Div": _divide,
    "Equal": _plain(np.equal),
    "Exp": _plain(np.exp),
    "Expand": _expand,
    "Floor": _plain(np.floor),
    "Gather": _gather,
    "GatherND": _gather_nd,
    "Greater": _plain(np.greater),
    "GreaterOrEqual": _plain(np.greater_equal),
    "Less": _plain(np.less),
    "LessOrEqual": _plain(np.less_equal),
    "Log": _plain(np.log),
    "Max": _plain(lambda *arrays: np.maximum.reduce(np.broadcast_arrays(*arrays))),
    "Min": _plain(lambda *arrays: np.minimum.reduce(np.broadcast_arrays(*arrays))),
    "Mod": _plain(np.mod),
    "Mul": _plain(np.multiply),
    "Neg": _plain(np.negative),
    "NonZero": lambda node, arrays: np.stack(np.nonzero(arrays[0])),
    "Not": _plain(np.logical_not),
    "Or": _plain(np.logical_or),
    "Pow": _plain(np.power),
    "Range": _range,
    "Reciprocal": _plain(np.reciprocal),
    "ReduceMax": _reduction(np.max),
    "ReduceMean": _reduction(np.mean),
    "ReduceMin": _reduction(np.min),
    "ReduceProd": _reduction(np.prod),
    "ReduceSum": _reduction(np.sum),
    "Relu": _plain(lambda array: np.maximum(array, 0)),
    "Reshape": _reshape,
    "Round": _plain(np.round),
    "Sign": _plain(np.sign),
    "Slice": _slice,
    "Split": _split,
    "Sqrt": _plain(np.sqrt),
    "Squeeze": _squeeze,
    "Sub": _plain(np.subtract),
    "Tile": _tile,
    "Transpose": lambda node, arrays: np.transpose(arrays[0], node.ints("perm")),
    "Unsqueeze": _unsqueeze,
    "Where": _plain(np.where),
}


def _same(node: Node, inputs: Sequence[Const | None]) -> Dims:
    return np.broadcast_shapes(*(const.dims for const in inputs if const is not None))


def _required(inputs: Sequence[Const | None], position: int) -> Const:
    const = inputs[position]
    if const is None:
        raise ValueError("an input is missing")
    return const


def _reshape_dims(node: Node, inputs: Sequence[Const | None]) -> Dims:
    wanted = _required(inputs, 1).ints()
    if wanted is None:
        raise ValueError("the shape is not known")
    return resolved(_required(inputs, 0).dims, wanted, bool(node.int("allowzero", 0)))


def _gathered_dims(node: Node, inputs: Sequence[Const | None]) -> Dims:
    dims, index = _required(inputs, 0).dims, _required(inputs, 1).dims
    axis = range(len(dims))[node.int("axis", 0)]
    return (*dims[:axis], *index, *dims[axis + 1 :])


def _gathered_nd_dims(node: Node, inputs: Sequence[Const | None]) -> Dims:
    dims, index = _required(inputs, 0).dims, _required(inputs, 1).dims
    return (*index[:-1], *dims[node.int("batch_dims", 0) + index[-1] :])


def _reduced_dims(node: Node, inputs: Sequence[Const | None]) -> Dims:
    dims = _required(inputs, 0).dims
    axes = _required(inputs, 1).ints() if len(inputs) > 1 else node.ints("axes")
    gone = {range(len(dims))[axis] for axis in axes or range(len(dims))}
    kept = bool(node.int("keepdims", 1))
    return tuple(1 if at in gone else extent for at, extent in enumerate(dims) if kept or at not in gone)


def _concat_dims(node: Node, inputs: Sequence[Const | None]) -> Dims:
    dims = list(_required(inputs, 0).dims)
    axis = node.int("axis", 0)
    dims[axis] = sum(const.dims[axis] for const in inputs if const is not None)
    return tuple(dims)


def _filled_dims(node: Node, inputs: Sequence[Const | None]) -> Dims:
    dims = _required(inputs, 0).ints()
    if dims is None or min(dims, default=0) < 0:
        raise ValueError("the shape is not known")
    return dims


def _window_dims(node: Node, inputs: Sequence[Const | None]) -> Dims:
    size = _required(inputs, 0).ints()
    if not size:
        raise ValueError("the size is not known")
    return size[:1]


def _mel_dims(node: Node, inputs: Sequence[Const | None]) -> Dims:
    bins, length = (_required(inputs, at).ints() for at in range(2))
    if not bins or not length:
        raise ValueError("the size is not known")
    return (length[0] // 2 + 1, bins[0])


EXTENTS: Mapping[str, Callable[[Node, Sequence[Const | None]], Dims]] = {
    **dict.fromkeys(("Add", "Div", "Mul", "Pow", "Sub", "Where", "Max", "Min"), _same),
    **dict.fromkeys(("Abs", "Cast", "Clip", "Exp", "Neg", "Reciprocal", "Relu", "Round", "Sigmoid", "Sqrt"), _same),
    **dict.fromkeys(("Ceil", "Cos", "Erf", "Floor", "Log", "Mod", "Sign", "Sin", "Softmax", "Softplus", "Tanh"), _same),
    **dict.fromkeys(("And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "Or"), _same),
    **dict.fromkeys(("ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"), _reduced_dims),
    "Concat": _concat_dims,
    **dict.fromkeys(("BlackmanWindow", "HammingWindow", "HannWindow"), _window_dims),
    "ConstantOfShape": _filled_dims,
    "Gather": _gathered_dims,
    "GatherND": _gathered_nd_dims,
    "MelWeightMatrix": _mel_dims,
    "Reshape": _reshape_dims,
    "ScatterND": lambda node, inputs: _required(inputs, 0).dims,
}
"""Op -> its extents, where values are not known."""

REARRANGED = frozenset({"Cast", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"})
"""Ops that leave weights what they are."""

VIEWED = frozenset({"Expand", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"})
"""Ops that numpy carries out without touching the values, so that any values will do for the extents."""
