"""Which parameters of a machine a fit may change, and within which range.

All are physical and of the whole machine: rates of memories and networks, and fixed costs of a request, an op or a run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import exp, floor, log, log10

from simulator.errors import InputError, Problem, nearest
from simulator.hardware.model import Hardware
from simulator.hardware.vary import parts_of
from simulator.source import Rejected, plain_document, units
from simulator.source.parser import Value

DIGITS = 4  # of a fitted value
OPTION = "--param"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value is written, its usual range, and whether it is a rate: time goes with its inverse, else with it.

    Without a range, a rate may be so many times less or more than the machine's own.
    """

    read: Callable[[str], float]
    write: Callable[[float], Value]
    rate: bool
    low: str = ""
    high: str = ""
    times: float = 4


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise Rejected("out of range", "more than 0, at most 1")
    return value


def _count(text: str) -> float:
    value = int(text)
    if value < 0:
        raise Rejected("out of range", "a whole number of at least 0")
    return float(value)


def _whole(value: float) -> Value:
    return max(1, round(value))


def quantity_text(value: float, units: Mapping[str, int]) -> str:
    """Write a quantity with the digits that a fit gives, in the largest decimal unit of which it is one at least.

    >>> quantity_text(16_080_000, TIMES), quantity_text(0, TIMES)
    ('16.08 us', '1 ps')
    """
    value = max(1, round(value))
    unit = max((unit for unit in units if units[unit] <= value), key=lambda unit: units[unit])
    return f"{value / units[unit]:.{DIGITS}g} {unit}"


TIMES = units.TIME
RATES = {unit: factor for unit, factor in units.BANDWIDTH.items() if "i" not in unit and unit != "KB/s"}
BANDWIDTH = Kind(units.parse_bandwidth, lambda value: quantity_text(value, RATES), rate=True)
TIME = Kind(
    lambda text: 1 if text == "0" else units.parse_time(text), lambda value: quantity_text(value, TIMES), rate=False
)
WORDS = Kind(_count, _whole, rate=True)
CYCLES = Kind(_count, lambda value: round(value), rate=False, low="0", high="100000")

KINDS: Mapping[str, Kind] = {
    "dram.bandwidth": BANDWIDTH,
    "dram.weights_bandwidth": BANDWIDTH,
    "dram.efficiency": Kind(_share, lambda value: round(value, DIGITS), rate=True, low="0.3", high="1"),
    "dram.latency": Kind(TIME.read, TIME.write, rate=False, low="0", high="2 us"),
    "dram.latency_cycles": Kind(_count, CYCLES.write, rate=False, low="0", high="2000"),
    "layers.launch": Kind(TIME.read, TIME.write, rate=False, low="0", high="50 us"),
    "layers.configuration_cycles": CYCLES,
    "host_time": Kind(TIME.read, TIME.write, rate=False, low="0", high="10 ms"),
    "array.delivery.*.words_per_cycle": WORDS,
    "buffers.*.read_bytes_per_cycle": WORDS,
    "buffers.*.write_bytes_per_cycle": WORDS,
}
"""Paths of a machine's file that may be fitted."""

DEFAULTS = {"dram.efficiency": 1.0}
"""What a machine has that does not say it."""

USUAL = ("dram.efficiency", "layers.launch")
"""What is fitted unless it is said: published least often, and in every time."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A path with its range, and the machine's own value, in bytes a second, picoseconds, words or cycles."""

    path: str
    kind: Kind
    low: float
    high: float
    own: float | None

    def value(self, at: float) -> float:
        """Return the value at a place of the range, 0 to 1; rates go by their logarithm, costs by themselves."""
        if self.kind.rate:
            found = exp(log(self.low) + at * (log(self.high) - log(self.low)))
        else:
            found = self.low + at * (self.high - self.low)
        return min(max(_rounded(found), self.low), self.high)

    def place(self, value: float) -> float:
        """Return where a value lies in the range, 0 to 1; see `value`."""
        inside = min(max(value, self.low), self.high)
        if self.kind.rate:
            return (log(inside) - log(self.low)) / (log(self.high) - log(self.low))
        return (inside - self.low) / (self.high - self.low)

    def written(self, value: float) -> Value:
        """Return a value as a file holds it."""
        return self.kind.write(value)


def _rounded(value: float) -> float:
    return round(value, DIGITS - 1 - floor(log10(abs(value)))) if value else value


def read_parameters(texts: Sequence[str], hardware: Hardware) -> tuple[Parameter, ...]:
    """Return the parameters of `PATH` or `PATH=LOW:HIGH` texts, or the usual ones; raise InputError for all others.

    >>> from simulator.hardware.load import load_hardware
    >>> [p.path for p in read_parameters(["dram.efficiency=0.5:1"], load_hardware("edge_tpu"))]
    ['dram.efficiency']
    """
    found: list[Parameter] = []
    problems: list[Problem] = []
    for text in texts or USUAL:
        path, _, span = (part.strip() for part in text.partition("="))
        try:
            if path in [own.path for own in found]:
                raise Rejected("given twice", "each parameter once")
            found.append(_parameter(path, span, hardware))
        except (Rejected, ValueError) as error:
            told = error if isinstance(error, Rejected) else Rejected("not a number", "LOW:HIGH, as 0.3:1")
            expected, suggestion = told.expected, told.suggestion
            problems.append(Problem(told.message, OPTION, None, None, path, expected, text, suggestion))
    if problems:
        raise InputError(*problems)
    return tuple(found)


def _parameter(path: str, span: str, hardware: Hardware) -> Parameter:
    kind = next((kind for pattern, kind in KINDS.items() if fnmatchcase(path, pattern)), None)
    if kind is None:
        raise Rejected("not a parameter to fit", f"one of {', '.join(KINDS)}", nearest(path, KINDS))
    own = value_of(hardware, path, kind)
    low, colon, high = (part.strip() for part in span.partition(":"))
    if span and not (low and colon and high):
        raise Rejected("not a range", "PATH=LOW:HIGH, like dram.efficiency=0.3:1")
    low, high = low or kind.low, high or kind.high
    if not low and own is None:
        raise Rejected("the machine has no value of it", f"a range: {path}=LOW:HIGH")
    least = kind.read(low) if low else max(1.0, (own or 0) / kind.times)
    most = kind.read(high) if high else (own or 0) * kind.times
    if not least < most or (kind.rate and least <= 0):
        raise Rejected("not a range", "the lower end first, above 0 for a rate")
    return Parameter(path, kind, least, most, own)


def value_of(hardware: Hardware, path: str, kind: Kind) -> float | None:
    """Return the machine's value at a path; None where it says none, or a word such as `edge`."""
    assert hardware.document is not None
    document = plain_document(hardware.document)
    value = document.get(parts_of(document.data, path))
    return DEFAULTS.get(path) if value is None else number_of(value, kind)


def number_of(value: Value, kind: Kind) -> float | None:
    """Return what a file's value comes to; None for a word."""
    try:
        return kind.read(value) if isinstance(value, str) else float(value)  # type: ignore[arg-type]
    except ValueError:
        return None
