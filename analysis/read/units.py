"""Write quantities the way people read them: few digits and a unit, no spaces inside."""

from collections.abc import Callable, Sequence

_DECIMAL = ("", "K", "M", "G", "T", "P")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_PICOJOULES = ("pJ", "nJ", "µJ", "mJ", "J", "kJ")
_MICROWATTS = ("µW", "mW", "W", "kW")
_SECONDS = ("ps", "ns", "µs", "ms", "s")


def count(value: int | float, digits: int = 3) -> str:
    """Write a count with a decimal suffix.

    >>> count(0), count(999), count(1_513_204, digits=4), count(999_960)
    ('0', '999', '1.513M', '1.00M')
    """
    return _scaled(value, 1000, _DECIMAL, digits)


def size(value: int) -> str:
    """Write bytes with a binary suffix.

    >>> size(100), size(128 * 1024), size(1_500_000)
    ('100B', '128KiB', '1.43MiB')
    """
    return _scaled(value, 1024, _BINARY, 3)


def energy(value: float) -> str:
    """Write picojoules with a decimal prefix.

    >>> energy(0.25), energy(4.5e9)
    ('0.250pJ', '4.50mJ')
    """
    return _scaled(value, 1000, _PICOJOULES, 3)


def power(watts: float) -> str:
    """Write a power with a decimal prefix.

    >>> power(0.291), power(75)
    ('291mW', '75W')
    """
    return _scaled(float(f"{watts * 1e6:.12g}"), 1000, _MICROWATTS, 3)


def area(mm2: float) -> str:
    """Write an area.

    >>> area(5.512), area(331)
    ('5.51 mm2', '331 mm2')
    """
    return f"{mm2:.3g} mm2"


def seconds(value: float) -> str:
    """Write a time with a decimal prefix.

    >>> seconds(1.513e-3), seconds(0)
    ('1.51ms', '0s')
    """
    return _scaled(value * 1e12, 1000, _SECONDS, 3) if value else "0s"


def clock(hz: int) -> str:
    """Write a frequency.

    >>> clock(200_000_000), clock(1_000_000_000)
    ('200 MHz', '1 GHz')
    """
    for scale, unit in ((10**9, "GHz"), (10**6, "MHz"), (10**3, "kHz")):
        if hz >= scale:
            return f"{hz / scale:g} {unit}"
    return f"{hz} Hz"


def percent(fraction: float) -> str:
    """Write a ratio as a percentage with one decimal.

    >>> percent(0.72512), percent(0.0), percent(0.0001)
    ('72.5%', '0.0%', '<0.1%')
    """
    return "<0.1%" if 0 < fraction < 0.0005 else f"{100 * fraction:.1f}%"


def signed_percent(fraction: float | None) -> str:
    """Write a change as a percentage with its sign; None is a change from nothing.

    >>> signed_percent(-0.125), signed_percent(0.5), signed_percent(0.0), signed_percent(None)
    ('-12.5%', '+50.0%', '0.0%', 'new')
    """
    if fraction is None:
        return "new"
    text = percent(abs(fraction))
    return text if not fraction or text.startswith("<") else f"{'-' if fraction < 0 else '+'}{text}"


def percent_tick(fraction: float) -> str:
    """Write a ratio at an axis as a percentage.

    >>> percent_tick(0.5), percent_tick(0.125)
    ('50%', '12.5%')
    """
    return f"{100 * fraction:g}%"


def ratio(value: float) -> str:
    """Write how many times something is something else.

    >>> ratio(1.5)
    '1.5x'
    """
    return f"{value:.3g}x"


def kilo(cycles: float) -> str:
    """Write cycles in thousands, for a column that says so.

    >>> kilo(1_467_431), kilo(9_460)
    ('1,467', '9.5')
    """
    thousands = cycles / 1000
    return f"{thousands:,.0f}" if thousands >= 100 else f"{thousands:.1f}"


def millions(value: float) -> str:
    """Write MACs or parameters in millions, for a column that says so.

    >>> millions(224_916_480), millions(923_832)
    ('224.9', '0.92')
    """
    return f"{value / 1e6:,.1f}" if value >= 1e7 else f"{value / 1e6:.2f}"


def quantity(value: float, unit: str) -> str:
    """Write a quantity in its unit: "" for a count, "s", "B", "pJ" or "mm2"; any other unit is left to the reader.

    >>> quantity(1_513_204, ""), quantity(0.0015, "s"), quantity(2048, "B"), quantity(4.5e9, "pJ")
    ('1.513M', '1.50ms', '2KiB', '4.50mJ')
    """
    writers: dict[str, Callable[[], str]] = {
        "": lambda: count(value, digits=4),
        "s": lambda: seconds(value),
        "B": lambda: size(int(value)),
        "pJ": lambda: energy(value),
        "mm2": lambda: area(value),
    }
    return writers[unit]() if unit in writers else count(value)


def tick(value: float, unit: str = "") -> str:
    """Write a tick of an axis, without the zeros that a column of figures needs; units are those of `quantity`.

    >>> tick(1_500_000), tick(0.5), tick(2e6, "pJ"), tick(0, "pJ"), tick(20 * 1024, "B"), tick(0.0015, "s")
    ('1.5M', '0.5', '2µJ', '0', '20KiB', '1.5ms')
    """
    if unit == "mm2":
        return area(value)
    if not value:
        return "0s" if unit == "s" else "0"
    text = quantity(value, unit) if unit in ("B", "pJ", "s") else count(value)
    digits = text.rstrip("".join([*_DECIMAL, *_BINARY, *_PICOJOULES, *_SECONDS]))
    return f"{float(digits):g}{text[len(digits) :]}"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> counted(1, "word"), counted(2, "word")
    ('1 word', '2 words')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed([])
    ('a', 'a, b and c', 'none')
    """
    if len(words) < 2:
        return words[0] if words else "none"
    return f"{', '.join(words[:-1])} and {words[-1]}"


def change(new: float, old: float, less: str = "fewer", more: str = "more") -> str:
    """Tell a relative change.

    >>> change(83, 100), change(150, 100, "less"), change(2, 2)
    ('17.0% fewer', '50.0% more', 'as many')
    """
    difference = new / old - 1
    if abs(difference) < 0.0005:
        return "as many" if less == "fewer" else "as much"
    return f"{abs(difference):.1%} {less if difference < 0 else more}"


def _scaled(value: float, base: int, suffixes: tuple[str, ...], digits: int) -> str:
    """Divide by `base` until fewer than four digits stand before the point, then keep `digits` of them."""
    scaled, place = float(value), 0
    rounds_up = 1000 - 0.5 * 10.0 ** (3 - digits)  # from here on, `digits` digits read 1000
    while place < len(suffixes) - 1 and abs(scaled) >= (1024 if base == 1024 and place == 0 else rounds_up):
        scaled, place = scaled / base, place + 1
    if scaled.is_integer():
        return f"{scaled:.0f}{suffixes[place]}"
    scaled = float(f"{scaled:.{digits}g}")
    before = len(str(int(abs(scaled)))) if abs(scaled) >= 1 else 0
    return f"{scaled:.{max(0, digits - before)}f}{suffixes[place]}"
