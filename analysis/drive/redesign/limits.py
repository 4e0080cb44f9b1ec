"""What a redesigned network may have at most and must have at least."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from analysis.read import units
from simulator.errors import InputError, Problem, nearest
from simulator.network.ir import Network
from simulator.network.ops import CONVOLUTIONS
from simulator.source.document import Rejected
from simulator.source.units import parse_size

KEYS = ("macs", "params", "sram")
_COUNT = re.compile(r"(\d+(?:\.\d+)?) ?([KkMG]?)")
_FACTORS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


@dataclass(frozen=True, slots=True)
class Size:
    """What of a network is limited: MACs, parameters, and layers whose windows span rows, and columns, of a map."""

    macs: int
    params: int
    over_rows: int
    over_columns: int


def size_of(network: Network) -> Size:
    """Return the size of a network."""
    kernels = [layer.kernel for layer in network.layers if layer.op in CONVOLUTIONS]
    over = [sum(kernel[axis] > 1 for kernel in kernels) for axis in range(2)]
    return Size(network.macs, network.params, *over)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most MACs, parameters and bytes of SRAM, and the least MACs, parameters and layers that mix positions."""

    most_macs: int
    most_params: int
    most_sram: int | None
    least: Size
    widths: Mapping[str, int]  # layer -> the fewest filters that it may have

    def keep_layers(self, network: Network) -> bool:
        """Whether as many layers mix positions as at the start, none of less than half its filters."""
        size = size_of(network)
        mixes = size.over_rows >= self.least.over_rows and size.over_columns >= self.least.over_columns
        return mixes and all(layer.output_shape[1] >= self.widths.get(layer.name, 0) for layer in network.layers)

    def allow(self, size: Size, now: Size) -> bool:
        """Whether a network may follow the present one: what is beyond a limit already may not move further away."""
        most = size.macs <= max(self.most_macs, now.macs) and size.params <= max(self.most_params, now.params)
        least = size.macs >= min(self.least.macs, now.macs) and size.params >= min(self.least.params, now.params)
        return most and least

    def allow_sram(self, sram: int, now: int) -> bool:
        """Whether a network may take so many bytes of SRAM where the present one takes so many."""
        return self.most_sram is None or sram <= max(self.most_sram, now)

    def hold(self, size: Size, sram: int) -> bool:
        """Whether a network is within all that is limited above."""
        within = size.macs <= self.most_macs and size.params <= self.most_params
        return within and (self.most_sram is None or sram <= self.most_sram)

    @property
    def text(self) -> str:
        """All of it in a line."""
        most = f"at most {self.most_macs:,} MACs and {self.most_params:,} parameters"
        most += f" and {units.size(self.most_sram)} of SRAM" if self.most_sram is not None else ""
        least = f"at least {self.least.macs:,} MACs and {self.least.params:,} parameters"
        return f"{most}; {least}; as many layers that mix positions as at the start, each with half its filters or more"


def read_limits(text: str, network: Network, keep: float) -> Limits:
    """Read `macs=225M,params=0.73M,sram=96KiB`; what is not given of MACs and parameters is the network's own.

    `keep` is the share of these limits, or of the network's own where that is less, which has to remain.
    """
    given = _given(text)
    start = size_of(network)
    macs, params = given.get("macs", start.macs), given.get("params", start.params)
    least = Size(
        int(keep * min(macs, start.macs)), int(keep * min(params, start.params)), start.over_rows, start.over_columns
    )
    widths = {layer.name: layer.output_shape[1] // 2 for layer in network.layers if layer.macs}
    return Limits(macs, params, given.get("sram"), least, widths)


def _given(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    problems = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = word.partition("=")
        if key not in KEYS or not equals or key in found:
            message = "given twice in --within" if key in found else "nothing that --within limits"
            expected = "macs=N, params=N or sram=SIZE"
            problems.append(Problem(message, expected=expected, got=word, suggestion=nearest(key, KEYS)))
            continue
        number = _bytes(value) if key == "sram" else _count(value)
        if number:
            found[key] = number
        else:
            expected = "a size above 0, such as 96KiB" if key == "sram" else "a number above 0, such as 225M or 60k"
            problems.append(Problem("not a limit", path=f"--within {key}", expected=expected, got=value))
    if problems:
        raise InputError(*problems)
    return found


def _bytes(text: str) -> int:
    try:
        return parse_size(text)
    except Rejected:
        return 0


def _count(text: str) -> int:
    """Read a count.

    >>> _count("225M"), _count("0.73 M"), _count("60k"), _count("few")
    (225000000, 730000, 60000, 0)
    """
    match = _COUNT.fullmatch(text)
    return round(float(match[1]) * _FACTORS[match[2].upper()]) if match else 0
