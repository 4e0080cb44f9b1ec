"""Two runs or more side by side: what changed, where, and by how much."""

from analysis.read.compare.comparison import Change, Comparison, checked_measure, compare
from analysis.read.compare.measures import MEASURES

__all__ = ["MEASURES", "Change", "Comparison", "checked_measure", "compare"]
