"""Recurrent layers as the products and functions that they are."""

from collections.abc import Mapping

from simulator.network.ir import Layer, Op
from workloads.importers import lowering
from workloads.importers.assembly import Assembly
from workloads.importers.views import View, natural

GATES: Mapping[str, int] = {"gru": 3, "lstm": 4, "rnn": 1}
"""Kind -> vectors of the hidden size that each step makes of the input, and of the state."""


def recurrent(
    g: Assembly,
    view: View,
    kind: str,
    hidden: int,
    directions: int,
    biases: tuple[bool, bool],
    name: str,
    tied: bool = False,
    projected: int = 0,
) -> View:
    """Add a recurrent layer over an array [steps, batch, features]; return [steps, batch, directions x hidden].

    Gates are W x + R h, with a bias each where `biases` says so; a cell makes the next state h of them. In every step R
    multiplies the state of the step before, so its MACs are steps x directions x |R|, as those of W are with |W|. Here
    both are products over all steps: the steps of R are taken as rows that do not wait for each other, which is told
    as a warning. The state is read as often as it is made, as many words as the cell's output. Of an LSTM the input
    gate may be `tied` to the one that forgets, and a matrix may make a state of `projected` elements of what the cell
    makes: hidden x projected MACs more in each step and direction.
    """
    gates = (GATES[kind] - tied) * directions * hidden
    inputs = lowering.linear(g, view, gates, biases[0], g.unique(f"{name}_inputs"))
    state = lowering.take(g, inputs, 2, 0, directions * (projected or hidden), f"{name}_state").tensor
    n, _, *size = inputs.tensor.shape
    shape = (n, gates, size[0], size[1])
    given = (state.name,), (state.shape,)
    again = Layer(g.unique(f"{name}_state_product"), Op.LINEAR, *given, shape, groups=directions, bias=biases[1])
    summed = g.apply(Op.ADD, inputs.tensor, g.put(again), name=g.unique(f"{name}_sum"))
    g.warnings.append(f"{name}: the steps of a sequence are counted as rows of one product, none waits for another")
    plain = GATES[kind] == 1
    y = g.activation(summed, "tanh" if plain else "sigmoid", name if plain else g.unique(f"{name}_gates"))
    if not plain:
        made = (n, directions * hidden, size[0], size[1])
        y = g.put(Layer(name, Op.ACTIVATION, (y.name,), (y.shape,), made, variant=f"{kind}_cell"))
    if projected:
        made = (n, directions * projected, size[0], size[1])
        y = g.put(Layer(g.unique(f"{name}_projection"), Op.LINEAR, (y.name,), (y.shape,), made, groups=directions))
    return View(y, (*inputs.axes[:-1], natural(y.shape, 1)))
