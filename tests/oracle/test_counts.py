"""Every total of the closed form equals the count of a walk that looks at each tile, step, PE and word."""

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.dims import Operand
from simulator.kernels import evaluate as layer_totals
from simulator.kernels import steps as tile_figures
from simulator.kernels.evaluate import evaluate
from simulator.mapping.records import layer_record, machine_record, make_scratch, mapping_record
from tests.oracle.naive import LayerWalk, buffer_demands
from tests.oracle.strategies import hardwares, layer_of, mapped_nests, mappings, nests

MOST = settings(max_examples=5 * settings.default.max_examples)

FIGURES = (
    "MAC_CYCLES", "BUS_INPUTS", "BUS_WEIGHTS", "BUS_OUTPUTS", "SUMS", "PES_INPUTS", "PES_WEIGHTS", "PES_OUTPUTS",
    "PASSES", "WINDOW", "ARRAY_CYCLES", "DELIVERY_CYCLES", "PRELOAD_CYCLES", "SKEW_CYCLES",
)  # fmt: skip
TOTALS = (
    "SUMS_READ", "LOADED_INPUTS", "LOADED_WEIGHTS", "LOADED_SUMS", "LOADED_ADDENDS", "STORED_OUTPUTS", "STORED_SUMS",
    "DRAM_INPUTS", "DRAM_WEIGHTS", "DRAM_OUTPUTS_READ", "DRAM_OUTPUTS_WRITTEN", "PORT_CYCLES", "ALL_TILES", "CYCLES",
    "FIRST_WEIGHTS_BYTES", "EXECUTED_MACS",
)  # fmt: skip
NAMES = {getattr(tile_figures, name): name for name in FIGURES} | {getattr(layer_totals, name): name for name in TOTALS}


@st.composite
def cases(draw, mapped=mapped_nests()):  # noqa: B008
    """Records of a machine, a layer and a mapping, and the scratch that an evaluation needs."""
    hardware, (nest, mapping) = draw(hardwares()), draw(mapped)
    resident = draw(st.tuples(*(st.sampled_from((False, False, False, True)) for _ in Operand)))
    facts = draw(st.tuples(st.sampled_from((0, 0, 1, 2)), st.just(0), st.sampled_from((0, 0, 40))))
    layer = layer_record(hardware, layer_of(nest), nest, resident, *facts)
    return machine_record(hardware), layer, mapping_record(hardware, mapping), make_scratch(hardware)


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
