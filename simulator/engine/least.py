"""What one op takes at least on a machine: known without searching mappings, or playing other ops."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from simulator.engine.player import Player, Turn
from simulator.engine.store import Rows
from simulator.hardware.model import KERNEL_OBJECTIVES, Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.result.run import LayerResult
from simulator.schedule import PlannedOp

if TYPE_CHECKING:
    from simulator.cost.case import Record
    from simulator.cost.floors import Floors

CUTS = 1000
"""Ways to cut an op that a close look goes through: with more of them, a search takes little longer."""


def least_of(
    op: PlannedOp, hardware: Hardware, dataflows: Sequence[Dataflow], objective: str, most: Sequence[float] = ()
) -> list[float]:
    """Return what no mapping of an op takes less of, by dataflow: cycles, bytes, or picojoules for `energy`.

    At a glance; or where so much is known of each dataflow already, and last of all of them, with a close look at those
    that may be less than all others: then none is told that is more than `most[-1]`.
    """
    if not dataflows:
        return []
    least = _floors(op, hardware, objective)
    unit = hardware.energy.unit_pj if objective == "energy" else 1
    if not most:
        return [least.of(flow) * unit for flow in dataflows]
    *floors, lowest = most
    for floor, i in sorted(zip(floors, range(len(dataflows)), strict=True)):
        if floor < lowest:
            floors[i] = max(floor, least.close(dataflows[i], lowest / unit, CUTS) * unit)
            lowest = min(lowest, floors[i])
    return floors


def _floors(op: PlannedOp, hardware: Hardware, objective: str) -> "Floors":
    from simulator.cost.convert import layer_record, make_scratch, price_record
    from simulator.cost.effort import DEFAULT
    from simulator.cost.floors import Floors

    layer, nest = op.layer, op.layer.nest
    assert nest is not None
    facts = layer_record(hardware, layer, nest, op.resident, op.residuals, op.stored, op.slices)
    facts["parameters"] = op.parameters
    scratch = make_scratch()
    scratch.work["left"] = DEFAULT.tiles
    parts = (*_machine(hardware, op.reserved_bytes), facts, price_record(hardware, layer))
    return Floors(hardware, nest, parts, scratch, KERNEL_OBJECTIVES.index(objective))


@lru_cache(maxsize=64)
def _machine(hardware: Hardware, reserved_bytes: int) -> "tuple[Record, Record]":
    """Return the records of a machine and its port, which kernels do not change."""
    from simulator.cost.convert import machine_record, port_record

    return machine_record(hardware, reserved_bytes), port_record(hardware)


def played_alone(op: PlannedOp, hardware: Hardware, rows: Rows) -> LayerResult:
    """Return the result of an op that the array does not run, with nothing else on its way meanwhile."""
    return Player({}, hardware, rows).result(op, [Turn(op, op.layer.name, 0, 0)])
