"""First files to start from: with a comment on every field, or a bundled one with the comments that it has."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap

from analysis.drive.reference.fields import branches, default_of, fields_of, values_of
from analysis.drive.reference.kinds import Kind
from analysis.drive.reference.schemas import Schema, schema_of
from simulator.source.files import read_text
from simulator.source.locate import locate
from simulator.source.parser import MAX_BYTES, OF_LAYERS, Value
from workloads.importers.layer_schema import Row

WIDTH = 100
"""Of comments, without the blanks before them."""
FOLDERS = {"machine": "", "dataflow": "dataflows"}
PLAIN = re.compile(r"[A-Za-z][\w ./:-]*|[0-9.]+ [A-Za-z/]+")
"""Text that is text in YAML without quotes: words, and quantities."""
WORDS = ("true", "false", "null", "yes", "no", "on", "off")

STARTS: Mapping[str, Mapping[str, Value]] = {
    "machine": {
        "name": "my_machine",
        "source": "where the figures are from",
        "clock": "1 GHz",
        "precision_bits": {"inputs": 8, "weights": 8, "outputs": 8},
        "array": {
            "rows": 16,
            "columns": 16,
            "registers_words": {"inputs": 16, "weights": 64, "outputs": 16},
            "delivery": {
                "inputs": {"network": "multicast", "words_per_cycle": "edge"},
                "weights": {"network": "multicast", "words_per_cycle": "edge"},
                "outputs": {"network": "multicast", "words_per_cycle": "edge", "reduce_along": "rows"},
            },
        },
        "buffers": [{"name": "main", "holds": ["inputs", "weights", "outputs"], "capacity": "256 KiB"}],
        "dma": {"channels": 2},
        "dram": {"bandwidth": "16 GB/s", "latency_cycles": 100, "burst": "64 B"},
        "vector": {"lanes": 16},
        "fuses": ["activation", "batch_norm"],
        "layers": {"order": "prefetch_weights", "keep_activations": True},
        "dataflows": ["weight_stationary", "output_stationary_pixels"],
        "energy": "picojoule_45nm_int8",
    },
    "dataflow": {
        "name": "my_dataflow",
        "source": "where it is described",
        "rows": ["C", "R"],
        "columns": ["K"],
        "registers": ["S"],
        "stationary": "weights",
    },
    "network": {
        "name": "my_network",
        "inputs": {"image": [3, 224, 224]},
        "layers": [
            {
                "name": "conv1",
                "op": "conv",
                "filters": 32,
                "kernel": 3,
                "stride": 2,
                "padding": 1,
                "activation": "relu",
            },
            {
                "name": "depthwise",
                "op": "depthwise",
                "kernel": 3,
                "padding": 1,
                "activation": "relu",
                "stage": "block1",
            },
            {"name": "project", "op": "conv", "filters": 32},
            {"name": "sum", "op": "add", "inputs": ["project", "conv1"]},
            {"op": "global_pool", "stage": "head"},
            {"name": "classes", "op": "linear", "filters": 1000},
        ],
    },
    "sweep": {
        "machines": ["squeezenext_16x16"],
        "networks": ["squeezenext"],
        "axes": {
            "array.rows, array.columns": [[8, 8], [16, 16]],
            "buffers.main.capacity": ["128 KiB", "256 KiB"],
            "net.variant": ["v1", "v5"],
        },
    },
}
"""What a template holds where nothing says what it is to be like."""


def template_of(kind: Kind, like: str = "", name: str = "") -> str:
    """Return the text of a first file of a kind, called `name` if given; raise InputError for an unknown `like`."""
    head = [
        f"# yaml-language-server: $schema={kind.schema_file}",
        f"# Every field: simulate docs {kind.name}. Whether this is in order: simulate check FILE.",
        "",
    ]
    if like:
        body = re.sub(r"^name: .*?(?=\s+#|$)", f"name: {name}", _text_like(kind, like), count=1, flags=re.MULTILINE)
        return "\n".join(head) + (body if name else _text_like(kind, like))
    start = dict(STARTS[kind.name])
    if name and "name" in start:
        start["name"] = name
    whole = schema_of(kind)
    return "\n".join([*head, *_lines(whole, whole, start, kind.name, "")]) + "\n"


def _text_like(kind: Kind, like: str) -> str:
    """Return the text of a bundled thing or a file, a network as a list of its layers."""
    if kind.name == "network" and not like.endswith((".yaml", ".yml")):
        from workloads.exporters import text_of
        from workloads.load import load_network

        return text_of(load_network(like), "yaml")
    if kind.name in FOLDERS:
        return read_text(locate(like, FOLDERS[kind.name], kind.name), MAX_BYTES)
    return read_text(Path(like), MAX_BYTES * OF_LAYERS)


def _lines(whole: Schema, node: Schema, data: Mapping[str, Value], kind: str, path: str) -> Iterator[str]:
    """Yield each field of a mapping behind what it means; those left out are comments, with what they are then."""
    found = [fields for each in branches(whole, node) if (fields := fields_of(whole, each))]
    for name, (field, _) in found[0].items() if found else ():
        own = f"{path}.{name}".lstrip(".")
        inner = list(_inner(whole, field, data[name], kind, own)) if name in data else []
        yield from _comment(field["description"] + ("" if inner else f" Values: {values_of(whole, field)}."))
        if name not in data:
            yield f"# {name}: {_left_out(whole, field)}"
        else:
            yield f"{name}:" if inner else f"{name}: {flow(data[name])}"
            yield from inner
        if not path:
            yield ""


def _comment(text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False)


def _left_out(whole: Schema, field: Schema) -> str:
    """Write what a field is where it is left out, or an example of it."""
    if field.get("default") is not None and not isinstance(field["default"], dict):
        return default_of(field)
    examples = [example for each in branches(whole, field, items=False) for example in each.get("examples", ())]
    return str(examples[0]) if examples else "..."


def _inner(whole: Schema, field: Schema, value: Value, kind: str, path: str) -> Iterator[str]:
    """Yield the lines of a mapping or of a list of them; those of short rows, a line each."""
    if isinstance(value, dict):
        if any(fields_of(whole, each) for each in branches(whole, field)):
            yield from (f"  {line}".rstrip() for line in _lines(whole, field, value, kind, path))
        else:
            yield from (f"  {flow(key)}: {flow(item)}" for key, item in value.items())
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for item in value:
            assert isinstance(item, dict)
            if item.keys() <= Row.model_fields.keys() and kind == "network":
                yield f"  - {flow(item)}"
            else:
                first, *rest = (line for line in _lines(whole, field, item, kind, path))
                yield from (f"  - {first}", *(f"    {line}" for line in rest))


def flow(value: Value) -> str:
    """Write a value on one line of YAML.

    >>> flow({"op": "conv", "kernel": [3, 1], "bias": True, "name": "3x3"})
    '{op: conv, kernel: [3, 1], bias: true, name: "3x3"}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, str) and PLAIN.fullmatch(value) and value not in WORDS and ": " not in value:
        return value
    return json.dumps(value, ensure_ascii=False)
