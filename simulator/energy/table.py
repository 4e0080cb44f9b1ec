"""Load the energy of each action from a table in YAML."""

from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.source import Document, load_yaml, validate
from simulator.source.locate import bundled, locate

if TYPE_CHECKING:
    from simulator.energy.schema import Access, BufferAccess, Table


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

    @property
    def pj_per_action(self) -> dict[str, float]:
        """Energy of each action that moves no word: a MAC, an operation of the vector unit, a cycle of leakage."""
        return {"mac": self.mac_pj, "vector": self.vector_op_pj, "leakage": self.leakage_pj_per_cycle}

    def buffer_pj_per_bit(self, capacity_bytes: int) -> float:
        """Return the energy of reading or writing a bit in a buffer of this capacity.

        Energy follows a power law between the table's points, that is a line through (log capacity, log energy),
        and beyond them the law of the two outermost. SRAM comes out near the square root of the capacity: doubling
        the bits lengthens word and bit lines by sqrt(2). A single point holds for every capacity.

        >>> round(load_energy_table("picojoule_45nm").buffer_pj_per_bit(16 * 1024), 4)
        0.221
        """
        points = self.buffer_points
        if len(points) == 1:
            return points[0][1]
        upper = next((i for i, (size, _) in enumerate(points[1:], 1) if capacity_bytes <= size), len(points) - 1)
        (size0, energy0), (size1, energy1) = points[upper - 1], points[upper]
        exponent = log(energy1 / energy0) / log(size1 / size0)
        return energy0 * exp(exponent * log(capacity_bytes / size0))


def list_energy_tables() -> tuple[str, ...]:
    """Return the names of the bundled energy tables."""
    return tuple(bundled("energy"))


def load_energy_table(spec: str | Path) -> EnergyTable:
    """Return the table in a file, or a bundled one by its name; raise InputError with every problem of the file.

    >>> load_energy_table("eyeriss_relative").dram_pj_per_bit
    12.5
    """
    return read_energy_table(load_yaml(locate(spec, "energy", "energy table")))


def read_energy_table(document: Document) -> EnergyTable:
    """Return the table that a parsed file describes; raise InputError with every problem of it."""
    from simulator.energy.schema import Table

    return energy_table_of(validate(document, Table))


def energy_table_of(table: "Table") -> EnergyTable:
    """Return the table that a user wrote."""
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
    )


def _per_bit(access: "Access | BufferAccess") -> float:
    return access.energy / access.bits
