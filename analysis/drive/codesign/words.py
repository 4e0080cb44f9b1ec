"""Put results into words: every sentence of a report follows from figures."""

from collections.abc import Sequence


def change(new: float, old: float, less: str = "fewer", more: str = "more") -> str:
    """Tell a relative change.

    >>> change(83, 100), change(150, 100, "less"), change(2, 2)
    ('17.0% fewer', '50.0% more', 'as many')
    """
    difference = new / old - 1
    if abs(difference) < 0.0005:
        return "as many" if less == "fewer" else "as much"
    return f"{abs(difference):.1%} {less if difference < 0 else more}"


def signed(fraction: float) -> str:
    """Write a relative change as a figure.

    >>> signed(0.0512), signed(-0.5)
    ('+5.1%', '-50.0%')
    """
    return f"{fraction:+.1%}"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed([])
    ('a', 'a, b and c', 'none')
    """
    if len(words) < 2:
        return words[0] if words else "none"
    return f"{', '.join(words[:-1])} and {words[-1]}"


def kilo(cycles: float) -> str:
    """Write cycles in thousands, as the tables do.

    >>> kilo(1_467_431), kilo(9_460)
    ('1,467', '9.5')
    """
    thousands = cycles / 1000
    return f"{thousands:,.0f}" if thousands >= 100 else f"{thousands:.1f}"


def millions(count: float) -> str:
    """Write MACs or parameters in millions.

    >>> millions(224_916_480), millions(923_832)
    ('224.9', '0.92')
    """
    return f"{count / 1e6:,.1f}" if count >= 1e7 else f"{count / 1e6:.2f}"
