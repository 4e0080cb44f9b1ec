"""Bursts that tiles touch in DRAM: closed form against walks over addresses."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.cost.case import LAYER, MACHINE, TILES
from simulator.cost.convert import record
from simulator.cost.layout import box_transfer
from simulator.cost.stored import AXES, tensor_fields
from tests.oracle.naive_bursts import Walk

DEEP, CHANNELS, ROWS, COLUMNS = AXIS_NUMBERS = range(4)
LAYOUTS = tuple(name for name in AXES if name != "tiled")
KIND = 2


def closed_form(box, steps, layout, shape, word_bits, burst, dimensions=1):
    """Bytes, runs and descriptors of a box, (first index, extent) by axis."""
    facts, machine, tiles = record(LAYER), record(MACHINE), record(TILES)
    machine["burst_bytes"], machine["descriptor_dimensions"], facts["word_bits"][KIND] = burst, dimensions, word_bits
    for name, values in tensor_fields(layout, shape, 1, word_bits, burst).items():
        facts[name][KIND] = values
    tiles["copies"], tiles["step"] = 1, steps
    tiles["start"], tiles["box"] = zip(*box, strict=True)
    return box_transfer(tiles, machine, facts, KIND)


@st.composite
def boxes(draw):
    """A box in a tensor, and the steps in which tiles begin along each axis; most often some axes are whole."""
    shape = draw(st.tuples(*(st.integers(1, 9) for _ in AXIS_NUMBERS)))
    box, steps = [], []
    for size in shape:
        whole = draw(st.booleans())
        step = draw(st.integers(0, size))
        start = 0 if whole else step * draw(st.integers(0, 2)) + draw(st.integers(0, 2))
        start = min(start, size - 1)
        box.append((start, size if whole else draw(st.integers(0, size - start))))
        steps.append(step)
    return shape, box, steps


@given(boxes(), st.sampled_from(LAYOUTS), st.sampled_from((1, 4, 8, 12, 16)), st.integers(1, 24), st.integers(1, 4))
def test_a_box_takes_the_bursts_runs_and_descriptors_that_a_walk_of_its_addresses_finds(
    drawn, layout, word_bits, burst, dimensions
):
    shape, box, steps = drawn
    order = ["dcrw".index(axis) for axis in AXES[layout]]
    ranges = {axis: range(start, start + extent) for axis, (start, extent) in enumerate(box)}
    moves, whole = {axis: [step] for axis, step in enumerate(steps)}, dict(enumerate(shape))
    walk = Walk(ranges, moves, whole, order, word_bits, 8 * burst)
    expected = -(-walk.touched_bits // 8), len(walk.runs), walk.blocks(dimensions)
    assert closed_form(box, steps, layout, shape, word_bits, burst, dimensions) == expected


def bursts_of(ranges, order, shape, burst):
    """Bursts that each run of a box touches, in a tensor whose words are bytes: found in the sorted addresses."""
    pitch, inside = {}, 1
    for axis in order:
        pitch[axis], inside = inside, inside * shape[axis]
    addresses = sorted(sum(i * pitch[axis] for axis, i in enumerate(at)) for at in product(*ranges))
    breaks = np.flatnonzero(np.diff(addresses) > 1) + 1
    return [len({address // burst for address in run.tolist()}) for run in np.split(np.array(addresses), breaks)]


@given(st.sampled_from((1, 2, 4, 8)), st.integers(1, 6), st.integers(1, 3), st.sampled_from((1, 3, 5)))
def test_tiles_of_a_tensor_whose_runs_begin_everywhere_take_together_what_its_addresses_say(burst, part, parts, deep):
    channels = part * parts
    shape, order = (deep, channels, burst, burst), ["dcrw".index(axis) for axis in AXES["nhwc"]]
    touched = sum(
        sum(bursts_of((range(deep), range(at, at + part), range(burst), range(burst)), order, shape, burst)) * burst
        for at in range(0, channels, part)
    )
    box = [(0, deep), (0, part), (0, burst), (0, burst)]
    size, _, _ = closed_form(box, (deep, part, burst, burst), "nhwc", shape, 8, burst)
    assert parts * size == touched


@given(boxes(), st.sampled_from(LAYOUTS), st.integers(1, 24))
def test_no_run_takes_less_than_its_words_nor_a_burst_more_at_either_end(drawn, layout, burst):
    shape, box, steps = drawn
    size, runs, _ = closed_form(box, steps, layout, shape, 8, burst)
    words = int(np.prod([extent for _, extent in box]))
    assert words <= size <= words + 2 * runs * (burst - 1)


@given(boxes(), st.sampled_from(LAYOUTS), st.integers(1, 24))
def test_a_whole_tensor_is_one_run_in_any_order(drawn, layout, burst):
    shape, _, steps = drawn
    whole, words = [(0, size) for size in shape], int(np.prod(shape))
    assert closed_form(whole, steps, layout, shape, 8, burst) == (-(-words // burst) * burst, 1, 1)
