"""Caffe's prototxt: whole networks as their authors write them, each kind of layer, and what is wrong in a file."""

from dataclasses import replace
from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.network.ir import Layer, Network, Op
from simulator.network.ops import OPS
from tests.caffe_text import imported, prototxt, refused
from workloads.load import load_network

NETWORKS = (
    "alexnet",
    "densenet",
    "googlenet",
    "mobilenet_v1:resolution=225",
    "resnet",
    "shufflenet_v1",
    "shufflenet_v2",
    "squeezenet",
    "squeezenet:version=1.1,bypass=simple",
    "squeezenext",
    "squeezenext:variant=v5",
    "vgg",
)


def plain(network: Network) -> list[Layer]:
    """Return the layers without what a prototxt does not tell, nor reshapes that change nothing."""
    same = {layer.name: layer.inputs[0] for layer in network.layers if layer.output_shape == layer.input_shapes[0]}
    same = {name: source for name, source in same.items() if _layer(network, name).op is Op.RESHAPE}
    return [
        replace(
            layer,
            inputs=tuple(same.get(name, name) for name in layer.inputs),
            stage="",
            zero_inputs_fraction=None,
            zero_outputs_fraction=None,
        )
        for layer in network.layers
        if layer.name not in same
    ]


def _layer(network: Network, name: str) -> Layer:
    return next(layer for layer in network.layers if layer.name == name)


@pytest.mark.parametrize("legacy", [False, True], ids=["layer", "layers"])
@pytest.mark.parametrize("spec", NETWORKS)
def test_a_definition_is_the_network_that_it_was_written_from(tmp_path: Path, spec: str, legacy: bool):
    network = load_network(spec)
    found = imported(tmp_path, prototxt(network, legacy))
    assert plain(found) == plain(network)
    assert (found.name, found.macs, found.params) == (network.name, network.macs, network.params)


HEAD = 'name: "n" input: "data" input_shape { dim: 1 dim: 4 dim: 9 dim: 9 } '


@pytest.mark.parametrize(
    ("layer", "op", "output"),
    [
        ('type: "Convolution" convolution_param { num_output: 8 kernel_size: 3 pad: 1 stride: 2 }', "conv", (8, 5, 5)),
        ('type: "Convolution" convolution_param { num_output: 8 kernel_h: 1 kernel_w: 3 pad_w: 1 }', "conv", (8, 9, 9)),
        ('type: "Convolution" convolution_param { num_output: 8 kernel_size: 3 dilation: 2 }', "conv", (8, 5, 5)),
        ('type: "Convolution" convolution_param { num_output: 4 kernel_size: 3 group: 4 }', "depthwise", (4, 7, 7)),
        ('type: "DepthwiseConvolution" convolution_param { num_output: 4 kernel_size: 3 }', "depthwise", (4, 7, 7)),
        ('type: "Pooling" pooling_param { pool: MAX kernel_size: 2 stride: 2 }', "pool", (4, 5, 5)),
        ('type: "Pooling" pooling_param { pool: AVE kernel_size: 2 stride: 2 round_mode: FLOOR }', "pool", (4, 4, 4)),
        ('type: "Pooling" pooling_param { pool: AVE kernel_size: 2 stride: 2 ceil_mode: false }', "pool", (4, 4, 4)),
        ('type: "Pooling" pooling_param { pool: AVE global_pooling: true }', "pool", (4, 1, 1)),
        ('type: "Pooling" pooling_param { pool: MAX kernel_size: 2 stride: 2 pad: 1 }', "pool", (4, 5, 5)),
        ('type: "InnerProduct" inner_product_param { num_output: 10 }', "linear", (10, 1, 1)),
        ('type: "ReLU"', "activation", (4, 9, 9)),
        ('type: "PReLU"', "activation", (4, 9, 9)),
        ('type: "Sigmoid"', "activation", (4, 9, 9)),
        ('type: "BatchNorm"', "activation", (4, 9, 9)),
        ('type: "LRN" lrn_param { local_size: 3 }', "lrn", (4, 9, 9)),
        ('type: "Softmax"', "softmax", (4, 9, 9)),
        ('type: "ShuffleChannel" shuffle_channel_param { group: 2 }', "shuffle", (4, 9, 9)),
        ('type: "Flatten"', "reshape", (324, 1, 1)),
        ('type: "Reshape" reshape_param { shape { dim: 0 dim: -1 dim: 81 dim: 1 } }', "reshape", (4, 81, 1)),
        ('type: "Interp" interp_param { height: 18 width: 18 }', "upsample", (4, 18, 18)),
        ('type: "Upsample" upsample_param { scale: 2 }', "upsample", (4, 18, 18)),
        ('type: "Deconvolution" convolution_param { num_output: 2 kernel_size: 2 stride: 2 }', "col2im", (2, 18, 18)),
    ],
)
def test_each_kind_of_layer_has_its_op_and_shape(tmp_path: Path, layer: str, op: str, output: tuple[int, int, int]):
    network = imported(tmp_path, f'{HEAD} layer {{ name: "y" bottom: "data" top: "y" {layer} }}')
    last = network.layers[-1]
    assert (last.op.value, last.output_shape) == (op, (1, *output))


@pytest.mark.parametrize(
    ("param", "variant", "operations"),
    [
        ("", "across_channels", 5 + 5 + 3),  # squares and sums of five channels; a scale, a power and a product
        ("lrn_param { local_size: 3 }", "across_channels", 3 + 3 + 3),
        ("lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL }", "within_channel", 9 + 9 + 3),
        ("lrn_param { norm_region: 1 }", "within_channel", 25 + 25 + 3),
    ],
)
def test_a_normalisation_has_the_window_that_it_says(tmp_path: Path, param: str, variant: str, operations: int):
    network = imported(tmp_path, f'{HEAD} layer {{ name: "y" type: "LRN" bottom: "data" top: "y" {param} }}')
    (layer,) = network.layers
    assert (layer.variant, OPS[layer.op].operations(layer)) == (variant, 4 * 9 * 9 * operations)


def test_a_normalisation_over_an_even_window_has_no_middle(tmp_path: Path):
    with pytest.raises(InputError, match="local_size: wrong value"):
        imported(tmp_path, HEAD + 'layer { name: "y" type: "LRN" bottom: "data" top: "y" lrn_param { local_size: 4 } }')


def test_scale_by_a_second_blob_is_the_multiplication_of_squeeze_and_excite(tmp_path: Path):
    text = HEAD + (
        'layer { name: "gap" type: "Pooling" bottom: "data" top: "gap" pooling_param { global_pooling: true } }'
        'layer { name: "y" type: "Scale" bottom: "data" bottom: "gap" top: "y" scale_param { axis: 0 } }'
    )
    last = imported(tmp_path, text).layers[-1]
    assert (last.op, last.input_shapes, last.output_shape) == (Op.MUL, ((1, 4, 9, 9), (1, 4, 1, 1)), (1, 4, 9, 9))


def test_layers_of_the_training_phase_are_left_out(tmp_path: Path):
    text = """
    layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
            transform_param { crop_size: 32 } data_param { batch_size: 64 } }
    layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
            transform_param { crop_size: 24 } data_param { batch_size: 2 } }
    layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
            convolution_param { num_output: 8 kernel_size: 1 } }
    layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "conv" bottom: "label" top: "loss" }
    layer { name: "accuracy" type: "Accuracy" bottom: "conv" bottom: "label" top: "accuracy" include { phase: TEST } }
    """
    network = imported(tmp_path, text)
    assert network.inputs == {"data": (1, 3, 24, 24)}  # whatever batch it was tested with
    assert [layer.op.value for layer in network.layers] == ["conv", "softmax"]


def test_comments_and_all_ways_to_write_a_value_are_understood(tmp_path: Path):
    text = """# a comment
    name: 'n'  input: "da" "ta" ; input_dim: [1, 0x3, 8, 8],
    layer < name: "c" type: "Convolution" bottom: "data" top: "c" # another
      convolution_param: { num_output: +4, kernel_size: [1, 1] bias_term: 0 } >
    """
    network = imported(tmp_path, text)
    assert (network.name, network.layers[0].output_shape, network.params) == ("n", (1, 4, 8, 8), 12)


CONV = 'layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { %s } }'


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (CONV % "num_output: 8 kernal_size: 3", 'did you mean "kernel_size"?'),
        (CONV % "num_output: 8", "the kernel has no size"),
        (CONV % "num_output: 8 kernel_size: 11", "larger than the padded input"),
        (CONV % "num_output: 8 kernel_size: x", "a whole number"),
        (CONV % "num_output: 8 kernel_size: 3 group: 3", "do not divide into groups"),
        (CONV % "num_output: 8 kernel_size: 3 stride: 0", "stride"),
        (CONV % "num_output: 8 kernel_size: 3" + " }", "not prototxt"),
        (CONV.removesuffix("}") % "num_output: 8 kernel_size: 3", "is missing"),
        ('layer { name: "c" type: "Convolutoin" bottom: "data" top: "c" }', 'did you mean "convolution"?'),
        ('layer { name: "c" type: "ReLU" bottom: "dta" top: "c" }', "no layer before makes the blob dta"),
        ("", "no layers"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, layer: str, told: str):
    message = refused(tmp_path, f"{HEAD}\n{layer}\n")
    assert told in message and "net.prototxt:" in message


def test_an_unknown_type_is_skipped_on_demand_and_its_traffic_kept(tmp_path: Path):
    path = tmp_path / "net.prototxt"
    path.write_text(HEAD + 'layer { name: "odd" type: "Frobnicate" bottom: "data" top: "y" }')
    with pytest.raises(InputError, match="unknown type of layer odd"):
        load_network(str(path))
    network = load_network(str(path), skip_unknown=True)
    (layer,) = network.layers
    assert (layer.name, layer.op, layer.variant, layer.output_shape) == ("odd", Op.UNKNOWN, "Frobnicate", (1, 4, 9, 9))
    assert "odd" in network.facts["warning"]
