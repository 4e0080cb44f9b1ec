"""What a machine's actions cost, in picojoules, by the names that runs have for them."""

from simulator.hardware.model import Hardware
from simulator.nest import OPERAND_NAMES


def prices_per_byte(hardware: Hardware) -> dict[str, dict[str, float]]:
    """Picojoules of a byte read or written, by level and operand: DRAM, memories, the array's networks, registers."""
    prices = hardware.prices
    inside = zip((*hardware.level_names, "array", "rf"), prices.levels_per_bit, strict=True)
    per_bit = {"dram": (prices.dram_per_bit,) * 3, **dict(inside)}
    of_unit = 8 * hardware.energy.unit_pj
    return {
        level: dict(zip(OPERAND_NAMES, (of_unit * each for each in row), strict=True)) for level, row in per_bit.items()
    }


def prices_per_action(hardware: Hardware) -> dict[str, float]:
    """Picojoules of each action that moves no word."""
    return {action: each * hardware.energy.unit_pj for action, each in hardware.prices.per_action.items()}
