"""What the peers' machines need of the model: each mechanism by itself, on layers small enough to count by hand."""

from dataclasses import replace
from fractions import Fraction
from math import prod

import pytest

from simulator import simulate
from simulator.cost.candidates import Candidate, tile_choices, tile_steps
from simulator.cost.inner import inner_tiles
from simulator.cost.sparsity import winograd_ratio
from simulator.cost.spatial import spatial_mappings
from simulator.hardware.load import load_hardware
from simulator.hardware.vary import vary
from simulator.mapping.dataflow import load_dataflow
from simulator.nest import Dim, LoopNest
from simulator.network.graph import Graph, with_batch
from simulator.network.ir import Layer, Network, Op
from simulator.result.run import LayerResult
from simulator.schedule import plan


def network_of(layer: Layer) -> Network:
    return Network("one", {layer.inputs[0]: layer.input_shapes[0]}, (layer,), (layer.name,))


def conv(channels, filters, size, kernel, stride=1, padding=0) -> Network:
    made = (size + 2 * padding - kernel) // stride + 1
    shapes = ((1, channels, size, size),), (1, filters, made, made)
    return network_of(Layer("conv", Op.CONV, ("x",), *shapes, (kernel,) * 2, (stride,) * 2, (padding,) * 4))


def only(run) -> LayerResult:
    return next(layer for layer in run.layers if layer.macs)


def test_taps_of_a_strided_window_share_the_lanes_over_channels():
    """3 channels and a stride of 4 fill 48 lanes; 121 taps become 121 / 16 of a tap each."""
    result = only(simulate("nvdla_256", conv(3, 16, 55, 11, 4)))
    assert result.cycle_parts["compute"] == -(-48 // 16 * 121 * 12 * 12 // 16)
    assert result.mapping["channel_packing"] is True


def test_without_a_stride_lanes_take_channels_only():
    assert only(simulate("nvdla_256", conv(3, 16, 12, 3))).cycle_parts["compute"] == 9 * 10 * 10


@pytest.mark.parametrize(
    ("taps", "stride", "dilation", "ratio"),
    [((3, 3), (1, 1), (1, 1), 16 / 9), ((1, 1), (1, 1), (1, 1), 1), ((3, 1), (1, 1), (1, 1), 1),
     ((3, 3), (2, 2), (1, 1), 1), ((3, 3), (1, 1), (2, 2), 1)],
)  # fmt: skip
def test_square_filters_of_stride_one_are_stored_transformed(taps, stride, dilation, ratio):
    nest = LoopNest((1, 1, 8, 8, 8, 8, *taps), stride, dilation, (0, 0, 0, 0), (10, 10))
    assert winograd_ratio(load_hardware("nvdla_256"), nest) == pytest.approx(ratio)
    assert winograd_ratio(load_hardware("flexible_168"), nest) == 1


def test_transformed_weights_cross_the_port_and_not_the_lanes():
    result = only(simulate("nvdla_256", conv(16, 16, 10, 3)))
    assert result.traffic["dram"]["weights"].read_bytes == 16 * 16 * 16
    assert result.traffic["buffer"]["weights"].write_bytes == 16 * 16 * 9


@pytest.mark.parametrize("machine", ["nvdla_256", "nvdla_32"])
def test_an_overlapped_layer_takes_the_longer_of_array_and_port(machine):
    run = simulate(machine, "squeezenext:variant=v5")
    assert run.total.macs == 224_916_480
    for result in run.layers:
        if result.macs:
            assert result.cycles == max(result.bounds["array"], result.bounds["dram"])


def test_padding_that_lies_in_memory_is_loaded_like_the_rest():
    machine = load_hardware("eyeriss_isca16")
    padded, bare = conv(4, 8, 13, 3, padding=1), conv(4, 8, 15, 3)
    read = [only(simulate(machine, net)).traffic["dram"]["inputs"].read_bytes for net in (padded, bare)]
    assert read[0] == read[1]
    added = vary(machine, {"dma.padding": "added"})
    assert only(simulate(added, padded)).traffic["dram"]["inputs"].read_bytes < read[0]


def pooled() -> Network:
    g = Graph("pooled")
    x = g.conv(g.input(16, 14, 14), 16, 3, padding=1, activation="relu", name="conv")
    g.conv(g.max_pool(x, 2, stride=2, name="pool"), 16, 1, name="next")
    return g.build()


def test_a_fused_pool_downsamples_what_is_stored():
    step = next(step for step in plan(pooled(), load_hardware("nvdla_256")) if step.layer.name == "conv")
    assert step.fused == ("conv_relu", "pool")
    assert step.stored == Fraction(1, 4)
    first, *_, second = (r for r in simulate("nvdla_256", pooled()).layers if r.macs)
    assert first.traffic["dram"]["outputs"].write_bytes == 16 * 7 * 7
    assert second.traffic["dram"]["inputs"].read_bytes == 16 * 7 * 7


def test_nothing_is_added_to_a_fused_pool():
    """Addends have the shape of the outputs, not of what the pool leaves."""
    g = Graph("added")
    x = g.input(4, 8, 8)
    y = g.max_pool(g.conv(x, 4, 1, name="conv"), 2, stride=2, name="pool")
    g.add(y, g.conv(x, 4, 1, stride=2, name="shortcut"), name="sum")
    machine = vary(load_hardware("edge_npu_like"), {"fuses": ["add", "pool"]})
    producers = {op.layer.name: op.producer for op in plan(g.build(), machine)}
    assert producers["pool"] == "conv"
    assert producers["sum"] == "shortcut"


def test_operands_that_no_register_keeps_cost_no_register_energy():
    result = only(simulate("eyeriss_isca16_nlr", conv(16, 16, 8, 3)))
    assert "rf" not in result.traffic
    assert not [part for part in result.energy_parts if part.startswith("rf")]


def test_strips_are_as_high_as_the_array_is_wide_and_come_one_at_a_time():
    """AlexNet CONV1 on 16 columns: 55 rows in four strips of 14, whose one channel the array takes in a pass."""
    nest = LoopNest((1, 1, 96, 3, 55, 55, 11, 11), (4, 4), (1, 1), (0, 0, 0, 0), (227, 227))
    machine, flow = load_hardware("eyeriss_isca16"), load_dataflow("row_stationary_sets")
    found = spatial_mappings(flow, nest, machine.array)
    assert {layout.columns[Dim.P] for layout in found} == {14}
    for layout in found:
        (inner,) = inner_tiles(machine, nest, layout, flow)
        choices, counts = tile_choices(nest, tile_steps(Candidate(flow, layout, inner)), flow)
        assert (counts[Dim.P], choices[Dim.P, 0]) == (1, 14)
        assert (counts[Dim.C], choices[Dim.C, 0]) == (1, layout.spatial[Dim.C] * layout.registers[Dim.C])


def test_channels_that_tiles_must_not_cut_are_never_cut():
    for result in simulate("nvdla_64", "resnet:depth=50").layers:
        if result.mapping:
            assert not [loop for loop in result.mapping["dram"] if loop.startswith("C")]


@pytest.mark.parametrize(("least", "compute", "preload"), [(1, 2 * 2, 16 - 2), (4, 2 * 4, 16 - 4), (20, 2 * 20, 0)])
def test_a_step_takes_its_least_length_and_hides_that_much_of_a_preload(least, compute, preload):
    """A map of 2x2 is two steps of two positions each; 16 rows of weights shift in behind the first."""
    machine = load_hardware("gemmini_16x16")
    machine = vary(machine, {"array.step_cycles": least})
    parts = only(simulate(machine, conv(16, 16, 2, 1))).cycle_parts
    assert (parts["compute"], parts["preload"]) == (compute, preload)


@pytest.mark.parametrize(("size", "batch", "loop"), [(1, 16, "N16"), (7, 1, "Q7"), (3, 8, "N8")])
def test_gemmini_streams_samples_of_a_product_and_columns_of_a_map(size, batch, loop):
    """An instruction takes rows of inputs at equal distances, along whichever loop has most of them."""
    machine = vary(load_hardware("gemmini_16x16"), {"dram.bandwidth": "unlimited", "dram.latency_cycles": 0})
    mapping = only(simulate(machine, with_batch(conv(64, 64, size, 1), batch))).mapping
    assert mapping["registers"] == [loop]


def test_a_batch_of_products_fills_gemminis_weights_once_for_sixteen_samples():
    """1024 to 1000: 64 x 63 fills, of which each serves the 16 samples in one instruction of 16 cycles; the time is
    that of 1,024,000 bytes of weights at 10.24 a cycle, and of what precedes and follows them.
    """
    result = only(simulate("gemmini_16x16", with_batch(conv(1024, 1000, 1, 1), 16)))
    assert (result.cycle_parts["compute"], result.cycle_parts["preload"]) == (64 * 63 * 16, 0)
    assert 100_000 < result.cycles < 105_000


def test_an_instruction_of_few_samples_takes_eight_cycles_and_exposes_the_rest_of_a_fill():
    for batch in (1, 4, 8):
        parts = only(simulate("gemmini_16x16", with_batch(conv(1024, 1000, 1, 1), batch))).cycle_parts
        assert (parts["compute"], parts["preload"]) == (64 * 63 * 8, 64 * 63 * 8)


def test_zeros_that_are_skipped_shorten_macs_and_not_the_least_length_of_a_step():
    """A step is nine taps, of which two in five are zero; where inputs come at once, neither PEs nor tiles are cut."""
    machine = load_hardware("squeezenext_16x16")
    inputs, *others = machine.array.delivery
    array = replace(machine.array, delivery=(replace(inputs, words_per_cycle=18 * 18), *others))
    dram = replace(machine.dram, bytes_per_cycle=None, latency_cycles=0)
    compute = []
    for least in (1, 8, 9):
        slower = replace(machine, array=replace(array, step_cycles=least), dram=dram)
        run = simulate(slower, conv(1, 1, 18, 3), dataflow="output_stationary_blocks")
        compute.append(only(run).cycle_parts["compute"])
    assert compute == [7, 8, 9]


def test_what_a_weight_serves_fits_the_partial_sums_of_its_pe():
    """A PE has 192 sums: a column of 222 pixels that share a weight, which its register would allow, is cut."""
    result = only(simulate("timeloop_simple_output_stationary", conv(3, 16, 224, 3)))
    sums = [int(loop[1:]) for loop in result.mapping["levels"]["weight_reg"] if loop[0] in "NGKPQ"]
    assert prod(sums) <= 384 // 2
    assert result.mapped_pes == 16


@pytest.mark.parametrize(("over", "way"), [("array", 32 + 32 - 2), ("used", 29 + 1 - 2)])
def test_a_wave_front_goes_over_all_of_an_array_or_over_what_is_in_use(over, way):
    """One filter takes one column; 144 pixels take five folds of 9 taps, for which 29 of 32 rows are enough."""
    machine = vary(load_hardware("scalesim_32x32"), {"array.skew_over": over})
    result = only(simulate(machine, conv(1, 1, 14, 3), dataflow="output_stationary_lowered"))
    assert result.cycle_parts["skew"] == 5 * way
    assert result.cycles == 5 * (9 + way)


def test_what_hops_through_a_systolic_array_comes_again_though_no_loop_moves_it():
    """One pixel of 64 channels and 8 filters takes two folds over channels: sums leave in each and return once."""
    g = Graph("fc")
    g.linear(g.input(64, 1, 1), 8)
    result = only(simulate("scalesim_32x32", g.build(), dataflow="weight_stationary_lowered"))
    sums = result.traffic["array"]["outputs"]
    assert result.traffic["buffer"]["outputs"].write_bytes == 2 * 8
    assert sums.read_bytes == 8
