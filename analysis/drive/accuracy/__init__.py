"""Published figures beside ours: anchors, the page and the picture that are made of them."""

from analysis.drive.accuracy.registry import ANCHORS, evaluate_anchors, load_anchor

__all__ = ["ANCHORS", "evaluate_anchors", "load_anchor"]
