"""Energy of a layer: traffic x price, summed over levels and operands; then MACs, DRAM and leakage."""

from simulator.cost.case import FIXED_POINT_BITS, INPUTS, OUTPUTS, WEIGHTS, Record
from simulator.cost.jit import jit


@jit
def executed_macs(layer: Record, mapping: Record) -> int:
    """MACs that PEs execute: all, or what is left where zero weights are skipped."""
    return layer.macs * layer.skip >> FIXED_POINT_BITS if mapping.skips else layer.macs


@jit
def mac_energy(machine: Record, prices: Record, macs: int, retains: int) -> float:
    """Energy of so many MACs and of the registers they use, if any: two operands read, a sum read and written."""
    rf = machine.levels + 1
    pj = prices.word_pj[rf, INPUTS] + prices.word_pj[rf, WEIGHTS] + 2 * prices.word_pj[rf, OUTPUTS]
    return macs * (prices.mac_pj + retains * pj)


@jit
def dram_bytes(totals: Record) -> int:
    """Bytes through the DRAM port in either direction."""
    return totals.dram_written + read_bytes(totals)


@jit
def read_bytes(totals: Record) -> int:
    """Bytes that are read through the DRAM port."""
    return totals.dram_read[INPUTS] + totals.dram_read[WEIGHTS] + totals.dram_read[OUTPUTS]


@jit
def layer_energy(machine: Record, prices: Record, totals: Record, moved: Record) -> float:
    """Energy of a layer in picojoules: every word read or written at its level's price, MACs, DRAM bytes, leakage."""
    pj = totals.executed_macs * prices.mac_pj + totals.cycles * prices.leakage_pj_per_cycle
    pj += dram_bytes(totals) * prices.dram_pj_per_byte
    for level in range(machine.levels + 2):
        for operand in range(3):
            pj += (moved.read[level, operand] + moved.written[level, operand]) * prices.word_pj[level, operand]
    return pj
