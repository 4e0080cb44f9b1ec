"""What a machine's file leaves open and changes results: what was chosen for it, in words."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from simulator.energy.schema_circuits import WrittenCircuits

if TYPE_CHECKING:
    from pydantic import BaseModel

    from simulator.hardware.schema import Machine

_CHOSEN: dict[str, Callable[["Machine"], str]] = {
    "precision_bits.partial_sums": lambda machine: f"partial sums of {machine.precision_bits.sum_bits} bits",
    "array.zero": lambda _: "zeros multiplied like all else",
    "dma.channels": lambda _: "one DMA channel for loads and stores",
    "dram.efficiency": lambda _: "all of the DRAM's bandwidth reached",
    "dram.type": lambda machine: f"DRAM as dear as {machine.dram.type}",
    "process.node": lambda machine: f"the node of {machine.energy.name}",
    "fuses": lambda _: "no op fused into another",
    "folds": lambda _: "no op free of cost",
    "layers.order": lambda _: "layers one after the other, weights too",
    "layers.keep_activations": lambda _: "activations through DRAM",
    "layers.launch": lambda _: "ops launched in no time",
    "host_time": lambda _: "no time of a host",
    "objective": lambda _: "mappings of least energy among the fastest",
}
"""Key of a machine's file -> what holds where it is not written."""

_OF_CIRCUITS = ("dram.type", "process.node")
"""Keys that only tables of circuits read."""


def chosen_by_default(machine: "Machine") -> Iterator[tuple[str, str]]:
    """Yield each key that is not written, and what holds instead."""
    for path, text in _CHOSEN.items():
        read = path not in _OF_CIRCUITS or isinstance(machine.energy, WrittenCircuits)
        if read and not _is_written(machine, path):
            yield path, text(machine)


def _is_written(model: "BaseModel", path: str) -> bool:
    """Tell whether a key stands in the file; what stands in no block is not written."""
    key, _, rest = path.partition(".")
    return key in model.model_fields_set and (not rest or _is_written(getattr(model, key), rest))
