"""The DRAM port of the slow simulator, event by event; and what is counted of every op."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, log

from simulator.energy.circuits import Circuits
from simulator.hardware.model import Hardware
from simulator.nest import OPERAND_NAMES, Operand


@dataclass
class Tile:
    """What a tile moves over the port, in bytes, and how long it is worked on."""

    deeper: int = 0
    load: int = 0
    store: int = 0
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
    bounds: dict = field(default_factory=dict)  # cycles that one resource alone needs
    bottleneck: str = ""
    footprint: dict = field(default_factory=dict)  # distinct bytes of each operand
    mapped_pes: int = 0  # PEs that have work in the first step


def bits_of(machine):
    """Width of a word of inputs, weights, outputs."""
    return machine.input_bits, machine.weight_bits, machine.output_bits


class Port:
    """The DRAM port and what waits for it, event by event."""

    def __init__(self, machine: Hardware, slots, out_slots, deeper_slots=1) -> None:
        self.machine, self.slots, self.out_slots, self.deeper_slots = machine, slots, out_slots, deeper_slots
        self.free, self.channels, self.ends = 0, defaultdict(int), {}
        self.busy = self.dma = self.bytes = 0

    def cycles(self, size) -> int:
        """How long some bytes take the port."""
        rate = self.machine.dram.bytes_per_cycle
        return ceil(size / rate) if rate else 0

    def move(self, kind, number, size, ready) -> None:
        """Ask for a transfer when it is ready and its channel free; a latency later it waits for the port."""
        if not (cycles := self.cycles(size)):
            return
        channel = kind == "store", number % self.machine.dma_channels
        start = max(self.free, max(ready, self.channels[channel]) + self.machine.dram.latency_cycles)
        self.free = self.channels[channel] = self.ends[kind, number] = start + cycles
        if kind != "ahead":
            self.busy += cycles
            self.bytes += size
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
                for kind, size, slots in late:
                    self.move(kind, i, size, done[i - slots] if i >= slots else 0)
            before = done[-1] if done else 0
            causes = [("deeper", i), ("load", i), ("store", i - self.out_slots)]
            start = max(before, *(self.ends.get(cause, 0) for cause in causes))
            fill, idle = (fill, idle + start - before) if done else (start, idle)
            done.append(start + tile.work)
        self.move("ahead", len(tiles), ahead, 0)
        for i in range(max(0, len(tiles) - self.out_slots), len(tiles)):
            store(i)
        end = max(done[-1], self.free)
        if self.machine.layer_order == "overlapped":  # neighbours hide the ends: only the longer of both counts
            work = sum(tile.work for tile in tiles)
            self.busy = self.cycles(self.bytes) if whole else self.busy
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
