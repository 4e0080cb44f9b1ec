"""Cycles of one tile on the array, from what a walk of it counted."""

from fractions import Fraction
from math import ceil, prod

from simulator.cost.case import FIXED_POINT, SUM_BITS
from simulator.nest import Dim, Operand

C = Dim.C
INPUTS, WEIGHTS, OUTPUTS = Operand
HIDDEN, EXPOSED, DOUBLE_BUFFERED = range(3)


def tile_figures(walk):
    """The figures of a walked tile that are no words, by the names of the kernel's."""
    machine, mapping = walk.machine, walk.mapping
    packed = packing(walk.layer, mapping)
    fullest = list(packed_steps(walk, packed)) if mapping.channel_packing else walk.fullest
    share = Fraction(walk.layer.skip, FIXED_POINT) if mapping.skips else 1
    rate, shortest = machine.macs_per_cycle * packed, machine.step_cycles
    least = shortest * rate if shortest > 1 else 0
    slots = ceil(sum(max(least, macs * share) for macs in fullest))
    fills = {operand: walk.fills[machine.array_level[operand], operand] for operand in Operand}
    passes = fills.get(mapping.stationary, min(fills.values()))
    figures = {"mac_slots": slots, "mac_cycles": ceil(Fraction(slots, rate)), "sums": len(walk.sums)}
    return figures | array_cycles(walk, figures["mac_cycles"], passes)


def packing(layer, mapping):
    """Taps that lie side by side in the lanes over channels."""
    return prod(layer.stride) if mapping.channel_packing else 1


def packed_steps(walk, packed):
    """MACs of the most-loaded PE, step by step, where each channel comes `packed` times, dealt out to the lanes."""
    for pes, around in walk.steps:
        channels = around[C][0]
        if pes[C][0][0] != channels[0]:
            continue  # of every block of channels the first step stands for all: it has the others' elements
        others = prod(max(map(len, pes[d])) for d in Dim if d != C)
        slots, lanes = len(channels) * packed, len(pes[C])
        deep = walk.own[C]
        for start in range(0, slots, lanes * deep):
            yield others * min(deep, slots - start)


def network_words(walk):
    """Words over the networks of the most-loaded of several arrays: the first."""
    first = (0,) * len(Dim)
    words = {name: walk.network[first, name] for name in (*Operand, "returned")}
    assert all(walk.network[array, operand] <= words[operand] for array, operand in walk.network if operand in words)
    return words


def array_cycles(walk, mac_cycles, passes):
    """What the tile takes: the slowest of MACs, networks and memory ports, then exposed fills, first windows, skew."""
    machine, words = walk.machine, network_words(walk)
    filled = filled_before(walk)
    exposed, filling = 0, []
    for operand in filled:
        sending = ceil(Fraction(words[operand], machine.words_per_cycle[operand]))
        filling.append((operand, max(passes * machine.shift_cycles[operand], sending)))
    if machine.preload[INPUTS] and not walk.schedule.held[INPUTS] and not machine.shift_cycles[INPUTS]:
        exposed += passes * ceil(Fraction(walk.first_window, machine.words_per_cycle[INPUTS]))
    pace = max(mac_cycles, *paces_of(machine, words, walk.moves, filled))
    exposed += sum(exposed_cycles(walk, operand, pace, passes, cycles) for operand, cycles in filling)
    skew = walk.first_skew if machine.skew_over_used else machine.skew_cycles
    cycles = {
        "delivery_cycles": pace - mac_cycles,
        "preload_cycles": exposed,
        "skew_cycles": machine.tile_setup_cycles + skew * (passes if EXPOSED in machine.preload[:OUTPUTS] else 1),
    }
    return cycles | {"array_cycles": mac_cycles + sum(cycles.values())}


def filled_before(walk):
    """Inputs and weights of which the registers are filled before a pass."""
    machine, found = walk.machine, []
    for operand in (INPUTS, WEIGHTS):
        kept = walk.schedule.held[operand]
        stationary = operand == walk.mapping.stationary
        if stationary if machine.shift_cycles[operand] else machine.preload[operand] and kept:
            found.append(operand)
    return found


def paces_of(machine, words, moves, filled):
    """Cycles that each network takes for some words, but those that fill registers, and each port for some moves."""
    sums = [ceil(Fraction(words[way], machine.words_per_cycle[OUTPUTS])) for way in ("returned", OUTPUTS)]
    streaming = [operand for operand in (INPUTS, WEIGHTS) if operand not in filled]
    lanes = [ceil(Fraction(words[operand], machine.words_per_cycle[operand])) for operand in streaming]
    return [max(sums) if machine.concurrent else sum(sums), *lanes, *port_paces(machine, moves)]


def exposed_cycles(walk, operand, pace, passes, filling):
    """Cycles for which fills before the passes keep the PEs waiting."""
    machine = walk.machine
    if machine.preload[operand] == DOUBLE_BUFFERED:
        step = max(machine.step_cycles, ceil(Fraction(walk.first_step, machine.macs_per_cycle)))
        return filling - min(filling, passes * step)
    if machine.preload[operand] == HIDDEN:
        return filling - min(filling, pace)
    return filling


def port_paces(machine, moves):
    """Cycles that each port of a memory outside the PEs takes for what the levels within read and write."""
    paces = []
    for memory in range(machine.memories):
        level, read, written = machine.level_of[memory], 0, 0
        for operand in Operand:
            if machine.memory_of[level][operand] == memory:
                bits = machine.bits[SUM_BITS if operand is OUTPUTS else operand]
                read += ceil(Fraction(moves["read", level, operand, "inward"] * bits, 8))
                written += ceil(Fraction(moves["written", level, operand, "inward"] * bits, 8))
        for rate, size in ((machine.read_bytes_per_cycle, read), (machine.write_bytes_per_cycle, written)):
            if rate[memory]:
                paces.append(ceil(Fraction(size, rate[memory])))
    return paces
