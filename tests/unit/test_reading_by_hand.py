"""What tables, summaries and losses say of a run that is counted by hand, and how quantities are written at edges."""

from dataclasses import replace

import pytest

from analysis.read import units
from analysis.read.kinds import KINDS, by_kind, detailed_kinds_of, kind_of, kinds_of, share_of
from analysis.read.losses import PeCycles, pe_cycles, stage_uses, sum_pe_cycles
from analysis.read.objective import (
    COMPARED,
    CYCLES,
    DRAM,
    MACS,
    OBJECTIVES,
    PARAMS,
    component_of,
    energy_by,
    objective_of,
    operand_of,
)
from analysis.read.summary import Share, cycles_by_bottleneck, cycles_by_dataflow, cycles_by_op, shares, summary_lines
from analysis.read.tables import COLUMNS, initials, op_rows, total_row
from simulator.network.ir import Op
from simulator.result.rows import kernel_text, shape_text
from simulator.result.run import CYCLE_PARTS, LayerResult, MachineFacts, Run, Traffic
from tests.builders import MACHINE, free_result, run_of

SMALL = replace(MACHINE, rows=2, columns=4, clock_hz=1000, levels=("dram", "glb", "array", "rf"))


def costing(name: str, op: Op, cycles: int, compute: int, macs: int, **more: object) -> LayerResult:
    parts = dict.fromkeys(CYCLE_PARTS, 0) | {"compute": compute, "dram": cycles - compute}
    one = replace(
        free_result(name, op), cycles=cycles, cycle_parts=parts, macs=macs, effective_macs=macs, params=macs // 4,
        energy_pj=100.0 * cycles,
        energy_parts={"mac": 60.0 * cycles, "dram.inputs": 30.0 * cycles, "leakage": 10.0 * cycles},
        traffic={
            "dram": {"inputs": Traffic(10 * cycles, 0), "outputs": Traffic(1, 2)}, "glb": {"inputs": Traffic(4, 3)},
        },
        utilization=macs / (8 * cycles), bottleneck="array", dma_cycles=5, tiles=3, dataflow="weight_stationary",
        note="noted",
    )  # fmt: skip
    return replace(one, **more)  # type: ignore[arg-type]


FIRST = costing(
    "a", Op.CONV, 10, 8, 40, stage="stem", mapped_pes=6, kernel=(3, 3), fused=("r",), output_shape=(1, 5, 14, 14)
)
RELU = replace(free_result("r", Op.ACTIVATION), stage="stem")
ONE = costing(
    "b", Op.CONV, 20, 15, 100, stage="body", effective_macs=90, dataflow="no_local_reuse", output_shape=(1, 7, 14, 14)
)
POOL = costing("p", Op.POOL, 10, 0, 0, stage="body", bottleneck="vector", dataflow="", kernel=(2, 2))
JOINED = replace(free_result("j", Op.CONCAT, folded=True), stage="end")
AGAIN = costing(
    "c", Op.DEPTHWISE, 60, 60, 60, stage="stem", groups=16, kernel=(5, 3), stride=(2, 1), output_shape=(1, 3, 14, 14)
)


def run(*layers: LayerResult, machine: MachineFacts = SMALL) -> Run:
    return run_of(*(layers or (FIRST, RELU, ONE, POOL, JOINED, AGAIN)), machine=machine)


def test_pe_cycles_are_spent_on_macs_or_lost_beside_at_edges_or_while_waiting() -> None:
    """8 PEs: of 10 cycles 8 multiply, on 6 PEs, which do 40 of 48; 2 x 8 are idle beside them; 2 cycles all wait."""
    assert pe_cycles(FIRST, run()) == PeCycles(80, 40, 16, 8, 16)
    assert pe_cycles(ONE, run()) == PeCycles(160, 90, 0, 30, 40)
    assert pe_cycles(POOL, run()) == PeCycles(80, 0, 0, 0, 80)
    twice = replace(SMALL, macs_per_cycle=2, arrays=3)
    assert pe_cycles(FIRST, run(machine=twice)) == PeCycles(480, 40, 288, 56, 96)
    assert sum_pe_cycles([PeCycles(1, 2, 3, 4, 5), PeCycles(10, 20, 30, 40, 50)]) == PeCycles(11, 22, 33, 44, 55)
    assert PeCycles(8, 4, 1, 1, 2).fraction("executed") == 0.5
    assert PeCycles(0, 4, 1, 1, 2).fraction("executed") == 0.0
    bare = replace(FIRST, cycle_parts={})
    assert pe_cycles(bare, run()) == PeCycles(80, 40, 0, -40, 80)
    assert set(stage_uses(run(bare))[0].cycle_parts.values()) == {0}


def test_a_stage_that_comes_again_is_another_and_one_without_cycles_is_none() -> None:
    stem, body, again = stage_uses(run())
    assert [(use.stage, use.layers, use.filters) for use in (stem, body, again)] == [
        ("stem", 1, (5, 5)), ("body", 2, (7, 7)), ("stem", 1, (3, 3))
    ]  # fmt: skip
    assert [(use.cycles, use.cycles_share) for use in (stem, body, again)] == [(10, 0.1), (30, 0.3), (60, 0.6)]
    assert [(use.macs, use.macs_share) for use in (stem, body, again)] == [(40, 0.2), (100, 0.5), (60, 0.3)]
    assert body.use == PeCycles(240, 90, 0, 30, 120)
    assert (body.cycle_parts["compute"], body.cycle_parts["dram"], body.cycle_parts["skew"]) == (15, 15, 0)
    assert (body.utilization, body.excess) == (90 / 240, 0.3 - 0.5)
    both = run(FIRST, replace(ONE, stage="stem"))
    assert stage_uses(both)[0].filters == (5, 7)
    (alone,) = stage_uses(run(POOL))
    assert (alone.filters, alone.macs_share) == ((0, 0), 0.0)


def test_layers_fall_into_kinds_by_op_groups_and_window() -> None:
    kinds = [kind_of(layer) for layer in (FIRST, ONE, POOL, AGAIN)]
    assert kinds == ["3x3 and larger", "1x1", "other ops", "depthwise"]
    assert [kind_of(replace(FIRST, kernel=kernel)) for kernel in ((1, 3), (5, 1), (2, 2))] == [
        "1xN and Nx1", "1xN and Nx1", "3x3 and larger"
    ]  # fmt: skip
    assert [kind_of(replace(ONE, groups=groups)) for groups in (1, 2)] == ["1x1", "grouped"]
    assert kind_of(replace(ONE, op=Op.LINEAR)) == kind_of(replace(ONE, op=Op.MATMUL)) == "fully connected"
    pixel = ((1, 16, 1, 1),)
    assert kind_of(replace(ONE, output_shape=(1, 9, 1, 1), input_shapes=pixel, groups=2)) == "fully connected"
    assert kind_of(replace(ONE, output_shape=(1, 9, 1, 1))) == "1x1"
    assert kind_of(replace(ONE, input_shapes=pixel)) == "1x1"
    assert list(kinds_of(run()).values()) == ["first", "other ops", "1x1", "other ops", "other ops", "depthwise"]
    assert list(kinds_of(run(POOL, FIRST, ONE)).values()) == ["other ops", "first", "1x1"]
    assert list(detailed_kinds_of(run()).values()) == [
        "first layer, 3x3", "activation", "1x1", "pooling", "concat", "depthwise 5x3"
    ]  # fmt: skip
    product, full = replace(ONE, op=Op.MATMUL), replace(ONE, op=Op.LINEAR)
    assert list(detailed_kinds_of(run(FIRST, product))) == ["a", "b"]
    assert detailed_kinds_of(run(FIRST, product))["b"] == "matrix product"
    assert detailed_kinds_of(run(FIRST, full))["b"] == "fully connected"


def test_a_measure_falls_to_kinds_in_their_order() -> None:
    cycles = by_kind(run(), lambda layer: layer.cycles)
    assert list(cycles.items()) == [("first", 10), ("1x1", 20), ("depthwise", 60), ("other ops", 10)]
    assert [name for name in KINDS if name in cycles] == list(cycles)
    detailed = by_kind(run(), lambda layer: layer.macs, detailed_kinds_of)
    assert detailed == {
        "first layer, 3x3": 40,
        "activation": 0,
        "1x1": 100,
        "pooling": 0,
        "concat": 0,
        "depthwise 5x3": 60,
    }
    assert share_of(run(), "1x1", lambda layer: layer.cycles) == 0.2
    assert share_of(run(), "grouped", lambda layer: layer.cycles) == 0.0
    assert share_of(run(), "1x1", lambda layer: 0) == 0.0


def test_measures_take_their_figures_from_where_they_are() -> None:
    one, whole = ONE, run()
    of_layer = {name: OBJECTIVES[name].of_layer(one) for name in OBJECTIVES}
    assert of_layer == {
        "cycles_plus_dma": 25,
        "cycles": 20,
        "cycles_then_energy": 20,
        "dram": 203,
        "edp": 40000.0,
        "energy": 2000.0,
    }
    of_run = {name: OBJECTIVES[name].of_run(whole) for name in OBJECTIVES}
    assert of_run == {
        "cycles_plus_dma": 120,
        "cycles": 100,
        "cycles_then_energy": 100,
        "dram": 1012,
        "edp": 10**6,
        "energy": 10**4,
    }
    assert (MACS.of_layer(one), MACS.of_run(whole), PARAMS.of_layer(one), PARAMS.of_run(whole)) == (100, 200, 25, 50)
    assert COMPARED["dram"].parts(one) == {"inputs": 200, "outputs": 3}
    assert DRAM.parts(RELU) == {} == MACS.parts(one)
    assert COMPARED["energy"].parts(one) == {"mac": 1200.0, "dram": 600.0, "leakage": 200.0}
    assert COMPARED["cycles"].parts(one) == one.cycle_parts
    assert [OBJECTIVES[name].is_exact for name in ("cycles", "dram", "energy", "edp")] == [True, True, False, False]
    assert CYCLES.saved(run(FIRST, ONE), run(FIRST)) == 2 / 3
    assert CYCLES.saved(run(FIRST), run(FIRST, ONE)) == -2.0
    assert CYCLES.saved(run(RELU), run(FIRST)) == 0.0


def test_a_row_of_the_table_holds_the_figures_of_its_op() -> None:
    a, b, p, j, c = op_rows(run())
    assert [row.layer for row in (a, b, p, j, c)] == ["a", "b", "p", "j", "c"]
    assert (b.stage, b.op, b.shape, b.kernel, b.dataflow) == ("body", "conv", "7x14x14", "1x1", "no_local_reuse")
    assert (b.macs, b.cycles, b.share, b.utilization) == (100, 20, 0.2, 100 / 160)
    assert (b.dram_bytes, b.buffer_bytes, b.energy_pj) == (203, 7, 2000.0)
    assert [(row.bound_by, row.is_free, row.spends_macs) for row in (a, p, j)] == [
        ("array", False, True), ("vector", False, False), ("folded", True, False)
    ]  # fmt: skip
    assert [row.layer for row in op_rows(run(), free_activations=True)] == ["a", "r", "b", "p", "j", "c"]
    relu = op_rows(run(), free_activations=True)[1]
    assert (relu.bound_by, relu.is_free) == ("fused", True)
    busy = replace(RELU, cycles=1, cycle_parts=RELU.cycle_parts | {"vector": 1})
    assert [row.layer for row in op_rows(run(ONE, busy))] == ["b", "r"]
    assert [row.share for row in op_rows(run(RELU), free_activations=True)] == [0.0]


def test_the_line_below_the_rows_is_of_the_whole_run() -> None:
    total = total_row(run())
    assert (total.layer, total.macs, total.cycles, total.share) == ("total", 200, 100, 1.0)
    assert (total.utilization, total.dram_bytes, total.buffer_bytes) == (0.2375, 1012, 28)
    assert (total.energy_pj, total.is_free, total.spends_macs) == (10**4, False, True)
    assert total_row(run(RELU)).share == 0.0
    assert [column.cell(total) for column in COLUMNS] == [
        "total", "-", "-", "-", "-", "200", "100", "100.0%", "23.8%", "1012B", "28B", "10nJ", "-"
    ]  # fmt: skip


def test_cells_are_texts_or_a_dash_for_nothing() -> None:
    _, b, p, j, c = op_rows(run())
    shown = {row.layer: [column.cell(row) for column in COLUMNS] for row in (b, p, j, c)}
    assert shown["b"] == [
        "b", "conv", "7x14x14", "1x1", "no_local_reuse", "100", "20", "20.0%", "62.5%", "203B", "7B", "2nJ", "array"
    ]  # fmt: skip
    assert shown["p"][5:9] == ["-", "10", "10.0%", "-"]
    assert shown["j"] == ["j", "concat", "16x14x14", "-", "-", "-", "-", "-", "-", "-", "-", "-", "folded"]
    assert shown["c"][3] == "5x3/2x1"
    assert [column.title for column in COLUMNS if not column.is_number] == [
        "layer",
        "op",
        "kernel",
        "dataflow",
        "bound by",
    ]


def test_shapes_kernels_and_initials_leave_out_what_is_plain() -> None:
    shapes = [(1, 8, 1, 1), (2, 8, 1, 1), (1, 8, 1, 2), (1, 8, 2, 1), (2, 8, 3, 4)]
    assert [shape_text(shape) for shape in shapes] == ["8", "2x8", "8x1x2", "8x2x1", "2x8x3x4"]
    assert kernel_text(replace(FIRST, stride=(1, 2), groups=2)) == "3x3/1x2g2"
    assert kernel_text(replace(FIRST, stride=(3, 3), groups=1)) == "3x3/3"
    assert kernel_text(replace(POOL, groups=4)) == "2x2"
    assert (initials("weight_stationary"), initials("a__b")) == ("WS", "AB")


def test_a_row_of_the_csv_holds_all_that_a_layer_cost() -> None:
    a, r, b, _, j, _ = run().to_rows()
    assert (a["inputs"], a["output"], a["kernel"], a["groups"]) == ("16x14x14", "5x14x14", "3x3", 1)
    assert (b["params"], b["share"], b["utilization"], b["tiles"], b["note"]) == (25, 0.2, 100 / 160, 3, "noted")
    assert (b["dram_bytes"], b["buffer_bytes"], b["energy_pj"]) == (203, 7, 2000.0)
    assert (b["cycles_compute"], b["cycles_dram"], b["cycles_skew"]) == (15, 5, 0)
    assert (b["dram_inputs_read_bytes"], b["dram_outputs_write_bytes"], b["glb_inputs_write_bytes"]) == (200, 2, 3)
    assert (b["dram_outputs_read_bytes"], b["glb_weights_read_bytes"], b["rf_inputs_write_bytes"]) == (1, 0, 0)
    assert [(row["bound_by"], row["producer"]) for row in (a, r, j)] == [("array", ""), ("fused", "a"), ("folded", "")]
    assert run(RELU).to_rows()[0]["share"] == 0.0


def test_cycles_fall_to_bottlenecks_ops_and_dataflows() -> None:
    assert cycles_by_bottleneck(run()) == {"array": 90, "vector": 10}
    assert cycles_by_op(run()) == {"conv": 30, "activation": 0, "pool": 10, "concat": 0, "depthwise": 60}
    assert cycles_by_dataflow(run()) == {"weight_stationary": 70, "no_local_reuse": 20}
    assert shares({"d": 1, "b": 3, "c": 0, "a": 1}) == [Share("b", 3, 0.6), Share("a", 1, 0.2), Share("d", 1, 0.2)]


def summary(of: Run) -> dict[str, str]:
    return dict(summary_lines(of))


def test_the_summary_says_each_thing_once() -> None:
    told = summary(run())
    assert told == {
        "run": "toy_net on toy_16x16, batch 1, best dataflow for cycles",
        "latency": "100ms: 100 cycles at 1 kHz",
        "MACs": "200 (190 executed, zero weights skipped: dense-equivalent speed-up 1.05) on 8 PEs, utilization 23.8%",
        "traffic": "DRAM 1012B, buffer 28B",
        "energy": "10nJ: mac 60.0%, dram 30.0%, leakage 10.0%",
        "power": "0.100µW, 0.070µW without DRAM; 10 frames/s, 100M frames/J",
        "cycles": "compute 83.0%, dram 17.0%",
        "bound by": "array 90.0% (83.0% compute, 7.0% dram), vector 10.0% (10.0% dram)",
        "ops": "depthwise 60.0%, conv 30.0%, pool 10.0%",
        "dataflows": "weight_stationary (WS) 77.8%, no_local_reuse (NLR) 22.2%",
        "not shown": "1 activation at no cost, fused or folded",
    }
    bare = summary(run(FIRST, machine=replace(SMALL, energy_unit="MAC", energy_unit_pj=2.0)))
    assert bare["MACs"] == "40 on 8 PEs, utilization 50.0%"
    assert bare["energy"].startswith("1nJ, 500 times that of a MAC: ")
    assert "not shown" not in bare
    by_file = replace(run(), options={"mapping": "m.yaml", "batch": 2, "dataflow": "best"})
    assert summary(by_file)["run"] == "toy_net on toy_16x16, batch 2, mapped by file for cycles"


def test_the_smallest_shares_are_summed_up() -> None:
    tiny = [costing(f"t{i}", op, 4, 4, 4) for i, op in enumerate((Op.ADD, Op.MUL, Op.LRN))]
    many = run(costing("big", Op.CONV, 9988, 9988, 4), *tiny)
    assert summary(many)["ops"] == "conv 99.9%, other 0.1%"
    few = run(costing("big", Op.CONV, 9996, 9996, 4), tiny[0])
    assert summary(few)["ops"] == "conv 100.0%"
    edge = run(costing("big", Op.CONV, 9995, 9995, 4), costing("t", Op.ADD, 5, 5, 4))
    assert summary(edge)["ops"] == "conv 100.0%, add 0.1%"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (units.count(1000), "1K"),
        (units.count(999.4), "999"),
        (units.count(9994), "9.99K"),
        (units.count(0.0625), "0.062"),
        (units.count(-1500), "-1.50K"),
        (units.count(12345, digits=4), "12.35K"),
        (units.count(999_949, digits=4), "999.9K"),
        (units.count(999_952, digits=4), "1.000M"),
        (units.size(1024), "1KiB"),
        (units.size(1000 * 1024), "0.977MiB"),
        (units.size(999 * 1024), "999KiB"),
        (units.size(1536), "1.50KiB"),
        (units.energy(1e3), "1nJ"),
        (units.energy(2.5e15), "2.50kJ"),
        (units.seconds(1e-12), "1ps"),
        (units.seconds(0.25), "250ms"),
        (units.clock(999), "999 Hz"),
        (units.clock(1000), "1 kHz"),
        (units.clock(1_500_000), "1.5 MHz"),
        (units.clock(999_999_999), "1000 MHz"),
        (units.percent(0.0005), "0.1%"),
        (units.percent(0.00049), "<0.1%"),
        (units.signed_percent(-0.0001), "<0.1%"),
        (units.percent_tick(0.25), "25%"),
        (units.ratio(12.345), "12.3x"),
        (units.kilo(100_000), "100"),
        (units.kilo(99_900), "99.9"),
        (units.kilo(1_000_400), "1,000"),
        (units.millions(1e7), "10.0"),
        (units.millions(9.99e6), "9.99"),
        (units.quantity(2500, "pJ"), "2.50nJ"),
        (units.quantity(12345, ""), "12.35K"),
        (units.tick(12345), "12.3K"),
        (units.tick(2.5e6, "MAC"), "2.5M"),
        (units.tick(0, "s"), "0s"),
        (units.tick(0.002, "s"), "2ms"),
        (units.counted(0, "word"), "0 words"),
        (units.listed(["a", "b"]), "a and b"),
        (units.change(100, 100.04), "as many"),
        (units.change(100, 100.04, "less"), "as much"),
        (units.change(100.06, 100), "0.1% more"),
        (units.change(100, 200, "less", "bigger"), "50.0% less"),
        (units.change(300, 200, "less", "bigger"), "50.0% bigger"),
    ],
)
def test_quantities_at_their_edges(text: str, expected: str) -> None:
    assert text == expected


def test_measures_have_a_name_a_key_and_a_unit() -> None:
    told = {objective: (each.name, each.key, each.unit) for objective, each in OBJECTIVES.items()}
    assert told == {
        "cycles_plus_dma": ("cycles + DMA", "", ""),
        "cycles": ("cycles", "cycles", ""),
        "cycles_then_energy": ("cycles", "cycles", ""),
        "dram": ("DRAM bytes", "dram_bytes", "B"),
        "edp": ("edp", "", "pJ x cycles"),
        "energy": ("energy", "energy_pj", "pJ"),
    }
    assert [(each.name, each.key, each.unit) for each in (MACS, PARAMS)] == [
        ("MACs", "macs", ""),
        ("params", "params", ""),
    ]


def test_energy_is_split_by_operand_and_by_component() -> None:
    parts = {"dram.inputs": 1.0, "rf.inputs": 2.0, "mac": 4.0}
    assert [operand_of(part) for part in ("rf.weights", "leakage", "vector")] == ["weights", "leakage", "computing"]
    assert energy_by(operand_of, parts) == {"inputs": 3.0, "computing": 4.0}
    assert energy_by(component_of, parts) == {"dram": 1.0, "rf": 2.0, "mac": 4.0}
    whole = run()
    assert (objective_of(whole), objective_of(replace(whole, options={}))) == ("cycles", "cycles")
    assert objective_of(replace(whole, options={"objective": "edp"})) == "edp"


@pytest.mark.parametrize(
    ("batch", "rates"), [(1, "10 frames/s, 100M frames/J"), (4, "40 frames/s, 400M frames/J, 2.50nJ a frame")]
)
def test_power_is_energy_over_time_and_a_batch_holds_several_inferences(batch: int, rates: str) -> None:
    """A hundred cycles of 1 kHz; 10,000 pJ, of which DRAM takes 3,000."""
    lines = dict(summary_lines(replace(run(), options={"batch": batch})))
    assert lines["power"] == f"0.100µW, 0.070µW without DRAM; {rates}"
