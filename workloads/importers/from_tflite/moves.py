"""TFLite ops that move data, look at it differently, or pick some of it."""

from collections.abc import Iterator
from math import prod

from workloads.importers.from_onnx.model import Dims
from workloads.importers.from_tflite.read import Operator
from workloads.importers.from_tflite.translation import Translation, Translator

TO_THE_END = (1 << 31) - 1


def reshape(t: Translation, op: Operator) -> None:
    """RESHAPE: the shape is an input, an option, or what the file states of the output."""
    stated = t.graph.dims.get(op.outputs[0])
    wanted = op.numbers("NewShape") or stated or ()
    t.end(t.node("Reshape", [op.inputs[0], op.inputs[1] if op.has(1) else t.ints(*wanted)]))


def squeeze(t: Translation, op: Operator) -> None:
    """SQUEEZE."""
    axes = op.numbers("SqueezeDims")
    t.end(t.node("Squeeze", [op.inputs[0], *([t.ints(*axes)] if axes else [])]))


def expand_dims(t: Translation, op: Operator) -> None:
    """EXPAND_DIMS."""
    t.end(t.node("Unsqueeze", [op.inputs[0], t.node("Reshape", [op.inputs[1], t.ints(-1)])]))


def transpose(t: Translation, op: Operator) -> None:
    """TRANSPOSE."""
    order = t.known(op.inputs[1])
    if order is None:
        raise t.wrong("the order of axes is computed", "a constant")
    t.end(t.node("Transpose", op.inputs[:1], perm=order))


def concatenation(t: Translation, op: Operator) -> None:
    """CONCATENATION."""
    t.end(t.node("Concat", op.inputs, axis=op.number("Axis")))


def pack(t: Translation, op: Operator) -> None:
    """PACK: each tensor along an axis of its own."""
    axis = op.number("Axis")
    t.end(t.node("Concat", [t.node("Unsqueeze", [name, t.ints(axis)]) for name in op.inputs], axis=axis))


def unpack(t: Translation, op: Operator) -> None:
    """UNPACK: the other way round."""
    axis = op.number("Axis")
    parts = [f"{name}::part" for name in op.outputs]
    if len(parts) == 1:
        t.end(t.node("Squeeze", [op.inputs[0], t.ints(axis)]))
        return
    t.parts("Split", op.inputs[:1], parts, axis=axis)
    for part, output in zip(parts, op.outputs, strict=True):
        t.node("Squeeze", [part, t.ints(axis)], output)


def split(t: Translation, op: Operator) -> None:
    """SPLIT: an axis, then the tensor."""
    _split(t, op, op.inputs[1], op.inputs[0], [])


def split_v(t: Translation, op: Operator) -> None:
    """SPLIT_V: the tensor, sizes, of which one may be -1, and the axis."""
    sizes = t.known(op.inputs[1])
    if sizes is None:
        raise t.wrong("the sizes of parts are computed", "constants")
    (axis, *_) = t.known(op.inputs[2]) or (0,)
    rest = t.dims(op.inputs[0])[axis] - sum(size for size in sizes if size >= 0) if -1 in sizes else 0
    _split(t, op, op.inputs[0], op.inputs[2], [t.ints(*(rest if size == -1 else size for size in sizes))])


def _split(t: Translation, op: Operator, name: str, axis: str, sizes: list[str]) -> None:
    known = t.known(axis)
    if known is None:
        raise t.wrong("the axis is computed", "a constant")
    if len(op.outputs) == 1:
        t.end(t.node("Identity", [name]))
        return
    t.parts("Split", [name, *sizes], op.outputs, axis=known[0])


def slice_of(t: Translation, op: Operator) -> None:
    """SLICE: starts and sizes, of which -1 goes to the end."""
    starts, sizes = t.known(op.inputs[1]), t.known(op.inputs[2])
    if sizes is not None and starts is not None:
        ends = t.ints(*(TO_THE_END if size == -1 else at + size for at, size in zip(starts, sizes, strict=True)))
    else:
        ends = t.node("Add", op.inputs[1:3])
    t.end(t.node("Slice", [op.inputs[0], op.inputs[1], ends]))


def strided_slice(t: Translation, op: Operator) -> None:
    """STRIDED_SLICE: starts, ends and strides, and masks of those that do not count."""
    given = [t.known(name) for name in op.inputs[1:4]]
    if any(numbers is None for numbers in given):
        if op.number("ShrinkAxisMask") or op.number("NewAxisMask") or op.number("EllipsisMask"):
            raise t.wrong("a part is worked out from the input", "constant starts, ends and strides")
        axes = t.ints(*range(t.dims(op.inputs[1])[0]))
        t.end(t.node("Slice", [*op.inputs[:3], axes, op.inputs[3]]))
        return
    starts, ends, steps = (numbers or () for numbers in given)
    taken = [cut for cut in _cuts(t, op, starts, ends, steps) if cut[1:] != (0, TO_THE_END, 1)]
    x = op.inputs[0]
    if taken:
        axes, begin, end, stride = (t.ints(*numbers) for numbers in zip(*taken, strict=True))
        x = t.node("Slice", [x, begin, end, axes, stride])
    gone, new = _masked(op, "ShrinkAxisMask", t.rank(op.inputs[0])), op.number("NewAxisMask")
    if gone:
        x = t.node("Squeeze", [x, t.ints(*gone)], name="_squeeze")
    if new:
        x = t.node("Unsqueeze", [x, t.ints(*(at for at in range(len(starts)) if new >> at & 1))], name="_axis")
    t.end(x if x != op.inputs[0] else t.node("Identity", [x]))


Cut = tuple[int, int, int, int]  # an axis, and the start, end and step there


def _places(op: Operator, rank: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield each entry of a slice and the axis that it cuts; an ellipsis skips axes, a new one cuts none."""
    new, ellipsis = op.number("NewAxisMask"), op.number("EllipsisMask")
    cutting = sum(not (new >> at & 1 or ellipsis >> at & 1) for at in range(count))
    axis = 0
    for at in range(count):
        if ellipsis >> at & 1:
            axis += rank - cutting
        elif not new >> at & 1:
            yield at, axis
            axis += 1


def _cuts(t: Translation, op: Operator, starts: Dims, ends: Dims, steps: Dims) -> Iterator[Cut]:
    for at, axis in _places(op, t.rank(op.inputs[0]), len(starts)):
        start, end, step = starts[at], ends[at], steps[at]
        if op.number("ShrinkAxisMask") >> at & 1:
            yield axis, start, start + 1 if start != -1 else TO_THE_END, 1
            continue
        first, last = (0, TO_THE_END) if step > 0 else (TO_THE_END, -TO_THE_END)
        start = first if op.number("BeginMask") >> at & 1 else start
        yield axis, start, last if op.number("EndMask") >> at & 1 else end, step


def _masked(op: Operator, mask: str, rank: int) -> list[int]:
    """Return the axes whose bit is set."""
    bits = op.number(mask)
    return [axis for at, axis in _places(op, rank, max(rank, bits.bit_length())) if bits >> at & 1]


def gather(t: Translation, op: Operator) -> None:
    """GATHER; with an index for each sample, as many elements as the file states."""
    if op.number("BatchDims"):
        picked(t, op)
    else:
        t.end(t.node("Gather", op.inputs[:2], axis=op.number("Axis")))


def embedding(t: Translation, op: Operator) -> None:
    """EMBEDDING_LOOKUP: tokens, then the table."""
    t.end(t.node("Gather", [op.inputs[1], op.inputs[0]], axis=0))


def picked(t: Translation, op: Operator) -> None:
    """Pick or put elements at places that are worked out: as many as the file states of the output."""
    computed = next((name for name in op.inputs if name and name not in t.constants), op.inputs[0])
    t.end(t.node("GatherElements", [computed, t.untold(t.dims(op.outputs[0]))]))


def pad(kind: str) -> Translator:
    """Return what translates a padding: an axis after the other, before and behind."""

    def translate(t: Translation, op: Operator) -> None:
        pads = t.node("Reshape", [t.node("Transpose", [op.inputs[1]], perm=(1, 0)), t.ints(-1)])
        value = op.inputs[2:3] if op.has(2) else ()
        t.end(t.node("Pad", [op.inputs[0], pads, *value], mode=kind))

    return translate


def resize(kind: str) -> Translator:
    """Return what translates a change of resolution: the maps, and rows and columns to be."""

    def translate(t: Translation, op: Operator) -> None:
        y = t.node("Resize", [t.first(op.inputs[0]), "", "", op.inputs[1]], mode=kind, axes=(2, 3))
        t.last(y)

    return translate


def block(kind: str) -> Translator:
    """Return what translates DEPTH_TO_SPACE and SPACE_TO_DEPTH."""

    def translate(t: Translation, op: Operator) -> None:
        t.last(t.node(kind, [t.first(op.inputs[0])], blocksize=op.number("BlockSize")))

    return translate


def top_k(t: Translation, op: Operator) -> None:
    """TOPK_V2: the largest elements of the last axis, and where they were."""
    k = t.node("Reshape", [op.inputs[1], t.ints(-1)])
    t.parts("TopK", [op.inputs[0], k], op.outputs)


def reverse(t: Translation, op: Operator) -> None:
    """REVERSE_V2 and REVERSE_SEQUENCE."""
    t.end(t.node("ReverseSequence", op.inputs[:1]))


def host(t: Translation, op: Operator) -> None:
    """Leave an op to the host: what it reads leaves the network, what others read of it enters as an input."""
    t.outputs[:] = [name for name in t.outputs if name not in op.outputs]
    t.outputs += [name for name in op.inputs if name and name not in t.constants]
    t.warnings.append(f"{t.label}: {op.kind} runs on the host, which is not counted")
    for name in op.outputs:
        if name in t.first_reader:
            dims = t.dims(name)
            t.declare(name, dims if prod(dims) else (1,) * len(dims))


def read_variable(t: Translation, op: Operator) -> None:
    """READ_VARIABLE: the state of steps before, an input of the network."""
    t.declare(op.outputs[0], t.dims(op.outputs[0]))


def assign_variable(t: Translation, op: Operator) -> None:
    """ASSIGN_VARIABLE: the state for the next step, an output of the network."""
    if op.inputs[1] not in t.constants:
        t.outputs.append(op.inputs[1])


def nothing(t: Translation, op: Operator) -> None:
    """Do nothing: VAR_HANDLE and CALL_ONCE only prepare."""
