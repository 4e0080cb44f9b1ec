"""Laws of tensors on drawn networks: what a search of mappings makes of them, the ledger of every tensor closes."""

from dataclasses import replace

import numba
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import load_hardware, simulate
from simulator.hardware.model import Hardware
from simulator.network.ir import Op
from simulator.result.json_io import run_from_json, run_to_json
from tests.drawn_networks import networks
from tests.oracle.slow_ledger import Ledger
from tests.oracle.small_cases import MACHINES

MANY = max(6, min(1000, settings.default.max_examples * 2 // 5))
"""200 networks with every change, 1,000 at night."""
LEVELS = ("timeloop_simple_output_stationary", "timeloop_simple_weight_stationary")
ANY = {**MACHINES, **{name: load_hardware(name) for name in LEVELS}}
ORDERS = ("serial", "prefetch_weights", "overlapped")
FUSED = (Op.ACTIVATION, Op.ADD, Op.MUL, Op.POOL)
FOLDED = (Op.CONCAT, Op.GATHER, Op.RESHAPE, Op.SHUFFLE, Op.SPLIT)


@st.composite
def machines(draw) -> Hardware:
    """A machine, with other memory, order of layers, and ops that are free."""
    machine = ANY[draw(st.sampled_from(sorted(ANY)))]
    outermost = [replace(b, capacity_bytes=draw(st.sampled_from((b.capacity_bytes, 4096)))) for b in machine.buffers]
    kept = tuple(b if b.in_pe else new for b, new in zip(machine.buffers, outermost, strict=True))
    return replace(
        machine,
        buffers=kept,
        keeps_activations=draw(st.booleans()),
        layer_order=draw(st.sampled_from(ORDERS)),
        fuses=frozenset(draw(st.sets(st.sampled_from(FUSED)))),
        folds=frozenset(draw(st.sets(st.sampled_from(FOLDED)))),
    )


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="a search takes seconds in plain Python")
@settings(max_examples=MANY)
@given(networks(), machines())
def test_every_tensor_of_a_drawn_network_is_read_where_it_was_left_and_moved_whole(network, machine) -> None:
    run = run_from_json(run_to_json(simulate(machine, network, threads=1)))
    assert list(Ledger(run, network, machine).faults()) == []
