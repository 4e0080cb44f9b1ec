"""Find the layer of one run that corresponds to a layer of another: by name, then by shape.

In networks of different families they correspond by structure (`analysis.read.compare.structure`).
"""

from collections import defaultdict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from analysis.read.compare.structure import family, kind_of, multiplies, reduction_of, role_of
from simulator.result.run import LayerResult, Run

ONLY_BEFORE, ONLY_AFTER = "only before", "only after"
PLACE = "place in its stage"


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
    PLACE: lambda layer: (layer.stage, layer.op, layer.kernel, layer.stride),
}
"""What corresponding layers have in common, in the order tried. A name counts within its stage only, as running numbers
say little once a network has other layers in front. Layers of equal keys correspond in their order."""

ROLES: dict[str, Key] = {"shape": _shape, "size and role": role_of, "size and kind": kind_of}
"""Likewise in networks of different families, each besides how far the maps are reduced."""
OF_A_FAMILY = 0.5
"""Networks of different names are of one family if at least this part of the layers that multiply, in the network that
has fewer, correspond by more than their place."""

Partners = dict[str, tuple[LayerResult, str]]
"""The first run's layer and what it has in common, by the name in the second."""


def align(before: Run, after: Run) -> tuple[Pair, ...]:
    """Pair the layers of two runs, each once; in the order of the second, what only the first has where it stood."""
    partner = _partners(before, after)
    if not _alike(before, after, partner):
        partner = _by_structure(before, after)
    taken = {found.name for found, _ in partner.values()}
    return tuple(_ordered(before, after, partner, {layer.name for layer in before.layers} - taken))


def of_one_family(before: Run, after: Run) -> bool:
    """Whether two networks are variants of one, so that names and stages mean the same in both."""
    return _alike(before, after, _partners(before, after))


def _alike(before: Run, after: Run, partner: Partners) -> bool:
    if family(before) == family(after):
        return True
    fewer = min(sum(map(multiplies, run.layers)) for run in (before, after))
    paired = sum(multiplies(layer) and rule != PLACE for layer, rule in partner.values())
    return paired >= OF_A_FAMILY * fewer


def _partners(before: Run, after: Run) -> Partners:
    return _paired(before, after, {rule: (key, key) for rule, key in RULES.items()})


def _by_structure(before: Run, after: Run) -> Partners:
    sizes = [reduction_of(run) for run in (before, after)]

    def with_size(key: Key, size: Key) -> Key:
        return lambda layer: (size(layer), key(layer))

    first, second = ({rule: with_size(key, size) for rule, key in ROLES.items()} for size in sizes)
    return _paired(before, after, {rule: (first[rule], second[rule]) for rule in ROLES})


def _paired(before: Run, after: Run, rules: dict[str, tuple[Key, Key]]) -> Partners:
    """Pair layers by each rule in its turn; a rule has a key of the first run's layers and one of the second's."""
    partner: Partners = {}
    left, right = list(before.layers), list(after.layers)
    for rule, (first, second) in rules.items():
        waiting: defaultdict[Hashable, deque[LayerResult]] = defaultdict(deque)
        for layer in left:
            waiting[first(layer)].append(layer)
        for layer in right:
            if waiting[second(layer)]:
                partner[layer.name] = (waiting[second(layer)].popleft(), rule)
        taken = {found.name for found, _ in partner.values()}
        left = [layer for layer in left if layer.name not in taken]
        right = [layer for layer in right if layer.name not in partner]
    return partner


def _ordered(before: Run, after: Run, partner: Partners, alone: set[str]) -> list[Pair]:
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
