"""What simulations of similar things share: mappings that were found, dataflows and energy tables that were read."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

from simulator.energy.table import EnergyTable, load_energy_table
from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import Dataflow, load_dataflow
from simulator.mapping.mapping import Mapping

MappingsByOp = dict[Hashable, Mapping]


@dataclass(slots=True)
class Memory:
    """Give one to several calls of `simulate`, and what they have in common is worked out once.

    A mapping depends on what a search reads of the machine, its energy table, the dataflows, the objective, and the
    op; those of the last `settings` combinations of the first four are kept. Files are read once, however they change
    meanwhile.
    """

    settings: int = 64
    mappings: OrderedDict[Hashable, MappingsByOp] = field(default_factory=OrderedDict)
    dataflows: dict[str, Dataflow] = field(default_factory=dict)
    tables: dict[str, EnergyTable] = field(default_factory=dict)

    def mappings_of(
        self, hardware: Hardware, table: EnergyTable, dataflows: Sequence[Dataflow], objective: str
    ) -> MappingsByOp:
        """Return the mappings found under a combination, for the caller to read and to add to."""
        setting = (searched(hardware), table, tuple(dataflows), objective)
        found = self.mappings.setdefault(setting, {})
        self.mappings.move_to_end(setting)
        if len(self.mappings) > self.settings:
            self.mappings.popitem(last=False)
        return found

    def dataflow(self, spec: str) -> Dataflow:
        """Return the dataflow of that name or path."""
        if spec not in self.dataflows:
            self.dataflows[spec] = load_dataflow(spec)
        return self.dataflows[spec]

    def table(self, spec: str) -> EnergyTable:
        """Return the energy table of that name or path."""
        if spec not in self.tables:
            self.tables[spec] = load_energy_table(spec)
        return self.tables[spec]


def searched(hardware: Hardware) -> Hardware:
    """Return the machine without what no search of a mapping reads.

    That is names, the vector unit, the clock, what becomes of other ops, and whether the next weights are prefetched.
    """
    return replace(
        hardware,
        name="",
        source="",
        clock_hz=1,
        vector_lanes=1,
        fuses=frozenset(),
        folds=frozenset(),
        layer_order="overlapped" if hardware.layer_order == "overlapped" else "serial",
        keeps_activations=False,
        configuration_cycles=0,
        dataflows=(),
        energy="",
        objective="cycles",
    )
