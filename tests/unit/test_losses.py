"""PE-cycles and what became of them; kinds of op."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.read.kinds import KINDS, detailed_kinds_of, kinds_of
from analysis.read.losses import pe_cycles, sum_pe_cycles
from analysis.read.plots import shares, traffic, utilization
from simulator import simulate
from simulator.network.ir import Op
from simulator.result.laws import broken_laws
from simulator.result.run import total_of
from tests.builders import MACHINE, conv_result, deep_run, run_of, small_run, vector_result
from tests.cli.tiny import tiny

LOSSES = ("spatial", "temporal", "stall")


def test_executed_macs_and_losses_are_all_of_the_pe_cycles() -> None:
    run = small_run()
    for layer in run.layers:
        use = pe_cycles(layer, run)
        assert use.executed + use.spatial + use.temporal + use.stall == use.available == layer.cycles * MACHINE.pes
        assert use.available - use.executed == use.spatial + use.temporal + use.stall


@given(mapped=st.integers(1, 256), waiting=st.integers(0, 10**6), size=st.integers(1, 64))
def test_losses_of_any_layer_add_up_and_their_fractions_to_one(mapped: int, waiting: int, size: int) -> None:
    layer = conv_result("conv", size=size, waiting=waiting)
    compute = -(-layer.macs // mapped)
    parts = layer.cycle_parts | {"compute": compute}
    cycles = sum(parts.values())
    slow = replace(layer, cycle_parts=parts, cycles=cycles, mapped_pes=mapped, utilization=layer.macs / cycles / 256)
    run = run_of(slow)
    assert list(broken_laws(run)) == []
    use = pe_cycles(slow, run)
    assert min(use.executed, use.spatial, use.temporal, use.stall) >= 0
    assert use.spatial == compute * (256 - mapped)
    assert sum(use.fraction(name) for name in ("executed", *LOSSES)) == pytest.approx(1)
    assert use.fraction("executed") == pytest.approx(slow.utilization)


def test_a_pool_stalls_all_the_time() -> None:
    run = run_of(vector_result("pool"))
    use = pe_cycles(run.layers[0], run)
    assert use.stall == use.available > 0


def test_pe_cycles_of_layers_add_up() -> None:
    run = deep_run(8)
    total = sum_pe_cycles(pe_cycles(layer, run) for layer in run.layers)
    assert total.available == run.total.cycles * MACHINE.pes
    assert total.executed == run.total.macs


def test_a_run_that_claims_more_work_than_its_pes_can_do_breaks_a_law() -> None:
    layer = conv_result("conv")
    for mapped in (1, 257):
        broken = list(broken_laws(run_of(replace(layer, mapped_pes=mapped))))
        assert [law.field for law in broken] == ["mapped_pes"]


@pytest.mark.parametrize("machine", ["flexible_168", "squeezenext_16x16", "systolic_32x32"])
def test_simulated_layers_lose_nothing_that_is_not_told(machine: str) -> None:
    run = simulate(machine, tiny(filters=12))
    for layer in run.layers:
        use = pe_cycles(layer, run)
        assert min(use.executed, use.spatial, use.temporal, use.stall) >= 0
        assert not layer.macs or 0 < layer.mapped_pes <= run.hardware.pes


def test_utilization_rows_repeat_the_runs_utilization() -> None:
    run = deep_run(6)
    for row, layer in zip(utilization.rows(run), run.layers, strict=True):
        assert row["utilization"] == layer.utilization
        assert sum(int(row[name]) for name in ("executed", *LOSSES)) == row["available"]


def test_traffic_rows_hold_every_byte() -> None:
    run = deep_run(6)
    rows = traffic.rows(run)
    for level in ("dram", "buffer", "array", "rf"):
        moved = sum(int(row["bytes"]) for row in rows if row["level"] == level)
        assert moved == sum(layer.bytes_at(level) for layer in run.layers)
    assert all(int(row["read_bytes"]) + int(row["write_bytes"]) == row["bytes"] for row in rows)


def test_shares_of_kinds_add_up_to_one_and_the_first_layer_is_a_kind_of_its_own() -> None:
    run = deep_run(12)
    rows = shares.rows(run)
    for name in ("macs", "cycles", "energy_pj", "dram_bytes", "params"):
        assert sum(float(row[f"{name}_share"]) for row in rows) == pytest.approx(1)
    assert {"first layer, 1x1", "1x1", "3x1", "1x3", "addition"} == {row["kind"] for row in rows}
    assert [row["cycles"] for row in rows] == sorted((row["cycles"] for row in rows), reverse=True)


def test_depthwise_and_grouped_convolutions_are_kinds_of_their_own() -> None:
    plain = conv_result("first")
    deep, grouped = replace(plain, name="dw", op=Op.DEPTHWISE), replace(plain, name="g", groups=4)
    run = replace(run_of(plain), layers=(plain, deep, grouped), total=total_of((plain, deep, grouped), MACHINE))
    assert list(kinds_of(run).values()) == ["first", "depthwise", "grouped"]
    assert list(detailed_kinds_of(run).values()) == ["first layer, 3x3", "depthwise 3x3", "grouped 3x3"]


def test_a_convolution_of_one_pixel_is_fully_connected() -> None:
    plain = conv_result("first")
    one = replace(plain, name="fc", kernel=(1, 1), input_shapes=((1, 8, 1, 1),), output_shape=(1, 8, 1, 1))
    run = replace(run_of(plain), layers=(plain, one), total=total_of((plain, one), MACHINE))
    assert kinds_of(run)["fc"] == detailed_kinds_of(run)["fc"] == "fully connected"
    assert set(kinds_of(run).values()) <= set(KINDS)
