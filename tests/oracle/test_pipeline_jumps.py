"""Equal tiles in a row are jumped over: times are those of playing them one by one, in a bounded number of steps."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.cost import pipeline
from simulator.cost.case import PIPE, PORT
from simulator.cost.convert import record
from simulator.cost.pipeline import RUN, catch_up, copy, finish, play_runs, reset, ring_of, shift, uniform_shift
from tests.oracle.strategies import MANY, port_specs

LONG = st.lists(
    st.tuples(*(st.integers(0, 30) for _ in range(4)), st.one_of(st.integers(1, 9), st.integers(60, 90))),
    min_size=1,
    max_size=3,
)
"""Runs: (deeper, load, compute, store, count)."""
TIMES = ("port_free", "array_free", "last_end", "load_free", "store_free", "compute_end")


def as_port(spec):
    names = ("deeper_slots", "slots", "out_slots", "channels", "latency_cycles")
    return record(PORT, **{name: getattr(spec, name) for name in names})


def played(runs, spec):
    """The end, and the cycles before and between computes."""
    states = np.zeros(2, PIPE)
    end = play_runs(np.array(runs, RUN), as_port(spec), spec.prefetch_cycles, states)
    return end, int(states[0]["fill_cycles"]), int(states[0]["wait_cycles"]), int(states[0]["array_free"])


@MANY
@given(LONG, port_specs())
def test_runs_take_what_their_tiles_take_one_by_one(runs, spec):
    assert played(runs, spec) == played([(*tile, 1) for *tile, count in runs for _ in range(count)], spec)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("tile", [(0, 9, 4, 3), (5, 0, 40, 0), (2, 3, 5, 11)])
def test_a_million_equal_tiles_take_no_more_steps_than_it_needs_to_see_that_they_are_alike(
    tile, slots, channels, monkeypatch
):
    port = record(PORT, deeper_slots=slots, slots=slots, out_slots=2, channels=channels, latency_cycles=7)
    steps, advance = Counter(), pipeline.advance

    def counted(*given):
        steps["advance"] += 1
        assert steps["advance"] <= 2 * 12 * ring_of(port) * channels
        return advance(*given)

    monkeypatch.setattr(pipeline, "advance", counted)
    states = np.zeros(2, PIPE)
    runs = np.array([(*tile, 10**6), (*tile, 10**6 + 1)], RUN)
    end = getattr(play_runs, "py_func", play_runs)(runs, port, 0, states)
    assert end == play_runs(np.array([(*tile, 2 * 10**6 + 1)], RUN), port, 0, np.zeros(2, PIPE))


@st.composite
def states(draw):
    """A port, and a state of it: times after some first computes."""
    spec = draw(port_specs())
    port, pipe = as_port(spec), record(PIPE)
    reset(pipe, port)
    for name in TIMES:
        if pipe.dtype[name].shape:
            used = ring_of(port) if name == "compute_end" else port.channels
            pipe[name][:used] = [draw(st.integers(0, 60)) for _ in range(used)]
        else:
            pipe[name] = draw(st.integers(0, 60))
    pipe["array_free"] = max(int(pipe["array_free"]), *map(int, pipe["compute_end"]))
    pipe["store_cycles"][: ring_of(port)] = [draw(st.integers(0, 9)) for _ in range(ring_of(port))]
    return port, pipe


@settings(max_examples=min(200, settings.default.max_examples))
@given(states(), st.integers(1, 500))
def test_a_state_that_is_moved_moved_uniformly_and_nothing_else_did(drawn, cycles):
    port, pipe = drawn
    before = record(PIPE)
    copy(pipe, before, port)
    assert before == pipe
    shift(pipe, port, cycles)
    assert uniform_shift(before, pipe, port)
    assert all((pipe[name] >= before[name]).all() for name in TIMES)
    for name in (*TIMES, "store_cycles"):
        other = record(PIPE)
        copy(pipe, other, port)
        if other.dtype[name].shape:
            other[name][(ring_of(port) if name in ("compute_end", "store_cycles") else port.channels) - 1] += 1
        else:
            other[name] += 1
        assert not uniform_shift(before, other, port), name


@settings(max_examples=min(200, settings.default.max_examples))
@given(states(), st.tuples(*(st.integers(0, 30) for _ in range(4))), st.integers(1, 12))
def test_times_that_are_caught_up_end_nothing_later(drawn, tile, count):
    port, pipe = drawn
    other = record(PIPE)
    copy(pipe, other, port)
    catch_up(other, port)
    first = ring_of(port)
    for i in range(first, first + count):
        for state in (pipe, other):
            pipeline.advance(state, port, i, *tile)
    ends = [finish(state, port, first + count, 0) for state in (pipe, other)]
    assert ends[0] == ends[1] and pipe["wait_cycles"] == other["wait_cycles"]
