"""TFLite ops over windows, and the products."""

from collections.abc import Sequence
from math import prod

from workloads.importers.from_onnx.model import Attribute, Dims
from workloads.importers.from_tflite.read import Operator
from workloads.importers.from_tflite.translation import MAPS, Translation, Translator

SAME = 0  # the schema's Padding
STRIDES = ("StrideH", "StrideW")
KEYS = (("Stride", ""), ("Dilation", "Factor"))  # of three axes: what stands before and behind the axis
FROM_ROWS = (0, 3, 1, 2)  # [K, R, S, C] to [K, C, R, S]
FROM_DEPTHWISE = (3, 0, 1, 2)  # [1, R, S, K] to [K, 1, R, S]


def conv_2d(t: Translation, op: Operator) -> None:
    """CONV_2D: weights [K, R, S, C / groups]."""
    channels, inner = t.dims(op.inputs[0])[-1], t.dims(op.inputs[1])[-1]
    _convolved(t, op, FROM_ROWS, channels // max(1, inner))


def depthwise_conv_2d(t: Translation, op: Operator) -> None:
    """DEPTHWISE_CONV_2D: weights [1, R, S, K]."""
    _convolved(t, op, FROM_DEPTHWISE, t.dims(op.inputs[0])[-1])


def _convolved(t: Translation, op: Operator, order: Dims, groups: int) -> None:
    """Convolve; between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, which are left out then, with a dilation."""
    dilation: Dims = (max(1, op.number("DilationHFactor")), max(1, op.number("DilationWFactor")))
    stride = (op.number("StrideH"), op.number("StrideW"))
    name, window = op.inputs[0], _edges(op)
    split = t.makers.get(name)
    if split is not None and split.kind == "SPACE_TO_BATCH_ND" and _is_dilation(t, op):
        rows = t.dims(op.inputs[1])[1:3]
        dilation, window = _dilated(t, split, op, rows)
        name = split.inputs[0]
    weights = t.node("Transpose", [op.inputs[1]], name="_weights", perm=order)
    inputs = [t.first(name), weights, *(op.inputs[2:3] if op.has(2) else ())]
    y = t.node("Conv", inputs, group=groups, strides=stride, dilations=dilation, also=window)
    t.last(y)


def _edges(op: Operator) -> dict[str, Attribute]:
    return {"auto_pad": "SAME_UPPER" if op.number("Padding") == SAME else "VALID"}


def _is_dilation(t: Translation, op: Operator) -> bool:
    """Return whether an op stands alone between a SPACE_TO_BATCH_ND and its BATCH_TO_SPACE_ND."""
    split, joins = t.makers.get(op.inputs[0]), _joining(t, op)
    if split is None or joins is None or t.readers[op.inputs[0]] != 1 or t.readers[op.outputs[0]] != 1:
        return False
    blocks = [t.known(each.inputs[1]) for each in (split, joins)]
    plain = (op.number("StrideH"), op.number("StrideW")) == (1, 1) and op.number("Padding") != SAME
    return plain and blocks[0] is not None and blocks[0] == blocks[1] and len(blocks[0]) == 2


def _joining(t: Translation, op: Operator) -> Operator | None:
    """Return the BATCH_TO_SPACE_ND that reads what an op makes."""
    reader = t.first_reader.get(op.outputs[0])
    return reader if reader is not None and reader.kind == "BATCH_TO_SPACE_ND" else None


def _dilated(t: Translation, split: Operator, op: Operator, kernel: Dims) -> tuple[Dims, dict[str, Attribute]]:
    """Return the dilation that blocks of batches are, and the padding with which the output is as large as theirs."""
    joins = _joining(t, op)
    assert joins is not None
    blocks, before = t.known(split.inputs[1]) or (1, 1), (t.known(split.inputs[2]) or (0,) * 4)[::2]
    sizes, wanted = t.dims(split.inputs[0])[1:3], t.dims(joins.outputs[0])[1:3]
    totals = [w + (k - 1) * d - s for w, k, d, s in zip(wanted, kernel, blocks, sizes, strict=True)]
    starts = [min(max(0, total), start) for total, start in zip(totals, before, strict=True)]
    return blocks, {"pads": (*starts, *(total - start for total, start in zip(totals, starts, strict=True)))}


def space_to_batch(t: Translation, op: Operator) -> None:
    """SPACE_TO_BATCH_ND: squares of maps become samples, unless the layer between takes it up as a dilation."""
    reader = t.first_reader.get(op.outputs[0])
    if reader is not None and reader.kind in ("CONV_2D", "DEPTHWISE_CONV_2D") and _is_dilation(t, reader):
        return
    blocks, pads = t.known(op.inputs[1]), t.known(op.inputs[2])
    if not blocks or len(blocks) != 2 or not pads or t.rank(op.inputs[0]) != MAPS:
        raise t.wrong("only maps are cut into batches", "constant blocks and paddings of 4 axes")
    n, h, w, c = t.dims(op.inputs[0])
    height, width = h + pads[0] + pads[1], w + pads[2] + pads[3]
    x = t.node("Pad", [op.inputs[0], t.ints(0, pads[0], pads[2], 0, 0, pads[1], pads[3], 0)], name="_pad")
    wide = t.ints(n, height // blocks[0], blocks[0], width // blocks[1], blocks[1], c)
    x = t.node("Transpose", [t.node("Reshape", [x, wide])], perm=(2, 4, 0, 1, 3, 5))
    t.end(t.node("Reshape", [x, t.ints(n * prod(blocks), height // blocks[0], width // blocks[1], c)]))


def batch_to_space(t: Translation, op: Operator) -> None:
    """BATCH_TO_SPACE_ND: the other way round."""
    made = t.makers.get(op.inputs[0])
    if made is not None and made.kind in ("CONV_2D", "DEPTHWISE_CONV_2D") and _is_dilation(t, made):
        t.end(t.node("Identity", op.inputs[:1]))
        return
    blocks, crops = t.known(op.inputs[1]), t.known(op.inputs[2])
    if not blocks or len(blocks) != 2 or not crops or t.rank(op.inputs[0]) != MAPS:
        raise t.wrong("only maps are made of batches", "constant blocks and crops of 4 axes")
    n, h, w, c = t.dims(op.inputs[0])
    samples, height, width = n // prod(blocks), h * blocks[0], w * blocks[1]
    x = t.node("Reshape", [op.inputs[0], t.ints(*blocks, samples, h, w, c)])
    x = t.node("Transpose", [x], perm=(2, 3, 0, 4, 1, 5))
    x = t.node("Reshape", [x, t.ints(samples, height, width, c)])
    starts, ends = t.ints(crops[0], crops[2]), t.ints(height - crops[1], width - crops[3])
    t.end(t.node("Slice", [x, starts, ends, t.ints(1, 2)]))


def transpose_conv(t: Translation, op: Operator) -> None:
    """TRANSPOSE_CONV: an output shape, weights [K, R, S, C], then the maps."""
    _transposed(t, op, op.inputs[2], [op.inputs[1], *(op.inputs[3:4] if op.has(3) else ())])


def transpose_conv_with_bias(t: Translation, op: Operator) -> None:
    """Convolution2DTransposeBias of MediaPipe: the maps, weights and bias; twice as many rows and columns."""
    _transposed(t, op, op.inputs[0], op.inputs[1:])


def _transposed(t: Translation, op: Operator, maps: str, learned: Sequence[str]) -> None:
    _, *size, _ = t.dims(op.outputs[0])
    before = t.dims(maps)[1:3]
    stride = tuple(
        op.number(key) or max(1, -(-made // was)) for key, made, was in zip(STRIDES, size, before, strict=True)
    )
    weights = t.node("Transpose", [learned[0]], name="_weights", perm=FROM_DEPTHWISE)
    y = t.node("ConvTranspose", [t.first(maps), weights, *learned[1:]], strides=stride, output_shape=tuple(size))
    t.last(y)


def conv_3d(t: Translation, op: Operator) -> None:
    """CONV_3D: weights [D, R, S, C / groups, K]."""
    axes = "DHW"
    stride, dilation = (tuple(op.number(f"{kind}{a}{rest}") for a in axes) for kind, rest in KEYS)
    channels, inner = t.dims(op.inputs[0])[-1], t.dims(op.inputs[1])[-2]
    weights = t.node("Transpose", [op.inputs[1]], name="_weights", perm=(4, 3, 0, 1, 2))
    x = t.node("Transpose", [op.inputs[0]], name="_first", perm=(0, 4, 1, 2, 3))
    inputs, groups = [x, weights, *(op.inputs[2:3] if op.has(2) else ())], channels // max(1, inner)
    y = t.activated(t.node("Conv", inputs, group=groups, strides=stride, dilations=dilation, also=_edges(op)))
    t.node("Transpose", [y], op.outputs[0], "_last", perm=(0, 2, 3, 4, 1))


def conv_3d_transpose(t: Translation, op: Operator) -> None:
    """CONV_3D_TRANSPOSE: an output shape, weights [D, R, S, K, C], then the volumes."""
    stride = tuple(op.number(f"Stride{axis}") for axis in "DHW")
    weights = t.node("Transpose", [op.inputs[1]], name="_weights", perm=(4, 3, 0, 1, 2))
    x = t.node("Transpose", [op.inputs[2]], name="_first", perm=(0, 4, 1, 2, 3))
    inputs, size = [x, weights, *(op.inputs[3:4] if op.has(3) else ())], t.dims(op.outputs[0])[1:4]
    y = t.activated(t.node("ConvTranspose", inputs, strides=stride, output_shape=size))
    t.node("Transpose", [y], op.outputs[0], "_last", perm=(0, 2, 3, 4, 1))


def pool(kind: str) -> Translator:
    """Return what translates a pool; over whole maps it is global."""

    def translate(t: Translation, op: Operator) -> None:
        kernel = (op.number("FilterHeight"), op.number("FilterWidth"))
        x = t.first(op.inputs[0])
        if kernel == t.dims(op.inputs[0])[1:3] and t.dims(op.outputs[0])[1:3] == (1, 1):
            y = t.node(f"Global{kind}", [x])
        else:
            stride = (op.number("StrideH"), op.number("StrideW"))
            y = t.node(kind, [x], kernel_shape=kernel, strides=stride, also=_edges(op))
        t.last(y)

    return translate


def fully_connected(t: Translation, op: Operator) -> None:
    """FULLY_CONNECTED: weights [K, C], or a product with a matrix that is computed."""
    x, weights = op.inputs[:2]
    inner = t.dims(weights)[1]
    if t.is_weight(weights) and t.rank(op.outputs[0]) == 2:
        x = x if t.rank(x) == 2 and t.dims(x)[-1] == inner else t.node("Reshape", [x, t.ints(-1, inner)], name="_flat")
        t.end(t.node("Gemm", [x, weights, *(op.inputs[2:3] if op.has(2) else ())], transB=1))
        return
    if t.dims(x)[-1] != inner:
        x = t.node("Reshape", [x, t.ints(-1, inner)], name="_flat")
    y = t.node("MatMul", [x, t.node("Transpose", [weights], name="_weights", perm=(1, 0))])
    y = t.node("Add", [y, op.inputs[2]], name="_bias") if op.has(2) else y
    t.end(y if t.rank(op.outputs[0]) == t.rank(x) else t.node("Reshape", [y, t.ints(*t.dims(op.outputs[0]))]))


def batch_matmul(t: Translation, op: Operator) -> None:
    """BATCH_MATMUL: either operand may be turned."""
    operands = []
    for name, turned in zip(op.inputs[:2], ("AdjX", "AdjY"), strict=True):
        rank = t.rank(name)
        order = (*range(rank - 2), rank - 1, rank - 2)
        operands.append(t.node("Transpose", [name], name="_turned", perm=order) if op.number(turned) else name)
    t.end(t.node("MatMul", operands))


def svdf(t: Translation, op: Operator) -> None:
    """SVDF: features of the newest step, then a filter over the steps that are remembered, and sums over ranks.

    Inputs are [N, C], weights of features [F, C] and of time [F, memory], a bias of F / rank units.
    """
    x, features, times = op.inputs[:3]
    filters, memory = t.dims(times)
    rank = max(1, op.number("Rank"))
    y = t.node("Gemm", [x, features], transB=1)
    steps = t.node("Unsqueeze", [y, t.ints(2)], name="_step")
    if memory > 1:
        steps = t.node("Concat", [t.untold((t.dims(x)[0], filters, memory - 1)), steps], name="_memory", axis=2)
    weights = t.node("Unsqueeze", [times, t.ints(1)], name="_weights")
    y = t.node("Conv", [steps, weights], name="_time", group=filters)
    if rank > 1:
        wide = t.node("Reshape", [y, t.ints(-1, filters // rank, rank)], name="_ranks")
        y = t.node("ReduceSum", [wide, t.ints(2)], name="_sum", keepdims=0)
    else:
        y = t.node("Reshape", [y, t.ints(-1, filters)], name="_units")
    t.end(t.node("Add", [y, op.inputs[3]], name="_bias") if op.has(3) else y)
