"""Every kind of file that the program reads: sound ones, what damages them, and the commands that read them."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import yaml

from simulator.result.facts import fingerprint
from simulator.source.paths import data_dir
from tests.caffe_text import prototxt
from tests.fuzz.models import graph_changed, onnx_seed, sequence_seed, tflite_seed
from tests.fuzz.mutate import bytes_changed, structure_changed, values_changed
from tests.fuzz.places import DUMPER
from tests.written_networks import CSV, SCALE_SIM, TIMELOOP, YAML
from workloads.load import load_network

MERGED = """\
base: &base
  instance: {N: 1, Hstride: 1}
problem:
  <<<: *base
  shape: cnn-layer
  instance: {C: 3, K: 8, R: 3, S: 3, P: 10, Q: 10, densities: {Weights: {distribution: fixed, density: 0.5}}}
"""
FORKS = """\
input: "data" input_shape { dim: 1 dim: 4 dim: 16 dim: 16 }
input: "steps" input_shape { dim: 5 dim: 1 dim: 8 }
layer { name: "p" type: "Proposal" bottom: "data" top: "rois" proposal_param { post_nms_topn: 9 } }
layer { name: "r" type: "ROIPooling" bottom: "data" bottom: "rois" top: "r"
        roi_pooling_param { pooled_h: 2 pooled_w: 3 } }
layer { name: "i" type: "Interp" bottom: "data" top: "i" interp_param { shrink_factor: 2 zoom_factor: 3 pad_end: -1 } }
layer { name: "m" type: "Pooling" bottom: "data" top: "m" top: "mask" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "u" type: "Upsample" bottom: "m" bottom: "mask" top: "u" upsample_param { scale: 2 pad_out_h: 1 } }
layer { name: "o" type: "Reorg" bottom: "data" top: "o" reorg_param { stride: 2 reverse: false } }
layer { name: "s" type: "SPP" bottom: "data" top: "s" spp_param { pyramid_height: 3 } }
layer { name: "c" type: "Slice" bottom: "data" top: "c1" top: "c2" slice_param { axis: 1 slice_point: 1 } }
layer { name: "t" type: "Tile" bottom: "c1" top: "t" tile_param { axis: 1 tiles: 3 } }
layer { name: "a" type: "ArgMax" bottom: "t" top: "a" argmax_param { axis: 1 } }
layer { name: "e" type: "Reduction" bottom: "t" top: "e" reduction_param { operation: MEAN axis: 2 } }
layer { name: "d" type: "Deconvolution" bottom: "data" top: "d"
        convolution_param { num_output: 2 kernel_size: 3 dilation: 2 } }
layer { name: "g" type: "LSTM" bottom: "steps" top: "g" recurrent_param { num_output: 6 } }
"""
TEXTS = {
    "csv": (CSV, SCALE_SIM, "Layer, M, N, K, Sparsity,\nfc, 128, 1000, 4096, 2:4,\n"),
    "prototxt": (*(prototxt(load_network(spec)) for spec in ("squeezenet:version=1.1", "shufflenet_v2")), FORKS),
    "yaml": (YAML, TIMELOOP, MERGED),
}
PLAN = """\
machines: [squeezenext_16x16]
networks: [net.yaml]
axes:
  array.rows, array.columns: [[4, 4], [8, 8]]
  dram.bandwidth: [4 GB/s, 16 GB/s]
  batch: [1, 2]
"""
MEASURED = "layer,cycles\nconv1,12000\ndw,3000\nskip,900\ntotal,20000\n"

Mutator = Callable[[Random, bytes], bytes]


@dataclass(frozen=True)
class Subject:
    """A kind of input: the file's name, sound contents, what damages them, and the command that reads the file."""

    file: str
    seeds: Callable[[], tuple[bytes, ...]]
    mutators: tuple[Mutator, ...]
    command: tuple[str, ...] = ("check", "{}")


def of_data(change: Callable[[Random, Any], Any], load: Callable[[bytes], Any], dump: Callable[[Any], str]) -> Mutator:
    """Damage what a text says, rather than the text."""

    def mutate(random: Random, content: bytes) -> bytes:
        return dump(change(random, load(content))).encode("utf-8", "surrogatepass")

    return mutate


def as_yaml(data: Any) -> str:
    return yaml.dump(data, Dumper=DUMPER, sort_keys=False, allow_unicode=True)


def as_run(data: Any) -> str:
    """Write a run whose digests are those of what it now holds, so that they do not hide what else is wrong."""
    documents, provenance = data.get("documents"), data.get("provenance")
    if isinstance(documents, dict) and isinstance(provenance, dict):
        provenance |= {f"{part}_sha256": fingerprint(document) for part, document in documents.items()}
    return json.dumps(data)


def data_mutators(load: Callable[[bytes], Any], dump: Callable[[Any], str]) -> tuple[Mutator, ...]:
    return tuple(of_data(change, load, dump) for change in (structure_changed, values_changed))


IN_YAML = (bytes_changed, *data_mutators(yaml.safe_load, as_yaml))
IN_JSON = (bytes_changed, *data_mutators(json.loads, as_run))


def bundled(pattern: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(data_dir().glob(pattern)))


def texts(*contents: str) -> tuple[bytes, ...]:
    return tuple(content.encode() for content in contents)


@cache
def saved_run() -> tuple[bytes, ...]:
    """A run of every kind of op."""
    from simulator import simulate
    from simulator.result.json_io import run_to_json
    from simulator.source import parse_yaml
    from workloads.importers.layer_list import network_of

    return texts(run_to_json(simulate("squeezenext_16x16", network_of(parse_yaml(YAML), "n"))))


@cache
def saved_mappings() -> tuple[bytes, ...]:
    """The mappings of that run, as a file."""
    from simulator.cli.mappings import run_mappings
    from simulator.result.json_io import run_from_json

    return texts(run_mappings(run_from_json(saved_run()[0].decode())))


@cache
def store() -> tuple[bytes, ...]:
    """The store of a sweep that is done."""
    from tempfile import TemporaryDirectory

    from analysis.drive.sweep import load_plan, run_sweep

    with TemporaryDirectory() as folder:
        (Path(folder) / "net.yaml").write_text(YAML)
        (Path(folder) / "plan.yaml").write_text(PLAN)
        run_sweep(load_plan(Path(folder) / "plan.yaml"), Path(folder) / "s.sqlite", workers=0)
        return ((Path(folder) / "s.sqlite").read_bytes(),)


def rows_changed(random: Random, content: bytes) -> bytes:
    """Change what cells of a store's tables hold."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "s.sqlite"
        path.write_bytes(content)
        connection = sqlite3.connect(path)
        column = random.choice([row[1] for row in connection.execute("PRAGMA table_info(points)")])
        key, cell = random.choice(list(connection.execute(f"SELECT key, {column} FROM points")))
        damaged = bytes_changed(random, str(cell).encode())
        value = random.choice([damaged, damaged.decode(errors="replace"), random.randint(-9, 9), 1.5, ""])
        connection.execute(f"UPDATE OR IGNORE points SET {column} = ? WHERE key = ?", (value, key))
        connection.commit()
        connection.close()
        return path.read_bytes()


SWEEP = ("sweep", "plan.yaml", "--store", "{}", "--csv", "points.csv")
SIMULATE = ("--no-cache", "--net", "net.yaml", "--hw")
REPLAY = (*SIMULATE, "squeezenext_16x16", "--mapping", "{}")
SUBJECTS: dict[str, Subject] = {
    "dataflow": Subject("x.yaml", partial(bundled, "dataflows/*.yaml"), IN_YAML),
    "energy table": Subject("x.yaml", partial(bundled, "energy/*.yaml"), IN_YAML),
    "machine": Subject("x.yaml", partial(bundled, "*.yaml"), IN_YAML),
    "machine that runs": Subject("x.yaml", partial(bundled, "squeezenext_16x16.yaml"), IN_YAML[2:], (*SIMULATE, "{}")),
    "measurements": Subject(
        "x.csv",
        partial(texts, MEASURED),
        (bytes_changed,),
        ("accuracy", "--hw", "squeezenext_16x16", "--net", "net.yaml", "--measured", "{}"),
    ),
    "mapping": Subject("x.yaml", saved_mappings, IN_YAML, REPLAY),
    "network in CSV": Subject("x.csv", partial(texts, *TEXTS["csv"]), (bytes_changed,)),
    "network in prototxt": Subject("x.prototxt", partial(texts, *TEXTS["prototxt"]), (bytes_changed,)),
    "network in YAML": Subject("x.yaml", partial(texts, *TEXTS["yaml"]), IN_YAML),
    "network in ONNX": Subject("x.onnx", lambda: (onnx_seed(), sequence_seed()), (bytes_changed, graph_changed)),
    "network in TFLite": Subject("x.tflite", lambda: (tflite_seed(),), (bytes_changed,)),
    "plan": Subject("x.yaml", partial(texts, PLAN), IN_YAML),
    "run, checked": Subject("x.json", saved_run, IN_JSON),
    "run, compared": Subject("x.json", saved_run, IN_JSON[1:], ("compare", "{}", "good.json")),
    "run, explained": Subject("x.json", saved_run, IN_JSON[1:], ("explain", "{}")),
    "store": Subject("x.sqlite", store, (bytes_changed, rows_changed), SWEEP),
}


def companions() -> Iterator[tuple[str, bytes]]:
    """Files beside the damaged one."""
    yield "net.yaml", YAML.encode()
    yield "plan.yaml", PLAN.encode()
    yield "good.json", saved_run()[0]
