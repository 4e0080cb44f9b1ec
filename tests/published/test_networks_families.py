"""Members of the families beyond networks.csv, and properties that their papers state."""

import csv

import pytest

from simulator.errors import InputError
from simulator.network.ir import Layer, Network, Op
from workloads.load import load_network
from workloads.published import FIGURES

# Parameters with batch norm, from the weights' metadata in torchvision 0.29.
TORCHVISION = {
    "densenet:depth=161": 28_681_000,
    "densenet:depth=169": 14_149_480,
    "densenet:depth=201": 20_013_928,
    "efficientnet:variant=b1": 7_794_184,
    "efficientnet:variant=b2": 9_109_994,
    "efficientnet:variant=b3": 12_233_232,
    "efficientnet:variant=b4": 19_341_616,
    "efficientnet:variant=b5": 30_389_784,
    "efficientnet:variant=b6": 43_040_704,
    "efficientnet:variant=b7": 66_347_960,
    "resnet:depth=34": 21_797_672,
    "resnet:depth=101,variant=v1.5": 44_549_160,
    "resnet:depth=152,variant=v1.5": 60_192_808,
    "shufflenet_v2:projection=half": 2_278_604,
    "vgg:depth=11": 132_863_336,
    "vgg:depth=13": 133_047_848,
}

with FIGURES.open(encoding="utf-8", newline="") as file:
    FIGURE_ROWS = [row for row in csv.DictReader(file) if "multi-scale" not in row["source"]]


def norm_params(network: Network) -> int:
    """Return scale and shift of all batch norms: after each convolution without bias, or before an activation."""
    before_activation = [layer for layer in network.layers if layer.variant == "norm_relu"]
    if before_activation:
        normed = [layer for layer in network.layers if layer.op is Op.ACTIVATION]
    else:
        normed = [layer for layer in network.layers if layer.op in (Op.CONV, Op.DEPTHWISE) and not layer.bias]
    return sum(2 * layer.output_shape[1] for layer in normed)


# Parameters of whole transformers: DeiT and timm 1.0, apple/ml-cvnets.
TRANSFORMERS = {
    "deit:distilled=true": 5_910_800,
    "mobilevit:variant=s": 5_578_632,
    "mobilevit:variant=xs": 2_317_848,
    "mobilevit:variant=xxs": 1_272_024,
    "vit:variant=base": 86_567_656,
    "vit:variant=small": 22_050_664,
    "vit:variant=tiny": 5_717_416,
}


@pytest.mark.parametrize(("spec", "params"), TRANSFORMERS.items())
def test_transformers_have_the_parameters_of_their_sources(spec: str, params: int) -> None:
    """Batch norms follow convolutions without bias but those that make tokens; other norms scale the channels."""
    network = load_network(spec)
    normed = [layer for layer in network.layers if layer.op in (Op.CONV, Op.DEPTHWISE) and not layer.bias]
    batch_norms = [layer for layer in normed if not layer.name.endswith("/expand") or "residual" in layer.name]
    gains = sum(2 * layer.output_shape[1] for layer in batch_norms)
    gains += sum(2 * layer.window for layer in network.layers if layer.op is Op.NORMALIZATION)
    assert network.params + gains == params


def test_efficientformer_has_the_parameters_of_timm() -> None:
    """12,289,928, with norms and scales that are folded here; biases of scores are a table of 8 x 49 there."""
    network = load_network("efficientformer")
    norms = sum(2 * layer.output_shape[1] for layer in network.layers if layer.op is Op.CONV)
    norms += sum(2 * layer.window for layer in network.layers if layer.op is Op.NORMALIZATION)
    scales = sum(layer.output_shape[1] for layer in network.layers if layer.name.endswith(("/narrow", "/projection")))
    (table,) = (layer.constant_elements for layer in network.layers if layer.name.endswith("attention/bias"))
    assert network.params + norms + scales - table + 8 * 49 == 12_289_928


@pytest.mark.parametrize("spec", ["vit:resolution=100", "mobilevit:resolution=224,variant=xs"])
def test_images_that_do_not_divide_into_patches_are_refused(spec: str) -> None:
    with pytest.raises(InputError, match="images do not divide into patches"):
        load_network(spec)


def strides_of(network: Network) -> list[Layer]:
    return [layer for layer in network.layers if layer.op in (Op.CONV, Op.DEPTHWISE) and layer.stride != (1, 1)]


@pytest.mark.parametrize(("spec", "params"), TORCHVISION.items())
def test_larger_members_have_the_parameters_of_torchvision(spec: str, params: int) -> None:
    network = load_network(spec)
    assert network.params + norm_params(network) == params


@pytest.mark.parametrize("row", FIGURE_ROWS, ids=lambda row: f"{row['spec']} {row['source']}")
def test_each_network_carries_the_figures_published_for_it_and_is_near_them(row: dict[str, str]) -> None:
    """Published counts differ in what they count, and some tables are of earlier versions: a fifth at most."""
    network = load_network(row["spec"])
    assert row["source"] in {text for key, text in network.facts.items() if key.startswith("source")}
    for key, count in (("macs_m", network.macs), ("params_m", network.params)):
        if row[key]:
            deviation = count / (float(row[key]) * 1e6) - 1
            print(f"{row['spec']} {key}: {deviation:+.1%}")
            assert abs(deviation) < 0.2


def test_shufflenet_v2_50_has_the_papers_2300_million_macs() -> None:
    """Table 6 of arXiv 1807.11164: 2.3 GFLOPs."""
    assert abs(load_network("shufflenet_v2:depth=50").macs / 2.3e9 - 1) < 0.01


def test_resnet_v1_strides_in_the_1x1_and_v1_5_in_the_3x3() -> None:
    kernels = {
        variant: {layer.kernel for layer in strides_of(load_network(f"resnet:variant={variant}"))}
        for variant in ("v1", "v1.5")
    }
    assert kernels == {"v1": {(7, 7), (1, 1)}, "v1.5": {(7, 7), (3, 3), (1, 1)}}


def test_deeplab_trades_strides_for_dilation() -> None:
    at_16, at_8 = (load_network(f"deeplabv3:output_stride={stride}") for stride in (16, 8))
    assert at_16.params == at_8.params
    for network, size, dilations in ((at_16, 33, {1, 2}), (at_8, 65, {1, 2, 4})):
        last = next(layer for layer in network.layers if layer.name == "block17/project")
        assert last.output_shape[2:] == (size, size)
        assert {layer.dilation[0] for layer in network.layers if layer.op is Op.DEPTHWISE} == dilations


def test_dilations_of_the_spatial_pyramid_double_at_half_the_output_stride() -> None:
    for stride, dilations in ((16, [6, 12, 18]), (8, [12, 24, 36])):
        layers = load_network(f"deeplabv3:output_stride={stride},aspp=true").layers
        assert [layer.dilation[0] for layer in layers if layer.name in ("aspp1", "aspp2", "aspp3")] == dilations


@pytest.mark.parametrize(
    ("spec", "boxes"),
    [("ssdlite:backbone=mobilenet_v2,resolution=300", 1917), ("ssdlite:backbone=mobilenet_v3_large", 3234)],
)
def test_ssdlite_predicts_four_numbers_and_91_scores_for_each_box(spec: str, boxes: int) -> None:
    """1917 boxes: TensorFlow's ssdlite_mobilenet_v2_coco; 3234: torchvision's ssdlite320_mobilenet_v3_large."""
    shapes = {layer.name: layer.output_shape for layer in load_network(spec).layers}
    assert shapes["boxes"] == (1, 4, boxes, 1)
    assert shapes["scores"] == (1, 91, boxes, 1)


def test_segmentation_scores_have_the_size_of_the_image() -> None:
    for spec, size in (("deeplabv3", 513), ("lraspp", 520)):
        network = load_network(spec)
        shapes = {layer.name: layer.output_shape for layer in network.layers}
        assert [shapes[name] for name in network.outputs] == [(1, 21, size, size)]


@pytest.mark.parametrize("groups", [4, 8])
def test_condensing_prunes_one_share_a_stage_and_leaves_the_dense_work(groups: int) -> None:
    stages = [load_network(f"condensenet:groups={groups},stage={stage}") for stage in range(groups)]
    assert len({network.macs for network in stages}) == 1
    for stage, network in enumerate(stages):
        fractions = {layer.zero_weights_fraction for layer in network.layers if layer.name.endswith("/conv1")}
        assert fractions == {stage / groups}
        assert all(layer.zero_weights_fraction is None for layer in network.layers if layer.kernel == (3, 3))


@pytest.mark.parametrize("groups", [4, 8])
def test_deployed_condensenet_does_the_work_that_condensing_leaves(groups: int) -> None:
    """Each 1x1 of the deployed network does 1/C of the dense one's MACs, the classifier half."""
    deployed, dense = (
        {layer.name: layer.macs for layer in load_network(f"condensenet:groups={groups}{stage}").layers if layer.macs}
        for stage in ("", ",stage=0")
    )
    assert deployed.keys() == dense.keys()
    ratios = {name: dense[name] / macs for name, macs in deployed.items()}
    assert {ratio for name, ratio in ratios.items() if name.endswith("/conv1")} == {groups}
    assert {ratio for name, ratio in ratios.items() if name.endswith("/conv2")} == {1.0}
    assert ratios["classifier"] == 2.0


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("condensenet:groups=4,stage=4", "stage"),
        ("shufflenet_v2:depth=50,width=2.0", "width"),
        ("shufflenet_v2:depth=164", "se"),
        ("squeezenext:depth=44,variant=v3", "variant"),
    ],
)
def test_combinations_that_no_source_has_are_refused(spec: str, path: str) -> None:
    with pytest.raises(InputError) as caught:
        load_network(spec)
    assert [problem.path for problem in caught.value.problems] == [path]


@pytest.mark.parametrize("spec", ["alexnet:resolution=32", "alexnet:variant=one_tower,resolution=32"])
def test_an_input_too_small_for_the_network_is_refused_at_the_layer(spec: str) -> None:
    with pytest.raises(InputError, match="larger than the padded input"):
        load_network(spec)
