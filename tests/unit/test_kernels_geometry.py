"""Index arithmetic equals counting, element by element."""

from math import gcd as true_gcd

from hypothesis import given
from hypothesis import strategies as st

from simulator.cost.geometry import box, ceil_div, clipped, distinct, gcd, slid, tile_box
from simulator.engine.results import touched as touched_rows
from simulator.network.ir import Layer, Op

few = st.integers(1, 7)
steps = st.integers(1, 4)
extents = st.tuples(few, st.integers(1, 5))  # pixels, taps


def touched(pixels, taps, stride, dilation):
    return {i * stride + j * dilation for i in pixels for j in taps}


def parts(extent, step):
    return [range(start, min(start + step, extent)) for start in range(0, extent, step)]


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_division_rounds_up(a, b):
    assert ceil_div(a, b) == -(-a // b)


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_the_greatest_common_divisor_is_pythons(a, b):
    assert gcd(a, b) == true_gcd(a, b)


@given(extents, steps, steps)
def test_a_window_touches_as_many_positions_as_there_are_different_ones(sizes, stride, dilation):
    a, b = sizes
    assert distinct(a, b, stride, dilation) == len(touched(range(a), range(b), stride, dilation))


@given(extents, steps, steps, st.integers(0, 6), st.integers(1, 20))
def test_rows_that_windows_meet_are_those_inside_the_map(sizes, stride, dilation, pad, rows):
    outputs, taps = sizes
    window = ((taps, 1), (stride, 1), (pad, 0, pad, 0), (dilation, 1))
    layer = Layer("c", Op.CONV, ("x",), ((1, 1, rows, 1),), (1, 1, outputs, 1), *window)
    positions = {position - pad for position in touched(range(outputs), range(taps), stride, dilation)}
    assert touched_rows(layer, 0) == len(positions & {*range(rows)})


@given(extents, few, steps, steps)
def test_a_sliding_window_fetches_what_its_predecessor_does_not_hold(sizes, step, stride, dilation):
    (total, other), before, fetched = sizes, set(), 0
    for part in parts(total, step):
        window = touched(part, range(other), stride, dilation)
        fetched += len(window - before)
        before = window
    assert slid(total, step, other, stride, dilation) == fetched


@given(extents, steps, steps)
def test_a_box_reaches_from_the_first_position_to_the_last(sizes, stride, dilation):
    positions = touched(range(sizes[0]), range(sizes[1]), stride, dilation)
    assert box(*sizes, stride, dilation) == max(positions) - min(positions) + 1


@given(st.tuples(few, few), extents, steps, steps, st.integers(0, 3), st.integers(1, 20), st.booleans())
def test_a_clipped_box_leaves_out_padding_on_both_sides(starts, sizes, stride, dilation, pad, size, whole):
    (first_pixel, first_tap), (pixels, taps) = starts, sizes
    positions = touched(range(first_pixel, first_pixel + pixels), range(first_tap, first_tap + taps), stride, dilation)
    end = max(positions) + 1
    if whole:
        end = max(end, min(positions) + pixels * stride)
    inside = sum(pad <= position < pad + size for position in range(min(positions), end))
    length = tile_box(pixels, taps, stride, dilation, int(whole))
    assert clipped(first_pixel * stride + first_tap * dilation - pad, length, size) == inside
