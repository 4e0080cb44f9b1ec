"""A table of circuits as a user writes it: energies and areas at one node, and how they scale."""

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, model_validator

from simulator.source import Rejected
from simulator.source.fields import ByteCount, Fraction01, Millivolts, Name, Nanometres, Text, Written

T = TypeVar("T")
Positive = Annotated[float, Field(gt=0, le=1e12)]
Width = Annotated[int, Field(ge=1, le=65536)]


def growing(key: str, what: str) -> AfterValidator:
    """Return a validator of a list whose items grow in a key."""

    def check(points: list[T]) -> list[T]:
        for i in range(1, len(points)):
            if getattr(points[i], key) <= getattr(points[i - 1], key):
                raise Rejected(f"{what} must grow", f"a larger {key} than before it", path=(i, key))
        return points

    return AfterValidator(check)


class Arithmetic(Written):
    """A multiplier or an adder of a width: pJ and um2."""

    bits: Width
    energy: Positive
    area: Positive


class RegisterFile(Written):
    """Registers of a capacity: pJ of an access of so many bits, um2 of a bit."""

    capacity: ByteCount
    energy: Positive
    bits: Width
    area: Positive


class Bank(Written):
    """A bank of SRAM: pJ of an access of so many bits."""

    capacity: ByteCount
    energy: Positive
    bits: Width


class Cell(Written):
    """The cell of SRAM at a node, um2."""

    node: Nanometres
    area: Positive


class WrittenNode(Written):
    """A process: voltage, area, and energy by voltage, as a V^2 + b V + c; relative to other nodes."""

    node: Nanometres
    voltage: Millivolts
    area: Positive
    energy: Annotated[list[float], Field(min_length=3, max_length=3)]


class Sram(Written):
    """SRAM: energy by the capacity of a bank; area by the node's cell, which takes `cells` of a memory's."""

    banks: Annotated[list[Bank], Field(min_length=1), growing("capacity", "capacities")]
    cell: Annotated[list[Cell], Field(min_length=2), growing("node", "nodes")]
    cells: Annotated[Fraction01, Field(gt=0)]


class WrittenCircuits(Written):
    """A whole table of circuits."""

    name: Name
    source: Text
    node: Nanometres
    voltage: Millivolts
    gated_mac_fraction: Fraction01
    multiplier: Annotated[list[Arithmetic], Field(min_length=2), growing("bits", "widths")]
    adder: Annotated[list[Arithmetic], Field(min_length=2), growing("bits", "widths")]
    registers: Annotated[list[RegisterFile], Field(min_length=2), growing("capacity", "capacities")]
    sram: Sram
    pe_share: Annotated[Fraction01, Field(gt=0)]
    wire_per_mm: Positive
    clock_per_mm2: Annotated[float, Field(ge=0, le=1e12)]
    leakage_mw_per_mm2: Annotated[float, Field(ge=0, le=1e12)]
    dram_per_bit: Annotated[dict[Name, Positive], Field(min_length=1)]
    nodes: Annotated[list[WrittenNode], Field(min_length=2), growing("node", "nodes")]

    @model_validator(mode="after")
    def _knows_its_node(self) -> "WrittenCircuits":
        problem = self.outside(self.node)
        if problem:
            raise Rejected("not among the nodes", problem, path=("node",))
        return self

    def outside(self, node_nm: int) -> str:
        """Return what a node must be, if it is beyond those that the table tells of."""
        least = max(self.nodes[0].node, self.sram.cell[0].node)
        most = min(self.nodes[-1].node, self.sram.cell[-1].node)
        return "" if least <= node_nm <= most else f"{least} nm to {most} nm"
