"""Two runs or more side by side: what changed, where, and by how much."""

from analysis.read.compare.comparison import Change, Comparison, checked_measure, compare

__all__ = ["Change", "Comparison", "checked_measure", "compare"]
