"""Changes of a network whose accuracy is published: variants of its family, as one source trained them all."""

from collections.abc import Iterator

from analysis.drive.explain.change import Change
from simulator.errors import InputError
from simulator.network.graph import with_batch
from simulator.network.ir import Network
from workloads.load import load_network
from workloads.published import published_rows
from workloads.spec import split_spec

ACCURACIES = {"top1_percent": "top-1", "map_percent": "mAP", "miou_percent": "mIoU"}
"""Columns of published figures -> what they are of, in percent."""

LOST_AT_MOST = 1.0
"""Percentage points: variants that lose more are other networks, not changes of this one."""


def published_changes(network: Network) -> Iterator[Change]:
    """Yield the published variants of a bundled network that are about as accurate, with what they gain or lose."""
    family, batch = split_spec(network.name)[0], next(iter(network.inputs.values()))[0]
    try:
        rows = [(row, with_batch(load_network(row["spec"]), batch)) for row in published_rows(family)]
    except InputError:
        return
    shape = _shape(network)
    for base in [row for row, variant in rows if _shape(variant) == shape]:
        for row, variant in rows:
            for column, measure in ACCURACIES.items():
                if row["source"] == base["source"] and row[column] and base[column] and _shape(variant) != shape:
                    gained = float(row[column]) - float(base[column])
                    if gained >= -LOST_AT_MOST:
                        accuracy = f"{gained:+.2f} {measure}"
                        what = f"published variant {row['spec']}"
                        yield Change("published_variant", family, what, network=variant, accuracy=accuracy)


def _shape(network: Network) -> list[object]:
    """Return what tells variants apart: the loops of all layers."""
    return [(layer.op, layer.nest) for layer in network.layers]
