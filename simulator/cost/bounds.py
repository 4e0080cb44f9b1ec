"""What a mapping takes at least: room, cycles, and so the keys of its objective, without playing its tiles."""

from simulator.cost.case import (
    OUTERMOST,
    OUTPUTS,
    RELEVANT,
    SUM_BITS,
    WEIGHTS,
    ZERO,
    Case,
    Floats,
    Ints,
    Record,
    Scratch,
)
from simulator.cost.crossing import Crossing
from simulator.cost.energy import dram_bytes, executed_macs, layer_energy, mac_energy
from simulator.cost.jit import jit
from simulator.cost.objectives import better, port_floor, set_keys
from simulator.cost.tiles import tile_footprint
from simulator.cost.traffic import layer_traffic


@jit
def may_fit(machine: Record, layer: Record, whole: Ints, tile: Ints, twice: int) -> bool:
    """Whether tiles of these extents could fit the outermost memories beside what is there `whole`.

    Weights that stream may take no room. With `twice`, what changes between tiles takes double-buffered memories twice.
    """
    for memory in range(machine.memories):
        if machine.level_of[memory] != OUTERMOST:
            continue
        demand = 0
        for operand in range(3):
            stays = layer.resident[operand] or whole[operand] > 0
            held = machine.memory_of[OUTERMOST, operand] == memory and not stays
            if not held or (operand == WEIGHTS and machine.streams[WEIGHTS]):
                continue
            bits = machine.bits[SUM_BITS] if operand == OUTPUTS else machine.bits[operand]
            size = (tile_footprint(tile, layer, operand) * bits + 7) >> 3
            double = twice and machine.double_buffered[memory] and not machine.streams[operand]
            demand += 2 * size if double and changes(layer, tile, operand) else size
        if demand > machine.capacity_bytes[memory]:
            return False
    return True


@jit
def changes(layer: Record, tile: Ints, operand: int) -> bool:
    """Whether an operand's words differ between tiles."""
    some = False
    for d in range(8):
        some = some or (RELEVANT[operand, d] and tile[d] < layer.bounds[d])
    return some


@jit
def cycles_bound(case: Case, crossing: Crossing, array: int) -> int:
    """Cycles at least, if tiles take so many on the array.

    Each channel loads one tile after the other. A tile is not loaded before the compute of the tile that had its slot
    has ended, and not computed before it is loaded: so every slot goes through load and compute in turn.
    """
    if case.machine.overlapped:
        return max(array, crossing.port)
    cycles = max(crossing.first + array + crossing.store, crossing.port)
    in_turn = after_first(case, crossing, ZERO, case.port.channels) + crossing.macs
    slots = max(case.port.slots, case.port.deeper_slots)
    return max(cycles, max(in_turn, after_first(case, crossing, array, slots)) + crossing.store)


@jit
def after_first(case: Case, crossing: Crossing, array: int, ways: int) -> int:
    """Cycles until all tiles are loaded, and take so many on the array, if each goes one of so many ways in turn.

    The first of a way is loaded after the first tile of all, since the port serves that first, and the others a latency
    after what goes before them on their way. The longest way is no shorter than their mean:

        first + (loads - first load + (tiles - ways) latency + array) / ways.
    """
    others = crossing.loads - crossing.first - (ways - 1) * case.port.latency_cycles
    return max((crossing.loads + array) // ways, crossing.first + (others + array) // ways)


@jit
def middle_bound(case: Case, crossing: Crossing, array: int) -> int:
    """The same without what goes before the first tile and after the last."""
    port = port_floor(case.machine, crossing.size)
    middle = Crossing(crossing.size, port, crossing.loads, crossing.dma, ZERO, ZERO, ZERO)
    return cycles_bound(case, middle, array)


@jit
def set_least(case: Case, cycles: int, crossing: Crossing, objective: int, keys: Floats) -> None:
    """Write the keys of a mapping that takes so many cycles at least, and brings every word to the array once."""
    prices, retains = case.prices, case.mapping.retains
    pj = mac_energy(case.machine, prices, executed_macs(case.layer, case.mapping), retains)
    pj += prices.least_words_pj[retains]
    pj += crossing.size * prices.dram_pj_per_byte + cycles * prices.leakage_pj_per_cycle
    set_keys(objective, cycles, pj, crossing.size, crossing.dma, keys)


@jit
def no_better(case: Case, cycles: int, crossing: Crossing, objective: int, keys: Floats, best: Floats) -> bool:
    """Tell whether a mapping that takes at least so much is no better than the best keys found; write its keys."""
    set_least(case, cycles, crossing, objective, keys)
    return not better(keys, best)


@jit
def counted_no_better(
    case: Case, scratch: Scratch, cycles: int, dma: int, objective: int, keys: Floats, best: Floats
) -> bool:
    """Tell the same of a mapping whose words at the array are counted, and those at the port at their least."""
    totals = scratch.totals
    totals.cycles, totals.retains = cycles, case.mapping.retains
    totals.executed_macs = executed_macs(case.layer, case.mapping)
    layer_traffic(case.machine, totals, scratch.moved)
    pj = layer_energy(case.machine, case.prices, totals, scratch.moved)
    set_keys(objective, cycles, pj, dram_bytes(totals), dma, keys)
    return not better(keys, best)
