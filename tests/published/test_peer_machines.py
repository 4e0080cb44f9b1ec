"""Machines of peers against their papers' own arithmetic, and whole networks on every machine."""

import pytest

from analysis.drive.accuracy.anchors import nn_dataflow
from analysis.drive.accuracy.anchors.nvdla import spreadsheet_layers
from analysis.drive.accuracy.anchors.timeloop import MACHINE, reference_network, scalars_moved
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.hardware.load import load_hardware
from simulator.result.run import Run
from simulator.source.locate import locate
from tests.marks import mostly_slow

PEERS = (
    "dpu_b4096",
    "edge_npu_like",
    "eyeriss_isca16",
    "eyeriss_isca16_nlr",
    "eyeriss_isca16_os",
    "eyeriss_isca16_ws",
    "nvdla_64",
    "nvdla_spreadsheet",
    "shidiannao_like",
    "timeloop_eyeriss_like",
    "tpu_v1",
    "tpu_v6e",
)


SMALL, *LARGE = (
    "mobilenet_v2:resolution=64",
    "resnet:depth=18,resolution=64",
    "squeezenext:variant=v5",
    "mobilenet_v2",
    "resnet:depth=18",
)


@pytest.mark.parametrize("machine", PEERS)
@pytest.mark.parametrize("network", mostly_slow([SMALL, *LARGE], [SMALL]))
def test_whole_networks_run_and_obey_the_laws(machine: str, network: str) -> None:
    run = simulate(machine, network)
    assert run.total.cycles > 0
    assert sum(layer.macs for layer in run.layers) == run.network.macs


@pytest.mark.parametrize(
    ("name", "macs", "buffer_kb", "gb_s"),
    [
        ("nvdla_spreadsheet", 2048, 512, 10),
        ("nvdla_2048", 2048, 512, 20),
        ("nvdla_1024", 1024, 256, 15),
        ("nvdla_512", 512, 256, 10),
        ("nvdla_256", 256, 256, 5),
        ("nvdla_128", 128, 256, 2),
        ("nvdla_64", 64, 128, 1),
        ("nvdla_32", 32, 128, 0.5),
    ],
)
def test_nvdla_has_the_macs_buffer_and_bandwidth_of_its_tables(
    name: str, macs: int, buffer_kb: int, gb_s: float
) -> None:
    machine = load_hardware(name)
    data, weights, _ = machine.buffers
    assert machine.array.pes * machine.array.macs_per_cycle == macs
    assert data.capacity_bytes + weights.capacity_bytes == buffer_kb * 1024
    assert machine.dram.bytes_per_cycle == pytest.approx(1.024 * gb_s)


def test_the_spreadsheet_is_bound_by_macs_in_conv1_and_by_dram_in_conv3() -> None:
    layers = spreadsheet_layers()
    assert layers["conv1"][0].bottleneck == "compute"
    assert layers["conv3"][0].bottleneck == "dram"


def test_timeloops_counts_hold_for_partial_sums_that_go_out_and_come_back(tmp_path) -> None:
    """With filter rows outside the array, each sum leaves three times and comes back twice."""
    mapping = tmp_path / "spilling.yaml"
    text = locate(MACHINE, "mappings", "mapping").read_text(encoding="utf-8")
    text = text.replace("buffer: [P14, Q4]", "buffer: [R3, P14, Q4]").replace("[R3, K8]", "[K8]")
    mapping.write_text(text, encoding="utf-8")
    (layer,) = simulate(MACHINE, reference_network(), mapping=mapping).layers
    macs, outputs = layer.macs, 32 * 112 * 112
    moved = scalars_moved(layer, 2)
    assert layer.traffic["array"]["outputs"].read_bytes == 2 * 2 * outputs
    glb_inputs = layer.traffic["buffer"]["inputs"].total_bytes / 2
    assert moved["shared_glb"] == glb_inputs + 3 * outputs + 2 * outputs
    # Each of the nine PEs of a column begins a sum at every step, but the two in three that get one back.
    begun = 9 * 3 * outputs - 2 * outputs
    assert moved["psum_spad"] == 2 * macs - begun + 2 * outputs


def replayed(tmp_path, **loops: str):
    """The reference layer on Timeloop's Eyeriss-like machine, with other loops."""
    mapping = tmp_path / "mapping.yaml"
    lines = [f"    {level}: [{inside}]" for level, inside in loops.items()]
    text = "\n".join(["layers:", "  conv:", "    dataflow: row_stationary", "    stationary: weights", *lines])
    mapping.write_text(text, encoding="utf-8")
    (layer,) = simulate(MACHINE, reference_network(), mapping=mapping).layers
    return layer


def test_pes_that_differ_in_filters_alone_share_a_read_as_timeloop_counts(tmp_path) -> None:
    layer = replayed(
        tmp_path, dram="P8, Q2, K4", buffer="P14, Q4", rows="S3, K4", columns="Q14", registers="C3, R3, K2"
    )
    tiles, steps, window = 8 * 2 * 4, 14 * 4, 3 * 3
    assert layer.traffic["buffer"]["inputs"].read_bytes == 2 * tiles * steps * (14 * 3) * window


@pytest.mark.parametrize(("inner", "words"), [("K2, P14", 2 * (3 + 13 * 2)), ("P14, K2", 14 * 3)])
def test_windows_slide_only_with_the_innermost_loop_as_timeloop_counts(tmp_path, inner: str, words: int) -> None:
    """Of three rows one is kept from step to step, for each block of filters; with filters innermost all come again."""
    layer = replayed(
        tmp_path, dram="P8, Q2, K4", buffer=f"Q4, {inner}", rows="S3", columns="Q14", registers="C3, R3, K4"
    )
    tiles = 8 * 2 * 4
    assert layer.traffic["buffer"]["inputs"].read_bytes == 2 * tiles * 4 * words * (14 * 3) * 3


def test_inputs_and_sums_wait_for_one_port_over_the_whole_layer(tmp_path) -> None:
    """Filter rows outside the array: two of three steps read sums back, and the first does not."""
    layer = replayed(tmp_path, dram="P8, Q2, K4", buffer="R3, P14, Q4", rows="C3, S3", columns="Q14", registers="K8")
    reads = layer.traffic["buffer"]["inputs"].read_bytes + layer.traffic["array"]["outputs"].read_bytes
    assert layer.cycles == max(layer.cycle_parts["compute"], -(-reads // 32))
    assert layer.cycle_parts["delivery"] > 0


def test_nn_dataflows_traffic_is_equal_wherever_it_counts_the_same_and_differs_in_the_buffer_elsewhere() -> None:
    """What is left out is what differs: an operand that stays between tiles there, or skipped columns."""
    compared = 0
    for row, layer in nn_dataflow.replayed():
        for level, moved in nn_dataflow.words_moved(layer, row).items():
            for operand, words in moved.items():
                equal = words == int(row[f"{level}_{operand}"])
                same = nn_dataflow.coincides(row, level, operand)
                assert equal if same else (not equal or level == "array"), (layer.name, level, operand)
                compared += same
    assert compared == 335


@pytest.mark.parametrize("level", ["dram", "gbuf"])
def test_nn_dataflows_schemes_have_each_loop_innermost_at_each_level(level: str) -> None:
    loops = [row[level].split() for row in published("nn_dataflow")]
    assert {inner[-1][0] for inner in loops if inner} == {"C", "K", "N"}


def energy_by_level(run: Run) -> dict[str, float]:
    levels: dict[str, float] = {}
    for part, energy in run.total.energy_parts.items():
        level = part.partition(".")[0]
        levels[level] = levels.get(level, 0.0) + energy
    return levels


def test_no_local_reuse_spends_its_energy_in_the_buffer_and_none_in_registers() -> None:
    """Chen et al., ISCA 2016, section VII: NLR has no register file, and most of its energy is the global buffer's."""
    levels = energy_by_level(simulate("eyeriss_isca16_nlr", "squeezenext:variant=v5", objective="energy"))
    assert "rf" not in levels
    assert levels["buffer"] > levels["mac"]


def test_the_tpu_waits_for_weights_on_fully_connected_layers_and_not_on_large_convolutions() -> None:
    """Jouppi et al., ISCA 2017, figure 5: MLPs lie under the slanted part of the roofline."""
    layers = {layer.name: layer for layer in simulate("tpu_v1", "alexnet", batch=128).layers}
    assert {layers[name].bottleneck for name in ("fc6", "fc7")} == {"dram"}
    assert layers["conv3"].bottleneck != "dram"


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv3", "conv4", "conv5"])
def test_row_stationary_dram_traffic_is_the_closed_form_of_its_tiles(row_stationary: Run, layer: str) -> None:
    """Sums stay until they are complete: inputs come once for each block of filters, weights for each strip and block
    of images, outputs leave once. nn-dataflow's and the ISCA 2016 paper's traffic follows from the same three terms.
    """
    (result,) = (r for r in row_stationary.layers if r.name == layer)
    images, channels, _, width = result.input_shapes[0]
    filters, rows, columns = result.output_shape[1:]
    taps, stride, padding = result.kernel[0], result.stride[0], {"conv1": 0, "conv2": 4}.get(layer, 2)
    tiles = {loop[0]: int(loop[1:].partition(":")[0]) for loop in result.mapping["dram"]}
    strip = -(-rows // tiles.get("P", 1))
    strips = [min(strip, rows - start) for start in range(0, rows, strip)]
    loaded_rows = sum((height_of - 1) * stride + taps for height_of in strips)
    words = {
        "inputs": images * channels * loaded_rows * (width + padding) * tiles.get("K", 1),
        "weights": filters * channels // result.groups * taps**2 * tiles.get("N", 1) * len(strips),
        "outputs": images * filters * rows * columns,
    }
    assert {name: moved.total_bytes // 2 for name, moved in result.traffic["dram"].items()} == words


@pytest.fixture(scope="module")
def row_stationary() -> Run:
    return simulate("eyeriss_isca16", "alexnet", batch=16, objective="energy")
