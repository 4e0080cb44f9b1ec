"""The kinds of op, and one table of all that is known of each; every other list of ops derives from it.

A new op of the vector unit is a name in `Op` and an entry in `OPS`. Where it needs no more than its inputs and a
variant it is then built (`Graph.apply`), read and written (layer lists; ONNX and Caffe by its names there), fused,
simulated and explained. One with attributes of its own also gets a method of `Graph` and a line in each reader of a
format that has it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from math import prod

from simulator.network import shape_rules
from simulator.network.shape_rules import Described, ShapeRule
from simulator.network.shapes import Misfit


class Op(StrEnum):
    """What a layer does."""

    CONV = "conv"
    DEPTHWISE = "depthwise"
    LINEAR = "linear"
    MATMUL = "matmul"
    POOL = "pool"
    ADD = "add"
    MUL = "mul"
    ACTIVATION = "activation"
    SOFTMAX = "softmax"
    LRN = "lrn"
    NORMALIZATION = "normalization"
    UPSAMPLE = "upsample"
    COL2IM = "col2im"  # the products of a transposed convolution, a 1x1 one of all taps, put and added where they go
    CONCAT = "concat"
    SPLIT = "split"
    SHUFFLE = "shuffle"
    GATHER = "gather"
    RESHAPE = "reshape"
    PAD = "pad"
    UNKNOWN = "unknown"  # an op of a file that no importer knows: it reads its inputs and writes its output


class OpClass(StrEnum):
    """What runs an op: the PE array, the vector unit, or nothing but the moving of data."""

    MAC = "mac"
    VECTOR = "vector"
    MOVE = "move"


class Channels(Enum):
    """What the channels of an op's output are: how layers are tied in their numbers of filters."""

    CHOSEN = "filters of the op's own"
    TIED = "those of its inputs, which must have equally many"
    DERIVED = "worked out from those of its inputs; they cannot be chosen"
    FIXED = "settled, and so are those of its inputs"


Operations = Callable[[Described], int]


def no_operations(layer: Described) -> int:
    """Of the vector unit, none: the array does them, or data only moves."""
    return 0


def per_output(count: int) -> Operations:
    """Return a formula of so many operations an output."""
    return lambda layer: count * prod(layer.output_shape)


def combining(layer: Described) -> int:
    """One operation an output for each operand after the first."""
    return prod(layer.output_shape) * max(1, len(layer.inputs) - 1)


def pooling(layer: Described) -> int:
    """One operation for each element of a window; so one an input where the window is the whole map."""
    return prod(layer.output_shape) * prod(layer.kernel)


def interpolating(layer: Described) -> int:
    """Products with four neighbours, or a copy of the nearest."""
    return prod(layer.output_shape) * (4 if layer.variant == "bilinear" else 1)


def normalising(layer: Described) -> int:
    """A multiply and an add for each element of the window, then a scale, a power and a product."""
    return prod(layer.output_shape) * (2 * layer.window_elements + 3)


def accumulating(layer: Described) -> int:
    """An add for each product that another one meets in its output: of all, the first to an output needs none.

    What a crop throws away counts as if it met one.
    """
    return max(0, prod(layer.input_shapes[0]) - prod(layer.output_shape))


WITHOUT_MEAN = frozenset({"l2_norm", "lp_norm", "rms_norm"})
"""Variants of a normalization that scale by a norm of the elements, not around their mean."""


def standardising(layer: Described) -> int:
    """Of each element a square and its sum, then the product with what all share and the gain: 4 operations.

    Around a mean there are a sum, a difference and an offset besides (Ba et al., arXiv 1607.06450, equation 4): 7.
    """
    return prod(layer.output_shape) * (4 if layer.variant in WITHOUT_MEAN else 7)


def of_channels(layer: Described) -> int:
    """Constants of functions by channel: a slope (PReLU), a factor and an offset (a batch norm by itself)."""
    each = 1 if layer.variant == "prelu" else 2 if layer.variant.split("_")[0] == "norm" else 0
    return each * layer.output_shape[1]


def gains(layer: Described) -> int:
    """A gain and an offset for each channel, or of layers for each element of a set; without a mean a gain alone."""
    kind = layer.variant
    if kind in ("layer_norm", "rms_norm"):
        return layer.window_elements * (1 if kind in WITHOUT_MEAN else 2)
    return 2 * layer.output_shape[1] if kind in ("group_norm", "instance_norm") else 0


SOFTMAX_OPERATIONS = 4  # running maximum, exponential, sum, division


@dataclass(frozen=True, slots=True)
class OpEntry:
    """All that is known of a kind of op.

    `shape` says what it makes of its inputs, `operations` what it costs the vector unit. `inputs` is how many tensors
    it reads, None for any number. `windowed`: kernel, stride, padding and dilation are its own. A machine may fuse it
    into the op that makes its input, or fold it into addressing, where `may_be_free`; fused, it may bring other
    operands (`residuals`) or leave fewer outputs (`downsamples`). Where it `accumulates` what the array gives, every
    machine fuses it, and its operations take time and energy. `passes`: how often it reads its inputs, as elements
    that it scales alike must all be known before the first is scaled. `constants`: elements that it reads beside its
    inputs where nothing tells how many; of norms they count as no parameters, as in publications. `onnx` and `caffe`
    are, by variant, the names that the same thing has there.
    """

    op_class: OpClass
    shape: ShapeRule
    channels: Channels
    operations: Operations = no_operations
    inputs: int | None = 1
    windowed: bool = False
    may_be_free: bool = True
    residuals: bool = False
    downsamples: bool = False
    accumulates: bool = False
    passes: int = 1
    constants: Operations = no_operations
    onnx: Mapping[str, str] = field(default_factory=dict)
    caffe: Mapping[str, str] = field(default_factory=dict)


def multiplies(
    shape: ShapeRule, channels: Channels, onnx: str = "", windowed: bool = False, inputs: int = 1
) -> OpEntry:
    """Return the entry of an op of the PE array; no machine fuses or folds it."""
    names = {"": onnx} if onnx else {}
    return OpEntry(OpClass.MAC, shape, channels, inputs=inputs, windowed=windowed, may_be_free=False, onnx=names)


def elementwise(onnx: Mapping[str, str], caffe: Mapping[str, str], residuals: bool = False) -> OpEntry:
    """Return the entry of an op that combines any number of tensors, element by element."""
    rule, ties = shape_rules.combined, Channels.TIED
    return OpEntry(OpClass.VECTOR, rule, ties, combining, None, residuals=residuals, onnx=onnx, caffe=caffe)


def computes(
    operations: Operations, onnx: Mapping[str, str], caffe: Mapping[str, str], shape: ShapeRule = shape_rules.same
) -> OpEntry:
    """Return the entry of an op of the vector unit that keeps the channels of its input."""
    return OpEntry(OpClass.VECTOR, shape, Channels.TIED, operations, onnx=onnx, caffe=caffe)


def moves(shape: ShapeRule, channels: Channels, inputs: int | None = 1, may_be_free: bool = True) -> OpEntry:
    """Return the entry of an op that moves data."""
    return OpEntry(OpClass.MOVE, shape, channels, inputs=inputs, may_be_free=may_be_free)


ACTIVATIONS_OF_ONNX = {
    "abs": "Abs",
    "acos": "Acos",
    "acosh": "Acosh",
    "asin": "Asin",
    "asinh": "Asinh",
    "atan": "Atan",
    "atanh": "Atanh",
    "bitwise_not": "BitwiseNot",
    "ceil": "Ceil",
    "celu": "Celu",
    "cos": "Cos",
    "cosh": "Cosh",
    "cum_sum": "CumSum",
    "elu": "Elu",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "gelu": "Gelu",
    "hard_sigmoid": "HardSigmoid",
    "hard_swish": "HardSwish",
    "hardmax": "Hardmax",
    "is_inf": "IsInf",
    "is_nan": "IsNaN",
    "leaky_relu": "LeakyRelu",
    "log": "Log",
    "mish": "Mish",
    "neg": "Neg",
    "not": "Not",
    "prelu": "PRelu",
    "reciprocal": "Reciprocal",
    "relu": "Relu",
    "round": "Round",
    "selu": "Selu",
    "shrink": "Shrink",
    "sigmoid": "Sigmoid",
    "sign": "Sign",
    "sin": "Sin",
    "sinh": "Sinh",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "sqrt": "Sqrt",
    "swish": "Swish",
    "tan": "Tan",
    "tanh": "Tanh",
    "thresholded_relu": "ThresholdedRelu",
    "trilu": "Trilu",
}
COMPARISONS_OF_ONNX = {
    "and": "And",
    "bit_shift": "BitShift",
    "bitwise_and": "BitwiseAnd",
    "bitwise_or": "BitwiseOr",
    "bitwise_xor": "BitwiseXor",
    "equal": "Equal",
    "greater": "Greater",
    "greater_or_equal": "GreaterOrEqual",
    "less": "Less",
    "less_or_equal": "LessOrEqual",
    "mod": "Mod",
    "or": "Or",
    "where": "Where",
    "xor": "Xor",
}
ACTIVATIONS_OF_CAFFE = {
    "abs": "AbsVal",
    "elu": "ELU",
    "exp": "Exp",
    "hard_sigmoid": "HardSigmoid",
    "hard_swish": "HardSwish",
    "log": "Log",
    "mish": "Mish",
    "prelu": "PReLU",
    "relu6": "ReLU6",
    "sigmoid": "Sigmoid",
    "softplus": "BNLL",
    "swish": "Swish",
    "tanh": "TanH",
}


def complete(entries: Mapping[Op, OpEntry]) -> Mapping[Op, OpEntry]:
    """Return the entries in the order of `Op`; raise LookupError where an op has none."""
    missing = [op.name for op in Op if op not in entries]
    if missing:
        raise LookupError(f"the table of ops has no entry for {', '.join(missing)}")
    return {op: entries[op] for op in Op}


OPS: Mapping[Op, OpEntry] = complete(
    {
        Op.CONV: multiplies(shape_rules.convolved, Channels.CHOSEN, "Conv", windowed=True),
        Op.DEPTHWISE: multiplies(shape_rules.convolved, Channels.TIED, windowed=True),
        Op.LINEAR: multiplies(shape_rules.multiplied, Channels.CHOSEN),
        Op.MATMUL: multiplies(shape_rules.multiplied, Channels.FIXED, inputs=2),
        Op.POOL: OpEntry(
            OpClass.VECTOR,
            shape_rules.pooled,
            Channels.TIED,
            pooling,
            windowed=True,
            downsamples=True,
            onnx={"average": "AveragePool", "lp": "LpPool", "max": "MaxPool"},
            caffe={"average": "AVE", "max": "MAX"},
        ),
        Op.ADD: elementwise(
            {"": "Sum", "max": "Max", "mean": "Mean", "min": "Min", "sub": "Sub"},
            {"": "SUM", "max": "MAX"},
            residuals=True,
        ),
        Op.MUL: elementwise({"": "Mul", "div": "Div", "pow": "Pow", **COMPARISONS_OF_ONNX}, {"": "PROD"}),
        Op.ACTIVATION: OpEntry(
            OpClass.VECTOR,
            shape_rules.same,
            Channels.TIED,
            per_output(1),
            constants=of_channels,
            onnx=ACTIVATIONS_OF_ONNX,
            caffe=ACTIVATIONS_OF_CAFFE,
        ),
        Op.SOFTMAX: computes(per_output(SOFTMAX_OPERATIONS), {"": "Softmax"}, {"": "Softmax"}),
        Op.LRN: computes(normalising, {"across_channels": "LRN"}, {}),
        Op.NORMALIZATION: OpEntry(
            OpClass.VECTOR,
            shape_rules.same,
            Channels.TIED,
            standardising,
            passes=2,
            constants=gains,
            caffe={"l2_norm": "Normalize", "mean_variance_norm": "MVN"},
        ),
        Op.UPSAMPLE: computes(interpolating, {}, {}, shape_rules.resized),
        Op.COL2IM: OpEntry(
            OpClass.VECTOR,
            shape_rules.accumulated,
            Channels.DERIVED,
            accumulating,
            may_be_free=False,
            downsamples=True,
            accumulates=True,
        ),
        Op.CONCAT: moves(shape_rules.concatenated, Channels.DERIVED, inputs=None),
        Op.SPLIT: moves(shape_rules.sliced, Channels.DERIVED),
        Op.SHUFFLE: moves(shape_rules.shuffled, Channels.TIED),
        Op.GATHER: moves(shape_rules.picked, Channels.FIXED),
        Op.RESHAPE: moves(shape_rules.rearranged, Channels.DERIVED),
        Op.PAD: moves(shape_rules.padded, Channels.TIED),
        Op.UNKNOWN: moves(shape_rules.stated, Channels.FIXED, inputs=None, may_be_free=False),
    }
)
"""Everything that is known of each kind of op."""


def ops_where(holds: Callable[[OpEntry], bool]) -> frozenset[Op]:
    """Return the ops of whose entry something holds."""
    return frozenset(op for op, entry in OPS.items() if holds(entry))


MAC_OPS = ops_where(lambda entry: entry.op_class is OpClass.MAC)
VECTOR_OPS = ops_where(lambda entry: entry.op_class is OpClass.VECTOR)
WINDOWED_OPS = ops_where(lambda entry: entry.windowed)
CONVOLUTIONS = MAC_OPS & WINDOWED_OPS
FREE_OPS = ops_where(lambda entry: entry.may_be_free)
"""What a machine may fuse or fold; of an op that nobody knows, the traffic at least is counted."""


def follows(layer: Described) -> bool:
    """Return whether a layer's output is what its op makes of its inputs, not what a file stated."""
    try:
        return OPS[Op(layer.op)].shape(layer, layer.input_shapes) == layer.output_shape
    except Misfit:
        return False
