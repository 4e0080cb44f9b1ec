"""Banks and rows of off-chip memory: against all commands before each, closed forms by hand, published bandwidths."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.cost.pages import INTERLEAVE, QUEUE
from simulator.hardware.dram_types import DRAM_TYPES, DramType
from simulator.hardware.model import Pages
from simulator.timing.dram import OpenPages, share_of_peak
from tests.oracle.slow_dram import SlowDram

NS = 10**3
TERA = 10**12
"""Cycles a second: a cycle is a picosecond."""
TYPES = sorted(DRAM_TYPES)
NEVER = 10**15


def pages(kind: DramType, channels: int = 1) -> Pages:
    bandwidth = channels * kind.bandwidth
    return Pages("", kind, bandwidth, Fraction(bandwidth, TERA))


def burst_ps(kind: DramType) -> int:
    return round(Fraction(kind.burst_bytes * TERA, kind.bandwidth))


def end_of(kind: DramType, runs: list[tuple[int, int, int, int]], write: bool = False) -> int:
    """When runs have come that are asked for at once: first address, bytes, pitch, how many."""
    return OpenPages(pages(kind), TERA).serve(runs, 0, write=write)


def without_refresh(name: str) -> DramType:
    return replace(DRAM_TYPES[name], interval_ps=NEVER)


def channel_of(address: int, channels: int) -> tuple[int, int]:
    """Walk along the pieces from address 0 on; return the channel of one, and where it lies there."""
    filled = [0] * channels
    for piece in range(address // INTERLEAVE):
        filled[piece % channels] += INTERLEAVE
    at = (address // INTERLEAVE) % channels
    return at, filled[at] + address % INTERLEAVE


@st.composite
def transactions(draw) -> list[tuple[int, int, int, bool]]:
    """First addresses, bytes and times of issue of reads and writes; some near one another, some after a pause."""
    found, now = [], 0
    for _ in range(draw(st.integers(1, 12))):
        near = draw(st.integers(0, 40)) * 192 + draw(st.sampled_from((0, 1 << 13, 1 << 16)))
        now += draw(st.sampled_from((0, 0, 50, 3000, 20_000))) * NS
        found.append((near, draw(st.integers(1, 3000)), now, draw(st.booleans())))
    return found


@settings(max_examples=60)
@given(st.sampled_from(TYPES), st.sampled_from((1, 2, 3)), transactions())
def test_every_burst_ends_when_all_commands_before_it_allow(name, channels, asked):
    kind = DRAM_TYPES[name]
    memory = OpenPages(pages(kind, channels), TERA)
    slow = [SlowDram(kind, burst_ps(kind), QUEUE) for _ in range(memory.pages.channels)]
    for first, size, issued, write in asked:
        bursts = sorted({address // kind.burst_bytes for address in range(first, first + size)})
        ends = [issued]
        for burst in bursts:
            at, local = (
                channel_of(burst * kind.burst_bytes, channels) if channels > 1 else (0, burst * kind.burst_bytes)
            )
            ends.append(slow[at].serve(local, issued, write))
        assert memory.serve([(first, size, size, 1)], issued, write=write) == max(ends)


@pytest.mark.parametrize("name", TYPES)
def test_streams_reach_nine_tenths_of_the_peak_and_what_refresh_leaves(name):
    """As published of controllers with open pages: 90 to 95%, refresh included."""
    kind = DRAM_TYPES[name]
    share = kind.burst_bytes * 2**16 / kind.bandwidth * TERA / end_of(kind, [(0, kind.burst_bytes * 2**16, 0, 1)])
    assert 0.895 <= share <= 1 - kind.refresh_ps / kind.interval_ps


@pytest.mark.parametrize("name", TYPES)
def test_a_stream_waits_at_each_refresh_until_the_row_is_open_again(name):
    """All rows are closed, refreshed, and that of the stream is opened: tRP + tRFC + tRCD + tCAS without data."""
    kind, size = DRAM_TYPES[name], 1 << 21
    often, never = (end_of(each, [(0, size, 0, 1)]) for each in (kind, without_refresh(name)))
    lost = kind.precharge_ps + kind.refresh_ps + kind.activate_ps + kind.column_ps
    refreshes = often // kind.interval_ps
    assert refreshes >= 10
    assert often - never == pytest.approx(refreshes * lost, rel=0.02)


@pytest.mark.parametrize("name", TYPES)
def test_without_refresh_a_stream_loses_only_its_first_row(name):
    kind, bursts = without_refresh(name), 4096
    whole = end_of(kind, [(0, bursts * kind.burst_bytes, 0, 1)])
    assert whole == kind.activate_ps + kind.column_ps + bursts * burst_ps(kind)


@pytest.mark.parametrize("name", TYPES)
def test_bursts_of_other_rows_of_one_bank_are_a_row_cycle_apart(name):
    """tRC each, then tRCD, tCAS and the burst of the last."""
    kind, n = without_refresh(name), 50
    end = end_of(kind, [(0, kind.burst_bytes, kind.row_bytes * kind.banks, n)])
    assert end == (n - 1) * kind.cycle_ps + kind.activate_ps + kind.column_ps + burst_ps(kind)


@pytest.mark.parametrize("name", TYPES)
def test_bursts_of_all_banks_in_turn_are_as_fast_as_windows_of_four_and_row_cycles_allow(name):
    """Four activations each tFAW, as many as there are banks each tRC: whichever is slower."""
    kind, n = without_refresh(name), 4000
    end = end_of(kind, [(0, kind.burst_bytes, kind.row_bytes, n)])
    assert end == pytest.approx(n * max(kind.window_ps / 4, kind.cycle_ps / kind.banks, burst_ps(kind)), rel=0.01)


@pytest.mark.parametrize("name", TYPES)
def test_bursts_anywhere_are_between_those_of_one_bank_and_those_of_all_in_turn(name):
    kind = DRAM_TYPES[name]
    slowest, fastest = kind.cycle_ps, max(kind.window_ps / 4, kind.cycle_ps / kind.banks)
    assert burst_ps(kind) / slowest < share_of_peak(pages(kind), kind.burst_bytes) < burst_ps(kind) / fastest


@pytest.mark.parametrize("name", TYPES)
def test_longer_runs_are_never_slower(name):
    shares = [share_of_peak(pages(DRAM_TYPES[name]), 1 << bits) for bits in range(6, 15)]
    assert shares == sorted(shares)


def test_a_read_after_a_write_waits_for_the_bus_to_turn():
    """DDR4: tRCD + tCAS and 3.333 ns of data, then tWTR + tCAS and as much again."""
    memory = OpenPages(pages(DRAM_TYPES["DDR4"]), TERA)
    assert memory.serve([(0, 64, 64, 1)], 0, write=True) == 2 * 13_320 + 3333
    assert memory.serve([(64, 64, 64, 1)], 0, write=False) == 2 * 13_320 + 3333 + 7500 + 13_320 + 3333
