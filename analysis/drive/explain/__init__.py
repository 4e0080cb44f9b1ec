"""Why layers take what they take, and what would help: levers, each simulated, never guessed."""

from analysis.drive.explain.explanation import Explanation, LayerExplanation, explain_layer, explain_network

__all__ = ["Explanation", "LayerExplanation", "explain_layer", "explain_network"]
