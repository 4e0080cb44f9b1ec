"""Operands that are constants lie in DRAM and are read from there; a transposed convolution stores what it makes."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from analysis.drive.explain.change import CannotChange
from analysis.drive.explain.shapes import Edit, edited
from simulator import simulate
from simulator.door import saved_mappings
from simulator.errors import InputError
from simulator.hardware.load import load_hardware
from simulator.network.graph import Graph, with_batch
from simulator.network.ir import Layer, Network, Op
from simulator.result.run import LayerResult, Run
from simulator.schedule import plan
from tests.onnx_graphs import GraphWriter
from workloads.importers.assembly import Assembly
from workloads.load import load_network


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net.onnx"


def layer_of(run: Run, name: str) -> LayerResult:
    return next(layer for layer in run.layers if layer.name == name)


def positions(batch: int = 1) -> Network:
    """Tokens to which a table of positions is added."""
    g = Graph("positions")
    g.apply(Op.ADD, g.input(768, 197, 1), name="sum", constants=768 * 197)
    return with_batch(g.build(), batch)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_table_of_positions_is_read_once_whatever_the_batch(batch: int) -> None:
    run, tensor = simulate("flexible_168", positions(batch)), 768 * 197 * 2
    layer = layer_of(run, "sum")
    assert layer.traffic["dram"]["inputs"].read_bytes == (batch + 1) * tensor
    assert layer.traffic["dram"]["outputs"].write_bytes == batch * tensor
    assert layer.traffic["buffer"]["inputs"].read_bytes == (batch + 1) * tensor
    assert layer.footprint_bytes["inputs"] == (batch + 1) * tensor
    assert run.network.params == 768 * 197


def test_a_constant_of_full_size_in_a_file_is_an_operand_of_its_op(file: Path) -> None:
    g = GraphWriter()
    g.node("Add", g.input((1, 197, 768)), g.weight("table", 1, 197, 768), name="sum")
    network = load_network(g.save(file, "sum_out0"))
    (layer,) = network.layers
    assert (layer.op, layer.inputs, layer.constant_elements) == (Op.ADD, layer.inputs[:1], 197 * 768)
    assert simulate("flexible_168", network).total.dram_bytes == 3 * 197 * 768 * 2


def test_a_value_for_each_channel_goes_along_like_a_bias_and_a_table_does_not(file: Path) -> None:
    g = GraphWriter()
    x = g.node("Mul", g.node("Relu", g.input((1, 8, 4, 4)), name="relu"), g.weight("scale", 8, 1, 1), name="scaled")
    g.node("Add", x, g.weight("table", 8, 4, 4), name="sum")
    run = simulate("flexible_168", load_network(g.save(file, "sum_out0")))
    assert layer_of(run, "relu").fused == ("scaled",)
    assert layer_of(run, "sum").traffic["dram"]["inputs"].read_bytes == 2 * 8 * 4 * 4 * 2


@pytest.mark.parametrize("batch", [1, 3])
def test_a_table_that_is_added_on_the_way_out_comes_with_every_sample(batch: int) -> None:
    g = Graph("fused")
    g.apply(Op.ADD, g.conv(g.input(16, 8, 8), 16, name="conv"), name="sum", constants=16 * 8 * 8)
    layer = layer_of(simulate("edge_npu_like", with_batch(g.build(), batch)), "conv")
    assert layer.fused == ("sum",)
    assert layer.traffic["dram"]["inputs"].read_bytes == 2 * batch * 16 * 8 * 8  # maps, and the table as often


def test_an_embedding_reads_the_rows_that_it_picks_and_not_the_table(file: Path) -> None:
    g = GraphWriter()
    g.node("Gather", g.weight("table", 30000, 64), g.input((1, 12)), name="words")
    network = load_network(g.save(file, "words_out0"))
    run = simulate("flexible_168", network)
    assert run.layers[0].traffic["buffer"]["inputs"].write_bytes == 12 * 2 + 12 * 64 * 2  # indices and rows
    assert 0 <= run.layers[0].traffic["dram"]["inputs"].read_bytes - (12 * 2 + 12 * 64 * 2) < 64 * run.layers[0].tiles
    assert network.params == 30000 * 64


def test_the_weights_of_an_unknown_op_are_read_and_are_parameters(file: Path) -> None:
    g = GraphWriter()
    g.node("Mystery", g.input((1, 8, 4, 4)), g.weight("own", 100, 8), name="odd")
    network = load_network(g.save(file, "odd_out0"), skip_unknown=True)
    layer = simulate("flexible_168", network).layers[0]
    assert network.params == 800
    assert layer.footprint_bytes["inputs"] == (8 * 4 * 4 + 800) * 2
    assert layer.traffic["dram"]["inputs"].read_bytes >= (8 * 4 * 4 + 800) * 2


def test_what_is_joined_to_a_tensor_and_comes_with_the_weights_is_read(file: Path) -> None:
    g = GraphWriter()
    g.node("Concat", g.weight("class", 1, 1, 64), g.input((1, 196, 64)), name="tokens", axis=1)
    network = load_network(g.save(file, "tokens_out0"))
    machine = replace(load_hardware("flexible_168"), folds=frozenset())
    assert simulate(machine, network).layers[0].footprint_bytes["inputs"] == 197 * 64 * 2


def test_a_layer_that_multiplies_takes_no_constants(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text("inputs: {x: [4, 4, 4]}\nlayers: [{op: conv, filters: 4, constant_elements: 3}]\n")
    with pytest.raises(InputError, match="means nothing to conv"):
        load_network(str(file))


def test_constants_beyond_what_the_simulator_counts_are_refused() -> None:
    g = Assembly("large")
    with pytest.raises(InputError, match="constants are too large"):
        g.unknown("odd", "Odd", [g.input(1, 1, 1)], (1, 1, 1, 1), constants=1 << 40)


def transposed(taps: int, stride: int, size: tuple[int, int], filters: int = 64, batch: int = 1) -> Network:
    g = Assembly("transposed")
    y = g.conv(g.input(64, 32, 32, batch=batch), filters * taps**2, name="taps")
    g.put(Layer("sums", Op.COL2IM, (y.name,), (y.shape,), (batch, filters, *size), (taps, taps)))
    return g.build()


def test_a_transposed_convolution_of_a_file_is_products_and_their_sums(file: Path) -> None:
    g = GraphWriter()
    x, weight = g.input((1, 64, 32, 32)), g.weight("weight", 64, 64, 4, 4)
    g.node("ConvTranspose", x, weight, name="up", strides=[2, 2], kernel_shape=[4, 4], pads=[1, 1, 1, 1])
    network = load_network(g.save(file, "up_out0"))
    assert [layer.op for layer in network.layers] == [Op.CONV, Op.COL2IM]
    assert (network.macs, network.params) == (64 * 64 * 16 * 32 * 32, 64 * 64 * 16)
    run = simulate("flexible_168", network)
    assert layer_of(run, "up").fused == ("up_sums",)
    up, burst = layer_of(run, "up"), 64
    assert 524_288 <= up.traffic["dram"]["outputs"].write_bytes < 524_288 + up.tiles * burst


@pytest.mark.parametrize("machine", ["flexible_168", "edge_npu_like", "systolic_32x32", "nvdla_256"])
def test_every_machine_stores_the_outputs_of_a_transposed_convolution_and_not_its_taps(machine: str) -> None:
    hardware = replace(load_hardware(machine), keeps_activations=False)
    layer = layer_of(simulate(hardware, transposed(4, 2, (64, 64))), "taps")
    stored = 64 * 64 * 64 * hardware.output_bits // 8
    assert 0 <= layer.traffic["dram"]["outputs"].write_bytes - stored < layer.tiles * hardware.dram.burst_bytes
    assert layer.traffic["dram"]["outputs"].read_bytes == 0


@pytest.mark.parametrize(("taps", "stride", "rows"), [(3, 2, 4), (4, 2, 3), (2, 2, 5), (3, 1, 4), (2, 3, 3)])
def test_each_product_but_the_first_of_an_output_is_an_add(taps: int, stride: int, rows: int) -> None:
    size = (rows - 1) * stride + taps
    met = [p * stride + r for p, r in product(range(rows), range(taps))]
    landed = [(y, x) for y in met for x in met]
    shape = (1, taps**2, rows, rows)
    layer = Layer("sums", Op.COL2IM, ("taps",), (shape,), (1, 1, size, size), (taps, taps))
    g = Assembly("one")
    g.conv(g.input(1, rows, rows), taps**2, name="taps")
    g.put(layer)
    (op, _) = plan(g.build(), load_hardware("flexible_168"))
    gaps = size**2 - len(set(landed))  # outputs that no product reaches, where the stride is wider than the taps
    assert op.added == max(0, len(landed) - len(set(landed)) - gaps)


def test_sums_that_overlap_take_energy_and_where_the_vector_unit_is_slow_time() -> None:
    machine = load_hardware("flexible_168")
    fast, slow = (simulate(replace(machine, vector_lanes=lanes), transposed(4, 2, (64, 64))) for lanes in (1000, 1))
    adds = 64 * (16 * 32 * 32 - 64 * 64)
    one, other = layer_of(fast, "taps"), layer_of(slow, "taps")
    assert one.energy_parts["vector"] == pytest.approx(adds * machine.energy.vector_op_pj * machine.energy.unit_pj)
    added, array = -(-adds // 1000), other.cycles - other.cycle_parts["vector"]
    assert (one.cycle_parts["vector"], one.bounds["vector"]) == (-(-added // one.tiles), added)  # of the last tile
    assert other.cycles == adds + -(-array // other.tiles) and other.bottleneck == "vector"  # after the first tile
    network = transposed(4, 2, (64, 64))
    taps = Network("taps", network.inputs, network.layers[:1], ("taps",))
    mapping = {layer.name: chosen for layer, chosen in saved_mappings(fast, network.layers)}
    plain = simulate(machine, taps, mapping=mapping)
    before, after = (run.layers[0].traffic["buffer"]["outputs"] for run in (plain, fast))
    assert after.read_bytes - before.read_bytes == adds * machine.partial_sum_bits // 8
    assert after.write_bytes == before.write_bytes


def test_sums_of_products_that_others_read_are_an_op_of_their_own() -> None:
    g = Assembly("shared")
    y = g.conv(g.input(2, 4, 4), 2 * 9, name="taps")
    g.put(Layer("sums", Op.COL2IM, (y.name,), (y.shape,), (1, 2, 9, 9), (3, 3)))
    g.relu(y)
    run = simulate("flexible_168", g.build())
    layer = layer_of(run, "sums")
    assert layer.traffic["dram"]["inputs"].read_bytes >= 18 * 16 * 2
    assert layer.energy_parts["vector"] > 0


def test_a_second_factor_has_the_zeros_of_activations_and_not_of_weights() -> None:
    g = Assembly("product")
    x = g.input(8, 4, 1)
    left, right = g.conv(x, 8, name="left"), g.conv(x, 8, name="right")
    right = g.reshape(g.gather(right, 16), (8, 8, 1))
    g.put(Layer("product", Op.MATMUL, (left.name, right.name), (left.shape, right.shape), (1, 8, 4, 1)))
    machine = load_hardware("squeezenext_16x16")
    assert machine.array.zero_weights.fraction > 0
    op = next(op for op in plan(g.build(), machine) if op.layer.name == "product")
    assert op.layer.zero_weights_fraction == machine.array.zero_inputs_fraction


def test_a_second_factor_that_is_no_matrices_for_the_samples_and_groups_is_refused() -> None:
    g = Assembly("product")
    x, y = g.input(8, 4, 1), g.input(3, 1, 1, "other")
    with pytest.raises(InputError, match="the second factor does not fit"):
        g.put(Layer("product", Op.MATMUL, (x.name, y.name), (x.shape, y.shape), (1, 8, 4, 1)))


@pytest.mark.parametrize("op", [Op.COL2IM, Op.ADD])
def test_what_has_a_size_of_its_own_is_not_explained_at_another(op: Op) -> None:
    g = Assembly("sized")
    x = g.conv(g.input(3, 6, 6), 18, 3, name="conv")
    own = {Op.COL2IM: ((1, 2, 9, 9), (3, 3), 0), Op.ADD: (x.shape, (1, 1), 18 * 16)}[op]
    layer = Layer("sized", op, (x.name,), (x.shape,), own[0], own[1])
    g.put(replace(layer, constant_elements=own[2]))
    with pytest.raises(CannotChange):
        edited(g.build(), {"conv": Edit(kernel=(1, 1))})
