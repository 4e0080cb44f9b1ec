"""Say of the measured figures that ours misses most what ours is made of, and what that rules out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median

from analysis.drive.accuracy.summary import figure, percent, share, with_unit
from analysis.drive.measured.comparison import Pair
from analysis.read.units import counted, listed
from simulator.result.causes import CAUSES, parts_by_bottleneck

WORST = 3  # figures of a quantity that are explained
SHOWN = 4  # parts of ours that are named
FEWEST = 2  # figures of which a median is told


def explained(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Return a sentence for each quantity and for each cause that bounds what was timed, then the worst figures'."""
    return (*_by_quantity(pairs), *_by_bottleneck(pairs), *(explain(pair) for pair in worst(pairs)))


def _by_quantity(pairs: Sequence[Pair]) -> Iterator[str]:
    """Yield how far the figures of each quantity are off."""
    for first in worst(pairs, 1):
        name = first.measured.quantity.name
        off = [_off(pair) for pair in pairs if pair.measured.quantity.name == name]
        at = f"worst {percent(first.deviation)} at {first.name}"
        yield f"{counted(len(off), 'figure')} of {name}: median deviation {share(median(off))}, {at}."


def worst(pairs: Sequence[Pair], most: int = WORST) -> list[Pair]:
    """Return the figures of each quantity that are furthest off, in that order."""
    quantities = dict.fromkeys(pair.measured.quantity.name for pair in pairs)
    of_each = ([pair for pair in pairs if pair.measured.quantity.name == name] for name in quantities)
    return [pair for own in of_each for pair in sorted(own, key=_off, reverse=True)[:most] if pair.deviation]


def _off(pair: Pair) -> float:
    return abs(pair.deviation)


def parts_of(pair: Pair) -> dict[str, float]:
    """Return the parts of our figure in the measurement's unit: causes of cycles, operands, components of energy."""
    sums: Counter[str] = Counter()
    for layer in pair.layers:
        sums.update(pair.measured.quantity.measure.parts(layer))
    return {part: value / pair.per_unit for part, value in sums.items() if value}


def bound_by(pair: Pair) -> str:
    """Return the cause that bounds most of the layers' time."""
    causes = parts_by_bottleneck(pair.layers)
    return max(causes, key=lambda cause: sum(causes[cause].values()), default="")


def explain(pair: Pair) -> str:
    """Say what our figure is made of, and which resource or tensor alone takes more than was measured."""
    own = pair.measured
    sides = f"{with_unit(own.value, own.unit)} measured, {with_unit(pair.ours, own.unit)} simulated"
    head = f"{pair.name}, {own.quantity.name}: {sides} ({percent(pair.deviation)})."
    return " ".join([head, _made_of(pair), *_ruled_out(pair)])


def _made_of(pair: Pair) -> str:
    parts, labels = parts_of(pair), pair.measured.quantity.measure.part_labels
    largest = sorted(parts, key=lambda part: -parts[part])[:SHOWN]
    shares = [f"{labels.get(part, part)} {share(parts[part] / pair.ours)}" for part in largest]
    timed = pair.measured.quantity.name == "time"
    return f"Ours is {listed(shares)}{f', bound by {CAUSES[bound_by(pair)]}' if timed and bound_by(pair) else ''}."


def _ruled_out(pair: Pair) -> Iterator[str]:
    """Yield what alone takes more than was measured: there the machine's file must differ from what was measured."""
    own, name = pair.measured, pair.measured.quantity.name
    if name == "time":
        needs = _in_unit(pair, [layer.bounds for layer in pair.layers])
        if more := [f"{what} {value}" for what, value in needs.items()]:
            yield f"More than was measured takes, alone and in this mapping: {listed(more)} {own.unit}."
    elif name == "bytes" and own.layer:
        tensors = _in_unit(pair, [{"all": sum(layer.footprint_bytes.values())} for layer in pair.layers])
        if tensors:
            yield f"The tensors have {tensors['all']} {own.unit} in all: some stay on chip, or are compressed."


def _in_unit(pair: Pair, amounts: Iterable[Mapping[str, int]]) -> dict[str, str]:
    """Return the sums that exceed the measured figure, written in its unit."""
    sums: Counter[str] = Counter()
    for amount in amounts:
        sums.update(amount)
    in_unit = {what: value / pair.per_unit for what, value in sums.most_common()}
    return {what: figure(value) for what, value in in_unit.items() if value > pair.measured.value}


def _by_bottleneck(pairs: Sequence[Pair]) -> Iterator[str]:
    """Yield by how much the time of layers that one cause bounds is off: the cause's figures may be what is wrong."""
    timed = [pair for pair in pairs if pair.measured.quantity.name == "time" and pair.measured.layer]
    for cause, label in CAUSES.items():
        own = [pair.deviation for pair in timed if bound_by(pair) == cause]
        if len(own) >= FEWEST:
            yield f"{counted(len(own), 'time')} of layers bound by {label}: median deviation {percent(median(own))}."
