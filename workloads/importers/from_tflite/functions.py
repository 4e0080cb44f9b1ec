"""TFLite ops of one element, of pairs of elements, of whole axes, and norms."""

from workloads.importers.from_onnx.model import Attribute
from workloads.importers.from_tflite.read import Operator
from workloads.importers.from_tflite.translation import MAPS, Translation, Translator


def named(*kinds: str, **attributes: Attribute) -> Translator:
    """Return what translates an op into the chain of ops of that name; the first takes all inputs."""

    def translate(t: Translation, op: Operator) -> None:
        y = t.node(kinds[0], op.inputs, also=attributes)
        for kind in kinds[1:]:
            y = t.node(kind, [y], name=f"_{kind.lower()}")
        t.end(y)

    return translate


def of_first(kind: str, **attributes: Attribute) -> Translator:
    """Return what translates an op of which only the first input matters."""

    def translate(t: Translation, op: Operator) -> None:
        t.end(t.node(kind, op.inputs[:1], also=attributes))

    return translate


def scale(t: Translation, op: Operator) -> None:
    """MUL; before the ADD of a batch norm, which is written with it, nothing."""
    reader = t.first_reader.get(op.outputs[0])
    if reader is None or not shifts(t, reader):
        named("Mul")(t, op)


def shift(t: Translation, op: Operator) -> None:
    """ADD; behind the MUL of a batch norm, both as the norm."""
    if not shifts(t, op):
        named("Add")(t, op)
        return
    x, gains, name = t.makers[op.inputs[0]].inputs[0], t.makers[op.inputs[0]].inputs[1], op.inputs[1]
    t.last(t.node("BatchNormalization", [t.first(x), gains, name, name, name]))


def shifts(t: Translation, op: Operator) -> bool:
    """Return whether an op adds a constant to each channel of maps that were just scaled by one, and are only here.

    It is what a converter leaves of a batch norm that it cannot fold into the layer before.
    """
    scaled = t.makers.get(op.inputs[0])
    if op.kind != "ADD" or scaled is None or scaled.kind != "MUL" or t.readers[op.inputs[0]] != 1:
        return False
    learned = [t.graph.constants.get(each.inputs[1]) for each in (scaled, op)]
    channels = t.graph.dims.get(op.outputs[0], ())[-1:]
    fits = all(const is not None and const.dims == channels != (1,) for const in learned)
    return fits and t.rank(op.outputs[0]) == MAPS and not scaled.number("FusedActivationFunction")


def whole(kind: str) -> Translator:
    """Return what translates an op of several outputs, of which the data decide how much there is of each."""

    def translate(t: Translation, op: Operator) -> None:
        t.parts(kind, op.inputs, op.outputs)

    return translate


def places(t: Translation, op: Operator) -> None:
    """WHERE: the places at which something holds, one after the other."""
    t.end(t.node("Transpose", [t.node("NonZero", op.inputs[:1])], name="_turned", perm=(1, 0)))


def squared(t: Translation, op: Operator) -> None:
    """SQUARE."""
    t.end(t.node("Mul", [op.inputs[0], op.inputs[0]]))


def squared_difference(t: Translation, op: Operator) -> None:
    """SQUARED_DIFFERENCE."""
    d = t.node("Sub", op.inputs[:2], name="_difference")
    t.end(t.node("Mul", [d, d]))


def rsqrt(t: Translation, op: Operator) -> None:
    """RSQRT, as a norm has it."""
    t.end(t.node("Reciprocal", [t.node("Sqrt", op.inputs[:1], name="_root")]))


def reduction(kind: str) -> Translator:
    """Return what translates a reduction of axes that are an input."""

    def translate(t: Translation, op: Operator) -> None:
        t.end(t.node(kind, op.inputs[:2], keepdims=int(op.number("KeepDims"))))

    return translate


def arg_reduction(kind: str) -> Translator:
    """Return what translates ARG_MAX and ARG_MIN, whose axis is an input."""

    def translate(t: Translation, op: Operator) -> None:
        (axis, *_) = t.known(op.inputs[1]) or (-1,)
        t.end(t.node(kind, op.inputs[:1], axis=axis, keepdims=0))

    return translate


def lrn(t: Translation, op: Operator) -> None:
    """LOCAL_RESPONSE_NORMALIZATION: so many channels on either side."""
    t.last(t.node("LRN", [t.first(op.inputs[0])], size=2 * op.number("Radius") + 1))


def filled(t: Translation, op: Operator) -> None:
    """FILL."""
    t.end(t.node("Expand", [op.inputs[1], op.inputs[0]]))


def zeros_like(t: Translation, op: Operator) -> None:
    """ZEROS_LIKE."""
    t.end(t.node("ConstantOfShape", [t.node("Shape", op.inputs[:1])]))


def rank(t: Translation, op: Operator) -> None:
    """RANK."""
    t.end(t.node("Size", [t.node("Shape", op.inputs[:1])]))


def rounded_division(t: Translation, op: Operator) -> None:
    """FLOOR_DIV: of sizes, which are whole numbers, a division as any other."""
    t.end(t.node("Floor", [t.node("Div", op.inputs[:2], name="_quotient")]))


def not_equal(t: Translation, op: Operator) -> None:
    """NOT_EQUAL."""
    t.end(t.node("Not", [t.node("Equal", op.inputs[:2], name="_equal")]))


def one_hot(t: Translation, op: Operator) -> None:
    """ONE_HOT: indices, depth, and the values on and off."""
    t.end(t.node("OneHot", op.inputs[:2], axis=op.number("Axis")))
