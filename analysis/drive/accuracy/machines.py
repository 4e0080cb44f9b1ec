"""Bundled machines at another size."""

from simulator.hardware.load import load_hardware
from simulator.hardware.model import Hardware
from simulator.hardware.vary import vary


def resized(machine: str, rows: int, columns: int) -> Hardware:
    """Return a machine with an array of that size, all else as its file says; networks as wide as the edge follow.

    >>> resized("scalesim_32x32", 8, 16).array.pes
    128
    """
    size = {"array.rows": rows, "array.columns": columns}
    return vary(load_hardware(machine), {**size, "name": f"{machine} as {rows}x{columns}"})
