"""An energy table as a user writes it."""

from typing import Annotated

from pydantic import AfterValidator, Field

from simulator.source import Rejected
from simulator.source.fields import ByteCount, Fraction01, Name, Text, Written

Energy = Annotated[float, Field(ge=0, le=1e12)]


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
    """A whole table."""

    name: Name
    source: Text
    unit: Name
    mac: Energy
    gated_mac_fraction: Fraction01
    rf: Registers
    array: Access
    buffer: Annotated[list[BufferAccess], Field(min_length=1), AfterValidator(_growing)]
    dram: Access
    vector_op: Energy
    leakage_per_cycle: Energy
