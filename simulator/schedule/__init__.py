"""How a network runs: which ops fuse, which tensors stay on chip."""

from simulator.schedule.plan import PlannedOp, plan

__all__ = ["PlannedOp", "plan"]
