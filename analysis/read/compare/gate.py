"""Conditions under which a comparison fails: `cycles>2%`, `conv1.energy>5%`, `latency>5 ms`, `frames<30`.

With a percent sign the change from the baseline is judged; without, the figure itself. `*.cycles>5%` is of any layer.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analysis.read import units
from analysis.read.compare.align import Pair, align
from analysis.read.layout import printable
from analysis.read.objective import CYCLES, DRAM, ENERGY, MACS, PARAMS, Measure
from simulator.errors import InputError, Problem, nearest
from simulator.result.run import LayerResult, Run
from simulator.source import units as sources

MOST_BLAMED = 5
ANY = "*"
EXAMPLES = "cycles>2%, conv1.cycles>5%, *.dram>10%, latency>5 ms or frames<30"
_CONDITION = re.compile(r"(?:(?P<layer>.+)\.)?(?P<name>\w+)\s*(?P<sign>[<>])\s*(?P<number>[-+]?[\d.]+)\s*(?P<unit>\S*)")
_COUNTS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
UNITS: Mapping[str, Mapping[str, float]] = {
    "": _COUNTS,
    "B": sources.SIZE,
    "pJ": sources.ENERGY,
    "s": {unit: picoseconds / 10**12 for unit, picoseconds in sources.TIME.items()},
}
"""Unit of a quantity -> how many of it each unit is in which a limit may be given."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a condition may name: its unit, its figure of a run and of a layer, if layers have one.

    `blame` is what layers are asked for when the run fails; None if the figure is the largest of any layer.
    """

    unit: str
    of_run: Callable[[Run], float]
    of_layer: Callable[[LayerResult], float] | None
    blame: Measure | None = CYCLES


def _summed(measure: Measure) -> Judged:
    return Judged(measure.unit, measure.of_run, measure.of_layer, measure)


_BUFFER = Measure("buffer", "", "B", lambda layer: layer.buffer_bytes, lambda run: run.total.buffer_bytes)
JUDGED: dict[str, Judged] = {
    "cycles": _summed(CYCLES),
    "energy": _summed(ENERGY),
    "dram": _summed(DRAM),
    "buffer": _summed(_BUFFER),
    "macs": _summed(MACS),
    "params": Judged("", PARAMS.of_run, PARAMS.of_layer, PARAMS),
    "peak_sram": Judged("B", lambda run: run.total.peak_sram_bytes, lambda layer: layer.sram_bytes, None),
    "latency": Judged("s", lambda run: run.total.latency_s, None),
    "frames": Judged("", lambda run: run.frames_per_s, None),
    "steady_frames": Judged("", lambda run: run.steady_frames_per_s, None),
    "utilization": Judged("", lambda run: run.total.utilization, lambda layer: layer.utilization),
}
"""Name in a condition -> what it is."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: of the run, or of a layer or any; beyond which limit, in the quantity's unit or as a change."""

    text: str
    layer: str | None
    name: str
    sign: str
    limit: float
    is_relative: bool

    def fails(self, before: float, after: float) -> bool:
        """Whether what was `before` and is `after` lies beyond the limit; from nothing, any growth does."""
        if not self.is_relative:
            value = after
        elif before:
            value = (after - before) / before
        else:
            value = float("inf") if after else 0.0
        return value > self.limit if self.sign == ">" else value < self.limit


@dataclass(frozen=True, slots=True)
class Failure:
    """A condition that a run fails: its line, and what is to blame, a line each."""

    line: str
    blamed: tuple[str, ...]


def read_condition(text: str) -> Condition:
    """Return the condition that a text states; raise InputError for one that is none.

    >>> read_condition("conv1.cycles > 2%").limit
    0.02
    """
    match = _CONDITION.fullmatch(text.strip())
    if match is None:
        raise InputError(Problem("not a condition", "--fail-if", expected=EXAMPLES, got=f'"{text}"'))
    layer, name, sign, number, unit = match.group("layer", "name", "sign", "number", "unit")
    if name not in JUDGED:
        raise InputError(_unknown(name, tuple(JUDGED), text))
    if layer and JUDGED[name].of_layer is None:
        layered = [known for known, judged in JUDGED.items() if judged.of_layer]
        raise InputError(_unknown(name, layered, text, "no figure of a layer"))
    known = UNITS[JUDGED[name].unit]
    if unit != "%" and unit not in known:
        expected = f"a number with % (a change) or in {', '.join(filter(None, known))}"
        raise InputError(Problem("no limit of this quantity", "--fail-if", path=name, expected=expected, got=text))
    try:
        limit = float(number) * (0.01 if unit == "%" else known[unit])
    except ValueError:
        raise InputError(Problem("not a number", "--fail-if", expected=EXAMPLES, got=number)) from None
    return Condition(text.strip(), layer, name, sign, limit, unit == "%")


def _unknown(name: str, known: Sequence[str], text: str, message: str = "unknown quantity") -> Problem:
    expected = f"one of {', '.join(known)}"
    return Problem(message, "--fail-if", expected=expected, got=text, suggestion=nearest(name, known))


def failures(conditions: Sequence[Condition], before: Run, after: Run, label: str) -> Iterator[Failure]:
    """Yield every condition that the second run fails; raise InputError for a layer that it does not have."""
    for condition in conditions:
        judged = JUDGED[condition.name]
        if condition.layer is None:
            was, now = judged.of_run(before), judged.of_run(after)
            if condition.fails(was, now):
                yield Failure(_line(condition, was, now, label), tuple(_blamed(judged, before, after)))
        else:
            yield from _of_layers(condition, align(before, after), label)


def _of_layers(condition: Condition, pairs: Sequence[Pair], label: str) -> Iterator[Failure]:
    of_layer = JUDGED[condition.name].of_layer
    assert of_layer is not None
    names = [pair.after.name for pair in pairs if pair.after]
    if condition.layer not in (ANY, *names):
        expected = f"a layer of {label}, or {ANY} for any"
        layer = condition.layer or ""
        raise InputError(
            Problem("no such layer", "--fail-if", expected=expected, got=layer, suggestion=nearest(layer, names))
        )
    for pair in pairs:
        if pair.after is not None and condition.layer in (ANY, pair.after.name):
            was, now = of_layer(pair.before) if pair.before else 0, of_layer(pair.after)
            if condition.fails(was, now):
                yield Failure(f"{_line(condition, was, now, label)}, in {printable(pair.after.name)}", ())


def _line(condition: Condition, was: float, now: float, label: str) -> str:
    unit = JUDGED[condition.name].unit
    change = units.signed_percent((now - was) / was if was else None)
    return printable(
        f"{condition.text}: {units.quantity(was, unit)} -> {units.quantity(now, unit)} ({change}) of {label}"
    )


def _blamed(judged: Judged, before: Run, after: Run) -> Iterator[str]:
    """Yield the layers that changed most in the direction of the whole."""
    measure = judged.blame
    if measure is None:
        assert judged.of_layer is not None
        worst = max(after.layers, key=judged.of_layer)
        yield printable(f"{worst.name}: {units.quantity(judged.of_layer(worst), judged.unit)}")
        return
    grew = measure.of_run(after) > measure.of_run(before)
    changes = [
        (measure.of_layer(pair.after) if pair.after else 0, measure.of_layer(pair.before) if pair.before else 0, pair)
        for pair in align(before, after)
    ]
    changes.sort(key=lambda change: (change[1] - change[0]) * (1 if grew else -1))
    for now, was, pair in changes[:MOST_BLAMED]:
        if (now > was) if grew else (now < was):
            layer = pair.after or pair.before
            assert layer is not None
            told = f"{units.quantity(was, measure.unit)} -> {units.quantity(now, measure.unit)} {measure.name}"
            yield printable(f"{layer.name}: {told} ({units.signed_percent((now - was) / was if was else None)})")
