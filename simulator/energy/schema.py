"""An energy table of actions as a user writes it."""

from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from simulator.energy.schema_circuits import WrittenCircuits
from simulator.source import Rejected
from simulator.source.fields import ByteCount, Fraction01, Name, Text, Written

Energy = Annotated[float, Field(ge=0, le=1e12)]
PICOJOULE = "pJ"


class Access(Written):
    """Energy of moving so many bits."""

    energy: Energy
    bits: Annotated[int, Field(ge=1, le=65536)]


class BufferAccess(Written):
    """Energy of moving so many bits into or out of a memory of this capacity."""

    capacity: ByteCount
    energy: Annotated[float, Field(gt=0, le=1e12)]
    bits: Annotated[int, Field(ge=1, le=65536)]


class Registers(Written):
    """Registers of a PE by operand."""

    inputs: Access
    weights: Access
    outputs: Access


def _growing(points: list[BufferAccess]) -> list[BufferAccess]:
    for i in range(1, len(points)):
        if points[i].capacity <= points[i - 1].capacity:
            raise Rejected("capacities must grow", "a larger capacity than before it", path=(i, "capacity"))
    return points


class Table(Written):
    """A whole table. A relative one, whose unit is not pJ, says how many picojoules its MAC takes."""

    name: Name
    source: Text
    unit: Name
    mac_picojoules: Annotated[float, Field(gt=0, le=1e12)] | None = None
    mac: Energy
    gated_mac_fraction: Fraction01
    rf: Registers
    array: Access
    buffer: Annotated[list[BufferAccess], Field(min_length=1), AfterValidator(_growing)]
    dram: Access
    vector_op: Energy
    leakage_per_cycle: Energy

    @model_validator(mode="after")
    def _says_its_mac(self) -> "Table":
        if self.unit != PICOJOULE and self.mac_picojoules is None:
            raise Rejected("missing key", "picojoules of a MAC, as the table is relative", path=("mac_picojoules",))
        if self.unit == PICOJOULE and self.mac_picojoules is not None:
            raise Rejected("energies are in pJ already", "no such key", path=("mac_picojoules",))
        if self.unit != PICOJOULE and not self.mac:
            raise Rejected("other energies are relative to it", "more than 0", path=("mac",))
        return self


def kind_of(value: object) -> str:
    """Tell a table of circuits by its nodes."""
    circuits = "nodes" in value if isinstance(value, dict) else isinstance(value, WrittenCircuits)
    return "circuits" if circuits else "actions"


WrittenTable = Annotated[
    Annotated[Table, Tag("actions")] | Annotated[WrittenCircuits, Tag("circuits")], Discriminator(kind_of)
]
"""Either kind of table."""


def model_of(value: object) -> type[Table] | type[WrittenCircuits]:
    """Return what a table must be."""
    return WrittenCircuits if kind_of(value) == "circuits" else Table
