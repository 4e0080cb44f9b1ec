"""SCALE-Sim's topologies, read as its own reader does, and written."""

from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.network.ir import Network, Op
from workloads.exporters import text_of
from workloads.load import load_network

HEADER = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"


def load(tmp_path: Path, text: str) -> Network:
    path = tmp_path / "net.csv"
    path.write_text(text)
    return load_network(str(path))


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    return caught.value.render()


def test_the_header_is_not_read_and_windows_are_rounded_up(tmp_path: Path):
    text = """\
Layer, IFMAP Width, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
conv_a,112,112,1,1,64,64,1,
conv_b,56,56,1,1,256,128,2,
"""
    first, second = load(tmp_path, text).layers
    assert first.macs == 51_380_224
    assert (second.output_shape, second.macs) == ((1, 128, 29, 29), 27_557_888)  # ceil((56 - 1 + 2) / 2), as there


def test_what_stands_behind_the_last_comma_is_dropped(tmp_path: Path):
    rows = "stem, 66, 66, 3, 3, 3, 8, 1,\nstem_dw, 34, 34, 3, 3, 1, 1, 1,#dw\nwide, 9, 9, 3, 3, 1, 1, 2, 3\n"
    stem, narrow, wide = load(tmp_path, HEADER + rows).layers
    assert (stem.macs, narrow.macs, wide.stride) == (64 * 64 * 27 * 8, 9_216, (2, 2))


def test_a_row_without_a_comma_at_its_end_keeps_what_it_needs(tmp_path: Path):
    (layer,) = load(tmp_path, HEADER + "a, 8, 8, 3, 3, 4, 8, 1\n").layers
    assert (layer.stride, layer.macs) == ((1, 1), 36 * 36 * 8)


def test_a_product_may_have_more_positions_than_any_map_has_rows(tmp_path: Path):
    (layer,) = load(tmp_path, "Layer,M,N,K,\nbig,70000,64,9,\n").layers
    assert layer.macs == 40_320_000


def test_products_are_told_by_their_cells_where_the_header_says_nothing(tmp_path: Path):
    (layer,) = load(tmp_path, "name, rows, columns, inner,\nfc, 128, 1000, 4096, 2:4,\n").layers
    assert (layer.op, layer.macs, layer.zero_weights_fraction) == (Op.LINEAR, 128 * 1000 * 4096, 0.5)


@pytest.mark.parametrize(("cells", "stride", "zeros"), [("2, 1, 1:4,", (2, 1), 0.75), ("2, 1:4,", (2, 2), 0.75)])
def test_a_sparsity_stands_last_with_or_without_a_second_stride(
    tmp_path: Path, cells: str, stride: tuple[int, int], zeros: float
):
    (layer,) = load(tmp_path, f"{HEADER}a, 9, 9, 3, 3, 4, 8, {cells}\n").layers
    assert (layer.stride, layer.zero_weights_fraction) == (stride, zeros)


def test_a_layer_in_place_of_the_header_is_skipped_with_a_warning(tmp_path: Path):
    network = load(tmp_path, "a, 8, 8, 3, 3, 4, 8, 1,\nb, 8, 8, 3, 3, 4, 8, 1,\n")
    assert [layer.name for layer in network.layers] == ["b"]
    assert "a layer in place of the header" in network.facts["warning"]


def test_a_layer_below_a_comment_is_no_header(tmp_path: Path):
    network = load(tmp_path, "# my layers\na, 8, 8, 3, 3, 4, 8, 1,\nb, 8, 8, 3, 3, 4, 8, 1,\n")
    assert ([layer.name for layer in network.layers], network.facts) == (["a", "b"], {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEADER.replace(", ", "\t") + "a\t8\t8\t3\t3\t4\t8\t1\t\n", "tabs"),
        ("Layer name; IFMAP Height\na; 8\n", "semicolons"),
        ("Layer name, IFMAP Height Intraline Factor,\na, 8,\n", "a layout of SCALE-Sim"),
        (f"{HEADER}a, 8, 8, 3, 3, 4, 8, 1, 1, 4:2,\n", "N:M"),
        (f"{HEADER}a, 8, 8, 3, 3, 4, 8, 1, 1, 2:4, 7,\n", "no cell after it"),
        ("name, kind\na, conv\n", "not a header of a known list"),
    ],
)
def test_what_scale_sim_cannot_mean_is_told(tmp_path: Path, text: str, told: str):
    assert told in refused(tmp_path, text)


@pytest.mark.parametrize(
    "spec", ["squeezenet", "mobilenet_v2", "resnet:depth=18,batch=2", "shufflenet_v1", "deeplabv3"]
)
def test_a_topology_that_was_written_has_the_macs_of_its_network(tmp_path: Path, spec: str):
    name, _, batch = spec.partition(",batch=")
    network = load_network(name, int(batch or 1))
    found = load(tmp_path, text_of(network, "scalesim"))
    assert found.macs == network.macs
    assert all(layer.padding == (0, 0, 0, 0) for layer in found.layers)


def test_a_depthwise_layer_and_no_other_is_marked_as_one(tmp_path: Path):
    network = load_network("mobilenet_v1")
    found = load(tmp_path, text_of(network, "scalesim"))
    assert [layer.op for layer in found.layers] == [
        Op.CONV if layer.op is Op.LINEAR else layer.op for layer in network.layers if layer.nest
    ]
