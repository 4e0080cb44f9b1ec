"""The search of tiles against trying every tile and order, on cases so small that kernels may run as plain Python."""

from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import product
from math import inf, prod

import numpy as np
import pytest

from simulator.cost.candidates import dram_orders, template_record
from simulator.cost.case import LAYER, MACHINE, MAPPING, OUTPUTS, TILES, Best, Case
from simulator.cost.convert import layer_record, machine_record, make_scratch, port_record, price_record, record
from simulator.cost.crossing import all_tiles
from simulator.cost.energy import dram_bytes, layer_energy
from simulator.cost.evaluate import evaluate
from simulator.cost.inner import InnerTiles
from simulator.cost.objectives import KEYS, better, port_floor, set_keys
from simulator.cost.search_tiles import (
    CYCLES_COLUMN,
    FIGURES,
    FLOOR_COLUMN,
    INNERMOST,
    WORDS_COLUMN,
    Choices,
    axis_tables,
    axis_total,
    judge,
    keep_better,
    next_choice,
    search_tiles,
    tiled_groups,
)
from simulator.hardware.load import load_hardware
from simulator.hardware.model import KERNEL_OBJECTIVES as OBJECTIVES
from simulator.nest import Dim, LoopNest
from tests.marks import one_in
from tests.oracle.strategies import layer_of
from tests.oracle.walked import load, without_prefetch

ROOMY = 1 << 40
ORDERS, TRIES = dram_orders()
SOME = slice(None, None, 53)


def halves(bound: int) -> list[int]:
    """Extents to try, largest first: all, and about half."""
    return sorted({bound, -(-bound // 2)}, reverse=True)


def choices_of(case: Case) -> Choices:
    lists = [halves(bound) if d not in (Dim.N, Dim.R) else [bound] for d, bound in enumerate(case.layer["bounds"])]
    extents = np.zeros((8, max(map(len, lists))), np.int64)
    for d, sizes in enumerate(lists):
        extents[d, : len(sizes)] = sizes
    return Choices(extents, np.array([len(sizes) for sizes in lists]), ORDERS, TRIES, ROOMY)


def nothing() -> Best:
    """No mapping yet."""
    return Best(record(MAPPING), np.full(KEYS, inf))


def small_cases() -> list[Case]:
    """Kept cases of few choices, with memories that hold about two thirds of what the largest tile takes.

    Outputs that stay on chip have a test of their own.
    """
    found = []
    for kept in load():
        case = without_prefetch(kept.case)
        if 8 <= prod(choices_of(case).counts) <= 16:
            machine, mapping, layer = case.machine.copy(), case.mapping.copy(), case.layer.copy()
            layer["resident"][OUTPUTS] = 0
            machine["capacity_bytes"] = [max(1, 2 * demand // 3) for demand in kept.demands] + [0] * (
                len(machine["capacity_bytes"]) - len(kept.demands)
            )
            found.append(case._replace(machine=machine, mapping=mapping, layer=layer))
    return found[SOME]


def wide_case() -> Case:
    """A map of two wide rows that a buffer holds whole, behind a slow port: several tiles are faster than one."""
    chip = load_hardware("flexible_168")
    machine = replace(chip, dram=replace(chip.dram, bytes_per_cycle=Fraction(1), latency_cycles=0))
    layer = layer_of(LoopNest((1, 1, 2, 4, 2, 16, 1, 1), input_size=(2, 16)))
    mapping = template_record(machine.dataflows[0], InnerTiles(machine.dataflows[0].order), False)
    assert layer.nest is not None
    facts = layer_record(machine, layer, layer.nest)
    return Case(machine_record(machine), port_record(machine), facts, price_record(machine, layer), mapping)


CASES = [*small_cases(), wide_case()]
WIDE = len(CASES) - 1


@cache
def every_mapping(number: int) -> list[tuple[int, dict[str, tuple[float, ...]]]]:
    return mappings_of(CASES[number])


def mappings_of(case: Case) -> list[tuple[int, dict[str, tuple[float, ...]]]]:
    """Cycles and keys by objective of every mapping of a case that fits."""
    scratch, found = make_scratch(), []
    extents, counts, orders, *_ = choices_of(case)
    lists = [list(map(int, sizes[:count])) for sizes, count in zip(extents, counts, strict=True)]
    for tile in product(*lists):
        for order in orders:
            case.mapping["tile"], case.mapping["dram_order"] = tile, order
            if evaluate(case, scratch):
                found.append((int(scratch.totals["cycles"]), keys_of(case, scratch)))
    return found


def keys_of(case: Case, scratch) -> dict[str, tuple[float, ...]]:
    totals = scratch.totals
    cycles, dram = int(totals["cycles"]), dram_bytes(totals)
    pj = layer_energy(case.machine, case.prices, totals, scratch.moved)
    with_dma = cycles + int(totals["dma_cycles"])
    first = {"cycles": cycles, "energy": pj, "edp": pj * cycles, "dram": dram, "cycles_plus_dma": with_dma}
    return {name: (key, cycles, pj, dram) for name, key in first.items()}


@cache
def searched(number: int, objective: str, most_cycles: float = inf) -> tuple[Best, int]:
    """The best that the search finds, and how many mappings it evaluates."""
    case, best = CASES[number], nothing()
    scratch, choices = make_scratch(), choices_of(case)
    count = search_tiles(case, scratch, OBJECTIVES.index(objective), most_cycles, choices, best)
    return best, count


def test_a_layout_is_judged_by_the_layer_as_one_tile() -> None:
    """Words at the array's networks: those that arrive, and outputs there and back."""
    for kept in load()[SOME]:
        case = kept.case
        machine, layer, mapping = (part.copy() for part in (case.machine, case.layer, case.mapping))
        layer["resident"], machine["capacity_bytes"] = 1, ROOMY
        whole = case._replace(machine=machine, layer=layer, mapping=mapping)
        mapping["tile"] = layer["bounds"]
        scratch, figures = make_scratch(), np.zeros((3, FIGURES), np.int64)
        assert evaluate(whole, scratch)
        at = [int(level) for level in machine["array_level"]]
        crossed = scratch.totals["crossed"]
        words = int(crossed[at[0]][0] + crossed[at[1]][1] + 2 * crossed[at[2]][2])
        wanted = [0] * FIGURES
        wanted[CYCLES_COLUMN], wanted[WORDS_COLUMN] = int(scratch.totals["array_cycles"]), words
        layouts = [
            np.stack([mapping[name], np.ones(8, np.int64), mapping[name]])
            for name in ("spatial", "rows", "arrays", "registers")
        ]
        mapping["tile"] = 1
        judge(whole, make_scratch(), *layouts, figures)
        wanted[FLOOR_COLUMN] = int(figures[0][FLOOR_COLUMN])
        assert 0 <= wanted[FLOOR_COLUMN] <= scratch.totals["mac_cycles"]
        assert figures[0].tolist() == figures[2].tolist() == wanted


@pytest.mark.parametrize(
    ("stride", "dilation", "pad", "whole"), [(1, 1, 0, 0), (2, 1, 1, 0), (1, 2, 2, 0), (3, 2, 1, 1), (3, 1, 0, 0)]
)
def test_rows_of_all_tiles_are_those_that_each_tile_reaches(stride: int, dilation: int, pad: int, whole: int) -> None:
    pixels, taps, size = 5, 3, 9
    for axis in range(2):
        machine = record(MACHINE, whole_rows=whole)
        layer = record(
            LAYER, bounds=[1] * 8, stride=[7, 7], dilation=[7, 7], pad=[5, 5], input_size=[1, 1]
        )  # fmt: skip
        layer["bounds"][Dim.P + axis], layer["bounds"][Dim.R + axis] = pixels, taps
        layer["stride"][axis], layer["dilation"][axis], layer["pad"][axis] = stride, dilation, pad
        layer["input_size"][axis] = size
        for tile_pixels, tile_taps in product((5, 3, 2), (3, 2)):
            wanted = 0
            for a, b in product(range(0, pixels, tile_pixels), range(0, taps, tile_taps)):
                many, few = min(tile_pixels, pixels - a), min(tile_taps, taps - b)
                first = a * stride + b * dilation - pad
                reach = (many - 1) * stride + (few - 1) * dilation + 1
                reach = max(reach, many * stride) if whole else reach
                wanted += sum(0 <= row < size for row in range(first, first + reach))
            assert axis_total(machine, layer, axis, tile_pixels, tile_taps) == wanted


def test_tables_of_rows_and_columns_hold_each_choice_in_its_place() -> None:
    machine = record(MACHINE)
    layer = record(
        LAYER, bounds=[1, 1, 1, 1, 4, 6, 3, 2], stride=[1, 1], dilation=[1, 1], pad=[0, 0], input_size=[6, 7]
    )  # fmt: skip
    choices, counts = np.ones((8, 3), np.int64), np.ones(8, np.int64)
    choices[Dim.P], choices[Dim.Q], choices[Dim.R], choices[Dim.S] = (4, 2, 1), (6, 3, 9), (3, 1, 9), (2, 9, 9)
    counts[Dim.P], counts[Dim.Q], counts[Dim.R] = 3, 2, 2
    table = np.full((2, 3, 3), -1, np.int64)
    axis_tables(machine, layer, choices, counts, table)
    assert table.tolist() == [
        [[6, 12, -1], [8, 12, -1], [12, 12, -1]],
        [[7, -1, -1], [8, -1, -1], [-1, -1, -1]],
    ]


@pytest.mark.parametrize(("elongation", "left_out"), [(1 << 40, []), (2, [(9, 4)]), (1, [(9, 4), (3, 4), (3, 2)])])
def test_choices_count_up_from_the_last_dimension_but_for_long_tiles(elongation: int, left_out: list) -> None:
    counts, extents = np.array([2, 1, 1, 1, 3, 3, 1, 2]), np.ones((8, 3), np.int64)
    extents[Dim.P], extents[Dim.Q] = (9, 3, 1), (8, 4, 2)
    if elongation == 2:
        left_out = [*left_out, (9, 2)]
    if elongation == 1:
        left_out = [*left_out, (9, 2)]
    pick, found = np.zeros(8, np.int64), [(0,) * 8]
    while next_choice(pick, Choices(extents, counts, ORDERS, TRIES, elongation), INNERMOST):
        found.append(tuple(int(i) for i in pick))
    every = [tuple(digits) for digits in product(*(range(count) for count in counts))]
    extent = {pick: (int(extents[Dim.P, pick[Dim.P]]), int(extents[Dim.Q, pick[Dim.Q]])) for pick in every}
    assert found == [pick for pick in every if extent[pick] not in left_out]


GROUP = {"N": 1, "G": 0, "K": 2, "C": 4, "P": 1, "Q": 1, "R": 4, "S": 4}


@pytest.mark.parametrize("name", GROUP)
def test_a_dimension_is_tiled_with_its_group(name: str) -> None:
    tiles = record(TILES, trips=[1] * 8)
    assert (tiled_groups(tiles), all_tiles(tiles)) == (0, 1)
    tiles["trips"][Dim[name]] = 2
    assert (tiled_groups(tiles), all_tiles(tiles)) == (GROUP[name], 2)


def test_tiles_are_the_product_of_all_trips() -> None:
    tiles = record(TILES, trips=[2, 3, 5, 7, 11, 13, 17, 19])
    assert (tiled_groups(tiles), all_tiles(tiles)) == (7, 2 * 3 * 5 * 7 * 11 * 13 * 17 * 19)


@pytest.mark.parametrize("place", range(KEYS))
def test_the_first_key_that_differs_decides_and_of_equal_mappings_the_first_stays(place: int) -> None:
    mapping = record(MAPPING, tile=list(range(1, 9)), dram_order=list(range(8)))
    best = Best(record(MAPPING), np.array([3.0, 3.0, 3.0, 3.0]))
    keys = best.keys.copy()
    keep_better(mapping, keys, best)
    assert best.mapping["tile"].tolist() == [0] * 8 and not better(keys, best.keys)
    keys[place] += 1
    keys[:place] = 3
    keys[place + 1 :] = 0
    keep_better(mapping, keys, best)
    assert best.mapping["tile"].tolist() == [0] * 8 and not better(keys, best.keys)
    keys[place] = 2
    keys[place + 1 :] = 9
    keep_better(mapping, keys, best)
    assert best.mapping["tile"].tolist() == list(range(1, 9))
    assert best.mapping["dram_order"].tolist() == list(range(8))
    assert best.keys.tolist() == keys.tolist()


FIRST = {"cycles": 100.0, "energy": 7.0, "edp": 700.0, "dram": 30.0, "cycles_plus_dma": 111.0}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_keys_are_the_objective_then_cycles_energy_and_dram_bytes(objective: str) -> None:
    keys = np.zeros(KEYS)
    set_keys(OBJECTIVES.index(objective), 100, 7.0, 30, 11, keys)
    assert keys.tolist() == [FIRST[objective], 100, 7, 30]


def test_the_port_needs_no_more_than_whole_cycles_of_what_crosses_it() -> None:
    port = record(MACHINE, dram_numerator=5, dram_denominator=2)
    assert [port_floor(port, size) for size in (-5, 0, 1, 2, 3, 5, 10)] == [0, 0, 0, 0, 1, 2, 4]
    assert port_floor(record(MACHINE, dram_numerator=0, dram_denominator=1), 10**6) == 0
    one = record(MACHINE, dram_numerator=1, dram_denominator=1)
    assert [port_floor(one, size) for size in (-3, 0, 1)] == [0, 0, 1]


@pytest.mark.parametrize("number", one_in(2, range(len(CASES))))
def test_the_best_of_all_tiles_and_orders_is_found(number: int) -> None:
    case, scratch = CASES[number], make_scratch()
    every = sorted(cycles for cycles, _ in every_mapping(number))
    limits = [("energy", every[len(every) * i // 4]) for i in range(3)] if every else []
    for objective, most in (*((name, inf) for name in OBJECTIVES), *limits):
        fitting = (keys[objective] for cycles, keys in every_mapping(number) if cycles <= most)
        wanted = min(fitting, default=(inf,) * KEYS)
        best, count = searched(number, objective, most)
        assert tuple(best.keys) == wanted
        assert (count > 0) == (wanted[0] < inf)
        if count:
            case.mapping["tile"], case.mapping["dram_order"] = best.mapping["tile"], best.mapping["dram_order"]
            assert evaluate(case, scratch)
            assert keys_of(case, scratch)[objective] == wanted


def test_half_of_all_mappings_and_more_are_ruled_out_without_an_evaluation() -> None:
    every = sum(len(every_mapping(number)) for number in range(len(CASES)))
    evaluated = sum(searched(number, objective)[1] for number in range(len(CASES)) for objective in OBJECTIVES)
    assert 0 < evaluated < len(OBJECTIVES) * every / 2


def test_a_second_search_keeps_the_best_of_the_first() -> None:
    number = next(number for number in range(len(CASES)) if searched(number, "cycles")[1])
    first, _ = searched(number, "cycles")
    best, case = Best(first.mapping.copy(), first.keys.copy()), CASES[number]
    search_tiles(case, make_scratch(), OBJECTIVES.index("cycles"), inf, choices_of(case), best)
    assert (best.keys == first.keys).all()
    assert best.mapping == first.mapping


def test_outputs_that_stay_leave_tiles_to_the_orders_under_which_they_fit() -> None:
    """How many sums are unfinished at a time, and so what outputs that stay take, depends on the order of loops."""
    case = CASES[WIDE]
    layer, machine, scratch = case.layer.copy(), case.machine.copy(), make_scratch()
    layer["resident"] = (0, 0, 1)
    missed = []
    for capacity in (92, 104):
        machine["capacity_bytes"][0] = capacity
        tight = case._replace(layer=layer, machine=machine)
        best, choices = nothing(), choices_of(tight)
        search_tiles(tight, scratch, OBJECTIVES.index("cycles"), inf, choices, best)
        every = [keys["cycles"] for _, keys in mappings_of(tight)]
        if tuple(best.keys) != min(every, default=(inf,) * KEYS):
            missed.append(capacity)
    assert missed == []
