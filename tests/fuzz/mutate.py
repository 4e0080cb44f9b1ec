"""Damage what a user may hand over, the same way for the same seed: bytes, the structure of data, values.

Each mutator takes a generator of random numbers and something sound, and returns it with a few things changed.
"""

import copy
import re
from collections.abc import Callable
from random import Random
from typing import Any

PIECES = (*("0", "-1", "65536", "999999999999999999", "1e99", "nan", "é", ""), *'"{}[]:,\n\0')
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2, 65536, 1 << 31, 1 << 62, 10**40, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "x", "0 B", "-1 MHz", "1e99 GHz", "inputs", "é\x1b[31m", "=1+1", "../x", "x" * 300),
    *([], {}, [[]], [1, 2], {"a": 1}, ["K", "K"]),
)
NUMBERS = (0, 1, -1, 2, 3, 7, -2, 100, 65536, 1 << 31, 1 << 62, -(1 << 62))
CHANGES = (1, 1, 1, 2, 4)
"""How many things are changed: one often leads further into the program than many."""


def bytes_changed(random: Random, content: bytes) -> bytes:
    """Cut, double and flip bytes; replace numbers, words and lines by others, or by what rarely belongs there."""
    for _ in range(random.choice(CHANGES)):
        content = random.choice(BYTE_CHANGES)(random, content)
    return content


def _cut(random: Random, content: bytes) -> bytes:
    start = random.randint(0, len(content))
    return content[:start] + content[start + random.choice([1, 2, 10, 100, len(content)]) :]


def _doubled(random: Random, content: bytes) -> bytes:
    start = random.randint(0, len(content))
    return content[:start] + content[max(0, start - random.choice([1, 10, 100])) :]


def _flipped(random: Random, content: bytes) -> bytes:
    at = random.randint(0, len(content))
    return content[:at] + bytes([random.randint(0, 255)]) + content[at + 1 :]


def _replaced(pattern: bytes) -> Callable[[Random, bytes], bytes]:
    def change(random: Random, content: bytes) -> bytes:
        matches = list(re.finditer(pattern, content))
        if not matches:
            return content
        match, piece = random.choice(matches), random.choice(PIECES).encode()
        other = random.choice([piece, random.choice(matches).group()])
        return content[: match.start()] + other + content[match.end() :]

    return change


BYTE_CHANGES = (
    *(_replaced(pattern) for pattern in (rb"-?\d+", rb"[A-Za-z_]{3,}", rb"[^\n]*\n")),
    *(_cut, _doubled, _flipped),
)


def structure_changed(random: Random, data: Any) -> Any:
    """Delete, rename, double and swap parts of nested lists and dictionaries."""
    data = copy.deepcopy(data)
    for _ in range(random.choice(CHANGES)):
        holders = [node for node in nodes(data) if isinstance(node, dict | list) and node]
        if holders:
            _rearrange(random, random.choice(holders), random.choice(holders))
    return data


def _rearrange(random: Random, holder: Any, other: Any) -> None:
    key = random.choice(list(holder)) if isinstance(holder, dict) else random.randrange(len(holder))
    change = random.choice(("delete", "rename", "double", "copy"))
    if change == "delete":
        del holder[key]
    elif change == "copy":
        holder[key] = copy.deepcopy(random.choice(list(other.values()) if isinstance(other, dict) else other))
    elif isinstance(holder, list):
        holder.insert(random.randint(0, len(holder)), copy.deepcopy(holder[key]))
    else:
        holder[f"{key}x" if change == "double" else random.choice(PIECES)] = holder.pop(key)


def values_changed(random: Random, data: Any) -> Any:
    """Replace values of nested lists and dictionaries by others of the same kind, or of any."""
    data = copy.deepcopy(data)
    for _ in range(random.choice(CHANGES)):
        places = [
            (node, key)
            for node in nodes(data)
            for key in (node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ())
            if not isinstance(node[key], dict | list)
        ]
        if places:
            node, key = random.choice(places)
            node[key] = _other(random, node[key])
    return data


def _other(random: Random, value: object) -> object:
    if isinstance(value, int | float) and random.random() < 0.6:
        return random.choice([*NUMBERS, -value, value * 2, value + 1, value - 1, value // 2, float(value)])
    if isinstance(value, str) and re.search(r"\d", value) and random.random() < 0.6:
        return re.sub(r"\d+", str(random.choice([0, 1, 3, 7, 64, 1000, 1 << 40])), value, count=1)
    return copy.deepcopy(random.choice(VALUES))


def nodes(data: Any) -> list[Any]:
    """List everything that nested data holds, itself first."""
    found = [data]
    for node in found:
        found += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return found
