"""Which tensors stay on chip, against every choice there is; and where they lie there."""

from dataclasses import replace
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.hardware.load import load_hardware
from simulator.network.graph import Graph
from simulator.network.lifetimes import Lifetime
from simulator.schedule.fusion import fuse
from simulator.schedule.keeping import Bundle, Option, Step, choose, schedule
from simulator.schedule.placement import Block, place
from simulator.schedule.residency import residency
from tests.oracle.slow_schedule import jobs_of, residents
from workloads.load import load_network
from workloads.registry import BUILDERS

CHIP = load_hardware("edge_npu_like")
ENDS = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted)
BLOCKS = st.lists(st.builds(Block, ENDS.map(lambda ends: Lifetime(*ends)), st.integers(1, 40)), max_size=12)


def at_size(capacity, chip=CHIP):
    """The machine with another capacity of its one buffer."""
    return replace(chip, buffers=(replace(chip.buffers[0], capacity_bytes=capacity),))


def random_network(random):
    """Up to ten ops that read any tensors before: convolutions, pools, sums and concats, of few channels."""
    g = Graph("random")
    tensors = [g.input(4, 8, 8)]
    for number in range(random.randint(3, 7)):
        x = random.choice(tensors[-3:])
        alike = [y for y in tensors[1:] if y is not x and y.shape == x.shape]
        if alike and random.random() < 0.4:
            tensors.append(g.add(x, random.choice(alike), name=f"sum{number}"))
        elif len(tensors) > 2 and random.random() < 0.2:
            y = random.choice([y for y in tensors if y.shape[2:] == x.shape[2:]])
            tensors.append(g.conv(g.concat(x, y, name=f"join{number}"), 4, name=f"joined{number}"))
        else:
            channels = random.choice((4, 4, 8))
            tensors.append(g.conv(x, channels, random.choice((1, 3)), padding="same", name=f"conv{number}"))
    return g.build()


@pytest.mark.parametrize("seed", range(200))
def test_what_stays_saves_as_much_as_the_best_of_all_choices(seed):
    random = Random(seed)
    network, machine = random_network(random), at_size(random.randint(1000, 9000))
    small = replace(machine, array=replace(machine.array, rows=4, columns=4))
    found = residency(network, small, fuse(network, small))
    expected = residents(network, small, *jobs_of(network, small))
    assert found.kept.keys() == expected.keys()


@pytest.mark.parametrize("seed", range(100))
def test_a_choice_is_the_best_of_all_that_leave_strips(seed):
    """Bundles over random ops, of random sizes: those that fit and save most."""
    random = Random(seed)
    ops, capacity = random.randint(2, 8), random.randint(20, 60)
    bundles = []
    for _ in range(random.randint(1, 8)):
        first = random.randrange(ops)
        last = random.randint(first, ops - 1)
        size = random.randint(1, 25)
        bundles.append(Bundle(random.randint(1, 50), dict.fromkeys(range(first, last + 1), size)))
    strips = [tuple(sorted(random.sample(range(20), 4), reverse=True)) for _ in range(ops)]
    made = [next((n for n, bundle in enumerate(bundles) if bundle.first == at), None) for at in range(ops)]
    read = [next((frozenset({n}) for n, bundle in enumerate(bundles) if bundle.last == at), None) for at in range(ops)]
    steps = [Step(*told) for told in zip(read, made, strips, strict=True)]

    def fits(kept):
        for at, step in enumerate(steps):
            taken = sum(bundles[n].alive.get(at, 0) for n in kept)
            grain = max(1, capacity // 16)
            here, stay = step.reads is not None and step.reads <= kept, step.makes in kept
            if taken and -(-taken // grain) * grain + step.strips[2 * here + stay] > capacity:
                return False
        return True

    sets = [frozenset(kept) for n in range(len(bundles) + 1) for kept in combinations(range(len(bundles)), n)]
    best = max(sum(bundles[n].saved_bytes for n in kept) for kept in sets if fits(kept))
    chosen = choose(bundles, steps, capacity)
    assert fits(chosen)
    assert sum(bundles[n].saved_bytes for n in chosen) == best


def test_where_too_many_choices_are_alive_the_best_found_still_fits():
    """Two dozen tensors that live all the time, of which a third fit."""
    bundles = [Bundle(10 + n % 7, dict.fromkeys(range(24), 1 + n % 3)) for n in range(24)]
    steps = [Step(None, None, (0, 0, 0, 0))] * 24
    chosen = choose(bundles, steps, 16)
    assert 0 < sum(1 + n % 3 for n in chosen) <= 16
    assert sum(bundles[n].saved_bytes for n in chosen) >= 100


def test_two_tensors_that_save_more_go_before_one_that_was_made_first():
    """The first tensor is large and long-lived; without it, two others stay that save more."""
    bundles = [Bundle(20, {0: 10, 1: 10, 2: 10}), Bundle(15, {1: 10}), Bundle(15, {2: 10})]
    steps = [Step(None, None, (0, 0, 0, 0))] * 3
    assert choose(bundles, steps, 15) == {1, 2}
    assert choose(bundles, steps, 20) == {0, 1, 2}


@given(BLOCKS, st.integers(1, 160))
def test_no_two_tensors_that_are_alive_at_a_time_overlap(blocks, capacity):
    named = {str(number): block for number, block in enumerate(blocks)}
    addresses = place(named, capacity)
    for name, at in addresses.items():
        assert 0 <= at <= at + named[name].size_bytes <= capacity
    for a, b in combinations(addresses, 2):
        if named[a].meets(named[b]):
            apart = addresses[a] + named[a].size_bytes <= addresses[b]
            assert apart or addresses[b] + named[b].size_bytes <= addresses[a]


@given(BLOCKS)
def test_with_room_for_all_side_by_side_all_have_addresses(blocks):
    named = {str(number): block for number, block in enumerate(blocks)}
    assert place(named, sum(block.size_bytes for block in blocks)).keys() == named.keys()


def test_a_gap_is_filled_by_what_fits_it_best():
    """Placed largest first: two long-lived blocks with a gap between leave it to the smaller ones that follow."""
    blocks = {
        "low": Block(Lifetime(0, 1), 8),
        "middle": Block(Lifetime(0, 0), 7),
        "high": Block(Lifetime(0, 1), 6),
        "gap": Block(Lifetime(1, 1), 5),
    }
    assert place(blocks, 21) == {"low": 0, "middle": 8, "high": 15, "gap": 8}
    assert place(blocks, 20).keys() == {"low", "middle", "gap"}


@pytest.mark.parametrize("name", BUILDERS)
def test_of_bundled_networks_all_that_stays_has_addresses_of_its_own(name):
    network = load_network(name)
    for capacity in (2**18, 2**20):
        machine = at_size(capacity)
        kept = residency(network, machine, fuse(network, machine)).kept
        assert place(kept, capacity).keys() == kept.keys()
        for a, b in combinations(kept.values(), 2):
            apart = a.address + a.size_bytes <= b.address or b.address + b.size_bytes <= a.address
            assert apart or not a.meets(b)
        assert all(tensor.address + tensor.size_bytes <= capacity for tensor in kept.values())


@pytest.mark.parametrize("seed", range(100))
def test_tensors_and_stacks_are_the_best_of_all_that_go_together(seed):
    """Bundles and stacks over random ops, of random sizes: no stack overlaps another, or has an inner tensor whole."""
    random = Random(seed)
    ops, capacity = random.randint(2, 7), random.randint(20, 60)
    spans = [sorted((random.randrange(ops), random.randrange(ops))) for _ in range(random.randint(1, 5))]
    bundles = [
        Bundle(random.randint(1, 50), dict.fromkeys(range(first, last + 1), random.randint(1, 25)))
        for first, last in spans
    ]
    steps = [Step(None, None, (random.randint(0, 20),) * 4) for _ in range(ops)]
    options = []
    for _ in range(random.randint(1, 4)):
        first, last = sorted(random.sample(range(ops), 2))
        inner = {n for n, bundle in enumerate(bundles) if first <= bundle.first < last and bundle.last <= last}
        index = tuple(range(first, last + 1))
        taken, tiles = (tuple(random.randint(0, 20) for _ in index) for _ in range(2))
        options.append(Option(index, random.randint(1, 80), random.randint(2, 9), taken, tiles, frozenset(inner)))
        if random.random() < 0.5:  # the same ops with what strips share computed again
            rows = tuple(random.randint(0, 20) for _ in index)
            options.append(replace(options[-1], saved_bytes=random.randint(1, 80), taken_bytes=rows))
    grain = max(1, capacity // 16)

    def fits(kept, chosen):
        beside = {at: (t, s) for o in chosen for at, t, s in zip(o.index, o.taken_bytes, o.tile_bytes, strict=True)}
        for at, step in enumerate(steps):
            blocks, strip = beside.get(at, (0, step.strips[0]))
            taken = blocks + sum(bundles[n].alive.get(at, 0) for n in kept)
            if taken and -(-taken // grain) * grain + strip > capacity:
                return False
        covered = [at for option in chosen for at in option.index]
        return len(covered) == len(set(covered)) and not any(option.inner & kept for option in chosen)

    subsets = [frozenset(some) for n in range(len(bundles) + 1) for some in combinations(range(len(bundles)), n)]
    several = [some for n in range(len(options) + 1) for some in combinations(options, n)]
    worths = [
        sum(bundles[n].saved_bytes for n in kept) + sum(option.saved_bytes for option in chosen)
        for kept in subsets
        for chosen in several
        if fits(kept, chosen)
    ]
    kept, numbers = schedule(bundles, steps, capacity, options)
    assert fits(kept, [options[n] for n in numbers])
    saved = sum(bundles[n].saved_bytes for n in kept) + sum(options[n].saved_bytes for n in numbers)
    assert saved == max(worths)
