"""Runs that were saved before the cost model was rebuilt: replayed, every count is as it was.

Known differences: partial sums that go into PEs are priced (`array.outputs`), and LRN counts its window. Seven runs
were saved again when tensors between ops got their right sizes: of machines that keep activations (edge_npu_like,
shidiannao_like, systolic_32x32, tpu_v1), and two whose fused pools stored some bytes too many (gemmini_16x16,
nvdla_256). Five were saved once more when pools that are cut finer than their rows read again the rows and columns that
windows of two tiles share (eyeriss_chip, flexible_168, nvdla_256, shidiannao_like, systolic_32x32); in two of these
adds are cut otherwise, as an op of the vector unit is cut whatever the next op prefetches meanwhile. Five were saved
again, with the mappings that they had, when short runs of addresses began to take the bursts that they touch
(edge_npu_like, flexible_168, shidiannao_like, systolic_32x32), and edge_npu_like's with its launch of ops, latency of
DRAM and share of the bandwidth.
Energies of all were saved again when every energy became picojoules: relative tables say what their MAC
takes, gated PEs spare their registers, and edge_npu_like, eyeriss_chip, gemmini_16x16, nvdla_*, shidiannao_like,
systolic_32x32 and tpu_v1 have prices of their circuits (`cmos`), scalesim_32x32 those of one-word registers.
gemmini_16x16's was saved again, with its mappings, when its instructions began to take eight cycles at least.
timeloop_eyeriss_like was saved once more when PEs with equal windows began to share a buffer read, halos to stay and
the buffer's port, instead of three networks, to be what is slow; gemmini_16x16 when what passes through a systolic
array began to do so in every step, and eyeriss_chip when its outputs were no longer streamed.
shidiannao_like was saved again, its layers mapped anew, when what stays on chip began to be what saves most DRAM bytes,
and no longer what was made first: other tensors stay, and leave other layers less room than their tiles took.
edge_npu_like's two were saved again, with their mappings, when what starts an op, and the share of the bandwidth that
its port reaches, became those of chips that were timed: 20 us for 3 us, 80% for 95%.
scalesim_32x32's was saved again when batch norms that no convolution takes in began to read a factor and an offset for
each channel from DRAM; no cycle changed.
"""

import gzip
import json
from pathlib import Path

import pytest

from simulator import simulate
from simulator.mapping.text import mappings_to_yaml

FOLDER = Path(__file__).with_name("golden")
RUNS = sorted(FOLDER.glob("*.json.gz"))
NETWORKS = {"resnet_depth_50": "resnet:depth=50", "squeezenext_variant_v5": "squeezenext:variant=v5"}

COUNTS = ("cycles", "macs", "dram_bytes", "buffer_bytes", "cycle_parts")


def test_all_runs_are_there() -> None:
    assert len(RUNS) == 15


def saved(path: Path) -> dict:
    return json.loads(gzip.decompress(path.read_bytes()))


def layers_of(run) -> list[dict]:
    return [
        {
            "name": layer.name,
            "cycles": layer.cycles,
            "cycle_parts": layer.cycle_parts,
            "macs": layer.macs,
            "effective_macs": layer.effective_macs,
            "traffic": {
                level: {
                    operand: {"read_bytes": t.read_bytes, "write_bytes": t.write_bytes} for operand, t in row.items()
                }
                for level, row in layer.traffic.items()
            },
            "tiles": layer.tiles,
            "dma_cycles": layer.dma_cycles,
            "fused": list(layer.fused),
            "folded": layer.folded,
        }
        for layer in run.layers
    ]


@pytest.mark.filterwarnings("ignore::simulator.source.validation.RenamedWord")  # old words in mappings
@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name.removesuffix(".json.gz"))
def test_a_replayed_run_counts_what_it_counted_before(path: Path, tmp_path: Path) -> None:
    before = saved(path)
    mappings = tmp_path / "mappings.yaml"
    written = [(layer["name"], layer["mapping"]) for layer in before["layers"] if layer["mapping"]]
    mappings.write_text(mappings_to_yaml(written, "as before"))
    network = NETWORKS.get(before["network"], before["network"])
    run = simulate(before["hardware"], network, mapping=mappings)
    for layer, old in zip(layers_of(run), before["layers"], strict=True):
        if old["op"] != "lrn":
            assert layer == {key: old[key] for key in layer}
    if all(old["op"] != "lrn" for old in before["layers"]):
        counts = {name: getattr(run.total, name) for name in COUNTS}
        assert counts == {name: before["total"][name] for name in COUNTS}
    for layer, old in zip(run.layers, before["layers"], strict=True):
        if old["op"] != "lrn":
            energy = {k: v for k, v in layer.energy_parts.items() if k != "array.outputs"}
            assert energy == pytest.approx({k: v for k, v in old["energy_parts"].items() if k != "array.outputs"})
            assert layer.energy_parts.get("array.outputs", 0) >= old["energy_parts"].get("array.outputs", 0) * (
                1 - 1e-9
            )
