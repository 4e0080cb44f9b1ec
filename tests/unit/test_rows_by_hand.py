"""Rows of a run, and what is no frame in a steady state: by hand."""

from dataclasses import replace

from simulator.network.ir import Op
from simulator.result.rows import column_names, kernel_text, layer_row, layer_rows, shape_text
from simulator.result.run import LayerResult, Run, Traffic
from simulator.result.stacked import KeptTensor, StackedResult
from simulator.result.steady import KeptWeights, Steady, any_steady, broken_steady
from tests.builders import MACHINE, conv_result, free_result, run_of, small_run, vector_result


def test_a_row_has_every_figure_of_its_layer() -> None:
    run = small_run()
    layer = replace(run.layers[0], groups=2, note="n", alive_bytes=3, tile_bytes=4)
    row = layer_row(layer, run, "")
    told = {"layer": "conv1", "stage": "stem", "op": "conv", "inputs": "3x56x56", "output": "64x56x56"}
    told |= {"kernel": "7x7g2", "groups": 2, "dataflow": "weight_stationary", "bound_by": layer.bottleneck}
    assert {name: row[name] for name in told} == told
    assert row["share"] == layer.cycles / run.total.cycles < 1
    assert (row["producer"], row["stack"], row["strips"], row["note"], row["tiles"]) == ("", "", 0, "n", 4)
    assert (row["alive_bytes"], row["tile_bytes"]) == (3, 4)
    assert row["dram_bytes"] == sum(layer.footprint_bytes.values())
    assert row["cycles_preload"] == layer.cycle_parts["preload"] > 0
    assert row["dram_outputs_write_bytes"] == layer.footprint_bytes["outputs"]
    assert (row["dram_outputs_read_bytes"], row["dram_inputs_read_bytes"]) == (0, layer.footprint_bytes["inputs"])
    assert "energy_relative" not in row
    assert sorted(row) == sorted(column_names(run.hardware))


def test_a_row_of_what_costs_nothing_is_of_zeros_and_says_why() -> None:
    _, relu, pool, _, concat = layer_rows(small_run())
    assert (relu["bound_by"], relu["producer"], relu["cycles"], relu["share"]) == ("fused", "conv1", 0, 0.0)
    assert (concat["bound_by"], concat["producer"]) == ("folded", "")
    assert pool["dram_weights_read_bytes"] == pool["array_inputs_read_bytes"] == 0
    nothing = run_of(free_result("only", Op.CONCAT))
    assert layer_rows(nothing)[0]["share"] == 0.0
    assert layer_row(replace(free_result("only", Op.CONCAT), cycle_parts={}), nothing, "")["cycles_compute"] == 0


def test_a_row_tells_of_its_stack_and_of_energy_in_the_units_of_a_relative_table() -> None:
    layer = replace(conv_result("b"), energy_relative=7.5)
    stacked = StackedResult("a", "c", 4, 3, "held", (), ())
    row = layer_row(replace(layer, stacked=stacked), small_run(), "")
    assert (row["stack"], row["strips"], row["energy_relative"]) == ("a to c", 3, 7.5)
    relative = replace(MACHINE, energy_unit="MAC")
    assert sorted(row) == sorted(column_names(relative))


def test_shapes_leave_out_what_is_one() -> None:
    shapes = {
        (1, 8, 1, 1): "8", (2, 8, 1, 1): "2x8", (1, 8, 2, 2): "8x2x2", (1, 8, 1, 3): "8x1x3", (1, 8, 3, 1): "8x3x1",
        (2, 8, 4, 5): "2x8x4x5",
    }  # fmt: skip
    assert {shape: shape_text(shape) for shape in shapes} == shapes


def test_kernels_leave_out_strides_and_groups_of_one() -> None:
    def text(op: Op, stride: tuple[int, int], groups: int) -> str:
        return kernel_text(replace(conv_result("c"), op=op, kernel=(3, 5), stride=stride, groups=groups))

    assert text(Op.CONV, (1, 1), 1) == "3x5"
    assert text(Op.CONV, (2, 2), 4) == "3x5/2g4"
    assert text(Op.CONV, (1, 2), 2) == "3x5/1x2g2"
    assert text(Op.CONV, (2, 1), 1) == "3x5/2x1"
    assert text(Op.DEPTHWISE, (1, 1), 4) == "3x5"
    assert text(Op.ADD, (2, 2), 4) == ""


def frames_of(**changes: object) -> Run:
    """Weights of 300 and 200 bytes above tensors of 500, in a memory of 1000."""
    layers: list[LayerResult] = []
    for name, read in (("a", 300), ("b", 200), ("c", 50)):
        traffic = {"dram": {"inputs": Traffic(40, 0), "weights": Traffic(read, 0), "outputs": Traffic(0, 10)}}
        layers.append(replace(conv_result(name), traffic=traffic))
    layers[0] = replace(layers[0], kept=KeptTensor(100, 400, "b"))
    run = run_of(*layers, vector_result("pool"), machine=replace(MACHINE, activation_bytes=1000))
    run = replace(run, total=replace(run.total, dram_bytes=700))
    weights = {"a": KeptWeights(700, 300), "b": KeptWeights(500, 200)}
    steady = Steady(10, 1e-6, 1.0, 200, 1000, weights)
    return replace(run, steady=replace(steady, **changes))  # type: ignore[arg-type]


def test_frames_that_spare_their_weights_and_fill_the_memory_are_lawful() -> None:
    assert list(broken_steady(frames_of())) == []
    assert list(broken_steady(replace(frames_of(), steady=None))) == []
    assert list(broken_steady(frames_of(dram_bytes=0, weights={}))) == []
    assert frames_of().steady.weight_bytes == 500  # type: ignore[union-attr]
    alone = replace(frames_of(), steady=None)
    assert any_steady(alone, frames_of()) and not any_steady(alone, alone)


def test_frames_that_cost_dram_a_byte_more_break_a_law() -> None:
    law = ("steady", "dram_bytes", "weights that stay cost DRAM once", "201 > 700 - 500")
    assert list(broken_steady(frames_of(dram_bytes=201))) == [law]
    less = {"b": KeptWeights(500, 200)}
    assert list(broken_steady(frames_of(dram_bytes=500, weights=less))) == []
    (law,) = broken_steady(frames_of(dram_bytes=501, weights=less))
    assert law[-1] == "501 > 700 - 200"


def test_weights_of_an_op_that_loads_none_spare_nothing() -> None:
    """A pool has inputs and outputs alone in DRAM, and what is free no DRAM at all."""
    weights = {"pool": KeptWeights(500, 200)}
    assert list(broken_steady(frames_of(dram_bytes=700, weights=weights))) == []
    run = frames_of(dram_bytes=700, weights={})
    assert list(broken_steady(replace(run, layers=(*run.layers, free_result("f", Op.CONCAT))))) == []
    (law,) = broken_steady(frames_of(dram_bytes=701, weights={}))
    assert law[-1] == "701 > 700 - 0"


def test_weights_of_nobody_and_bytes_beyond_the_memory_break_laws() -> None:
    nobody = {"x": KeptWeights(500, 1), "w": KeptWeights(501, 1)}
    laws = [("steady", "weights", "weights are those of ops", name) for name in "wx"]
    assert list(broken_steady(frames_of(weights=nobody))) == laws
    over = ("steady", "peak_sram_bytes", "bytes on chip <= capacity", "1001 > 1000")
    assert list(broken_steady(frames_of(peak_sram_bytes=1001))) == [over]
    beyond = {"a": KeptWeights(701, 300), "b": KeptWeights(500, 200)}
    law = ("steady", "weights", "bytes on chip <= capacity", "1001 > 1000")
    assert list(broken_steady(frames_of(weights=beyond))) == [law]
    run = frames_of(weights={}, dram_bytes=0)
    high = replace(run.layers[0], kept=KeptTensor(900, 101, "b"))
    assert list(broken_steady(replace(run, layers=(high, *run.layers[1:])))) == []  # a law of its own


def test_weights_lie_apart_from_tensors_and_from_one_another() -> None:
    law = "tensors and weights that stay lie apart"
    low = {"a": KeptWeights(700, 300), "b": KeptWeights(499, 200)}
    assert list(broken_steady(frames_of(weights=low))) == [("steady", "weights.b", law, "499 < 500")]
    near = {"a": KeptWeights(699, 300), "b": KeptWeights(500, 200)}
    assert list(broken_steady(frames_of(weights=near))) == [("steady", "weights.a", law, "699 < 700")]
