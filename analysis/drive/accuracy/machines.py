"""Bundled machines at another size."""

from dataclasses import replace

from simulator.hardware.load import read_hardware
from simulator.hardware.model import Hardware
from simulator.source import load_yaml
from simulator.source.locate import locate


def resized(machine: str, rows: int, columns: int) -> Hardware:
    """Return a machine with an array of that size, all else as its file says; networks as wide as the edge follow.

    >>> resized("scalesim_32x32", 8, 16).array.pes
    128
    """
    document = load_yaml(locate(machine, "", "machine"))
    array = document.data["array"]
    if not isinstance(array, dict):
        raise TypeError(f"{machine}: array is no mapping")
    data = document.data | {
        "array": array | {"rows": rows, "columns": columns},
        "name": f"{machine} as {rows}x{columns}",
    }
    return read_hardware(replace(document, data=data))
