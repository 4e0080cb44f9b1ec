"""Tables that price each action, and how either kind of table is loaded from YAML."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.energy.chip import Chip
from simulator.energy.circuits import Circuits, Node
from simulator.energy.laws import power_law
from simulator.energy.prices import Prices
from simulator.source import Document, load_yaml, validate
from simulator.source.locate import bundled, locate

if TYPE_CHECKING:
    from simulator.energy.schema import Access, BufferAccess, Table
    from simulator.energy.schema_circuits import Bank, RegisterFile, WrittenCircuits


@dataclass(frozen=True, slots=True)
class EnergyTable:
    """Energy of each action. Where `unit` is not "pJ", every `_pj` counts that unit instead (relative tables).

    `rf_pj_per_bit` is by operand (inputs, weights, outputs). `array_pj_per_bit` is for one hop between PEs.
    `gated_mac_fraction` is what a gated MAC takes of `mac_pj`. `buffer_points` are (capacity in bytes, energy a bit).
    """

    name: str
    source: str
    unit: str
    mac_pj: float
    gated_mac_fraction: float
    rf_pj_per_bit: tuple[float, float, float]
    array_pj_per_bit: float
    buffer_points: tuple[tuple[int, float], ...]
    dram_pj_per_bit: float
    vector_op_pj: float
    leakage_pj_per_cycle: float
    mac_picojoules: float | None = None  # of relative tables

    @property
    def unit_pj(self) -> float:
        """Picojoules of the table's unit."""
        return 1.0 if self.mac_picojoules is None else self.mac_picojoules / self.mac_pj

    def prices(self, chip: Chip) -> Prices:
        """Return what a machine's actions cost, in the table's unit."""
        levels = [[0.0] * 3 for _ in range(chip.levels)]
        for memory in chip.memories:
            for operand in memory.holds:
                levels[memory.level][operand] = self.buffer_pj_per_bit(memory.capacity_bytes)
        memories = ((inputs, weights, outputs) for inputs, weights, outputs in levels)
        return Prices(
            mac=self.mac_pj,
            vector_op=self.vector_op_pj,
            levels_per_bit=(*memories, (self.array_pj_per_bit,) * 3, self.rf_pj_per_bit),
            dram_per_bit=self.dram_pj_per_bit,
            leakage_per_cycle=self.leakage_pj_per_cycle,
        )

    def buffer_pj_per_bit(self, capacity_bytes: int) -> float:
        """Return the energy of reading or writing a bit in a buffer of this capacity, by the law of capacities.

        >>> round(load_energy_table("picojoule_45nm").buffer_pj_per_bit(16 * 1024), 4)
        0.221
        """
        return power_law(self.buffer_points, capacity_bytes)


AnyEnergy = EnergyTable | Circuits
"""What a machine's energy follows from; either has `prices` of a chip."""


def list_energy_tables() -> tuple[str, ...]:
    """Return the names of the bundled energy tables."""
    return tuple(bundled("energy"))


def load_energy_table(spec: str | Path) -> EnergyTable:
    """Return the table of actions in a file, or a bundled one by its name.

    Raises InputError with every problem of the file.

    >>> load_energy_table("eyeriss_relative").dram_pj_per_bit
    12.5
    """
    return read_energy_table(load_yaml(locate(spec, "energy", "energy table")))


def read_energy_table(document: Document) -> EnergyTable:
    """Return the table of actions that a parsed file describes; raise InputError with every problem of it."""
    from simulator.energy.schema import Table

    return actions_of(validate(document, Table))


def load_energy(spec: str | Path) -> AnyEnergy:
    """Return the table of either kind in a file, or a bundled one by its name.

    >>> load_energy("cmos").unit
    'pJ'
    """
    from simulator.energy.schema import model_of

    document = load_yaml(locate(spec, "energy", "energy table"))
    return energy_of(validate(document, model_of(document.data)))


def energy_of(table: "Table | WrittenCircuits") -> AnyEnergy:
    """Return the table that a user wrote."""
    from simulator.energy.schema import Table

    return actions_of(table) if isinstance(table, Table) else circuits_of(table)


def actions_of(table: "Table") -> EnergyTable:
    """Return the table of actions that a user wrote."""
    return EnergyTable(
        name=table.name,
        source=table.source,
        unit=table.unit,
        mac_pj=table.mac,
        gated_mac_fraction=table.gated_mac_fraction,
        rf_pj_per_bit=(_per_bit(table.rf.inputs), _per_bit(table.rf.weights), _per_bit(table.rf.outputs)),
        array_pj_per_bit=_per_bit(table.array),
        buffer_points=tuple((size.capacity, _per_bit(size)) for size in table.buffer),
        dram_pj_per_bit=_per_bit(table.dram),
        vector_op_pj=table.vector_op,
        leakage_pj_per_cycle=table.leakage_per_cycle,
        mac_picojoules=table.mac_picojoules,
    )


def circuits_of(table: "WrittenCircuits") -> Circuits:
    """Return the circuits that a user wrote."""
    return Circuits(
        name=table.name,
        source=table.source,
        node_nm=table.node,
        voltage=table.voltage / 1000,
        gated_mac_fraction=table.gated_mac_fraction,
        multiplier_pj=tuple((each.bits, each.energy) for each in table.multiplier),
        multiplier_um2=tuple((each.bits, each.area) for each in table.multiplier),
        adder_pj=tuple((each.bits, each.energy) for each in table.adder),
        adder_um2=tuple((each.bits, each.area) for each in table.adder),
        register_pj=tuple((each.capacity, _per_bit(each)) for each in table.registers),
        register_um2=tuple((each.capacity, each.area) for each in table.registers),
        sram_pj=tuple((each.capacity, _per_bit(each)) for each in table.sram.banks),
        sram_cell_um2=tuple((each.node, each.area) for each in table.sram.cell),
        sram_share=table.sram.cells,
        pe_share=table.pe_share,
        wire_pj_per_mm=table.wire_per_mm,
        clock_pj_per_mm2=table.clock_per_mm2,
        leakage_mw_per_mm2=table.leakage_mw_per_mm2,
        dram_pj_per_bit=tuple(table.dram_per_bit.items()),
        nodes=tuple(Node(each.node, each.voltage / 1000, each.area, *each.energy) for each in table.nodes),
    )


def _per_bit(access: "Access | BufferAccess | Bank | RegisterFile") -> float:
    return access.energy / access.bits
