"""Words read and written at every level on chip, from the words that cross between them."""

from simulator.cost.case import INPUTS, OUTERMOST, OUTPUTS, WEIGHTS, Record
from simulator.cost.jit import jit


@jit
def layer_traffic(machine: Record, totals: Record, moved: Record) -> None:
    """Write all words read and written on chip by level and operand, as `MOVED` orders them.

    A memory is read by the levels within and written by those without; sums go both ways. What is added to the outputs
    passes the memory of the inputs, what fused ops bring that of the weights. Registers, if they retain anything, serve
    every MAC: two operands and a sum are read, a sum is written.
    """
    registers = machine.levels + 1
    for level in range(registers + 1):
        for operand in range(3):
            moved.read[level, operand] = moved.written[level, operand] = 0
    for operand in range(3):
        for to in range(1, machine.levels + 1):
            if machine.keeps[to, operand]:
                add_crossing(machine, totals, moved, operand, to)
        if machine.outermost[operand] == OUTERMOST:
            moved.written[OUTERMOST, operand] += totals.loaded[operand]
    if machine.outermost[OUTPUTS] == OUTERMOST:
        moved.read[OUTERMOST, OUTPUTS] += totals.stored_outputs + totals.stored_sums
    moved.read[machine.outermost[INPUTS], INPUTS] += totals.loaded_residuals
    moved.written[machine.outermost[INPUTS], INPUTS] += totals.loaded_residuals
    moved.read[machine.outermost[WEIGHTS], WEIGHTS] += totals.loaded_parameters
    moved.written[machine.outermost[WEIGHTS], WEIGHTS] += totals.loaded_parameters
    if totals.retains:
        for operand in range(3):
            moved.read[registers, operand] += totals.executed_macs
        moved.written[registers, INPUTS] += totals.delivered[machine.levels, INPUTS]
        moved.written[registers, WEIGHTS] += totals.delivered[machine.levels, WEIGHTS]
        moved.written[registers, OUTPUTS] += totals.executed_macs


@jit
def add_crossing(machine: Record, totals: Record, moved: Record, operand: int, to: int) -> None:
    """Add the words that cross between a destination and where they come from, at both and on the way."""
    source, array = machine.source[to, operand], machine.levels
    down = totals.delivered[to, operand]
    leaving = down if source >= machine.chip_levels else totals.crossed[to, operand]
    up = 0
    if operand == OUTPUTS:
        up, leaving, down = leaving, totals.returned[to], totals.returned[to]
    if source >= 0:
        moved.read[source, operand] += leaving
        moved.written[source, operand] += up
    if to == machine.array_level[operand]:
        moved.read[array, operand] += down
        moved.written[array, operand] += totals.delivered[to, operand] if operand == OUTPUTS else 0
    if to < machine.levels:
        moved.written[to, operand] += down
        moved.read[to, operand] += totals.delivered[to, operand] if operand == OUTPUTS else 0
