"""What one op takes at least on a machine: known without searching mappings, or playing other ops."""

from math import inf

from simulator.engine.mapping_choice import request_of
from simulator.engine.player import Player, Turn
from simulator.engine.store import Rows
from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.result.run import LayerResult
from simulator.schedule import PlannedOp


def least_of(
    op: PlannedOp, hardware: Hardware, dataflow: Dataflow, objective: str, closely: bool = False, most: float = inf
) -> float:
    """Return what no mapping of an op takes less of under a dataflow: cycles, bytes, or picojoules for `energy`.

    Looked at closely, that is of all ways to cut the op, or `most`, if that is less.
    """
    from simulator.cost.search import Search

    search, unit = Search(request_of(op, hardware, objective)), hardware.energy.unit_pj if objective == "energy" else 1
    return (search.close_floor(dataflow, most / unit) if closely else search.floor(dataflow, 1)) * unit


def played_alone(op: PlannedOp, hardware: Hardware, rows: Rows) -> LayerResult:
    """Return the result of an op that the array does not run, with nothing else on its way meanwhile."""
    return Player({}, hardware, rows).result(op, [Turn(op, op.layer.name, 0, 0)])
