"""Why layers take what they take, and what would help: levers, each simulated, never guessed."""

from analysis.drive.explain.explanation import Explanation, explain_layers, explain_network

__all__ = ["Explanation", "explain_layers", "explain_network"]
