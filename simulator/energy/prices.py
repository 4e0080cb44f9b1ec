"""What each action of a machine costs: the one form that every energy table takes on a machine."""

from dataclasses import dataclass

ByOperand = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Prices:
    """Energy of each action, in the unit of the table that it follows from.

    `levels_per_bit` is of a bit read or written, by level on chip (memories, outermost first, the array's networks,
    registers) and operand; 0 where a level holds none. `leakage_per_cycle` and `clock_per_cycle` are of the whole chip.
    """

    mac: float
    vector_op: float
    levels_per_bit: tuple[ByOperand, ...]
    dram_per_bit: float
    leakage_per_cycle: float
    clock_per_cycle: float = 0.0

    @property
    def per_action(self) -> dict[str, float]:
        """Energy of what moves no word: a MAC, an operation of the vector unit, a cycle of leakage and of the clock."""
        clock = {"clock": self.clock_per_cycle} if self.clock_per_cycle else {}
        return {"mac": self.mac, "vector": self.vector_op, "leakage": self.leakage_per_cycle, **clock}

    @property
    def per_cycle(self) -> float:
        """Energy of a cycle in which nothing happens."""
        return self.leakage_per_cycle + self.clock_per_cycle
