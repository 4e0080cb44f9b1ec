"""Schemas, meanings of fields and templates agree with the models, and with every file that is bundled."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.drive.reference import KINDS, editor_schema, field_lines, field_tables, schema_of, template_of
from analysis.drive.reference.kinds import TEXTS
from analysis.drive.reference.schemas import BASE, models_in
from simulator.errors import InputError
from simulator.hardware.load import load_hardware, read_hardware
from simulator.hardware.schema import Machine
from simulator.mapping.dataflow import dataflow_of
from simulator.mapping.schema import WrittenDataflow
from simulator.source import load_yaml, parse_yaml, validate
from simulator.source.locate import bundled
from workloads.importers.layer_list import network_of

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "null": type(None),
}
FILES = {
    **{("machine", name): path for name, path in bundled().items()},
    **{("dataflow", name): path for name, path in bundled("dataflows").items()},
    **{("energy", name): path for name, path in bundled("energy").items()},
    **{("mapping", name): path for name, path in bundled("mappings").items()},
}


def broken(whole: dict, schema: dict, value: object, path: str = "") -> Iterator[str]:
    """Yield where a value breaks a JSON Schema, of the words that ours use."""
    if "if" in schema:
        branch = "then" if schema["if"]["required"][0] in value else "else"
        yield from broken(whole, schema[branch], value, path)
    if "$ref" in schema:
        yield from broken(whole, whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, path)
    for choices in filter(None, (schema.get("anyOf"), schema.get("oneOf"))):
        if all(list(broken(whole, each, value, path)) for each in choices):
            yield f"{path}: {value!r} is nothing of what it may be"
    complaint = wrong_kind(schema, value) or wrong_value(schema, value)
    if complaint:
        yield f"{path}: {value!r} {complaint}"
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from broken(whole, schema.get("items", {}), item, f"{path}.{i}")
    elif isinstance(value, dict):
        yield from broken_mapping(whole, schema, value, path)


def wrong_kind(schema: dict, value: object) -> str:
    kind = schema.get("type")
    if kind is None:
        return ""
    is_flag = isinstance(value, bool)
    return (
        "" if kind in TYPES and isinstance(value, TYPES[kind]) and is_flag is (kind == "boolean") else f"is no {kind}"
    )


def wrong_value(schema: dict, value: object) -> str:
    if ("enum" in schema and value not in schema["enum"]) or ("const" in schema and value != schema["const"]):
        return "is not among the words"
    if isinstance(value, str):
        return "" if re.search(schema.get("pattern", ""), value) else "is no such quantity"
    if isinstance(value, list):
        return (
            "" if schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)) else "has not the items"
        )
    if isinstance(value, int | float):
        return "" if schema.get("minimum", value) <= value <= schema.get("maximum", value) else "is out of range"
    return ""


def broken_mapping(whole: dict, schema: dict, value: dict, path: str) -> Iterator[str]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    yield from (f"{path}.{key}: missing" for key in schema.get("required", ()) if key not in value)
    for key, item in value.items():
        if key not in known and others is False:
            yield f"{path}.{key}: unknown"
        inner = known.get(key, others if isinstance(others, dict) else {})
        yield from broken(whole, inner, item, f"{path}.{key}")


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_field_of_every_model_has_a_meaning_and_no_other_has(kind: str) -> None:
    for model in (inner for each in KINDS[kind].models for inner in models_in(each)):
        assert set(TEXTS[model]) == set(model.model_fields), model
        for text in TEXTS[model].values():
            assert text.endswith(".") and "\n" not in text


@pytest.mark.parametrize(("kind", "name"), list(FILES))
def test_every_bundled_file_obeys_its_schema(kind: str, name: str) -> None:
    """A machine that extends another does so as it stands, and as the whole that it stands for."""
    schema, data = editor_schema(KINDS[kind]), load_yaml(FILES[kind, name], 20).data
    assert list(broken(schema, schema, data)) == []
    whole = load_hardware(FILES[kind, name]).document if "extends" in data else data
    assert list(broken(schema, schema, whole)) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"clock": "1 GHz/s"}, "no such quantity"),
        ({"clock": 1}, "is no string"),
        ({"rowz": 3}, "rowz: unknown"),
        ({"objective": "time"}, "not among the words"),
        ({"buffers": []}, "has not the items"),
        ({"vector": {"lanes": 0}}, "out of range"),
        ({"vector": {}}, "lanes: missing"),
        ({"dataflows": [3]}, "nothing of what it may be"),
    ],
)
def test_the_schema_refuses_what_the_model_refuses(change: dict, told: str) -> None:
    schema = editor_schema(KINDS["machine"])
    data = load_yaml(bundled()["flexible_168"]).data | change
    assert any(told in line for line in broken(schema, schema, data))
    with pytest.raises(InputError):
        read_hardware(data)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"array": {"rows": 8}, "dram": {"latency": None}}, ""),
        ({"buffers": [{"name": "weights", "capacity": "1 MiB"}], "folds": []}, ""),
        ({"array": {"rowz": 8}}, "nothing of what it may be"),
        ({"arrray": {}}, "arrray: unknown"),
        ({"clock": "soon"}, "nothing of what it may be"),
        ({"extends": 3}, "nothing of what it may be"),
    ],
)
def test_a_machine_that_extends_another_says_only_a_part_and_that_rightly(own: dict, told: str) -> None:
    schema, data = editor_schema(KINDS["machine"]), {"name": "mine", "extends": "dpu_b4096"} | own
    found = list(broken(schema, schema, data))
    assert any(told in line for line in found) if told else not found


@pytest.mark.parametrize("kind", ["machine", "network", "dataflow", "sweep"])
def test_templates_obey_their_schema_and_say_what_every_field_means(kind: str) -> None:
    text, schema = template_of(KINDS[kind], name="mine"), schema_of(KINDS[kind])
    first, *_ = text.splitlines()
    assert first == f"# yaml-language-server: $schema={KINDS[kind].schema_file}"
    assert max(map(len, text.splitlines())) <= 120
    data = parse_yaml(text).data
    assert list(broken(schema, schema, data)) == [] and data.get("name", "mine") == "mine"
    for name, field in schema["properties"].items():
        assert re.search(rf"^(# )?{name}:", text, re.MULTILINE) and field["description"].split()[0] in text


def test_templates_load_as_what_they_are() -> None:
    machine = read_hardware(parse_yaml(template_of(KINDS["machine"])))
    assert (machine.name, machine.array.pes) == ("my_machine", 256)
    written = validate(parse_yaml(template_of(KINDS["dataflow"])), WrittenDataflow)
    assert dataflow_of(written).name == "my_dataflow"
    assert len(network_of(parse_yaml(template_of(KINDS["network"])), "x").layers) == 8


def test_a_template_like_a_bundled_one_keeps_its_comments() -> None:
    text = template_of(KINDS["machine"], "eyeriss_like", "mine")
    source = bundled()["eyeriss_like"].read_text(encoding="utf-8")
    assert text.endswith(source.partition("name: eyeriss_like")[2]) and "\nname: mine" in text
    network = template_of(KINDS["network"], "squeezenet:version=1.1")
    assert network_of(parse_yaml(network), "x").macs == 387_747_520
    with pytest.raises(InputError, match='did you mean "eyeriss_like"'):
        template_of(KINDS["machine"], "eyeris_like")


@pytest.mark.parametrize(
    ("kind", "path", "told"),
    [
        ("machine", "array.rows", ("PEs along a column.", "a whole number (1 to 4096)", "it must be given")),
        ("machine", "array.delivery", ("inputs", "weights", "outputs")),
        ("machine", "buffers.capacity", ("KiB",)),
        ("machine", "buffers.main.capacity", ("KiB",)),
        ("machine", "dram.efficiency", ("above 0 to 1", "default  1.0")),
        ("machine", "dram.bandwidth", ("GB/s", "unlimited")),
        ("energy", "nodes.0.voltage", ("mV, V",)),
        ("energy", "mac", ("of a MAC",)),
        ("mapping", "layers.conv1.rows", ("unrolled over the array's rows",)),
        ("network", "layers.kernel", ("one number or [vertical, horizontal]", "a list of: a whole number")),
        ("sweep", "", ("machines", "networks", "axes")),
    ],
)
def test_a_field_is_told_with_its_meaning_values_and_default(kind: str, path: str, told: tuple[str, ...]) -> None:
    text = "\n".join(field_lines(KINDS[kind], path))
    assert [word for word in told if word not in text] == []


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_field_of_every_kind_can_be_asked_for(kind: str) -> None:
    schema = schema_of(KINDS[kind])
    for name in schema.get("properties", {}):
        assert next(field_lines(KINDS[kind], name)) == f"{kind} {name}"


@pytest.mark.parametrize("kind", list(KINDS))
def test_tables_of_fields_hold_every_field_of_every_model(kind: str) -> None:
    told = [{(name, meaning) for name, _, _, meaning in rows} for _, rows in field_tables(KINDS[kind])]
    for model in (inner for each in KINDS[kind].models for inner in models_in(each)):
        more = {("extends", BASE["description"])} if model is Machine else set()
        assert any(set(TEXTS[model].items()) | more == table for table in told), model


def test_an_unknown_field_is_told_the_nearest() -> None:
    with pytest.raises(InputError, match=r'did you mean "array\.rows"'):
        list(field_lines(KINDS["machine"], "array.row"))
    with pytest.raises(InputError, match="it has no fields"):
        list(field_lines(KINDS["machine"], "clock.unit"))


def test_schemas_are_plain_data_without_places_of_this_computer() -> None:
    import json

    for kind in KINDS.values():
        assert str(Path.home()) not in json.dumps(schema_of(kind), allow_nan=False)
