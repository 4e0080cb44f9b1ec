"""Work out constants: the chains of Shape, Gather, Concat, ... that exporters write around a reshape.

Where values are few and known they are computed; of weights, whose values are not there, only the extents are.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod

import numpy as np

from workloads.importers.from_onnx.model import Const, Dims, Node
from workloads.importers.from_onnx.read import FEW

Array = np.ndarray
Fold = Callable[[Node, Sequence[Array]], "Array | list[Array]"]

TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}
"""Number of an ONNX type -> numpy's; others are kept as they are."""


BROKEN = (ValueError, TypeError, IndexError, StopIteration)
MOST_COMPUTED = 64 * FEW  # elements, of which no more than FEW are kept


class UnknownError(ValueError):
    """The result cannot be told."""


def fold(node: Node, inputs: Sequence[Const | None]) -> tuple[Const, ...]:
    """Return what an op makes of constants; raise UnknownError where not even the extents are known."""
    given = [const for const in inputs if const is not None]
    if node.op in SAME and given:
        return (Const(given[0].dims, given[0].values, given[0].name),)
    if node.op in FOLDS and all(const.values is not None for const in given):
        try:
            return _computed(node, [None if const is None else const.values for const in inputs])
        except (*BROKEN, OverflowError, MemoryError, ZeroDivisionError):
            pass  # its extents may still be known
    if node.op not in EXTENTS:
        raise UnknownError(node.op)
    try:
        return (Const(EXTENTS[node.op](node, inputs), name=given[0].name if given else ""),)
    except BROKEN as error:
        raise UnknownError(str(error)) from error


def _computed(node: Node, arrays: Sequence[Array | None]) -> tuple[Const, ...]:
    with np.errstate(all="ignore"):
        result = FOLDS[node.op](node, [array for array in arrays if array is not None])
    results = result if isinstance(result, list) else [result]
    return tuple(Const(tuple(array.shape), array if array.size <= FEW else None) for array in results)


def _axes(node: Node, arrays: Sequence[Array]) -> Dims | None:
    """Return axes that are an attribute up to some opset and an input from then on."""
    if len(arrays) > 1:
        return tuple(int(axis) for axis in arrays[1].reshape(-1))
    return node.ints("axes")


def _cast(node: Node, arrays: Sequence[Array]) -> Array:
    return arrays[0].astype(TYPES.get(node.int("to", 0), arrays[0].dtype))


def _concat(node: Node, arrays: Sequence[Array]) -> Array:
    return np.concatenate(arrays, node.int("axis", 0))


def _divide(node: Node, arrays: Sequence[Array]) -> Array:
    first, second = arrays
    if first.dtype.kind not in "iu" or second.dtype.kind not in "iu":
        return np.divide(first, second)
    quotient = np.floor_divide(np.abs(first), np.abs(second))
    return quotient * np.sign(first) * np.sign(second)  # ONNX truncates


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
    return arrays[0].reshape(resolved(arrays[0].shape, tuple(map(int, arrays[1])), bool(node.int("allowzero", 0))))


def resolved(dims: Dims, wanted: Dims, allow_zero: bool) -> Dims:
    """Fill in the 0 (keep) and -1 (whatever is left) of a reshape; raise ValueError where that is impossible."""
    filled = [dims[at] if extent == 0 and not allow_zero else extent for at, extent in enumerate(wanted)]
    if filled.count(-1) == 1:
        known = prod(extent for extent in filled if extent != -1)
        filled[filled.index(-1)] = prod(dims) // known if known else 0
    if prod(filled) != prod(dims) or min(filled, default=1) < 0:
        raise ValueError("not the same number of elements")
    return tuple(filled)


def _slice(node: Node, arrays: Sequence[Array]) -> Array:
    starts, ends = (node.ints("starts"), node.ints("ends")) if len(arrays) == 1 else arrays[1:3]
    axes = node.ints("axes") if len(arrays) == 1 else arrays[3] if len(arrays) > 3 else None
    steps = arrays[4] if len(arrays) > 4 else None
    cuts = [slice(None)] * arrays[0].ndim
    for at, (start, end) in enumerate(zip(starts or (), ends or (), strict=True)):
        axis = at if axes is None else int(axes[at])
        cuts[axis] = slice(int(start), int(end), 1 if steps is None else int(steps[at]))
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
    "Div": _divide,
    "Equal": _plain(np.equal),
    "Exp": _plain(np.exp),
    "Expand": _expand,
    "Floor": _plain(np.floor),
    "Gather": _gather,
    "Greater": _plain(np.greater),
    "Less": _plain(np.less),
    "Log": _plain(np.log),
    "Max": _plain(lambda *arrays: np.maximum.reduce(np.broadcast_arrays(*arrays))),
    "Min": _plain(lambda *arrays: np.minimum.reduce(np.broadcast_arrays(*arrays))),
    "Mod": _plain(np.mod),
    "Mul": _plain(np.multiply),
    "Neg": _plain(np.negative),
    "Not": _plain(np.logical_not),
    "Or": _plain(np.logical_or),
    "Pow": _plain(np.power),
    "Range": _range,
    "Reciprocal": _plain(np.reciprocal),
    "ReduceMax": _reduction(np.max),
    "ReduceMin": _reduction(np.min),
    "ReduceProd": _reduction(np.prod),
    "ReduceSum": _reduction(np.sum),
    "Reshape": _reshape,
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


def _transpose_dims(node: Node, inputs: Sequence[Const | None]) -> Dims:
    dims = _required(inputs, 0).dims
    return tuple(dims[axis] for axis in node.ints("perm") or range(len(dims))[::-1])


def _squeezed_dims(node: Node, inputs: Sequence[Const | None]) -> Dims:
    dims = _required(inputs, 0).dims
    axes = _required(inputs, 1).ints() if len(inputs) > 1 else node.ints("axes")
    gone = {axis % len(dims) for axis in axes} if axes else {at for at, extent in enumerate(dims) if extent == 1}
    return tuple(extent for at, extent in enumerate(dims) if at not in gone)


def _unsqueezed_dims(node: Node, inputs: Sequence[Const | None]) -> Dims:
    axes = (_required(inputs, 1).ints() if len(inputs) > 1 else node.ints("axes")) or ()
    rank = len(_required(inputs, 0).dims) + len(axes)
    if rank > 64:
        raise ValueError("too many axes")
    new, old = {axis % rank for axis in axes}, iter(_required(inputs, 0).dims)
    return tuple(1 if at in new else next(old) for at in range(rank))


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


EXTENTS: Mapping[str, Callable[[Node, Sequence[Const | None]], Dims]] = {
    **dict.fromkeys(("Add", "Div", "Mul", "Pow", "Sub", "Where", "Max", "Min"), _same),
    **dict.fromkeys(("Abs", "Cast", "Clip", "Exp", "Neg", "Reciprocal", "Relu", "Round", "Sigmoid", "Sqrt"), _same),
    "Concat": _concat_dims,
    "ConstantOfShape": _filled_dims,
    "Reshape": _reshape_dims,
    "Squeeze": _squeezed_dims,
    "Transpose": _transpose_dims,
    "Unsqueeze": _unsqueezed_dims,
}
"""Op -> its extents, where values are not known."""
