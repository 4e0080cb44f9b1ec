"""How a network runs: which ops fuse, which tensors stay on chip."""

from simulator.schedule.plan import PlannedOp, plan
from simulator.schedule.residency import full_residency_bytes

__all__ = ["PlannedOp", "full_residency_bytes", "plan"]
