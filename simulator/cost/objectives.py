"""What a search minimizes, as keys that are compared in order."""

from simulator.cost.case import Floats, Record
from simulator.cost.jit import jit

BY_CYCLES, BY_ENERGY, BY_ENERGY_DELAY, BY_DRAM, BALANCED = range(5)
KEYS = 4  # objective, then cycles, energy, DRAM bytes: ties break in this order


@jit
def port_floor(machine: Record, size: int) -> int:
    """Cycles that the DRAM port needs at least for so many bytes."""
    if machine.dram_numerator == 0:
        return 0
    return max(0, size) * machine.dram_denominator // machine.dram_numerator


@jit
def set_keys(objective: int, cycles: float, energy: float, dram: int, dma_cycles: int, keys: Floats) -> None:
    """Write the objective and its tie-breakers; `dram` is in bytes, `dma_cycles` those of all transactions."""
    keys[1], keys[2], keys[3] = cycles, energy, dram
    if objective == BY_CYCLES:
        keys[0] = cycles
    elif objective == BY_ENERGY:
        keys[0] = energy
    elif objective == BY_ENERGY_DELAY:
        keys[0] = energy * cycles
    elif objective == BY_DRAM:
        keys[0] = dram
    else:
        keys[0] = cycles + dma_cycles


@jit
def better(a: Floats, b: Floats) -> bool:
    """Compare keys in order."""
    for k in range(KEYS):
        if a[k] != b[k]:
            return a[k] < b[k]
    return False
