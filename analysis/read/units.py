"""Write quantities the way people read them: few digits and a unit, no spaces inside."""

_DECIMAL = ("", "K", "M", "G", "T", "P")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_PICOJOULES = ("pJ", "nJ", "µJ", "mJ", "J", "kJ")
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


def energy(value: float, unit: str = "pJ") -> str:
    """Write picojoules with a decimal prefix, and any other unit as a bare count.

    >>> energy(0.25), energy(4.5e9), energy(4.5e9, "MAC")
    ('0.250pJ', '4.50mJ', '4.50G')
    """
    if unit != "pJ":
        return count(value)
    return _scaled(value, 1000, _PICOJOULES, 3)


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


def tick(value: float, unit: str = "") -> str:
    """Write a tick of an axis, without the zeros that a column of figures needs; pJ and B take prefixes of their own.

    >>> tick(1_500_000), tick(0.5), tick(2e6, "pJ"), tick(0, "pJ"), tick(20 * 1024, "B")
    ('1.5M', '0.5', '2µJ', '0', '20KiB')
    """
    if not value:
        return "0"
    text = energy(value, unit) if unit == "pJ" else size(int(value)) if unit == "B" else count(value)
    digits = text.rstrip("".join([*_DECIMAL, *_BINARY, *_PICOJOULES]))
    return f"{float(digits):g}{text[len(digits) :]}"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> counted(1, "word"), counted(2, "word")
    ('1 word', '2 words')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


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
