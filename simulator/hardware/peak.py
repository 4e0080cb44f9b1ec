"""What a machine is at most: MACs a second, area, and watts with all of it busy."""

from simulator.energy.circuits import Circuits
from simulator.errors import InputError, Problem
from simulator.hardware.model import Hardware
from simulator.nest import Operand


def peak_macs_per_second(hardware: Hardware) -> int:
    """Return the MACs of a second in which all PEs multiply."""
    return hardware.peak_macs_per_cycle * hardware.clock_hz


def areas_mm2(hardware: Hardware) -> dict[str, float]:
    """Return a machine's area by part; raise InputError where its energy table knows none."""
    if not isinstance(hardware.energy, Circuits):
        message = f"{hardware.energy.name} states no node, and so no area"
        raise InputError(
            Problem(message, expected="an energy table of circuits, such as `energy: cmos`", path="energy")
        )
    return {part: hardware.cores * area for part, area in hardware.energy.areas_mm2(hardware.chip).items()}


def area_mm2(hardware: Hardware) -> float | None:
    """Return a machine's area; None where its energy table knows none."""
    return sum(areas_mm2(hardware).values()) if isinstance(hardware.energy, Circuits) else None


def peak_watts(hardware: Hardware) -> float:
    """Return the power of the chip, without DRAM, in cycles in which all of it is busy.

    Every MAC reads two operands and a sum, is brought an input, and writes and hands on a sum; every network carries
    what it can from or to the memory next to it, but no more than a word for each MAC of the array's edge; the clock
    runs. No layer keeps all of this busy.
    """
    prices, array, bits = hardware.prices, hardware.array, hardware.chip.bits
    network, registers = prices.levels_per_bit[-2:]
    outside = prices.levels_per_bit[hardware.levels_outside - 1 :: -1]  # from the array outwards
    accesses = {Operand.INPUTS: 2, Operand.WEIGHTS: 1, Operand.OUTPUTS: 2}  # of registers
    mac = prices.mac + sum(accesses[o] * bits[o] * registers[o] for o in Operand)
    mac += sum(bits[o] * network[o] for o in (Operand.INPUTS, Operand.OUTPUTS))
    edge = max(array.rows, array.columns) * array.macs_per_cycle * array.instances
    words = [min(delivery.words_per_cycle * array.instances, edge) for delivery in array.delivery]
    nearest = [next(filter(None, (level[o] for level in outside)), 0.0) for o in Operand]
    memories = sum(words[o] * bits[o] * nearest[o] for o in Operand)
    picojoules = hardware.cores * (array.pes * array.macs_per_cycle * mac + memories + prices.per_cycle)
    return picojoules * hardware.energy.unit_pj * hardware.clock_hz / 1e12


def dram_watts(hardware: Hardware) -> float:
    """Return the power of DRAM at its full bandwidth; 0 where that is unlimited."""
    rate = hardware.dram_bytes_per_cycle
    of_byte = 8 * hardware.prices.dram_per_bit * hardware.energy.unit_pj
    return 0.0 if rate is None else float(rate) * hardware.clock_hz * of_byte / 1e12


def peak_of(hardware: Hardware) -> dict[str, float | None]:
    """Return all of these."""
    return {
        "macs_per_second": peak_macs_per_second(hardware),
        "chip_watts": peak_watts(hardware),
        "dram_watts": dram_watts(hardware),
        "area_mm2": area_mm2(hardware),
    }
