"""A stack walked row by row: which rows each op makes in each strip, what lies on chip meanwhile, what DRAM gives.

Rows are sets of numbers. An op makes rows in order, as many as ops behind it in the stack need for theirs; a row stays
as long as some row that is not made yet needs it, or one above it, as what waits lies in one piece.
"""

from collections.abc import Iterator
from math import ceil, prod

from simulator.network.ir import Layer, Network, Op

WINDOWS = {Op.CONV, Op.DEPTHWISE, Op.POOL}


def needed(layer: Layer, row: int) -> set[int]:
    """Rows of an op's input that one row of its outputs is made of, and those that lie between."""
    if layer.op not in WINDOWS:
        return {row}
    taps = [row * layer.stride[0] + tap * layer.dilation[0] - layer.padding[0] for tap in range(layer.kernel[0])]
    inside = set(range(min(taps), max(taps) + 1)) & set(range(layer.input_shapes[0][2]))
    return inside or {0}


class Walk:
    """A stack of a network in play. `jobs` are its ops: each with what reads along on the way out.

    `made` are the rows that each op makes, strip by strip; `alive` the rows of each inner tensor while each op runs,
    and, under no name, between strips; `read` the rows that each op takes of tensors from outside.
    """

    def __init__(self, network: Network, ops: tuple[str, ...], strip_rows: int, fused: dict[str, str]) -> None:
        self.layers = {layer.name: layer for layer in network.layers}
        self.ops, self.fused = ops, fused
        self.homes: dict[str, set[str]] = {name: {name} for name in network.inputs}
        for layer in network.layers:
            joined = layer.op in (Op.CONCAT, Op.SPLIT, Op.SHUFFLE) and layer.name not in ops
            whole = set().union(*(self.homes[name] for name in layer.inputs))
            self.homes[layer.name] = whole if joined else {fused.get(layer.name, layer.name)}
        self.readers = {op: list(self.reads(op)) for op in ops}
        self.total = dict.fromkeys(ops, 0)
        self.made: dict[str, list[set[int]]] = {op: [] for op in ops}
        self.alive: list[tuple[str, dict[str, int]]] = []
        self.read: dict[str, list[set[int]]] = {op: [] for op in ops}
        self.walk(strip_rows)

    def reads(self, op: str) -> Iterator[tuple[str, Layer]]:
        """The tensors that an op and what is fused into it read, and by which layer; its own apart."""
        for layer in self.layers.values():
            if layer.name == op or self.fused.get(layer.name) == op:
                for name in layer.inputs:
                    yield from ((home, layer) for home in self.homes[name] if home != op)

    def height(self, op: str) -> int:
        return self.layers[op].output_shape[2]

    def walk(self, strip_rows: int) -> None:
        last = self.ops[-1]
        while self.total[last] < self.height(last):
            upto = dict.fromkeys(self.ops, 0) | {last: min(self.height(last), self.total[last] + strip_rows)}
            for op in reversed(self.ops):
                rows: set[int] = set()
                for reader in self.ops:
                    for home, layer in self.readers[reader]:
                        if home == op:
                            rows |= set().union(*(needed(layer, row) for row in range(upto[reader])))
                upto[op] = max(upto[op], self.total[op], max(rows, default=-1) + 1)
                if upto[last] == self.height(last):
                    upto[op] = self.height(op)
            self.strip(upto)

    def strip(self, upto: dict[str, int]) -> None:
        for op in self.ops:
            new = set(range(self.total[op], upto[op]))
            self.made[op].append(new)
            outside = [layer for home, layer in self.readers[op] if home not in self.ops and layer.name == op]
            self.read[op].append(set().union(*(needed(layer, row) for layer in outside[:1] for row in new)))
            before = dict(self.total)
            self.total[op] = upto[op]
            self.alive.append((op, {t: self.waiting(t, before) for t in self.ops[:-1]}))
        self.alive.append(("", {t: self.waiting(t, self.total) for t in self.ops[:-1]}))

    def waiting(self, tensor: str, done: dict[str, int]) -> int:
        """Rows of a tensor that are made, from the first that is still needed once ops have done so many rows."""
        lows = [self.total[tensor]]
        for reader in self.ops:
            for home, layer in self.readers[reader]:
                left = range(done[reader], self.height(reader))
                lows += [min(needed(layer, row)) for row in left if home == tensor]
        new = min(done[tensor], self.total[tensor])
        return self.total[tensor] - min(*lows, new)

    def bytes_read(self, op: str, bits: int) -> int:
        """Bytes that an op takes from outside, strip by strip, where its inputs are not on chip."""
        samples, channels, _, width = self.layers[op].input_shapes[0]
        return sum(ceil(prod((samples, channels, len(rows), width)) * bits / 8) for rows in self.read[op])
