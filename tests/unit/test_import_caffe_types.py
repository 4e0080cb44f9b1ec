"""Caffe's types of layers, BVLC's and those of its forks: shapes, what runs on the host, unknown fields, writing."""

from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.network.ir import Network, Op
from tests.caffe_text import imported, refused
from workloads.exporters import text_of
from workloads.load import load_network
from workloads.registry import BUILDERS

BLOB = 'input: "data" input_shape { dim: 1 dim: %d dim: %d dim: %d }\n'
CONV = 'layer { name: "%s" type: "Convolution" bottom: "%s" top: "%s" convolution_param { num_output: %d %s } }\n'


def macs(network: Network) -> list[int]:
    return [layer.macs for layer in network.layers if layer.macs]


def head_of_ssd(number: int, source: str, priors: int) -> str:
    """Return the layers of a detector's head on a blob: boxes and classes, turned and flattened, and prior boxes."""
    lines = []
    for kind, filters in (("loc", 12), ("conf", 15)):
        name = f"{kind}{number}"
        lines.append(CONV % (name, source, name, filters, "kernel_size: 3 pad: 1"))
        order = "permute_param { order: 0 order: 2 order: 3 order: 1 }"
        lines.append(
            f'layer {{ name: "{name}_p" type: "Permute" bottom: "{name}" top: "{name}_p" {order} }}\n'
            f'layer {{ name: "{name}_f" type: "Flatten" bottom: "{name}_p" top: "{name}_f" }}\n'
        )
    prior = f"min_size: {priors} aspect_ratio: 2 flip: true clip: false variance: 0.1"
    lines.append(
        f'layer {{ name: "prior{number}" type: "PriorBox" bottom: "{source}" bottom: "data" top: "prior{number}"'
        f" prior_box_param {{ {prior} }} }}\n"
    )
    return "".join(lines)


SSD_END = """
layer { name: "loc" type: "Concat" bottom: "loc1_f" bottom: "loc2_f" top: "loc" concat_param { axis: 1 } }
layer { name: "conf" type: "Concat" bottom: "conf1_f" bottom: "conf2_f" top: "conf" concat_param { axis: 1 } }
layer { name: "prior" type: "Concat" bottom: "prior1" bottom: "prior2" top: "prior" concat_param { axis: 2 } }
layer { name: "conf_r" type: "Reshape" bottom: "conf" top: "conf_r"
        reshape_param { shape { dim: 0 dim: -1 dim: 5 } } }
layer { name: "conf_s" type: "Softmax" bottom: "conf_r" top: "conf_s" softmax_param { axis: 2 } }
layer { name: "conf_f" type: "Flatten" bottom: "conf_s" top: "conf_f" flatten_param { axis: 1 } }
layer { name: "out" type: "DetectionOutput" bottom: "loc" bottom: "conf_f" bottom: "prior" top: "out"
        detection_output_param { num_classes: 5 nms_param { nms_threshold: 0.45 } } }
"""


def test_a_detector_is_its_convolutions_and_the_host_does_the_rest(tmp_path: Path):
    text = BLOB % (3, 64, 64) + CONV % ("conv1", "data", "conv1", 16, "kernel_size: 3 stride: 4 pad: 1")
    text += CONV % ("conv2", "conv1", "conv2", 32, "kernel_size: 3 stride: 2 pad: 1")
    network = imported(tmp_path, text + head_of_ssd(1, "conv1", 20) + head_of_ssd(2, "conv2", 40) + SSD_END)
    assert macs(network) == [110_592, 294_912, 442_368, 552_960, 221_184, 276_480]
    assert network.outputs == ("loc", "conf_s")


def test_where_a_pool_found_what_it_took_is_no_activation(tmp_path: Path):
    text = BLOB % (3, 32, 48) + CONV % ("conv1", "data", "conv1", 8, "kernel_size: 3 pad: 1")
    text += (
        'layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" top: "mask"'
        " pooling_param { pool: MAX kernel_size: 2 stride: 2 } }\n"
        'layer { name: "up1" type: "Upsample" bottom: "pool1" bottom: "mask" top: "up1" upsample_param { scale: 2 } }\n'
    )
    network = imported(tmp_path, text + CONV % ("conv2", "up1", "conv2", 4, "kernel_size: 3 pad: 1"))
    assert macs(network) == [331_776, 442_368]


@pytest.mark.parametrize(
    ("size", "param", "rows"),
    [
        ((3, 65, 129), "shrink_factor: 2", (33, 65)),
        ((3, 66, 130), "zoom_factor: 2 pad_beg: 0 pad_end: -1", (129, 257)),
        ((3, 33, 65), "zoom_factor: 2", (65, 129)),
        ((3, 65, 129), "shrink_factor: 2 zoom_factor: 4", (129, 257)),
        ((3, 65, 129), "height: 10 width: 20", (10, 20)),
    ],
)
def test_maps_are_shrunk_then_zoomed_or_made_of_a_size(
    tmp_path: Path, size: tuple[int, int, int], param: str, rows: tuple[int, int]
):
    text = f'layer {{ name: "y" type: "Interp" bottom: "data" top: "y" interp_param {{ {param} }} }}'
    assert imported(tmp_path, BLOB % size + text).layers[-1].output_shape[2:] == rows


@pytest.mark.parametrize(
    ("layer", "op", "output"),
    [
        ('"Upsample" upsample_param { upsample_h: 17 upsample_w: 18 }', "upsample", (8, 17, 18)),
        ('"Upsample" upsample_param { scale_h: 2 scale_w: 3 pad_out_h: 1 }', "upsample", (8, 15, 24)),
        ('"Upsample"', "upsample", (8, 16, 16)),
        ('"Reorg" reorg_param { stride: 2 }', "reshape", (32, 4, 4)),
        ('"Reorg" reorg_param { stride: 2 reverse: true }', "reshape", (2, 16, 16)),
        (
            '"Deconvolution" convolution_param { num_output: 4 kernel_size: 3 dilation: 2 bias_term: false }',
            "col2im",
            (4, 12, 12),
        ),
        ('"Tile" tile_param { axis: 1 tiles: 3 }', "upsample", (24, 8, 8)),
        ('"Reduction" reduction_param { operation: MEAN axis: 2 }', "pool", (8, 1, 1)),
        ('"ArgMax" argmax_param { axis: 1 }', "activation", (1, 8, 8)),
        ('"ArgMax"', "activation", (1, 1, 1)),
        ('"SPP" spp_param { pool: MAX pyramid_height: 3 }', "concat", (8 * 21, 1, 1)),
        ('"Im2col" convolution_param { kernel_size: 3 pad: 1 stride: 2 }', "reshape", (72, 4, 4)),
        ('"Normalize" norm_param { across_spatial: false }', "normalization", (8, 8, 8)),
        ('"ELU" elu_param { alpha: 1 }', "activation", (8, 8, 8)),
        ('"Swish" swish_param { beta: 1 }', "activation", (8, 8, 8)),
        ('"Threshold" threshold_param { threshold: 1 }', "activation", (8, 8, 8)),
        ('"BN" bn_param { bn_mode: INFERENCE }', "activation", (8, 8, 8)),
    ],
)
def test_each_type_has_its_op_and_shape(tmp_path: Path, layer: str, op: str, output: tuple[int, int, int]):
    text = BLOB % (8, 8, 8) + f'layer {{ name: "y" bottom: "data" top: "y" type: {layer} }}'
    last = imported(tmp_path, text).layers[-1]
    assert (last.op.value, last.output_shape) == (op, (1, *output))


def test_a_passthrough_of_maps_as_channels_is_joined(tmp_path: Path):
    text = BLOB % (3, 32, 32) + CONV % ("c1", "data", "c1", 16, "kernel_size: 3 pad: 1")
    text += 'layer { name: "p" type: "Pooling" bottom: "c1" top: "p" pooling_param { kernel_size: 2 stride: 2 } }\n'
    text += CONV % ("c2", "p", "c2", 32, "kernel_size: 3 pad: 1")
    text += 'layer { name: "r" type: "Reorg" bottom: "c1" top: "r" reorg_param { stride: 2 } }\n'
    text += 'layer { name: "cat" type: "Concat" bottom: "r" bottom: "c2" top: "cat" }\n'
    assert macs(imported(tmp_path, text + CONV % ("c3", "cat", "c3", 8, "kernel_size: 1"))) == [
        442_368,
        1_179_648,
        196_608,
    ]


ROIS = 'layer { name: "y" type: "%s" bottom: "data" bottom: "rois" top: "y" %s }'


@pytest.mark.parametrize(
    ("rois", "count"),
    [
        ('input: "rois" input_shape { dim: 20 dim: 5 }\n', 20),
        ('layer { name: "p" type: "Proposal" bottom: "data" top: "rois" proposal_param { post_nms_topn: 40 } }', 40),
        ('layer { name: "p" type: "Python" top: "rois" python_param { layer: "ProposalLayer" } }', 300),
    ],
)
def test_regions_are_pooled_as_many_as_there_are(tmp_path: Path, rois: str, count: int):
    plain = ROIS % ("ROIPooling", "roi_pooling_param { pooled_h: 7 pooled_w: 6 spatial_scale: 0.0625 }")
    text = BLOB % (8, 14, 14) + rois
    assert imported(tmp_path, text + plain).layers[-1].output_shape == (count, 8, 7, 6)
    parts = ROIS % ("PSROIPooling", "psroi_pooling_param { output_dim: 2 group_size: 2 spatial_scale: 0.0625 }")
    assert imported(tmp_path, text + parts).layers[-1].output_shape == (count, 2, 2, 2)


def test_a_recurrent_layer_multiplies_input_and_state_in_each_step(tmp_path: Path):
    text = """
    input: "data" input_shape { dim: 20 dim: 1 dim: 64 }
    input: "clip" input_shape { dim: 20 dim: 1 }
    layer { name: "lstm1" type: "LSTM" bottom: "data" bottom: "clip" top: "h" recurrent_param { num_output: 32 } }
    layer { name: "fc" type: "InnerProduct" bottom: "h" top: "fc" inner_product_param { num_output: 10 axis: 2 } }
    """
    network = imported(tmp_path, text)
    assert macs(network) == [20 * 4 * 32 * 64, 20 * 4 * 32 * 32, 20 * 32 * 10]
    assert network.params == 4 * 32 * (64 + 32 + 1) + 32 * 10 + 10
    assert network.inputs["data"] == (1, 64, 20, 1)  # steps are no batch
    assert "lstm1: the steps of a sequence" in network.facts["warning"]


def test_an_embedding_picks_rows_of_weights(tmp_path: Path):
    text = 'input: "data" input_shape { dim: 1 dim: 7 }\n'
    text += 'layer { name: "e" type: "Embed" bottom: "data" top: "e" embed_param { num_output: 16 input_dim: 99 } }'
    (layer,) = imported(tmp_path, text).layers
    assert (layer.op, layer.output_shape) == (Op.GATHER, (1, 16, 7, 1))


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        ('type: "Interp" interp_param { zoom_facter: 2 }', 'did you mean "zoom_factor"?'),
        ('type: "Pooling" pooling_param { kernel_size: 2 strid: 2 }', 'did you mean "stride"?'),
        ('type: "Eltwise" eltwise_parm { operation: SUM }', 'did you mean "eltwise_param"?'),
        ('type: "LRN" lrn_param { local_siz: 5 }', 'did you mean "local_size"?'),
        ('type: "ReLU" inclde { phase: TEST }', 'did you mean "include"?'),
        ('type: "ReLU" include { fase: TEST }', 'did you mean "phase"?'),
        ('type: "ReLU" frobnicate: 1', "frobnicate: unknown field"),
        ('type: "Reorg" reorg_param { stride: 3 }', "do not divide into squares"),
        ('type: "Interp" interp_param { pad_end: 1 }', "no padding > 0"),
        ('type: "ArgMax" argmax_param { top_k: 5 }', "only the largest element"),
        ('type: "Filter"', "which samples are kept depends on the data"),
        ('type: "ROIPooling" roi_pooling_param { pooled_h: 1 pooled_w: 1 }', "how many regions"),
        ('type: "Tile" tile_param { axis: 1 }', "tiles: wrong value"),
        ('type: "SPP" spp_param { pyramid_height: 9 }', "pyramid_height"),
        ('type: "LSTM"', "the state has no size"),
    ],
)
def test_what_a_layer_cannot_mean_is_told_by_name_and_line(tmp_path: Path, layer: str, told: str):
    text = BLOB % (8, 8, 8) + f'layer {{ name: "y" bottom: "data" top: "y"\n{layer} }}'
    message = refused(tmp_path, text)
    assert told in message and "net.prototxt:" in message


@pytest.mark.parametrize("kind", ["HDF5Data", "Python", "Data", "ImageData", "MyData"])
def test_data_without_a_size_is_told_the_remedy(tmp_path: Path, kind: str):
    message = refused(tmp_path, f'layer {{ name: "data" type: "{kind}" top: "data" top: "label" }}')
    assert 'type: "Input"' in message


def test_a_cropped_image_is_as_large_as_its_crop(tmp_path: Path):
    text = 'layer { name: "d" type: "Data" top: "data" transform_param { crop_h: 300 crop_w: 200 } }'
    network = imported(tmp_path, text + CONV % ("c", "data", "c", 8, "kernel_size: 1"))
    assert network.inputs == {"data": (1, 3, 300, 200)}


def rows(network: Network) -> list[tuple[object, ...]]:
    """Return what a prototxt must tell of layers; an inner product over several positions is a convolution there."""
    return [
        (layer.name, layer.op.value.replace("linear", "conv"), layer.output_shape, layer.macs, layer.params)
        for layer in network.layers
        if layer.op is not Op.RESHAPE
    ]


@pytest.mark.parametrize("spec", sorted(set(BUILDERS) - {"condensenet", "deit", "efficientformer", "mobilevit", "vit"}))
def test_a_definition_that_was_written_is_read_as_the_network_it_was(tmp_path: Path, spec: str):
    network = load_network(spec)
    found = imported(tmp_path, text_of(network, "prototxt"))
    assert rows(found) == rows(network)
    assert (found.inputs, found.outputs) == (network.inputs, network.outputs)


def test_what_caffe_has_no_layer_for_is_refused_by_name():
    with pytest.raises(InputError, match="block1_1/index: Caffe has no layer of this kind"):
        text_of(load_network("condensenet"), "prototxt")


def test_parts_of_a_blob_that_nobody_reads_are_written_as_silenced(tmp_path: Path):
    text = """\
name: cut
inputs: {data: [8, 4, 4]}
layers:
  - {name: part, op: split, channels: [2, 5]}
"""
    (tmp_path / "net.yaml").write_text(text)
    network = load_network(str(tmp_path / "net.yaml"))
    found = imported(tmp_path, text_of(network, "prototxt"))
    assert (rows(found), found.outputs) == (rows(network), ("part",))
