"""Published figures beside ours: anchors, the page and the picture that are made of them."""

from analysis.drive.accuracy.evaluate import evaluate_anchors
from analysis.drive.accuracy.registry import ANCHORS, load_anchor

__all__ = ["ANCHORS", "evaluate_anchors", "load_anchor"]
