"""The DRAM port of the slow simulator, event by event; and what is counted of every op."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, log

from simulator.energy.circuits import Circuits
from simulator.hardware.model import Hardware
from simulator.nest import OPERAND_NAMES, Operand


@dataclass(frozen=True)
class Moved:
    """Bytes that cross the port, the contiguous runs that they are, and the descriptors that they take."""

    size: int = 0
    runs: int = 0
    descriptors: int = 0

    def __add__(self, other):
        return Moved(self.size + other.size, self.runs + other.runs, self.descriptors + other.descriptors)


NOTHING = Moved()


def in_one_run(size) -> Moved:
    """So many bytes, one after the other."""
    return Moved(size, 1, 1) if size else NOTHING


@dataclass
class Tile:
    """What a tile moves over the port, and how long it is worked on."""

    deeper: Moved = NOTHING
    load: Moved = NOTHING
    store: Moved = NOTHING
    work: int = 0


@dataclass
class Played:
    """What an op cost."""

    dense: int = 0  # MACs
    macs: int = 0  # of these executed
    dram_read: Counter = field(default_factory=Counter)
    dram_written: int = 0
    read: Counter = field(default_factory=Counter)  # (level, operand) -> words
    written: Counter = field(default_factory=Counter)
    parts: Counter = field(default_factory=Counter)  # cycles
    tiles: list[Tile] = field(default_factory=list)
    traffic: dict = field(default_factory=dict)
    energy: dict = field(default_factory=dict)
    dma_cycles: int = 0
    dma_runs: int = 0
    bounds: dict = field(default_factory=dict)  # cycles that one resource alone needs
    bottleneck: str = ""
    come: int = 0  # bytes of its first weights that came before it
    footprint: dict = field(default_factory=dict)  # distinct bytes of each operand
    mapped_pes: int = 0  # PEs that have work in the first step

    def longest(self, within: str, array: int) -> str:
        """Of what works side by side, that which is busy longest; DRAM also makes others wait while its port is idle.

        `within` is what the array is busy with, and for how many cycles.
        """
        waits = self.parts["fill"] + self.parts["wait"] + self.parts["drain"]
        dram = max(self.bounds["dram"], waits)
        busy = [(array, within), (dram, "dram")]
        busy += [(self.parts[part], part) for part in ("vector", "configuration")]
        return max(busy, key=lambda unit: unit[0])[1]


def bits_of(machine):
    """Width of a word of inputs, weights, outputs."""
    return machine.input_bits, machine.weight_bits, machine.output_bits


class Port:
    """The DRAM port and what waits for it, event by event."""

    def __init__(self, machine: Hardware, slots, out_slots, deeper_slots=1) -> None:
        self.machine, self.slots, self.out_slots, self.deeper_slots = machine, slots, out_slots, deeper_slots
        self.free, self.channels, self.ends = 0, defaultdict(int), {}
        self.busy = self.dma = 0
        self.moved = NOTHING

    def cycles(self, moved) -> int:
        """How long a transfer takes the port: its bytes, or setting up its descriptors, whichever is longer."""
        rate = self.machine.dram.bytes_per_cycle
        return max(moved.descriptors * self.machine.descriptor_cycles, ceil(moved.size / rate) if rate else 0)

    def move(self, kind, number, moved, ready) -> None:
        """Ask for a transfer when it is ready and its channel free; a latency later it waits for the port."""
        if not (cycles := self.cycles(moved)):
            return
        channel = kind == "store", number % self.machine.dma_channels
        start = max(self.free, max(ready, self.channels[channel]) + self.machine.dram.latency_cycles)
        self.free = self.channels[channel] = self.ends[kind, number] = start + cycles
        if kind != "ahead":
            self.busy += cycles
            self.moved += moved
            self.dma += cycles + self.machine.dram.latency_cycles

    def play(self, tiles, ahead=0, whole=True) -> dict[str, int]:
        """Play tiles one after the other; return the cycles before, between and after their work, and how many."""
        done, idle, fill = [], 0, 0

        def store(i):
            self.move("store", i, tiles[i].store, done[i])

        for i, tile in enumerate(tiles):
            loads = [("deeper", tile.deeper, self.deeper_slots), ("load", tile.load, self.slots)]
            early = [load for load in loads if load[2] > self.out_slots]
            for late in (early, [load for load in loads if load not in early]):
                if late is not early and i >= self.out_slots:
                    store(i - self.out_slots)
                for kind, moved, slots in late:
                    self.move(kind, i, moved, done[i - slots] if i >= slots else 0)
            before = done[-1] if done else 0
            causes = [("deeper", i), ("load", i), ("store", i - self.out_slots)]
            start = max(before, *(self.ends.get(cause, 0) for cause in causes))
            fill, idle = (fill, idle + start - before) if done else (start, idle)
            done.append(start + tile.work)
        self.move("ahead", len(tiles), Moved(ahead), 0)
        for i in range(max(0, len(tiles) - self.out_slots), len(tiles)):
            store(i)
        end = max(done[-1], self.free)
        if self.machine.layer_order == "overlapped":  # neighbours hide the ends: only the longer of both counts
            work = sum(tile.work for tile in tiles)
            self.busy = self.cycles(self.moved) if whole else self.busy
            return {"fill": 0, "wait": max(0, self.busy - work), "drain": 0, "cycles": max(self.busy, work)}
        return {"fill": fill, "wait": idle, "drain": end - done[-1], "cycles": end}


def moved_energy(traffic, machine, gated=1) -> dict[str, float]:
    """Picojoules of bytes read and written, by level and operand; gated PEs read and write fewer weights and sums."""
    energy = {}
    for (level, operand), (read, written) in traffic.items():
        each = price_of_bit(machine, level, operand) * (gated if level == "rf" and operand is not Operand.INPUTS else 1)
        energy[f"{level}.{OPERAND_NAMES[operand]}"] = (read + written) * 8 * each * machine.energy.unit_pj
    return energy


def standing_energy(machine, actions, cycles) -> dict[str, float]:
    """Picojoules of actions that move no word, and of cycles in which the chip leaks and its clock runs."""
    table = machine.energy
    if isinstance(table, Circuits):
        each, clock = machine.prices, {"clock": cycles * machine.prices.clock_per_cycle}
        energy = {"mac": each.mac, "vector": each.vector_op}
        return {"leakage": cycles * each.leakage_per_cycle, **clock} | {a: n * energy[a] for a, n in actions.items()}
    energy = {"mac": table.mac_pj, "vector": table.vector_op_pj}
    own = {"leakage": cycles * table.leakage_pj_per_cycle} | {a: n * energy[a] for a, n in actions.items()}
    return {part: value * table.unit_pj for part, value in own.items()}


def price_of_bit(machine, level, operand) -> float:
    """Price of a bit, in the table's unit. What circuits make of a machine is tested by itself, and taken as it is."""
    table, memory = machine.energy, next(memory for memory in machine.buffers if operand in memory.holds)
    if isinstance(table, Circuits):
        inside = dict(zip(("buffer", "array", "rf"), machine.prices.levels_per_bit, strict=True))
        return machine.prices.dram_per_bit if level == "dram" else inside[level][operand]
    return {
        "dram": table.dram_pj_per_bit,
        "buffer": price_of_memory(table.buffer_points, memory.capacity_bytes),
        "array": table.array_pj_per_bit,
        "rf": table.rf_pj_per_bit[operand],
    }[level]


def price_of_memory(points, size) -> float:
    """Energy of a bit in a memory: a power of its size between two points of the table, and beyond the outermost."""
    if len(points) == 1:
        return points[0][1]
    pairs = list(pairwise(points))
    (small, cheap), (large, dear) = next((pair for pair in pairs if size <= pair[1][0]), pairs[-1])
    return cheap * (dear / cheap) ** (log(size / small) / log(large / small))
