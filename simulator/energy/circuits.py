"""Energy of circuits: laws of capacity, width, distance, area, node and voltage, applied to a machine."""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

from simulator.energy.chip import Chip, Memory
from simulator.energy.laws import Points, between, leakage_share, power_law
from simulator.energy.prices import ByOperand, Prices


@dataclass(frozen=True, slots=True)
class Node:
    """A process: its usual voltage, area of logic, and energy as a V^2 + b V + c; both relative to other nodes."""

    node_nm: int
    voltage: float
    area: float
    squared: float
    linear: float
    constant: float

    def energy(self, voltage: float) -> float:
        """Return the energy of a transistor circuit at a voltage."""
        return self.squared * voltage**2 + self.linear * voltage + self.constant


@dataclass(frozen=True, slots=True)
class Circuits:
    """Circuits at one node and voltage, and how they scale to others. Energies are picojoules, areas um2.

    Points of laws are (bits, pJ) and (bits, um2) for arithmetic, (bytes, pJ a bit) and (bytes, um2 a bit) for
    registers, (bytes of a bank, pJ a bit) for SRAM, (nm, um2) for its cell. `wire_pj_per_mm` is of a bit that is moved.
    `sram_share` of a memory's area are cells; `pe_share` of the logic's area are the PEs' own circuits.
    """

    name: str
    source: str
    node_nm: int
    voltage: float
    gated_mac_fraction: float
    multiplier_pj: Points
    multiplier_um2: Points
    adder_pj: Points
    adder_um2: Points
    register_pj: Points
    register_um2: Points
    sram_pj: Points
    sram_cell_um2: Points
    sram_share: float
    pe_share: float
    wire_pj_per_mm: float
    clock_pj_per_mm2: float
    leakage_mw_per_mm2: float
    dram_pj_per_bit: tuple[tuple[str, float], ...]
    nodes: tuple[Node, ...]
    unit: str = "pJ"
    unit_pj: float = 1.0

    def prices(self, chip: Chip) -> Prices:
        """Return what a machine's actions cost."""
        return _prices(self, chip)

    def levels_per_bit(self, chip: Chip) -> tuple[ByOperand, ...]:
        """Return the energy of a bit read or written, by level and operand: memories, networks, registers."""
        return (*self._memories(chip), self._networks(chip), self._registers(chip))

    # From node to node

    def energy_factor(self, chip: Chip) -> float:
        """Return the energy of a transistor circuit, of that of the table's node and voltage.

        E(V) = a V^2 + b V + c of each node (Stillmaker and Baas, Integration 58, 2017); between nodes on a line.
        """
        return self._energy(self._node(chip), self.voltage_of(chip)) / self._energy(self.node_nm, self.voltage)

    def wire_factor(self, chip: Chip) -> float:
        """Return the energy of a wire, of that at the table's voltage: C V^2, as C of a mm is the same in all nodes."""
        return (self.voltage_of(chip) / self.voltage) ** 2

    def area_factor(self, chip: Chip) -> float:
        """Return the area of logic, of that at the table's node."""
        areas = [(node.node_nm, node.area) for node in self.nodes]
        return between(areas, self._node(chip)) / between(areas, self.node_nm)

    def _energy(self, node_nm: float, voltage: float) -> float:
        return between([(node.node_nm, node.energy(voltage)) for node in self.nodes], node_nm)

    def _node(self, chip: Chip) -> float:
        return self.node_nm if chip.node_nm is None else chip.node_nm

    def leakage_mw(self, chip: Chip) -> float:
        """Return what leaks in a square millimetre at a machine's voltage: the table's is at a node's usual one."""
        return self.leakage_mw_per_mm2 * leakage_share(self.voltage_of(chip), self._usual_voltage(chip))

    def voltage_of(self, chip: Chip) -> float:
        """Return a machine's voltage, or the usual one of its node."""
        return self._usual_voltage(chip) if chip.voltage is None else chip.voltage

    def _usual_voltage(self, chip: Chip) -> float:
        return between([(node.node_nm, node.voltage) for node in self.nodes], self._node(chip))

    # Energy of parts

    def mac_pj(self, chip: Chip) -> float:
        """Return the energy of a MAC at the table's node: a product, and an addition as wide as sums.

        A product of a x b bits has a b partial ones: one of sqrt(a b) bits squared has as many.
        """
        inputs, weights, sums = chip.bits
        return power_law(self.multiplier_pj, sqrt(inputs * weights)) + power_law(self.adder_pj, sums)

    def _registers(self, chip: Chip) -> ByOperand:
        """Return the energy of a bit read or written in a PE's registers of each operand.

        By their capacity. A file of a word is a latch: it is written, and reading it moves nothing, so that of a write
        and a read, which traffic counts, each costs half. So a sum that is handed on from PE to PE is charged once.
        """
        inputs, weights, sums = (
            self.energy_factor(chip) * power_law(self.register_pj, words * bits / 8) * (0.5 if words == 1 else 1)
            for words, bits in zip(chip.registers_words, chip.bits, strict=True)
        )
        return inputs, weights, sums

    def _networks(self, chip: Chip) -> ByOperand:
        """Return the energy of a bit that arrives in a PE, or leaves one.

        A bus passes a PE's width for each PE that it serves, and a neighbour is as far; wires of one PE's own cross
        half the edge of the array on the average.
        """
        pitch, edge = self.pitch_mm(chip), sqrt(chip.pes) * self.pitch_mm(chip)
        bit = self.wire_pj_per_mm * self.wire_factor(chip)
        inputs, weights, sums = (bit * (edge / 2 if alone else pitch) for alone in chip.unicast)
        return inputs, weights, sums

    def _memories(self, chip: Chip) -> list[ByOperand]:
        """Return the energy of a bit read or written at each memory level, by operand."""
        levels = [[0.0, 0.0, 0.0] for _ in range(chip.levels)]
        for memory in chip.memories:
            for operand in memory.holds:
                levels[memory.level][operand] = self.memory_pj_per_bit(chip, memory)
        return [(inputs, weights, sums) for inputs, weights, sums in levels]

    def memory_pj_per_bit(self, chip: Chip, memory: Memory) -> float:
        """Return the energy of a bit in a memory: of its bank, and of the wire to the banks.

        A memory lies along the array: as long as the array's edge, and as deep as its area asks for, but no deeper than
        a square. Half its depth lies between it and a bank, on the average. A memory in a PE that is smaller than the
        table's banks is a register file.
        """
        factor, bank = self.energy_factor(chip), memory.capacity_bytes / memory.banks
        if self.is_file(memory):
            return factor * power_law(self.register_pj, bank)
        area = self.memory_mm2(chip, memory)
        depth = min(sqrt(area), area / sqrt(self.logic_mm2(chip))) if memory.banks > 1 else 0.0
        return factor * power_law(self.sram_pj, bank) + self.wire_pj_per_mm * self.wire_factor(chip) * depth / 2

    def is_file(self, memory: Memory) -> bool:
        """Tell whether a memory is a register file."""
        return memory.in_pe and all(memory.capacity_bytes < bank for bank, _ in self.sram_pj)

    # Areas

    def areas_mm2(self, chip: Chip) -> dict[str, float]:
        """Return a machine's area by part: what computes, its registers, memories, and what lies around the PEs.

        The last is control, networks, DMA, the vector unit and what place and route leave empty.
        """
        macs, registers = chip.pes * self.macs_um2(chip) / 1e6, chip.pes * self.registers_um2(chip) / 1e6
        memories = sum(self.memory_mm2(chip, memory) for memory in chip.memories)
        control = self.logic_mm2(chip) * (1 - self.pe_share)
        return {"macs": macs, "registers": registers, "memories": memories, "control": control}

    def logic_mm2(self, chip: Chip) -> float:
        """Return the area that is no memory: PEs' own circuits, which are a share of it, and what lies around them."""
        return chip.pes * (self.macs_um2(chip) + self.registers_um2(chip)) / 1e6 / self.pe_share

    def macs_um2(self, chip: Chip) -> float:
        """Return the area of the MACs of a PE."""
        inputs, weights, sums = chip.bits
        multiplier = power_law(self.multiplier_um2, sqrt(inputs * weights))
        return self.area_factor(chip) * chip.macs_per_pe * (multiplier + power_law(self.adder_um2, sums))

    def registers_um2(self, chip: Chip) -> float:
        """Return the area of the registers of a PE: its words, or one for each MAC."""
        words = [max(each, chip.macs_per_pe) for each in chip.registers_words]
        files = [
            (n * bits, kept * bits / 8) for n, kept, bits in zip(words, chip.registers_words, chip.bits, strict=True)
        ]
        return self.area_factor(chip) * sum(bits * power_law(self.register_um2, size) for bits, size in files)

    def memory_mm2(self, chip: Chip, memory: Memory) -> float:
        """Return the area of a memory, of all PEs if it lies in them."""
        bits, each = 8 * memory.capacity_bytes, chip.pes if memory.in_pe else 1
        if self.is_file(memory):
            return each * bits * self.area_factor(chip) * power_law(self.register_um2, memory.capacity_bytes) / 1e6
        return each * bits * between(self.sram_cell_um2, self._node(chip)) / self.sram_share / 1e6

    def pitch_mm(self, chip: Chip) -> float:
        """Return the edge of a square PE, or of one MAC's share of it, with the memories in it."""
        inside = sum(self.memory_mm2(chip, memory) for memory in chip.memories if memory.in_pe) / chip.pes
        return sqrt(((self.macs_um2(chip) + self.registers_um2(chip)) / 1e6 + inside) / chip.macs_per_pe)


@lru_cache(maxsize=64)
def _prices(circuits: Circuits, chip: Chip) -> Prices:
    """Work out the prices of a machine once for all of its layers: that takes half a millisecond."""
    factor, area = circuits.energy_factor(chip), circuits.areas_mm2(chip)
    return Prices(
        mac=factor * circuits.mac_pj(chip),
        vector_op=factor * power_law(circuits.adder_pj, chip.sum_bits),
        levels_per_bit=circuits.levels_per_bit(chip),
        dram_per_bit=dict(circuits.dram_pj_per_bit)[chip.dram_type],
        leakage_per_cycle=circuits.leakage_mw(chip) * sum(area.values()) * 1e9 / chip.clock_hz,
        clock_per_cycle=circuits.clock_pj_per_mm2 * circuits.logic_mm2(chip) * circuits.wire_factor(chip),
    )
