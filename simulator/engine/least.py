"""What one op takes at least on a machine: known without searching mappings, or playing other ops."""

from collections.abc import Sequence

from simulator.engine.mapping_choice import request_of
from simulator.engine.player import Player, Turn
from simulator.engine.store import Rows
from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.result.run import LayerResult
from simulator.schedule import PlannedOp

CUTS = 1000
"""Ways to cut an op that a close look goes through: with more of them, a search takes little longer."""


def least_of(
    op: PlannedOp, hardware: Hardware, dataflows: Sequence[Dataflow], objective: str, most: Sequence[float] = ()
) -> list[float]:
    """Return what no mapping of an op takes less of, by dataflow: cycles, bytes, or picojoules for `energy`.

    At a glance; or where so much is known of each dataflow already, and last of all of them, with a close look at those
    that may be less than all others: then none is told that is more than `most[-1]`.
    """
    from simulator.cost.search import Search

    if not dataflows:
        return []
    least = Search(request_of(op, hardware, objective)).least
    unit = hardware.energy.unit_pj if objective == "energy" else 1
    if not most:
        return [least.of(flow) * unit for flow in dataflows]
    *floors, lowest = most
    for floor, i in sorted(zip(floors, range(len(dataflows)), strict=True)):
        if floor < lowest:
            floors[i] = max(floor, least.close(dataflows[i], lowest / unit, CUTS) * unit)
            lowest = min(lowest, floors[i])
    return floors


def played_alone(op: PlannedOp, hardware: Hardware, rows: Rows) -> LayerResult:
    """Return the result of an op that the array does not run, with nothing else on its way meanwhile."""
    return Player({}, hardware, rows).result(op, [Turn(op, op.layer.name, 0, 0)])
