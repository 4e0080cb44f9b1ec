"""How large the output of an op may be that nobody knows: what its readers need, else what its inputs make together."""

from collections.abc import Sequence
from math import prod

import numpy as np

from workloads.importers.from_onnx.context import Context
from workloads.importers.from_onnx.model import Const, Dims, Node

FLAT = frozenset({"Compress", "Unique"})  # ops that make a list of elements


def guessed(c: Context, node: Node, output: str, inputs: Sequence[Dims]) -> Dims:
    """Return extents for an output of which nothing is stated.

    Of places where something holds there are as many as elements at most. Weights of a reader tell its channels or
    features.
    """
    dims = _together(inputs)
    if node.op == "NonZero":
        return (len(dims), prod(dims))
    if node.op in FLAT:
        return (prod(dims),)
    for reader in c.readers.get(output, ()):
        if reader.inputs[:1] == (output,):
            needed = _needed(c, reader, dims)
            if needed:
                return needed
    return dims


def _together(inputs: Sequence[Dims]) -> Dims:
    """Return what the inputs make if they are combined element by element; the first where they cannot be."""
    try:
        return tuple(np.broadcast_shapes(*inputs))
    except ValueError:
        return inputs[0]


def _needed(c: Context, reader: Node, dims: Dims) -> Dims | None:
    """Return the extents with which a reader's weights fit, as near to `dims` as can be."""
    weight = c.values.get(reader.inputs[1]) if reader.has(1) else None
    if not isinstance(weight, Const) or not weight.dims:
        return None
    if reader.op == "Conv" and len(weight.dims) > 2:
        size = dims[2:] if len(dims) == len(weight.dims) else (1,) * (len(weight.dims) - 2)
        kernel = (max(extent, taps) for extent, taps in zip(size, weight.dims[2:], strict=True))
        return (dims[0] if dims else 1, weight.dims[1] * reader.int("group", 1), *kernel)
    if reader.op == "Gemm" and len(weight.dims) == 2:
        return (dims[0] if dims else 1, weight.dims[1 if reader.int("transB", 0) else 0])
    if reader.op == "MatMul" and len(weight.dims) == 2:
        return (*(dims[:-1] or (1,)), weight.dims[0])
    if reader.op in ("BatchNormalization", "InstanceNormalization", "PRelu") and len(dims) > 1:
        return (dims[0], weight.dims[0], *dims[2:])
    return None
