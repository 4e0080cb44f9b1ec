"""Sums over layers, which share what they hold where a run was read and they are alike."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


def once_each(things: Iterable[T]) -> list[tuple[T, int]]:
    """Return each object once, in order, with how often it is there; equal ones are different objects.

    >>> one, other = [1], [1]
    >>> once_each([one, other, one])
    [([1], 2), ([1], 1)]
    """
    things = list(things)
    times, objects = Counter(map(id, things)), {id(thing): thing for thing in things}
    return [(thing, times[at]) for at, thing in objects.items()]


def collected(parts: Iterable[Mapping[str, T]]) -> dict[str, list[T]]:
    """Return all values of each key, those of one object together.

    >>> collected([{"mac": 1, "dram": 2}, {"mac": 3}])
    {'mac': [1, 3], 'dram': [2]}
    """
    found: dict[str, list[T]] = {}
    for own, times in once_each(parts):
        for key, value in own.items():
            found.setdefault(key, []).extend([value] * times)
    return found
