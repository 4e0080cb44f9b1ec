"""Every bound of every anchor: those that the accuracy page calls held do hold, those that it explains are missed."""

import pytest

from analysis.drive.accuracy import ANCHORS, evaluate_anchors
from analysis.drive.accuracy.summary import complaints, summarize, worst_text
from tests.marks import mostly_slow

# The accuracy page has these too.
LONG = {
    "choice", "dpu", "networks", "power_area",
    "edge_tpu", "ethos_u", "eyeriss_chip", "eyeriss_v2", "fuseconv", "gap9", "isca16", "neural_art", "nvdla",
    "scalesim", "shufflenet_v2", "squeezenext_16x16", "squeezenext_8x8", "tpu_v6e",
}  # fmt: skip
NAMES = mostly_slow(list(ANCHORS), ANCHORS.keys() - LONG)


@pytest.mark.parametrize("name", NAMES)
def test_every_bound_is_held_or_listed_as_missed(name: str) -> None:
    (evaluation,) = evaluate_anchors([name])
    summary = summarize(evaluation)
    print(f"{name}: {summary.held} of {summary.bounds} bounds held, worst {worst_text(summary)}")
    assert summary.bounds > 0
    assert complaints(evaluation) == []
