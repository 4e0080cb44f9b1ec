"""What a search minimizes, as keys that are compared in order."""

from simulator.cost.case import Floats, Record
from simulator.cost.jit import jit

BY_CYCLES, BY_ENERGY, BY_ENERGY_DELAY, BY_DRAM, BY_CYCLES_PLUS_DMA = range(5)
OBJECTIVE_KEY, CYCLES_KEY, ENERGY_KEY, DRAM_KEY = range(4)
KEYS = 4
"""Keys of a mapping: its objective, then cycles, energy and DRAM bytes, by which ties break in this order."""


@jit
def port_floor(machine: Record, size: int) -> int:
    """Cycles that the DRAM port needs at least for so many bytes."""
    if machine.dram_numerator == 0:
        return 0
    return max(0, size) * machine.dram_denominator // machine.dram_numerator


@jit
def set_keys(objective: int, cycles: float, energy: float, dram: int, dma_cycles: int, keys: Floats) -> None:
    """Write the objective and its tie-breakers; `dram` is in bytes, `dma_cycles` those of all transactions."""
    keys[CYCLES_KEY], keys[ENERGY_KEY], keys[DRAM_KEY] = cycles, energy, dram
    if objective == BY_CYCLES:
        keys[OBJECTIVE_KEY] = cycles
    elif objective == BY_ENERGY:
        keys[OBJECTIVE_KEY] = energy
    elif objective == BY_ENERGY_DELAY:
        keys[OBJECTIVE_KEY] = energy * cycles
    elif objective == BY_DRAM:
        keys[OBJECTIVE_KEY] = dram
    else:
        keys[OBJECTIVE_KEY] = cycles + dma_cycles


@jit
def better(a: Floats, b: Floats) -> bool:
    """Compare keys in order."""
    for k in range(KEYS):
        if a[k] != b[k]:
            return a[k] < b[k]
    return False
