"""Sweeps: a plan of machines, networks and axes, simulated on all cores into a store that survives interruption."""

from analysis.drive.sweep.reading import load_plan
from analysis.drive.sweep.run import Outcome, run_sweep

__all__ = ["Outcome", "load_plan", "run_sweep"]
