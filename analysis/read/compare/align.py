"""Find the layer of one run that corresponds to a layer of another: by name, then by shape."""

from collections import defaultdict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from simulator.result.run import LayerResult, Run

ONLY_BEFORE, ONLY_AFTER = "only before", "only after"


@dataclass(frozen=True, slots=True)
class Pair:
    """A layer before and after; None where it has no counterpart. `alike` says what they have in common."""

    before: LayerResult | None
    after: LayerResult | None
    alike: str


def _shape(layer: LayerResult) -> Hashable:
    return (layer.op, layer.kernel, layer.stride, layer.groups, layer.input_shapes, layer.output_shape)


def _channels(layer: LayerResult) -> Hashable:
    """All of a layer but how many pixels and samples it has."""
    inputs = tuple(shape[1] for shape in layer.input_shapes)
    return (layer.op, layer.kernel, layer.stride, layer.groups, inputs, layer.output_shape[1])


Key = Callable[[LayerResult], Hashable]
RULES: dict[str, Key] = {
    "name and shape": lambda layer: (layer.stage, layer.name, _shape(layer)),
    "shape in its stage": lambda layer: (layer.stage, _shape(layer)),
    "shape": _shape,
    "name and channels": lambda layer: (layer.stage, layer.name, _channels(layer)),
    "channels in its stage": lambda layer: (layer.stage, _channels(layer)),
    "name": lambda layer: (layer.stage, layer.name, layer.op),
    "place in its stage": lambda layer: (layer.stage, layer.op, layer.kernel, layer.stride),
}
"""What corresponding layers have in common, in the order tried. A name counts within its stage only, as running numbers
say little once a network has other layers in front. Layers of equal keys correspond in their order."""


def align(before: Run, after: Run) -> tuple[Pair, ...]:
    """Pair the layers of two runs, each once; in the order of the second, what only the first has where it stood."""
    partner: dict[str, tuple[LayerResult, str]] = {}  # by the name in `after`
    left, right = list(before.layers), list(after.layers)
    for rule, key in RULES.items():
        waiting: defaultdict[Hashable, deque[LayerResult]] = defaultdict(deque)
        for layer in left:
            waiting[key(layer)].append(layer)
        for layer in right:
            if waiting[key(layer)]:
                partner[layer.name] = (waiting[key(layer)].popleft(), rule)
        taken = {found.name for found, _ in partner.values()}
        left = [layer for layer in left if layer.name not in taken]
        right = [layer for layer in right if layer.name not in partner]
    return tuple(_ordered(before, after, partner, {layer.name for layer in left}))


def _ordered(before: Run, after: Run, partner: dict[str, tuple[LayerResult, str]], alone: set[str]) -> list[Pair]:
    """Put what only the first run has behind the pair of the layer before it."""
    followers: defaultdict[str, list[LayerResult]] = defaultdict(list)
    anchor = ""
    for layer in before.layers:
        if layer.name in alone:
            followers[anchor].append(layer)
        else:
            anchor = layer.name
    pairs = [Pair(layer, None, ONLY_BEFORE) for layer in followers[""]]
    for layer in after.layers:
        if layer.name not in partner:
            pairs.append(Pair(None, layer, ONLY_AFTER))
            continue
        found, rule = partner[layer.name]
        pairs.append(Pair(found, layer, rule))
        pairs += [Pair(lone, None, ONLY_BEFORE) for lone in followers[found.name]]
    return pairs
