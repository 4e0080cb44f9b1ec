"""Layer lists: the project's own in YAML and CSV, SCALE-Sim's topologies, Timeloop's problems."""

from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.network.ir import Layer, Network, Op
from tests.written_networks import CSV, SCALE_SIM, TIMELOOP, YAML
from workloads.importers.bounds import MOST_LAYERS
from workloads.importers.csv_cells import MOST_ROWS, read_table
from workloads.load import load_network


def load(path: Path, text: str) -> Network:
    path.write_text(text)
    return load_network(str(path))


def refused(path: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        load(path, text)
    return caught.value.render()


def test_a_layer_list_reads_like_the_table_of_a_paper(tmp_path: Path):
    network = load(tmp_path / "net.yaml", YAML)
    assert (network.name, network.inputs, network.outputs) == ("tiny", {"data": (1, 3, 32, 32)}, ("fc",))
    ops = [layer.op.value for layer in network.layers]
    assert ops == ["conv", "activation", "depthwise", "conv", "add", "pool", "pool", "linear"]
    by_name = {layer.name: layer for layer in network.layers}
    assert by_name["dw"].inputs == by_name["skip"].inputs == ("conv1_relu",)
    assert by_name["dw"].padding == (1, 0, 1, 0)
    assert (by_name["sum"].inputs, by_name["sum"].stage) == (("dw", "skip"), "joined")
    assert by_name["fc"].zero_weights_fraction == 0.5
    assert network.facts == {"source": "a test"}


def test_the_same_list_in_csv_is_the_same_network(tmp_path: Path):
    first, second = load(tmp_path / "a.yaml", YAML), load(tmp_path / "b.csv", CSV)
    assert (first.name, first.inputs, first.outputs) == (second.name, second.inputs, second.outputs)
    assert [layer.output_shape for layer in first.layers] == [layer.output_shape for layer in second.layers]
    assert [layer for layer in first.layers if layer.op is not Op.POOL] == [
        layer for layer in second.layers if layer.op is not Op.POOL
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("filters: 8, kernel", "filtres: 8, kernel", 'did you mean "filters"?'),
        ("op: depthwise", "op: depthwize", 'did you mean "depthwise"?'),
        ("inputs: conv1", "inputs: conv11", 'did you mean "conv1"?'),
        ("inputs: conv1", "inputs: fc", "made only here or below"),
        ("inputs: [dw, skip]", "inputs: [dw, data]", "data does not match"),
        ("op: global_pool", "op: global_pool, kernel: 3", "means nothing to global_pool"),
        ("kernel: [3, 1]", "kernel: [3, 1, 1]", "a whole number or [vertical, horizontal]"),
        ("filters: 8, kernel: 3", "kernel: 3", "a value for `filters`"),
        ("padding: half", "padding: halve", 'did you mean "half"?'),
        ("op: linear", "op: matmul", "output"),
        ("[3, 32, 32]", "[3, 32]", "[channels, height, width]"),
        ("[3, 32, 32]", "[3, 3000000, 32000]", "too large"),
        ("name: dw", "name: conv1", "taken"),
        ("outputs: [fc]", "outputs: [fcc]", 'did you mean "fc"?'),
        ("max_pool, kernel: 2", "max_pool, kernel: 99", "larger than the padded input"),
    ],
)
def test_what_is_wrong_in_a_list_is_told_with_its_place(tmp_path: Path, before: str, after: str, told: str):
    assert before in YAML
    message = refused(tmp_path / "net.yaml", YAML.replace(before, after))
    line = 1 + YAML[: YAML.index(before)].count("\n")
    assert told in message and f"net.yaml:{line}:" in message


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("filters", "filtres", 'did you mean "filters"?'),
        ("conv,data,8,3x3", "conv,data,8,3xx3", "a whole number or [vertical, horizontal]"),
        ("conv,data,8", "conv,data,eight", "a whole number"),
        ("dw;skip", "dw;skpi", 'did you mean "skip"?'),
        ("skip,conv,conv1,8,,,,,,,,", "skip,conv,conv1,8,,,,,,,,,9", "more cells than columns"),
        ("data,input,,,,,,,,3x32x32,,\n", "data,input,,,,,,,,3x32x32,,\n" * 2, "[channels, height, width]"),
    ],
)
def test_what_is_wrong_in_a_csv_list_is_told_with_its_line(tmp_path: Path, before: str, after: str, told: str):
    assert before in CSV
    message = refused(tmp_path / "net.csv", CSV.replace(before, after))
    assert told in message and "net.csv:" in message


def test_every_problem_of_a_list_is_told_at_once(tmp_path: Path):
    message = refused(tmp_path / "net.yaml", YAML.replace("filters: 8", "filters: 0").replace("op: add", "op: ad"))
    assert message.count("net.yaml:") == 3


def test_a_scale_sim_topology_is_convolutions_over_padded_maps(tmp_path: Path):
    first, second, third = load(tmp_path / "net.csv", SCALE_SIM).layers
    assert (first.name, first.output_shape, first.macs) == ("Conv1", (1, 96, 55, 55), 105_415_200)
    assert (second.op, second.groups, second.macs) == (Op.DEPTHWISE, 32, 32 * 9 * 144)
    assert (third.stride, third.zero_weights_fraction, third.output_shape) == ((2, 1), 0.5, (1, 8, 4, 6))


def test_a_scale_sim_topology_of_products_is_linear_layers(tmp_path: Path):
    (layer,) = load(tmp_path / "net.csv", "Layer, M, N, K,\nfc, 128, 1000, 4096,\n").layers
    assert (layer.op, layer.macs, layer.params) == (Op.LINEAR, 128 * 1000 * 4096, 1000 * 4096)
    assert layer.output_shape == (1, 1000, 128, 1)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("11, 11, 3", "11, eleven, 3", "Filter Width"),
        ("11, 11, 3, 96, 4,", "11, 11, 3,", "Num Filter"),
        ("227, 227", "7, 227", "larger than the map"),
    ],
)
def test_what_is_wrong_in_a_topology_is_told(tmp_path: Path, before: str, after: str, told: str):
    assert told in refused(tmp_path / "net.csv", SCALE_SIM.replace(before, after))


def layer_of(tmp_path: Path, text: str) -> Layer:
    (layer,) = load(tmp_path / "problem.yaml", text).layers
    return layer


def test_a_timeloop_problem_is_the_layer_of_its_projections(tmp_path: Path):
    layer = layer_of(tmp_path, TIMELOOP)
    assert (layer.op, layer.kernel, layer.stride) == (Op.CONV, (3, 3), (2, 2))
    assert (layer.input_shapes, layer.output_shape) == (((2, 3, 225, 225),), (2, 32, 112, 112))
    assert (layer.macs, layer.zero_weights_fraction) == (2 * 10_838_016, 0.75)


def test_an_old_timeloop_problem_says_its_shape_by_name(tmp_path: Path):
    text = "problem: {shape: cnn-layer, C: 3, M: 32, R: 3, S: 3, N: 1, P: 112, Q: 112, Wstride: 2, Hstride: 2}\n"
    assert layer_of(tmp_path, text).macs == 10_838_016


def test_a_grouped_timeloop_problem_has_a_dimension_in_all_three(tmp_path: Path):
    text = TIMELOOP.replace("[C, M, R", "[G, C, M, R").replace("[[[C]], [[M]]", "[[[G]], [[C]], [[M]]")
    text = text.replace("[[[N]], [[C]]", "[[[N]], [[G]], [[C]]").replace("[[[N]], [[M]]", "[[[N]], [[G]], [[M]]")
    layer = layer_of(tmp_path, text.replace("C: 3, M: 32", "G: 8, C: 1, M: 1"))
    assert (layer.op, layer.groups, layer.macs) == (Op.DEPTHWISE, 8, 2 * 8 * 9 * 112 * 112)


def test_a_timeloop_product_is_a_linear_layer(tmp_path: Path):
    text = """\
problem:
  shape:
    dimensions: [M, N, K]
    data_spaces:
      - {name: A, projection: [[[M]], [[K]]]}
      - {name: B, projection: [[[K]], [[N]]]}
      - {name: Z, projection: [[[M]], [[N]]], read_write: true}
  instance: {M: 128, N: 1000, K: 4096}
"""
    layer = layer_of(tmp_path, text)
    assert (layer.op, layer.macs, layer.params) == (Op.LINEAR, 128 * 1000 * 4096, 1000 * 4096)


def test_a_folder_of_timeloop_problems_is_a_network(tmp_path: Path):
    (tmp_path / "net").mkdir()
    for number, filters in ((1, 32), (2, 16)):
        text = TIMELOOP.replace("M: 32", f"M: {filters}")
        (tmp_path / "net" / f"0{number}_conv.yaml").write_text(text)
    network = load_network(str(tmp_path / "net"))
    assert [(layer.name, layer.output_shape[1]) for layer in network.layers] == [("conv", 32), ("conv_2", 16)]
    assert load_network(str(tmp_path / "net"), batch=1).macs == network.macs // 2


def test_a_folder_without_problems_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="not a folder of Timeloop problems"):
        load_network(str(tmp_path))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("M: 32, ", "", "a value for `M`"),
        ("M: 32", "M: -1", "a whole number"),
        ("M: 32", "M: 32, Wstrid: 2", 'did you mean "Wstride"?'),
        ("        read_write: true\n", "", "read_write: true on one"),
        ("[[[C]], [[M]], [[R]], [[S]]]", "[[[C]], [[M]], [[R]], [[T]]]", "T"),
        ("[[[N]], [[M]], [[Q]], [[P]]]", "nothing", "not a projection"),
    ],
)
def test_what_is_wrong_in_a_problem_is_told(tmp_path: Path, before: str, after: str, told: str):
    assert before in TIMELOOP
    assert told in refused(tmp_path / "problem.yaml", TIMELOOP.replace(before, after))


@pytest.mark.parametrize("name", ["net.txt", "net.pb", "net"])
def test_an_unknown_suffix_is_told_the_known_ones(tmp_path: Path, name: str):
    assert ".onnx" in refused(tmp_path / name, "x")


def test_a_file_that_is_not_there_is_told_so(tmp_path: Path):
    for suffix in ("csv", "yaml", "prototxt", "onnx"):
        with pytest.raises(InputError, match="cannot read the file"):
            load_network(str(tmp_path / f"none.{suffix}"))


def test_a_table_has_rows_for_as_many_layers_as_a_network_may_have_and_an_input_of_each(tmp_path: Path) -> None:
    rows = [f"in{at},input,,,2x2x2" for at in range(MOST_LAYERS)]
    rows += [f"L{at},conv,in{at},2," for at in range(MOST_LAYERS)]
    network = load(tmp_path / "net.csv", "\n".join(["name,op,inputs,filters,output", *rows]))
    assert (len(network.layers), len(network.inputs)) == (MOST_LAYERS, MOST_LAYERS)
    text = "name,filters\n" + "a,1\n" * MOST_ROWS
    assert len(read_table(text, "net.csv").rows) == MOST_ROWS
    with pytest.raises(InputError, match=f"{MOST_ROWS + 2}: too many rows"):
        read_table(text + "a,1\n", "net.csv")
