"""JSON Schemas of files, by which editors complete and check what a user writes; made from the models."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from analysis.drive.reference.kinds import TEXTS, Kind
from simulator.hardware.extend import EXTENDS, NAME
from simulator.hardware.schema import Machine

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
NAMED: Mapping[type[BaseModel], tuple[str, ...]] = {Machine: ("dataflows", "energy")}
"""Fields whose values may also be names of bundled things, or of files."""
BASE = {
    "type": "string",
    "description": "A bundled machine, or a file beside this one: this one says only what it has other than that.",
    "examples": ["dpu_b4096"],
}
PART = "__part"
"""Ends the name of what may say only a part of what it is."""


def schema_of(kind: Kind) -> Schema:
    """Return the JSON Schema of a kind of file, each field with what it means."""
    schemas = [_model_schema(model) for model in kind.models]
    head = {"$schema": DRAFT, "title": kind.name, "description": f"squeezesim: {kind.about}"}
    definitions = {name: inner for schema in schemas for name, inner in schema.pop("$defs", {}).items()}
    body = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {**head, **{key: value for key, value in body.items() if key not in head}, "$defs": definitions}


def editor_schema(kind: Kind) -> Schema:
    """Return the JSON Schema for editors, in which a machine that extends another may leave out all that the other has.

    There, what is left out is not missing, and a key without a value takes back what the other says.
    """
    whole = schema_of(kind)
    if Machine not in kind.models:
        return whole
    head = {key: whole.pop(key) for key in ("$schema", "title", "description")}
    definitions = whole.pop("$defs")
    parts = {f"{name}{PART}": _part(each) for name, each in definitions.items()}
    ends = {
        "if": {"required": [EXTENDS]},
        "then": {"$ref": f"#/$defs/machine{PART}"},
        "else": {"$ref": "#/$defs/machine"},
    }
    return {**head, **ends, "$defs": {"machine": whole, f"machine{PART}": _part(whole), **definitions, **parts}}


def _part(schema: object) -> Any:
    """Return a schema of which nothing is required, whose fields may be null, and likewise what it names."""
    if isinstance(schema, list):
        return [_part(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    part = {
        key: _part(value) for key, value in schema.items() if key not in ("required", "properties", "$ref", "mapping")
    }
    if "$ref" in schema:
        part["$ref"] = f"{schema['$ref']}{PART}"
    if "properties" in schema:
        part["properties"] = {name: _or_null(_part(each)) for name, each in schema["properties"].items()}
    return part


def _or_null(field: Schema) -> Schema:
    about = {key: field[key] for key in ("description",) if key in field}
    return {**about, "anyOf": [{key: value for key, value in field.items() if key not in about}, {"type": "null"}]}


def models_in(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a model and all within it, each once."""
    seen: dict[type[BaseModel], None] = {}
    waiting = [model]
    while waiting:
        each = waiting.pop(0)
        if each not in seen:
            seen[each] = None
            waiting += [inner for field in each.model_fields.values() for inner in _models(field.annotation)]
    yield from seen


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _model_schema(model: type[BaseModel]) -> Schema:
    schema = model.model_json_schema()
    definitions: Schema = schema.setdefault("$defs", {})
    for each in models_in(model):
        own = schema if each is model else _definition(each, definitions)
        for name, text in TEXTS[each].items():
            key = each.model_fields[name].alias or name
            own["properties"][key]["description"] = text
            own["properties"][key].pop("title", None)
        for name in NAMED.get(each, ()):
            own["properties"][name] = _or_named(own["properties"][name])
    if model is Machine:
        fields = schema["properties"]
        schema["properties"] = {NAME: fields.pop(NAME), EXTENDS: BASE, **fields}
    return schema


def _definition(model: type[BaseModel], definitions: Schema) -> Schema:
    """Return the part that describes a model: models of one name go by their modules, too."""
    long = f"{model.__module__}.{model.__name__}".replace(".", "__")
    found: Schema = definitions[model.__name__ if model.__name__ in definitions else long]
    return found


def _or_named(field: Schema) -> Schema:
    """Let what a field, or each of its items, holds be a name as well."""
    name = {"type": "string", "description": "a bundled one's name, or a file beside this one"}
    if field.get("type") == "array":
        return {**field, "items": {"anyOf": [name, field["items"]]}}
    about = {key: field[key] for key in ("description",) if key in field}
    return {**about, "anyOf": [name, {key: value for key, value in field.items() if key not in about}]}
