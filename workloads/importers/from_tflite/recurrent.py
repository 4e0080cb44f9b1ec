"""TFLite's recurrent ops, whose weights are a tensor for each gate."""

from collections.abc import Sequence

from workloads.importers.from_tflite.read import Operator
from workloads.importers.from_tflite.translation import Translation

# Where inputs of an LSTM stand: weights of the input for four gates, of the state for four, peepholes (3), biases (4),
# then a projection of the cell's output and its bias. The first gate is left out where it is tied to the second.
OF_INPUT, OF_STATE, BIASES, PROJECTION = 1, 5, 12, 16
BACKWARD = 17  # of a bidirectional one: how much later the same stand for the way back


def lstm(t: Translation, op: Operator) -> None:
    """LSTM: one step."""
    _, inner = t.dims(op.inputs[0])
    x = t.node("Reshape", [op.inputs[0], t.ints(1, -1, inner)], name="_step")
    y = _gated(t, op, x, 1, "LSTM")
    t.node("Reshape", [y, t.ints(*t.dims(op.outputs[-1]))], op.outputs[-1], "_features")


def basic_lstm(t: Translation, op: Operator) -> None:
    """LSTM whose kernel is basic: the input, the state, weights of both and all gates in one tensor, a bias."""
    batch, inner = t.dims(op.inputs[0])
    gates, both = t.dims(op.inputs[2])
    hidden = gates // 4
    x = t.node("Reshape", [op.inputs[0], t.ints(1, -1, inner)], name="_step")
    told = [t.untold((1, gates, inner)), t.untold((1, gates, both - inner)), t.untold((1, 2 * gates))]
    y = t.node("LSTM", [x, *told], hidden_size=hidden)
    t.node("Reshape", [y, t.ints(batch, hidden)], op.outputs[0], "_features")


def any_lstm(t: Translation, op: Operator) -> None:
    """LSTM, of either kernel."""
    basic_lstm(t, op) if op.number("KernelType") else lstm(t, op)


def sequence_lstm(t: Translation, op: Operator) -> None:
    """UNIDIRECTIONAL_SEQUENCE_LSTM."""
    _sequence(t, op, 1, "LSTM")


def bidirectional_lstm(t: Translation, op: Operator) -> None:
    """BIDIRECTIONAL_SEQUENCE_LSTM."""
    _sequence(t, op, 2, "LSTM")


def sequence_rnn(t: Translation, op: Operator) -> None:
    """UNIDIRECTIONAL_SEQUENCE_RNN."""
    _sequence(t, op, 1, "RNN")


def bidirectional_rnn(t: Translation, op: Operator) -> None:
    """BIDIRECTIONAL_SEQUENCE_RNN."""
    _sequence(t, op, 2, "RNN")


def rnn(t: Translation, op: Operator) -> None:
    """RNN: one step."""
    batch, inner = t.dims(op.inputs[0])
    x = t.node("Reshape", [op.inputs[0], t.ints(1, -1, inner)], name="_step")
    y = _plain(t, op, x, 1)
    t.node("Reshape", [y, t.ints(batch, t.dims(op.outputs[0])[-1])], op.outputs[0], "_features")


def _sequence(t: Translation, op: Operator, directions: int, kind: str) -> None:
    """Run over steps, which stand first where the op says so, and else behind the samples."""
    steps_first = bool(op.number("TimeMajor"))
    x = op.inputs[0] if steps_first else t.node("Transpose", op.inputs[:1], name="_steps", perm=(1, 0, 2))
    y = _gated(t, op, x, directions, kind) if kind == "LSTM" else _plain(t, op, x, directions)
    order = (0, 2, 1, 3) if steps_first else (2, 0, 1, 3)
    y = t.node("Transpose", [y], name="_samples", perm=order)  # [steps, directions, batch, features] before
    merged = len(op.outputs) == 1 or not op.has_output(1)
    if directions == 1 or merged:
        t.node("Reshape", [y, t.ints(0, 0, -1)], op.outputs[0], "_features")
        return
    parts = [f"{name}::part" for name in op.outputs]
    t.parts("Split", [y], parts, axis=2)
    for part, output in zip(parts, op.outputs, strict=True):
        t.node("Squeeze", [part, t.ints(2)], output)


def _gated(t: Translation, op: Operator, x: str, directions: int, kind: str) -> str:
    """Add an LSTM over [steps, batch, features]; return [steps, directions, batch, features]."""
    inner = t.dims(op.inputs[OF_INPUT + 1])[1]
    cells, state = t.dims(op.inputs[OF_STATE + 1])
    gates = 4 if op.has(OF_INPUT) else 3
    projected = directions == 1 and op.has(PROJECTION)
    given = [t.untold((directions, gates * cells, inner)), t.untold((directions, gates * cells, state))]
    bias = [t.untold((directions, 2 * gates * cells))] if op.has(BIASES + 1) else []
    return t.node(
        kind,
        [x, *given, *bias],
        hidden_size=cells,
        gates=gates,
        projection=state if projected else 0,
        direction="bidirectional" if directions == 2 else "forward",
    )


def _plain(t: Translation, op: Operator, x: str, directions: int) -> str:
    """Add a plain recurrence, weights of the input and of the state at 1 and 2."""
    hidden, inner = t.dims(op.inputs[1])
    given: Sequence[str] = [t.untold((directions, hidden, each)) for each in (inner, hidden)]
    bias = t.untold((directions, 2 * hidden))
    direction = "bidirectional" if directions == 2 else "forward"
    return t.node("RNN", [x, *given, bias], hidden_size=hidden, direction=direction)
