"""Every total of the closed form equals the count of a walk that looks at each tile, level, step, PE and word."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from simulator.cost.case import Case
from simulator.cost.convert import (
    layer_record,
    machine_record,
    make_scratch,
    mapping_record,
    port_record,
    price_record,
)
from simulator.cost.evaluate import evaluate
from simulator.cost.legality import Around, violations
from simulator.cost.objectives import CYCLES_KEY
from simulator.cost.search import Request, search_layer
from simulator.cost.stored import Slices
from simulator.mapping.dataflow import list_dataflows, load_dataflow
from simulator.nest import Operand, array_bounds
from tests.oracle.naive import LayerWalk, plain
from tests.oracle.naive_array import destinations
from tests.oracle.naive_demands import memory_demands
from tests.oracle.strategies import (
    FLAT,
    SHAPES,
    WALKED,
    hardwares,
    layer_of,
    mapped_nests,
    nests,
    sliding_windows,
)
from tests.oracle.walked import bounds_of, costs_of

DATAFLOWS = list_dataflows()


@st.composite
def cases(draw, shapes=SHAPES, slides=False):
    """A layer with a mapping on a machine of one of the shapes; where it `slides`, with windows that overlap."""
    shape = draw(shapes)
    hardware = draw(set_up(draw(hardwares(shapes=st.just(shape)))))
    nest, mapping = draw(sliding_windows(shape) if slides else mapped_nests(shapes=st.just(shape)))
    layer = layer_of(nest)
    facts = layer_record(hardware, layer, nest, draw(residents()), draw(residuals), draw(stored), draw(slices_of(nest)))
    facts["prefetch_bytes"], facts["parameters"] = draw(ahead), draw(parameters)
    records = machine_record(hardware), port_record(hardware), facts, price_record(hardware, layer)
    case = Case(*records, mapping_record(hardware, mapping))
    if draw(st.booleans()):
        facts["prefetched_bytes"] = evaluated(case)["first_weights_bytes"]
    return case


@st.composite
def set_up(draw, hardware):
    """A machine that may take a while for each tile, and may leave room for inputs and weights that come whole."""
    cycles, room = draw(st.sampled_from((0, 0, 3))), draw(st.sampled_from((None, None, 0, 30, 300, 3000)))
    both = {Operand.INPUTS, Operand.WEIGHTS}
    buffers = tuple(
        replace(buffer, tile_bytes=buffer.capacity_bytes - room)
        if room is not None and buffer.level == 0 and both <= {*buffer.holds}
        else buffer
        for buffer in hardware.buffers
    )
    return replace(hardware, array=replace(hardware.array, tile_setup_cycles=cycles), buffers=buffers)


@st.composite
def slices_of(draw, nest):
    """What folded ops leave of where a layer's tensors lie: most often nothing."""
    _, g, k, c, *_ = nest.bounds
    more, after = draw(st.sampled_from((0, 0, 1, 4))), draw(st.sampled_from((0, 0, 1, 4)))
    return Slices(g * c + more if more else 0, g * k + after if after else 0, draw(st.integers(0, 3)) == 3)


def residents():
    """Which tensors stay in the buffer, most often none."""
    return st.tuples(*(st.sampled_from((False, False, False, True)) for _ in Operand))


residuals = st.sampled_from((0, 0, 1, 2))
ahead = st.sampled_from((0, 0, 40))
parameters = st.sampled_from((0, 0, 5, 70))
stored = st.sampled_from((Fraction(1), Fraction(1), Fraction(4, 9)))


def evaluated(case):
    """The kernel's totals and words moved, by name (and place), or None if it says that the tiles do not fit."""
    scratch = make_scratch()
    return {name: figure(scratch, name) for name in names(case)} if evaluate(case, scratch) else None


def figure(scratch, name):
    """A total or moved words by the name of a field, or by that and the place in it."""
    field, *place = name if isinstance(name, tuple) else (name,)
    return int((scratch.moved if field in scratch.moved.dtype.names else scratch.totals)[field][tuple(place)])


def names(case):
    """What is counted on a machine; what crosses within the PEs is counted as delivered."""
    machine, totals = plain(case.machine), make_scratch().totals
    found = [name for name in totals.dtype.names if totals[name].ndim == 0]
    for operand in Operand:
        found += [(name, operand) for name in ("network_words", "loaded", "dram_read")]
        found += [(kind, level, operand) for kind in ("read", "written") for level in range(machine.levels + 2)]
        for to in destinations(machine, operand):
            found += [("delivered", to, operand)]
            found += [("crossed", to, operand)] if to <= machine.array_level[operand] else []
            found += [("returned", to)] if operand is Operand.OUTPUTS else []
    return found


def walked(case):
    walk = LayerWalk(case.machine, case.port, case.layer, case.mapping)
    counted = walk.totals | walk.traffic()
    return {name: counted[name] for name in names(case)}


@given(cases(st.just(FLAT)))
def test_the_closed_form_counts_what_a_walk_counts(case):
    assert evaluated(case) == walked(case)


@WALKED
@given(cases())
def test_memories_inside_and_outside_the_pes_and_arrays_count_as_in_a_walk(case):
    assert evaluated(case) == walked(case)


@WALKED
@given(cases(slides=True))
def test_windows_slide_as_in_a_walk(case):
    assert evaluated(case) == walked(case)


@WALKED
@given(cases(), st.integers(1, 3))
def test_inner_tiles_that_stick_out_of_what_lies_around_change_nothing(case, more):
    inner, mapping = case.mapping["inner_tile"], plain(case.mapping)
    cut, around = evaluated(case), array_bounds(mapping.tile, mapping.lowered)
    for level in range(1, int(case.machine["levels"])):
        inner[level], around = (
            [e + more if e == a else e for e, a in zip(inner[level], around, strict=True)],
            inner[level].copy(),
        )
    assert evaluated(case) == cut


@WALKED
@given(cases())
def test_no_mapping_takes_less_than_its_bounds(case):
    case.layer["prefetched_bytes"] = 0
    bounds, costs = bounds_of(case), costs_of(case)
    assert all(bound <= costs[name] for name, bound in bounds.items())
    assert case.machine["overlapped"] or bounds["mac_cycles"] <= bounds["array_cycles"] == costs["array_cycles"]


@WALKED
@given(cases(), st.data())
def test_tiles_fit_the_bytes_that_they_keep_and_not_one_less(case, data):
    demands = memory_demands(case.machine, case.layer, case.mapping)
    case.machine["capacity_bytes"][: len(demands)] = demands
    assert evaluated(case) is not None
    tight = data.draw(st.sampled_from(range(len(demands))))
    case.machine["capacity_bytes"][tight] -= 1
    assert evaluated(case) is None


@WALKED
@given(hardwares(capacity=600, registers=6, shapes=SHAPES), nests(), st.sampled_from(DATAFLOWS), residents(), residuals)
def test_every_dataflows_best_mapping_is_legal_and_costs_what_a_walk_counts(hardware, nest, name, resident, added):
    flow, layer = load_dataflow(name), layer_of(nest)
    assume(hardware.array.reduce_rows or not flow.reduces_rows)
    assume(hardware.array.reduce_columns or not flow.reduces_columns)
    found = search_layer(Request(hardware, layer, "cycles", resident, residuals=added), [flow])
    assume(found is not None)
    assert violations(found.mapping, layer, hardware, Around(resident, residuals=added)) == []
    facts = layer_record(hardware, layer, nest, resident, added)
    records = machine_record(hardware), port_record(hardware), facts, price_record(hardware, layer)
    case = Case(*records, mapping_record(hardware, found.mapping))
    totals = walked(case)
    assert evaluated(case) == totals
    assert found.keys[CYCLES_KEY] == totals["cycles"]
