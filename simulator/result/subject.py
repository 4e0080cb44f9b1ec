"""What was simulated, whole: a run carries it, so that it can be simulated again, and with a change, anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from enum import Enum
from fractions import Fraction

from simulator.energy.table import EnergyTable
from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.network.ir import Network


@dataclass(frozen=True, slots=True)
class Subject:
    """A machine, the dataflows and the energy table that it names, and a network.

    The machine refers to dataflows and table by name, never by the path of a file: `hardware.dataflows[i]` names
    `dataflows[i]`.
    """

    hardware: Hardware
    dataflows: tuple[Dataflow, ...]
    energy: EnergyTable
    network: Network


def subject_of(hardware: Hardware, dataflows: Sequence[Dataflow], energy: EnergyTable, network: Network) -> Subject:
    """Put together what was simulated; `dataflows` are those that the machine names, in its order."""
    named = replace(hardware, dataflows=unique_names(dataflows), energy=energy.name)
    return Subject(named, tuple(dataflows), energy, network)


def unique_names(dataflows: Sequence[Dataflow]) -> tuple[str, ...]:
    """Return the names of dataflows; a name that comes again, in another file, bears a number."""
    names: list[str] = []
    for flow in dataflows:
        same = sum(name == flow.name or name.rpartition("#")[0] == flow.name for name in names)
        names.append(f"{flow.name}#{same + 1}" if same else flow.name)
    return tuple(names)


def subject_to_data(subject: Subject) -> dict[str, object]:
    """Return a subject as data that JSON can hold; of layers, only what is not as usual."""
    bare = replace(subject, network=replace(subject.network, layers=()))
    data = {field.name: exact_data(getattr(bare, field.name)) for field in fields(bare)}
    network = data["network"]
    assert isinstance(network, dict)
    network["layers"] = [_sparse(layer) for layer in subject.network.layers]
    return data


def _sparse(value: object) -> dict[str, object]:
    """Return the fields of a dataclass that differ from their defaults."""
    return {
        field.name: exact_data(getattr(value, field.name))
        for field in fields(value)  # type: ignore[arg-type]
        if field.default is MISSING or getattr(value, field.name) != field.default
    }


def exact_data(value: object) -> object:
    """Turn frozen dataclasses and containers into what JSON can hold and give back: fractions are text, "128/5"."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Fraction):
        return str(value)
    if is_dataclass(value):
        return {field.name: exact_data(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): exact_data(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(exact_data(item) for item in value)  # type: ignore[type-var]
    if isinstance(value, list | tuple):
        return [exact_data(item) for item in value]
    raise TypeError(f"no plain form of {type(value).__name__}")
