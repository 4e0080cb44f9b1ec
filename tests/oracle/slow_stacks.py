"""A stack walked row by row: which rows each op makes in each strip, what lies on chip meanwhile, what DRAM gives.

Rows are sets of numbers. An op makes rows in order, as many as ops behind it in the stack need for theirs; a row stays
as long as some row that is not made yet needs it, or one above it, as what waits lies in one piece. Where rows are made
again, nothing waits: each strip makes what its own rows need, and what nobody needed so far.
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
    """A stack of a network in play. Its jobs are ops, each with what reads along on the way out, and fused pools.

    `made` are the rows that each job makes, strip by strip; `alive` the rows of each inner tensor while each job runs,
    and, under no name, between strips; `read` the rows that each job takes of tensors from outside. Of what a fused
    pool reads only rows that wait from strip to strip are there: others go through it as they are made.
    """

    def __init__(
        self, network: Network, ops: tuple[str, ...], strip_rows: int, fused: dict[str, str], overlap: str = "kept"
    ) -> None:
        self.layers = {layer.name: layer for layer in network.layers}
        pools = {name for name, op in fused.items() if op in ops and self.layers[name].op is Op.POOL}
        self.op_of = {"": ""} | {op: op for op in ops} | {pool: fused[pool] for pool in pools}
        self.jobs = tuple(name for op in ops for name in self.layers if self.op_of.get(name) == op)
        self.hosts = self.hosts_of(fused, pools)
        self.homes: dict[str, set[str]] = {name: {name} for name in network.inputs}
        for layer in network.layers:
            joined = layer.op in (Op.CONCAT, Op.SPLIT, Op.SHUFFLE) and layer.name not in ops
            whole = set().union(*(self.homes[name] for name in layer.inputs))
            self.homes[layer.name] = whole if joined else {self.hosts.get(layer.name, layer.name)}
        self.readers = {job: list(self.reads(job)) for job in self.jobs}
        self.pooled = {home for pool in pools for home, _ in self.readers[pool]}
        self.leaves = {self.op_of[job]: job for job in self.jobs}
        self.total = dict.fromkeys(self.jobs, 0)
        self.made: dict[str, list[set[int]]] = {job: [] for job in self.jobs}
        self.alive: list[tuple[str, dict[str, int]]] = []
        self.read: dict[str, list[set[int]]] = {job: [] for job in self.jobs}
        (self.walk if overlap == "kept" else self.walk_again)(strip_rows)

    def hosts_of(self, fused: dict[str, str], pools: set[str]) -> dict[str, str]:
        """The job that each fused op goes along with: the last fused pool before it, or the op."""
        hosts: dict[str, str] = {}
        for name, op in fused.items():
            before = [hosts.get(each, each) for each in self.layers[name].inputs]
            if name not in pools:
                hosts[name] = next((each for each in before if each in pools and fused[each] == op), op)
        return hosts

    def reads(self, job: str) -> Iterator[tuple[str, Layer]]:
        """The tensors that a job and what goes along with it read, and by which layer; its own apart."""
        for layer in self.layers.values():
            if layer.name == job or self.hosts.get(layer.name) == job:
                for name in layer.inputs:
                    yield from ((home, layer) for home in self.homes[name] if home != job)

    def height(self, job: str) -> int:
        return self.layers[job].output_shape[2]

    def walk(self, strip_rows: int) -> None:
        last = self.jobs[-1]
        while self.total[last] < self.height(last):
            upto = dict.fromkeys(self.jobs, 0) | {last: min(self.height(last), self.total[last] + strip_rows)}
            for job in reversed(self.jobs):
                rows: set[int] = set()
                for reader in self.jobs:
                    for home, layer in self.readers[reader]:
                        if home == job:
                            rows |= set().union(*(needed(layer, row) for row in range(upto[reader])))
                upto[job] = max(upto[job], self.total[job], max(rows, default=-1) + 1)
                if upto[last] == self.height(last):
                    upto[job] = self.height(job)
            self.strip(upto)

    def walk_again(self, strip_rows: int) -> None:
        last = self.jobs[-1]
        while self.total[last] < self.height(last):
            begin, end = self.total[last], min(self.height(last), self.total[last] + strip_rows)
            made = {last: set(range(begin, end))}
            for job in reversed(self.jobs[:-1]):
                rows = {self.total[job]} if self.total[job] < self.height(job) else set[int]()
                for reader in self.jobs[self.jobs.index(job) + 1 :]:
                    for home, layer in self.readers[reader]:
                        if home == job:
                            rows |= set().union(*(needed(layer, row) for row in made[reader]))
                behind = self.height(job) if end == self.height(last) else max(rows) + 1
                made[job] = set(range(min(rows), behind))
            for job in self.jobs:
                self.make_again(job, made)
            self.alive.append(("", dict.fromkeys(self.jobs[:-1], 0)))

    def make_again(self, job: str, made: dict[str, set[int]]) -> None:
        outside = [layer for home, layer in self.readers[job] if home not in self.jobs and layer.name == job]
        self.made[job].append(made[job])
        self.read[job].append(set().union(*(needed(layer, row) for layer in outside[:1] for row in made[job])))
        self.total[job] = max(made[job]) + 1
        there = {}
        for tensor in self.jobs[:-1]:
            behind = [at for at, reader in enumerate(self.jobs) if any(t == tensor for t, _ in self.readers[reader])]
            alive = self.jobs.index(tensor) <= self.jobs.index(job) <= max(behind) and tensor not in self.pooled
            there[tensor] = len(made[tensor]) if alive else 0
        self.alive.append((job, there))

    def strip(self, upto: dict[str, int]) -> None:
        waited = dict(self.alive[-1][1]) if self.alive else dict.fromkeys(self.jobs, 0)
        for job in self.jobs:
            new = set(range(self.total[job], upto[job]))
            self.made[job].append(new)
            outside = [layer for home, layer in self.readers[job] if home not in self.jobs and layer.name == job]
            self.read[job].append(set().union(*(needed(layer, row) for layer in outside[:1] for row in new)))
            before = dict(self.total)
            self.total[job] = upto[job]
            there = {t: waited[t] if t in self.pooled else self.waiting(t, before) for t in self.jobs[:-1]}
            self.alive.append((job, there))
        self.alive.append(("", {t: self.waiting(t, self.total) for t in self.jobs[:-1]}))

    def waiting(self, tensor: str, done: dict[str, int]) -> int:
        """Rows of a tensor that are made, from the first that is still needed once jobs have done so many rows."""
        lows = [self.total[tensor]]
        for reader in self.jobs:
            for home, layer in self.readers[reader]:
                left = range(done[reader], self.height(reader))
                lows += [min(needed(layer, row)) for row in left if home == tensor]
        new = min(done[tensor], self.total[tensor])
        return self.total[tensor] - min(*lows, new)

    def bytes_read(self, op: str, bits: int) -> int:
        """Bytes that an op takes from outside, strip by strip, where its inputs are not on chip."""
        samples, channels, _, width = self.layers[op].input_shapes[0]
        return sum(ceil(prod((samples, channels, len(rows), width)) * bits / 8) for rows in self.read[op])
