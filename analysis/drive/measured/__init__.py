"""A user's own measurements beside the simulation: what they say, how far ours is off, and what of ours it is."""

from analysis.drive.measured.comparison import compare_measured
from analysis.drive.measured.measurements import read_measurements

__all__ = ["compare_measured", "read_measurements"]
