"""Compute the rows of anchors."""

from collections.abc import Callable, Iterable

from analysis.drive.accuracy.anchor import Anchor, Evaluation
from analysis.drive.accuracy.registry import ANCHORS, load_anchor

Progress = Callable[[int, int, str], None]


def evaluate_anchors(names: Iterable[str] = (), progress: Progress | None = None) -> list[Evaluation]:
    """Evaluate anchors, all of them if none is named; raise InputError for an unknown name before any work.

    `progress` is told how many of how many anchors are done, and which one comes.
    """
    anchors = [load_anchor(name) for name in tuple(dict.fromkeys(names)) or ANCHORS]
    found = []
    for done, anchor in enumerate(anchors):
        if progress:
            progress(done, len(anchors), anchor.name)
        found.append(evaluate(anchor))
    return found


def evaluate(anchor: Anchor) -> Evaluation:
    """Simulate what an anchor asks for; raise ValueError if two of its rows have the same name."""
    rows = tuple(anchor.rows())
    keys = [row.key for row in rows]
    if len(set(keys)) < len(keys):
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise ValueError(f"{anchor.name}: rows of the same name: {', '.join(twice)}")
    return Evaluation(anchor, rows)
