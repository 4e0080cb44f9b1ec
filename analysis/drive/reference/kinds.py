"""The kinds of file that a user writes, the model of each, and what its fields mean."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from analysis.drive.reference.machine_texts import MACHINE
from analysis.drive.reference.other_texts import ENERGY, MAPPING, NETWORK, PLAN
from analysis.drive.sweep.schema import WrittenPlan
from simulator.energy.schema import Table
from simulator.energy.schema_circuits import WrittenCircuits
from simulator.errors import InputError, Problem, nearest
from simulator.hardware.schema import Machine
from simulator.mapping.schema import WrittenDataflow, WrittenMappings
from workloads.importers.layer_schema import LayerList

TEXTS: Mapping[type[BaseModel], Mapping[str, str]] = {**MACHINE, **MAPPING, **ENERGY, **NETWORK, **PLAN}
"""What each field of each model means."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: what it is called, what it says, and its model, or each of those that it may be of."""

    name: str
    about: str
    models: tuple[type[BaseModel], ...]

    @property
    def schema_file(self) -> str:
        """The name under which its JSON Schema is saved, beside the files that name it."""
        return f"{self.name}.schema.json"


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("machine", "a machine: array, memories, DRAM, dataflows, energies", (Machine,)),
        Kind("dataflow", "what is unrolled on the array, and what stays in registers", (WrittenDataflow,)),
        Kind("energy", "an energy table: prices of actions, or laws of circuits", (Table, WrittenCircuits)),
        Kind("network", "a network as a list of layers", (LayerList,)),
        Kind("mapping", "which loop of each layer runs where", (WrittenMappings,)),
        Kind("sweep", "a plan of a sweep: machines, networks and axes", (WrittenPlan,)),
    )
}


def checked_kind(name: str, allowed: tuple[str, ...] = tuple(KINDS)) -> Kind:
    """Return the kind of that name; raise InputError with the nearest one."""
    if name not in allowed:
        expected = f"one of {', '.join(allowed)}"
        raise InputError(
            Problem("no such kind of file", expected=expected, got=name, suggestion=nearest(name, allowed))
        )
    return KINDS[name]
