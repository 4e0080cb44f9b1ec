"""How a network runs: which ops fuse, which tensors stay on chip, what goes strip by strip."""

from simulator.schedule.choice import Schedule
from simulator.schedule.plan import InStack, PlannedOp, in_order, plan, played, schedules
from simulator.schedule.residency import full_residency_bytes
from simulator.schedule.stacks import Stack

__all__ = [
    "InStack",
    "PlannedOp",
    "Schedule",
    "Stack",
    "full_residency_bytes",
    "in_order",
    "plan",
    "played",
    "schedules",
]
