"""A window of inputs that serves several arrays: how many of them have work follows from its room."""

from math import prod

from simulator.cost.inner import with_room
from simulator.hardware.load import load_hardware
from simulator.hardware.vary import vary
from simulator.nest import LoopNest

NE16 = load_hardware("ne16")
(FLOW,) = NE16.dataflows
PLAIN = LoopNest((1, 1, 32, 16, 30, 30, 3, 3), input_size=(32, 32))
STRIDED = LoopNest((1, 1, 32, 16, 30, 30, 3, 3), stride=(2, 2), input_size=(61, 61))


def test_five_pixels_a_side_serve_nine_windows_of_three() -> None:
    """Not nine in a row, which would be eleven pixels wide."""
    found = {layout.arrays[4:6] for layout in with_room(NE16, PLAIN, FLOW)}
    assert (3, 3) in found
    assert max(prod(arrays) for arrays in found) == 9


def test_at_stride_two_they_serve_no_more_than_two_a_side() -> None:
    found = {layout.arrays[4:6] for layout in with_room(NE16, STRIDED, FLOW)}
    assert (2, 2) in found
    assert max(prod(arrays) for arrays in found) < 8


def test_a_window_without_room_for_any_has_no_mapping() -> None:
    small = vary(NE16, {"buffers.2.capacity": "8 B"})
    assert with_room(small, PLAIN, FLOW) == ()
