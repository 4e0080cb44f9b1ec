"""What energy and area follow from: a machine as its circuits see it, without dataflows, time or layers."""

from dataclasses import dataclass

Words = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory on chip: `level` counts from 0, the outermost; `holds` are operand indices; with `in_pe` one a PE."""

    level: int
    holds: tuple[int, ...]
    capacity_bytes: int
    banks: int
    in_pe: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A machine's parts. Triples are by operand: inputs, weights, outputs; bits of outputs are those of partial sums.

    `macs_per_pe` multiply in the same cycle. `unicast`: an operand has wires of its own to each PE. Node and voltage
    are None where the machine does not say them.
    """

    clock_hz: int
    pes: int
    macs_per_pe: int
    bits: Words
    registers_words: Words
    unicast: tuple[bool, bool, bool]
    memories: tuple[Memory, ...]
    dram_type: str
    node_nm: int | None
    voltage: float | None

    @property
    def sum_bits(self) -> int:
        """Width of a partial sum."""
        *_, sums = self.bits
        return sums

    @property
    def levels(self) -> int:
        """How many memory levels there are."""
        return 1 + max(memory.level for memory in self.memories)
