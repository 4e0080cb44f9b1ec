"""What one op takes at least on a machine: known without searching mappings, or playing other ops."""

import math
from collections.abc import Sequence

from simulator.engine.mapping_choice import request_of
from simulator.engine.player import Player, Turn
from simulator.engine.store import Rows
from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.result.run import LayerResult
from simulator.schedule import PlannedOp


def least_of(op: PlannedOp, hardware: Hardware, dataflows: Sequence[Dataflow], objective: str) -> list[float]:
    """Return what no mapping of an op takes less of, by dataflow: cycles, bytes, or picojoules for `energy`."""
    from simulator.cost.search import Search

    if not dataflows:
        return []
    search, unit = Search(request_of(op, hardware, objective)), hardware.energy.unit_pj if objective == "energy" else 1
    return [search.least.of(flow, math.inf, 1) * unit for flow in dataflows]


def played_alone(op: PlannedOp, hardware: Hardware, rows: Rows) -> LayerResult:
    """Return the result of an op that the array does not run, with nothing else on its way meanwhile."""
    return Player({}, hardware, rows).result(op, [Turn(op, op.layer.name, 0, 0)])
