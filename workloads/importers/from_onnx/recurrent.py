"""ONNX's recurrent ops."""

from collections.abc import Sequence

from workloads.importers import lowering
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Const, Node
from workloads.importers.recurrence import GATES, recurrent
from workloads.importers.views import View, transposed

STEPS_FIRST, BATCH_FIRST = 0, 1


def recurrence(c: Context, node: Node) -> Sequence[Value]:
    """LSTM, GRU and RNN: all outputs of all steps, the last state, and of an LSTM the last cell.

    Two attributes are TFLite's: `gates`, which may be one less than usual, and the size of a `projection`.
    """
    kind, view = node.op.lower(), c.view(node)
    weight, again = c.weight(node, 1), c.weight(node, 2)
    layout = node.int("layout", STEPS_FIRST)
    directions = 2 if node.text("direction", "forward") == "bidirectional" else 1
    if len(view.dims) != 3 or layout not in (STEPS_FIRST, BATCH_FIRST):
        raise c.wrong(node, "not a sequence", "an input of [steps, batch, features]", lowering.text(view.dims))
    hidden = node.int("hidden_size", again.dims[-1] if again and len(again.dims) == 3 else 0)
    gates, projected = node.int("gates", GATES[kind]), node.int("projection", 0)
    state = projected or hidden
    wanted = (directions, gates * hidden, view.dims[2])
    if hidden < 1 or (weight and weight.dims != wanted) or (again and again.dims != (*wanted[:2], state)):
        got = lowering.text(weight.dims) if weight else None
        raise c.wrong(node, "weights and input do not match", lowering.text(wanted), got)
    view = transposed(view, (1, 0, 2), c.title(node)) if layout else view
    has_bias, name = node.has(3), c.name(node)
    tied = gates < GATES[kind]
    y = recurrent(c.g, view, kind, hidden, directions, (has_bias, has_bias), name, tied, projected)
    steps, batch, _ = y.dims
    whole = transposed(lowering.reshape(c.g, y, (steps, batch, directions, state), name), (0, 2, 1, 3), name)
    last = _last(c, node, whole) if _is_read(c, node, 1) else Const((directions, batch, state))
    cell = _last(c, node, whole) if _is_read(c, node, 2) else Const((directions, batch, hidden))
    if layout:
        whole = transposed(whole, (2, 0, 1, 3), name)
        last, cell = (transposed(x, (1, 0, 2), name) if isinstance(x, View) else x for x in (last, cell))
    return [whole, last, cell][: len(node.outputs)]


def _is_read(c: Context, node: Node, position: int) -> bool:
    name = node.outputs[position] if position < len(node.outputs) else ""
    return bool(name) and (name in c.readers or name in c.model.outputs)


def _last(c: Context, node: Node, view: View) -> View:
    """Return the last step of [steps, directions, batch, hidden]."""
    part = lowering.take(c.g, view, 0, view.dims[0] - 1, 1, f"{c.title(node)}_last")
    return View(part.tensor, part.axes[1:], part.name)


OPS = {"GRU": recurrence, "LSTM": recurrence, "RNN": recurrence}
