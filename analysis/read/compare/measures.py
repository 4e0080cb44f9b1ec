"""What runs are compared by: cycles, energy or DRAM traffic, and the parts that make each up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import fsum

from analysis.read import units
from analysis.read.theme import COMPONENT_LABELS, CYCLE_LABELS
from simulator.result.run import LayerResult, Run, Total

Parts = dict[str, float]


@dataclass(frozen=True, slots=True)
class Measure:
    """A quantity of a run: its total, that of a layer, and a layer's parts, which add up to it."""

    name: str
    total: Callable[[Total], float]
    of_layer: Callable[[LayerResult], float]
    parts: Callable[[LayerResult], Parts]
    labels: Mapping[str, str]
    write: Callable[[float, Run], str]
    unit: Callable[[Run], str]  # of ticks, as `analysis.read.units.tick` takes it

    @property
    def is_exact(self) -> bool:
        """Whether it is counted in whole numbers, whose sums are exact."""
        return self.name != "energy"


def _energy_parts(layer: LayerResult) -> Parts:
    components = dict.fromkeys(part.split(".")[0] for part in layer.energy_parts)
    return {name: fsum(value for part, value in layer.energy_parts.items() if part.split(".")[0] == name)
            for name in components}  # fmt: skip


def _dram_parts(layer: LayerResult) -> Parts:
    return {operand: traffic.total_bytes for operand, traffic in layer.traffic.get("dram", {}).items()}


MEASURES: dict[str, Measure] = {
    "cycles": Measure(
        "cycles",
        lambda total: total.cycles,
        lambda layer: layer.cycles,
        lambda layer: dict(layer.cycle_parts),
        CYCLE_LABELS,
        lambda value, _: units.count(value, digits=4),
        lambda _: "",
    ),
    "dram": Measure(
        "DRAM bytes",
        lambda total: total.dram_bytes,
        lambda layer: layer.bytes_at("dram"),
        _dram_parts,
        {},
        lambda value, _: units.size(int(value)),
        lambda _: "B",
    ),
    "energy": Measure(
        "energy",
        lambda total: total.energy_pj,
        lambda layer: layer.energy_pj,
        _energy_parts,
        COMPONENT_LABELS,
        lambda value, run: units.energy(value, run.hardware.energy_unit),
        lambda run: run.hardware.energy_unit,
    ),
}
