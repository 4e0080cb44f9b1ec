"""Read quantities the way papers print them: "200 MHz", "16 GB/s", "108 KiB".

Decimal prefixes are powers of 1000 and binary ones (Ki, Mi, Gi) powers of 1024, without exception: the "128 KB" of
a paper that means 131,072 bytes is written "128 KiB". B is a byte; bits are not accepted, lest b be read as B.
"""

import re
from fractions import Fraction

from simulator.errors import nearest
from simulator.source.document import Rejected

FREQUENCY = {"Hz": 1, "kHz": 10**3, "MHz": 10**6, "GHz": 10**9}
SIZE = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
TIME = {"ps": 1, "ns": 10**3, "us": 10**6, "ms": 10**9, "s": 10**12}
ENERGY = {"pJ": 1, "nJ": 10**3, "uJ": 10**6, "mJ": 10**9, "J": 10**12}
LENGTH = {"nm": 1, "um": 10**3}
VOLTAGE = {"mV": 1, "V": 10**3}
BANDWIDTH = {f"{unit}/s": factor for unit, factor in SIZE.items()}

_QUANTITY = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-z][A-Za-z/]*)")


def parse_frequency(text: object) -> int:
    """Return a frequency in hertz.

    >>> parse_frequency("200 MHz")
    200000000
    """
    return _parse(text, FREQUENCY, "200 MHz")


def parse_bandwidth(text: object) -> int:
    """Return a bandwidth in bytes a second.

    >>> parse_bandwidth("16 GB/s")
    16000000000
    """
    return _parse(text, BANDWIDTH, "16 GB/s")


def parse_size(text: object) -> int:
    """Return a size in bytes.

    >>> parse_size("100 KiB")
    102400
    """
    return _parse(text, SIZE, "100 KiB")


def parse_time(text: object) -> int:
    """Return a time in picoseconds.

    >>> parse_time("0.5 us")
    500000
    """
    return _parse(text, TIME, "100 ns")


def parse_length(text: object) -> int:
    """Return a length in nanometres.

    >>> parse_length("28 nm")
    28
    """
    return _parse(text, LENGTH, "28 nm")


def parse_voltage(text: object) -> int:
    """Return a voltage in millivolts.

    >>> parse_voltage("0.9 V")
    900
    """
    return _parse(text, VOLTAGE, "0.9 V")


def length_text(nanometres: int) -> str:
    """Write a length as it is read.

    >>> length_text(28)
    '28 nm'
    """
    return _text(nanometres, LENGTH)


def voltage_text(millivolts: int) -> str:
    """Write a voltage as it is read.

    >>> voltage_text(900)
    '900 mV'
    """
    return _text(millivolts, VOLTAGE)


def frequency_text(hertz: int) -> str:
    """Write a frequency as it is read, in the largest unit of which it is a whole number.

    >>> frequency_text(200_000_000)
    '200 MHz'
    """
    return _text(hertz, FREQUENCY)


def bandwidth_text(bytes_per_second: int) -> str:
    """Write a bandwidth as it is read.

    >>> bandwidth_text(16_000_000_000), bandwidth_text(1_048_576)
    ('16 GB/s', '1 MiB/s')
    """
    return _text(bytes_per_second, BANDWIDTH)


def size_text(size: int) -> str:
    """Write a size as it is read.

    >>> size_text(102_400), size_text(1000)
    ('100 KiB', '1 kB')
    """
    return _text(size, SIZE)


def time_text(picoseconds: int) -> str:
    """Write a time as it is read.

    >>> time_text(500_000), time_text(10**9)
    ('500 ns', '1 ms')
    """
    return _text(picoseconds, TIME)


def _text(value: int, units: dict[str, int]) -> str:
    unit, factor = max((item for item in units.items() if value % item[1] == 0), key=lambda item: item[1])
    return f"{value // factor} {unit}"


def _parse(text: object, units: dict[str, int], example: str) -> int:
    expected = f"a number and a unit, like `{example}`"
    match = _QUANTITY.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        message = "a unit is missing" if isinstance(text, int | float) else "not a quantity"
        raise Rejected(message, expected)
    number, unit = match.groups()
    if unit not in units:
        close = nearest(unit, units)
        suggestion = f"{number} {close}" if close else None
        raise Rejected("unknown unit", f"{expected}, in {', '.join(units)}", suggestion)
    value = Fraction(number) * units[unit]
    if value <= 0 or value.denominator != 1 or value > 10**18:
        base = next(iter(units))
        raise Rejected("out of range", f"a positive whole number of {base}, at most 10^18")
    return int(value)
