"""The table of bundled networks: size, published accuracy, and how each can be varied."""

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.read import units
from analysis.read.layout import Column
from simulator.network.ir import Network
from workloads.load import load_builder, load_network
from workloads.published import published_rows
from workloads.registry import BUILDERS
from workloads.spec import Parameter, parameters_of

OTHER_MEASURES = {"map_percent": "mAP", "miou_percent": "mIoU"}


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """One network; accuracies in percent as they are published, "" where they are not."""

    name: str
    macs: int
    params: int
    top1: str
    top5: str
    other: str  # detection and segmentation: figure and measure
    parameters: str


def family_rows() -> list[NetworkRow]:
    """Return a row for each family, at its default parameters."""
    return [_row(name, _choices(name)) for name in BUILDERS]


def member_rows(family: str) -> list[NetworkRow]:
    """Return a row for each member of a family that something is published about."""
    specs = dict.fromkeys(row["spec"] for row in published_rows(family))
    return [_row(spec) for spec in specs]


def _row(spec: str, parameters: str = "") -> NetworkRow:
    network = load_network(spec)
    other = [f"{_figure(network, key)} {measure}" for key, measure in OTHER_MEASURES.items() if _figure(network, key)]
    top1, top5 = _figure(network, "top1_percent"), _figure(network, "top5_percent")
    return NetworkRow(spec, network.macs, network.params, top1, top5, ", ".join(other), parameters)


def _figure(network: Network, key: str) -> str:
    """Return what the first source that tells it says; further sources have a number behind the key."""
    return next((text for name, text in network.facts.items() if name.startswith(key)), "")


def _choices(name: str) -> str:
    return ", ".join(_choice(parameter) for parameter in parameters_of(load_builder(name)).values())


def _choice(parameter: Parameter) -> str:
    """Write a parameter with its default, then the other values it may have."""
    if parameter.default is None:
        return parameter.name
    values = [parameter.default, *(value for value in parameter.choices if value != parameter.default)]
    return f"{parameter.name}={'|'.join(str(value) for value in values)}"


def columns(rows: list[NetworkRow]) -> tuple[Column[NetworkRow], ...]:
    """Return the columns that some row has something to say in."""
    return tuple(_columns(rows))


def _columns(rows: list[NetworkRow]) -> Iterator[Column[NetworkRow]]:
    yield Column("network", 0, lambda row: row.name, is_number=False)
    yield Column("MACs", 1, lambda row: units.count(row.macs))
    yield Column("params", 2, lambda row: units.count(row.params))
    yield Column("top-1", 3, lambda row: row.top1 or "-")
    yield Column("top-5", 4, lambda row: row.top5 or "-")
    if any(row.other for row in rows):
        yield Column("other", 5, lambda row: row.other or "-")
    if any(row.parameters for row in rows):
        yield Column("parameters", 6, lambda row: row.parameters, is_number=False)
