"""Give tensors that stay on chip addresses there: no two that are alive at a time overlap."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from simulator.network.lifetimes import Lifetime

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes that are taken together over a lifetime."""

    lifetime: Lifetime
    size_bytes: int

    def meets(self, other: "Block") -> bool:
        """Whether both are alive at some op."""
        return self.lifetime.made <= other.lifetime.last_read and other.lifetime.made <= self.lifetime.last_read


ORDERS: tuple[Callable[[Block], tuple[int, ...]], ...] = (
    lambda block: (-block.size_bytes, block.lifetime.made),
    lambda block: (block.lifetime.made - block.lifetime.last_read, -block.size_bytes),
    lambda block: (block.lifetime.made, -block.size_bytes),
)
"""In which blocks are placed: the largest first, the longest-lived first, or as they are made."""

TRIES = 64
"""Of each order, with the blocks that found no address moved to its front."""


def place(blocks: Mapping[Key, Block], capacity_bytes: int) -> dict[Key, int]:
    """Return addresses of blocks in a memory; those that find none are left out.

    Best fit offline: each block goes into the smallest gap that holds it between those that are placed already and
    alive with it, else behind the last of them. Of several orders the one that places most bytes counts, then the one
    with the lowest top.
    """

    def worth(addresses: Mapping[Key, int]) -> tuple[int, int]:
        placed = sum(blocks[name].size_bytes for name in addresses)
        return placed, -max((at + blocks[name].size_bytes for name, at in addresses.items()), default=0)

    return max(_tried(blocks, capacity_bytes), key=worth)


def _tried(blocks: Mapping[Key, Block], capacity_bytes: int) -> Iterator[dict[Key, int]]:
    for key in ORDERS:
        order = sorted(blocks, key=lambda name: key(blocks[name]))
        for _ in range(TRIES):
            placed = _placed(blocks, order, capacity_bytes)
            yield placed
            if len(placed) == len(blocks):
                break
            order = [*(name for name in order if name not in placed), *(name for name in order if name in placed)]


def _placed(blocks: Mapping[Key, Block], order: Sequence[Key], capacity_bytes: int) -> dict[Key, int]:
    addresses: dict[Key, int] = {}
    for name in order:
        block = blocks[name]
        beside = sorted((at, at + blocks[n].size_bytes) for n, at in addresses.items() if blocks[n].meets(block))
        address = _best_fit(block.size_bytes, beside)
        if address + block.size_bytes <= capacity_bytes:
            addresses[name] = address
    return addresses


def _best_fit(size: int, taken: list[tuple[int, int]]) -> int:
    """Return the start of the smallest gap between intervals, sorted, that holds so many bytes; else their end."""
    top, gaps = 0, list[tuple[int, int]]()
    for start, end in taken:
        if start - top >= size:
            gaps.append((start - top, top))
        top = max(top, end)
    return min(gaps)[1] if gaps else top
