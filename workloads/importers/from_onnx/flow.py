"""ONNX ops with graphs inside: If, Loop and Scan, followed where shapes and constants decide what runs."""

from collections.abc import Callable, Sequence

import numpy as np

from workloads.importers import lowering
from workloads.importers.bounds import shorten
from workloads.importers.from_onnx.context import Context, Cut, DependsOnDataError, Parts, Value
from workloads.importers.from_onnx.model import Branch, Const, Node
from workloads.importers.from_onnx.movement import joined
from workloads.importers.from_onnx.sequences import unsqueezed
from workloads.importers.views import View

Play = Callable[[Sequence[Node]], None]
MOST_TURNS = 4096
BEFORE_STATE = 2  # inputs of a Loop and of its body before the tensors that it carries on


def branch(c: Context, node: Node, play: Play) -> Sequence[Value]:
    """If: the branch that shapes decide, as exporters write around a squeeze."""
    condition = c.const(node, 0)
    chosen = condition.ints() if condition else None
    body = node.attributes.get("then_branch" if chosen and chosen[0] else "else_branch")
    if not chosen or not isinstance(body, Branch):
        raise DependsOnDataError("which layers run depends on the data")
    return _played(c, node, body, (), play)


def loop(c: Context, node: Node, play: Play) -> Sequence[Value]:
    """Loop: as many turns as a constant says, whose condition stays true; each is layers of its own."""
    count, going = c.const(node, 0), c.const(node, 1)
    turns = (count.ints() or (0,))[0] if count else -1
    body = node.attributes.get("body")
    if not isinstance(body, Branch) or turns < 0 or (node.has(1) and not _is_true(going)):
        raise DependsOnDataError("which layers run depends on the data")
    _check(c, node, turns)
    state = [_required(c, node, at) for at in range(BEFORE_STATE, len(node.inputs))]
    rows: list[list[Value]] = []
    for turn in range(turns):
        given = [Const((), np.asarray(turn)), Const((), np.asarray(True)), *state]
        more, *made = _played(c, node, body, given, play)
        if not _is_true(more):
            raise DependsOnDataError("which layers run depends on the data")
        state, told = made[: len(state)], made[len(state) :]
        rows.append(told)
    return [*state, *(_stacked(c, node, column, 0) for column in zip(*rows, strict=True))]


def scan(c: Context, node: Node, play: Play) -> Sequence[Value]:
    """Scan: a turn for each element of an axis of its last inputs."""
    body, scanned = node.attributes.get("body"), node.int("num_scan_inputs", 1)
    if not isinstance(body, Branch) or not 1 <= scanned <= len(node.inputs):
        raise c.wrong(node, "not a body, or not so many inputs")
    first = len(node.inputs) - scanned
    state = [_required(c, node, at) for at in range(first)]
    given = [_required(c, node, at) for at in range(first, len(node.inputs))]
    axes = node.ints("scan_input_axes") or (0,) * scanned
    lengths = {value.dims[axis] for value, axis in zip(given, axes, strict=True) if isinstance(value, View | Const)}
    if len(lengths) != 1:
        raise c.wrong(node, "inputs differ in their number of steps", "one number", str(sorted(lengths)))
    (turns,) = lengths
    _check(c, node, turns)
    rows: list[list[Value]] = []
    for turn in range(turns):
        parts = [_part(c, node, value, axis, turn) for value, axis in zip(given, axes, strict=True)]
        made = list(_played(c, node, body, [*state, *parts], play))
        state = made[: len(state)]
        rows.append(made[len(state) :])
    outer = node.ints("scan_output_axes") or (0,) * len(rows[0])
    columns = zip(*rows, strict=True)
    return [*state, *(_stacked(c, node, column, axis) for column, axis in zip(columns, outer, strict=True))]


def mapped(c: Context, node: Node, play: Play) -> Sequence[Value]:
    """SequenceMap: the body for each tensor of a sequence."""
    body = node.attributes.get("body")
    if not isinstance(body, Branch):
        raise c.wrong(node, "not a body")
    inputs = [_required(c, node, at) for at in range(len(node.inputs))]
    rows = [
        _played(c, node, body, [each.values[turn] if isinstance(each, Parts) else each for each in inputs], play)
        for turn in range(len(c.parts(node)))
    ]
    return [Parts(tuple(v for v in column if isinstance(v, View | Const))) for column in zip(*rows, strict=True)]


FLOW = {"If": branch, "Loop": loop, "Scan": scan, "SequenceMap": mapped}


def _check(c: Context, node: Node, turns: int) -> None:
    if turns > MOST_TURNS:
        raise c.wrong(node, "too many turns", f"at most {MOST_TURNS}", str(turns))


def _is_true(value: Value | None) -> bool:
    numbers = value.ints() if isinstance(value, Const) else None
    return bool(numbers and numbers[0])


def _required(c: Context, node: Node, position: int) -> Value:
    value = c.value(node, position)
    if value is None:
        raise c.wrong(node, f"input {position} is missing", "a tensor")
    return value


def _played(c: Context, node: Node, body: Branch, given: Sequence[Value], play: Play) -> Sequence[Value]:
    """Run a body over what it is given; return what it makes."""
    c.values.update(body.constants)
    c.values.update(zip(body.inputs, given, strict=False))
    play(body.nodes)
    missing = next((name for name in body.outputs if name not in c.values), None)
    if missing is not None:
        raise c.wrong(node, "the branch does not make its output", got=shorten(missing))
    return [c.values[name] for name in body.outputs]


def _part(c: Context, node: Node, value: Value, axis: int, turn: int) -> Value:
    """Return one step of an array, without the axis of steps."""
    if not isinstance(value, View | Const):
        raise c.wrong(node, "a sequence has no axis")
    gone = (*value.dims[:axis], *value.dims[axis + 1 :])
    if isinstance(value, Const):
        return Const(gone, None if value.values is None else np.take(value.values, turn, axis))
    part = lowering.take(c.g, value, axis, turn, 1, f"{c.title(node)}_step")
    return View(part.tensor, (*part.axes[:axis], *part.axes[axis + 1 :]), part.name)


def _stacked(c: Context, node: Node, values: Sequence[Value], axis: int) -> Value:
    """Return what turns make, along an axis of its own."""
    cut = next((value for value in values if isinstance(value, Cut)), None)
    if cut is not None:
        return cut
    plain = [unsqueezed(value, axis) for value in values if isinstance(value, View | Const)]
    if all(isinstance(value, Const) for value in plain):
        dims = plain[0].dims
        return Const((*dims[:axis], len(plain), *dims[axis + 1 :]))
    attributes = {**node.attributes, "axis": axis}
    return joined(c, Node("Concat", f"{node.label}_steps", node.inputs, node.outputs, attributes), plain)
