"""Every total of the closed form equals the count of a walk that looks at each tile, step, PE and word."""

from fractions import Fraction

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simulator.cost import array as tile_figures
from simulator.cost import evaluate as layer_totals
from simulator.cost.array import set_program
from simulator.cost.bounds import array_bound, mac_bound, mac_tables, promising, traffic_bound
from simulator.cost.convert import energy_record, layer_record, machine_record, make_scratch, mapping_record
from simulator.cost.energy import PARTS, energy_parts
from simulator.cost.evaluate import evaluate
from simulator.cost.legality import violations
from simulator.cost.objectives import KEYS
from simulator.cost.search import search_layer
from simulator.cost.search_tiles import axis_tables, dram_total
from simulator.cost.tiles import start_walk
from simulator.energy.table import load_energy_table
from simulator.hardware.load import load_hardware
from simulator.mapping.dataflow import list_dataflows, load_dataflow
from simulator.nest import LoopNest, Operand
from tests.oracle.naive import LayerWalk, buffer_demands
from tests.oracle.strategies import hardwares, layer_of, mapped_nests, nests, sliding_windows

MOST = settings(max_examples=5 * settings.default.max_examples)
DATAFLOWS, TABLE = list_dataflows(), load_energy_table("picojoule_45nm")
EYERISS, LAYER = load_hardware("eyeriss_like"), layer_of(LoopNest((1,) * 8, input_size=(1, 1)))

FIGURES = (
    "MAC_CYCLES", "BUS_INPUTS", "BUS_WEIGHTS", "BUS_OUTPUTS", "SUMS", "PES_INPUTS", "PES_WEIGHTS", "PES_OUTPUTS",
    "PASSES", "WINDOW", "STEP", "MAC_STEPS", "ARRAY_CYCLES", "DELIVERY_CYCLES", "PRELOAD_CYCLES", "SKEW_CYCLES",
)  # fmt: skip
TOTALS = (
    "SUMS_READ", "LOADED_INPUTS", "LOADED_WEIGHTS", "LOADED_SUMS", "LOADED_ADDENDS", "STORED_OUTPUTS", "STORED_SUMS",
    "DRAM_INPUTS", "DRAM_WEIGHTS", "DRAM_OUTPUTS_READ", "DRAM_OUTPUTS_WRITTEN", "PORT_CYCLES", "DMA_CYCLES",
    "ALL_TILES", "CYCLES", "FIRST_WEIGHTS_BYTES", "EXECUTED_MACS", "REGISTERS",
)  # fmt: skip
NAMES = {getattr(tile_figures, name): name for name in FIGURES} | {getattr(layer_totals, name): name for name in TOTALS}


@st.composite
def cases(draw, mapped=mapped_nests()):  # noqa: B008
    """Records of a machine, a layer and a mapping, and the scratch that an evaluation needs."""
    hardware, (nest, mapping) = draw(hardwares()), draw(mapped)
    layer = layer_record(
        hardware,
        layer_of(nest),
        nest,
        draw(residents()),
        draw(addends),
        prefetch_bytes=draw(ahead),
        stored=draw(stored),
    )
    case = machine_record(hardware), layer, mapping_record(hardware, mapping), make_scratch(hardware)
    if draw(st.booleans()):
        layer["prefetched_bytes"] = evaluated(*case)["FIRST_WEIGHTS_BYTES"]
    return case


def residents():
    """Which tensors stay in the buffer, most often none."""
    return st.tuples(*(st.sampled_from((False, False, False, True)) for _ in Operand))


addends = st.sampled_from((0, 0, 1, 2))
ahead = st.sampled_from((0, 0, 40))
stored = st.sampled_from((Fraction(1), Fraction(1), Fraction(4, 9)))


def evaluated(machine, layer, mapping, scratch):
    """The kernel's totals by name, or None if it says that the tiles do not fit."""
    arrays = scratch.program, scratch.walk, scratch.state, scratch.kinds, scratch.totals
    if not evaluate(machine, layer, mapping, *arrays):
        return None
    return {NAMES[i]: int(total) for i, total in enumerate(scratch.totals)}


def walked(machine, layer, mapping):
    totals = LayerWalk(machine, layer, mapping).totals
    return {name: totals[name] for name in NAMES.values()}


@MOST
@given(cases())
def test_the_closed_form_counts_what_a_walk_counts(case):
    assert evaluated(*case) == walked(*case[:3])


@given(cases(sliding_windows()))
def test_windows_slide_as_in_a_walk(case):
    assert evaluated(*case) == walked(*case[:3])


@MOST
@given(cases())
def test_no_mapping_takes_less_than_its_bounds(case):
    machine, layer, mapping, scratch = case
    layer["prefetched_bytes"] = 0
    totals, dram = evaluated(*case), dram_total(scratch.totals)
    tile, one = np.array(mapping["tile"]).reshape(8, 1), np.ones(8, np.int64)
    factors, table, first = np.empty((8, 1), np.int64), np.empty((2, 1, 1), np.int64), np.zeros(8, np.int64)
    mac_tables(layer, mapping, tile, one, factors)
    axis_tables(machine, layer, tile, one, table)
    macs, window = mac_bound(machine, layer, mapping, factors, first), int(table.prod())
    start_walk(machine, layer, mapping, scratch.walk)
    set_program(mapping, machine["forwarding"], scratch.program)
    array = array_bound(machine, layer, mapping, scratch.program, scratch.walk, scratch.kinds[0])
    assert macs <= totals["MAC_CYCLES"]
    assert machine["overlapped"] or macs <= array <= totals["ARRAY_CYCLES"]
    assert traffic_bound(machine, layer, scratch.walk, window) <= dram
    prices, keys = energy_record(EYERISS, TABLE, LAYER), np.empty(KEYS)
    program, walk, kind, worst = scratch.program, scratch.walk, scratch.kinds[0], np.full(KEYS, np.inf)
    assert promising(machine, layer, prices, mapping, program, walk, window, macs, 0, kind, keys, worst)
    assert keys[1] <= totals["CYCLES"] and keys[2] <= energy_parts(prices, scratch.totals, np.empty(len(PARTS)))
    assert keys[3] <= dram


@given(cases(), st.data())
def test_tiles_fit_the_bytes_that_they_keep_and_not_one_less(case, data):
    machine, demands = case[0], buffer_demands(*case[:3])
    machine["capacity_bytes"][: len(demands)] = demands
    assert evaluated(*case) is not None
    tight = data.draw(st.sampled_from(range(len(demands))))
    machine["capacity_bytes"][tight] -= 1
    assert evaluated(*case) is None


@given(hardwares(capacity=600, registers=6), nests(), st.sampled_from(DATAFLOWS), residents(), addends)
def test_every_dataflows_best_mapping_is_legal_and_costs_what_a_walk_counts(hardware, nest, name, resident, added):
    flow, layer = load_dataflow(name), layer_of(nest)
    assume(hardware.array.reduce_rows or not flow.reduces_rows)
    assume(hardware.array.reduce_columns or not flow.reduces_columns)
    found = search_layer(hardware, TABLE, layer, [flow], "cycles", resident, addends=added)
    assume(found is not None)
    assert violations(found.mapping, layer, hardware, resident) == []
    facts = layer_record(hardware, layer, nest, resident, added)
    case = machine_record(hardware), facts, mapping_record(hardware, found.mapping)
    totals = walked(*case)
    assert evaluated(*case, make_scratch(hardware)) == totals
    assert found.keys[1] == totals["CYCLES"]
