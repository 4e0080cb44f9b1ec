"""What runs are judged by: every objective that mappings may minimize, and the other quantities that are compared.

Whoever ranks, compares, sums up or draws an objective takes its figures, its name and its unit from here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import fsum

from analysis.read import units
from analysis.read.theme import COMPONENT_LABELS
from simulator.result.causes import CAUSES
from simulator.result.run import LayerResult, Run

Parts = dict[str, float]


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that a run has so and so much of.

    `key` is the field of a run's total, and of the rows of CSV files, that holds it; "" where none does. `unit` is one
    of `units.quantity`.
    """

    name: str
    key: str
    unit: str

    def write(self, value: float) -> str:
        """Write a figure in a table."""
        return units.quantity(value, self.unit)

    def tick(self, value: float) -> str:
        """Write a figure at an axis."""
        return units.tick(value, self.unit)


@dataclass(frozen=True, slots=True)
class Measure(Quantity):
    """A quantity that layers have as well; what can be compared by `parts` has some, which add up to a layer's."""

    of_layer: Callable[[LayerResult], float]
    of_run: Callable[[Run], float]
    parts: Callable[[LayerResult], Parts] = lambda layer: {}
    part_labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_exact(self) -> bool:
        """Whether it is counted in whole numbers, whose sums are exact."""
        return self.unit in ("", "B")

    def saved(self, before: Run, after: Run) -> float:
        """Return the part of it that the second run does without; negative where it takes more."""
        was, now = self.of_run(before), self.of_run(after)
        return (was - now) / was if was else 0.0


def objective_of(run: Run) -> str:
    """Return the objective that a run's mappings minimize."""
    return str(run.options.get("objective", "cycles"))


def component_of(part: str) -> str:
    """Name the component of an energy part: "dram" of "dram.inputs".

    >>> component_of("dram.inputs"), component_of("mac")
    ('dram', 'mac')
    """
    return part.partition(".")[0]


def operand_of(part: str) -> str:
    """Name the operand of an energy part; MACs and vector operations are "computing".

    >>> operand_of("dram.inputs"), operand_of("mac"), operand_of("leakage")
    ('inputs', 'computing', 'leakage')
    """
    _, dot, operand = part.partition(".")
    return operand if dot else part if part in ("leakage", "clock") else "computing"


def energy_by(group_of: Callable[[str], str], parts: Mapping[str, float]) -> dict[str, float]:
    """Sum energy parts by what `group_of` makes of their names: `component_of` or `operand_of`."""
    groups = dict.fromkeys(map(group_of, parts))
    return {name: fsum(value for part, value in parts.items() if group_of(part) == name) for name in groups}


def _dram_parts(layer: LayerResult) -> Parts:
    return {operand: traffic.total_bytes for operand, traffic in layer.traffic.get("dram", {}).items()}


LATENCY = Quantity("latency", "latency_s", "s")
AREA = Quantity("area", "area_mm2", "mm2")
CYCLES = Measure(
    "cycles",
    "cycles",
    "",
    lambda layer: layer.cycles,
    lambda run: run.total.cycles,
    lambda layer: dict(layer.cycle_parts),
    CAUSES,
)
ENERGY = Measure(
    "energy",
    "energy_pj",
    "pJ",
    lambda layer: layer.energy_pj,
    lambda run: run.total.energy_pj,
    lambda layer: energy_by(component_of, layer.energy_parts),
    COMPONENT_LABELS,
)
DRAM = Measure(
    "DRAM bytes",
    "dram_bytes",
    "B",
    lambda layer: layer.bytes_at("dram"),
    lambda run: run.total.dram_bytes,
    _dram_parts,
)
MACS = Measure("MACs", "macs", "", lambda layer: layer.macs, lambda run: run.total.macs)
PARAMS = Measure("params", "params", "", lambda layer: layer.params, lambda run: run.network.params)

OBJECTIVES: dict[str, Measure] = {
    "cycles_plus_dma": Measure(
        "cycles + DMA",
        "",
        "",
        lambda layer: layer.cycles + layer.dma_cycles,
        lambda run: run.total.cycles + sum(layer.dma_cycles for layer in run.layers),
    ),
    "cycles": CYCLES,
    "cycles_then_energy": CYCLES,
    "dram": DRAM,
    "edp": Measure(
        "edp",
        "",
        "pJ x cycles",
        lambda layer: layer.cycles * layer.energy_pj,
        lambda run: run.total.cycles * run.total.energy_pj,
    ),
    "energy": ENERGY,
}
"""Objective of mappings -> its measure; runs are ranked by that of their own (`objective_of`)."""

COMPARED: dict[str, Measure] = {name: OBJECTIVES[name] for name in ("cycles", "dram", "energy")}
"""What two runs can be compared by, part by part."""
