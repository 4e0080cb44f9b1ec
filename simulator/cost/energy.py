"""Energy of a layer from its action counts."""

from simulator.cost.array import (
    BUS_INPUTS,
    BUS_OUTPUTS,
    BUS_WEIGHTS,
    PES_INPUTS,
    PES_OUTPUTS,
    PES_WEIGHTS,
)
from simulator.cost.case import INPUTS, OUTPUTS, WEIGHTS, Floats, Ints, Record
from simulator.cost.evaluate import (
    CYCLES,
    DRAM_INPUTS,
    DRAM_OUTPUTS_READ,
    DRAM_OUTPUTS_WRITTEN,
    DRAM_WEIGHTS,
    EXECUTED_MACS,
    LOADED_ADDENDS,
    LOADED_INPUTS,
    LOADED_SUMS,
    LOADED_WEIGHTS,
    REGISTERS,
    STORED_OUTPUTS,
    STORED_SUMS,
    SUMS_READ,
)
from simulator.cost.jit import jit

PARTS = (
    "mac",
    "rf.inputs",
    "rf.weights",
    "rf.outputs",
    "array.inputs",
    "array.weights",
    "array.outputs",
    "buffer.inputs",
    "buffer.weights",
    "buffer.outputs",
    "dram.inputs",
    "dram.weights",
    "dram.outputs",
    "leakage",
)
"""What each element of `energy_parts` is."""


@jit
def register_energy(macs: int, registers: int, energy: Record) -> float:
    """Energy of so many MACs and of the registers they use, if any: two operands read, a sum read and written."""
    pj = energy.rf_pj[INPUTS] + energy.rf_pj[WEIGHTS] + 2 * energy.rf_pj[OUTPUTS]
    return macs * (energy.mac_pj + registers * pj)


@jit
def energy_parts(energy: Record, totals: Ints, parts: Floats) -> float:
    """Write picojoules by component and operand into `parts`, in the order of `PARTS`; return their sum."""
    macs, rf, array, buffer = totals[EXECUTED_MACS], energy.rf_pj, energy.array_pj, energy.buffer_pj
    parts[0] = macs * energy.mac_pj
    parts[1] = totals[REGISTERS] * (macs + totals[PES_INPUTS]) * rf[INPUTS]
    parts[2] = totals[REGISTERS] * (macs + totals[PES_WEIGHTS]) * rf[WEIGHTS]
    parts[3] = totals[REGISTERS] * 2 * macs * rf[OUTPUTS]
    parts[4] = totals[PES_INPUTS] * array[INPUTS]
    parts[5] = totals[PES_WEIGHTS] * array[WEIGHTS]
    parts[6] = totals[PES_OUTPUTS] * array[OUTPUTS]
    parts[7] = (totals[LOADED_INPUTS] + totals[BUS_INPUTS] + 2 * totals[LOADED_ADDENDS]) * buffer[INPUTS]
    parts[8] = (totals[LOADED_WEIGHTS] + totals[BUS_WEIGHTS]) * buffer[WEIGHTS]
    accumulated = totals[BUS_OUTPUTS] + totals[SUMS_READ]
    moved = totals[LOADED_SUMS] + totals[STORED_SUMS] + totals[STORED_OUTPUTS]
    parts[9] = (accumulated + moved) * buffer[OUTPUTS]
    parts[10] = totals[DRAM_INPUTS] * energy.dram_pj_per_byte
    parts[11] = totals[DRAM_WEIGHTS] * energy.dram_pj_per_byte
    parts[12] = (totals[DRAM_OUTPUTS_READ] + totals[DRAM_OUTPUTS_WRITTEN]) * energy.dram_pj_per_byte
    parts[13] = totals[CYCLES] * energy.leakage_pj_per_cycle
    total = 0.0
    for k in range(14):
        total += parts[k]
    return total
