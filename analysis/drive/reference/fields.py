"""What a field of a file means, in lines: its text, values, default and fields, read from the file's JSON Schema."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from analysis.drive.reference.kinds import Kind
from analysis.drive.reference.schemas import Schema, schema_of
from analysis.read.layout import Column, fit, text_lines
from simulator.errors import InputError, Problem, nearest

UNLIMITED = 10**9
"""From here on a limit is there for the simulator's sake only."""


def field_lines(kind: Kind, path: str) -> Iterator[str]:
    """Yield what the field at a path means, and a line for each of its own; of the whole file, without a path.

    Items of a list and of a mapping may be named or left out: `buffers.main.capacity`, `buffers.capacity`. Raises
    InputError with the nearest field.
    """
    whole = schema_of(kind)
    node, required = found(whole, kind, path)
    yield f"{kind.name} {path}".rstrip()
    yield f"  {node.get('description') or 'a value of this name'}"
    fields = {name: field for each in branches(whole, node) for name, field in fields_of(whole, each).items()}
    if path and not fields:
        yield f"  values   {values_of(whole, node)}"
        yield f"  default  {'none: it must be given' if required else default_of(node)}"
        return
    if path:
        yield f"  default  {'none: it must be given' if required else default_of(node)}"
    yield ""
    rows = [(name, *field) for name, field in fields.items()]
    yield from (f"  {line}" for line in text_lines(fit(rows, _columns(whole), None)))


Field = tuple[str, Schema, bool]
"""Its name, its schema, and whether it must be given."""


def _columns(whole: Schema) -> tuple[Column[Field], ...]:
    def cell(at: int) -> Callable[[Field], str]:
        return lambda field: _cells(whole, field)[at]

    titles = ("field", "values", "default", "meaning")
    return tuple(Column(title, 0, cell(at), is_number=False) for at, title in enumerate(titles))


def _cells(whole: Schema, field: Field) -> tuple[str, str, str, str]:
    name, node, required = field
    default = "required" if required else default_of(node)
    return name, values_of(whole, node), default, node.get("description", "")


def field_tables(kind: Kind) -> Iterator[tuple[str, list[tuple[str, str, str, str]]]]:
    """Yield the path of every mapping in a kind of file, and a row for each of its fields; equal ones once."""
    whole = schema_of(kind)
    waiting, seen = [("the file", whole)], list[Schema]()
    while waiting:
        path, node = waiting.pop(0)
        for each in branches(whole, node):
            fields = fields_of(whole, each)
            keyed = each.get("additionalProperties")
            if isinstance(keyed, dict) and not fields:
                waiting.append((f"{path}.NAME", keyed))
            if fields and each not in seen:
                seen.append(each)
                yield path, [_cells(whole, (name, *field)) for name, field in fields.items()]
                inner = "" if path == "the file" else f"{path}."
                waiting += [(f"{inner}{name}", field) for name, (field, _) in fields.items()]


def found(whole: Schema, kind: Kind, path: str) -> tuple[Schema, bool]:
    """Return the schema of the field at a path, and whether it must be given."""
    node, required, walked = whole, True, list[str]()
    for part in filter(None, path.split(".")):
        inner = [own[part] for each in branches(whole, node) if part in (own := fields_of(whole, each))]
        keyed = [item for each in branches(whole, node) if (item := each.get("additionalProperties"))]
        if inner:
            node, required = inner[0]
        elif keyed and isinstance(keyed[0], dict):
            node, required = keyed[0], False
        elif any(_is_list(whole, each) for each in branches(whole, node, items=False)):
            node, required = {**node, "description": ""}, True  # an item by its index or name: its fields come next
        else:
            raise InputError(_unknown(whole, node, kind, ".".join([*walked, part])))
        walked.append(part)
    return node, required


def _unknown(whole: Schema, node: Schema, kind: Kind, path: str) -> Problem:
    known = [name for each in branches(whole, node) for name in fields_of(whole, each)]
    expected = f"one of {', '.join(known)}" if known else "nothing: it has no fields"
    close = nearest(path.rpartition(".")[2], known)
    parent = path.rpartition(".")[0]
    suggestion = f"{parent}.{close}".lstrip(".") if close else None
    return Problem(f"a {kind.name} has no such field", path=path, expected=expected, suggestion=suggestion)


def branches(whole: Schema, node: Schema, items: bool = True) -> Iterator[Schema]:
    """Yield what a field may be, its references followed; the items of a list in place of it, with `items`."""
    if "$ref" in node:
        yield from branches(whole, whole["$defs"][node["$ref"].rpartition("/")[2]], items)
    elif "anyOf" in node or "oneOf" in node:
        for each in node.get("anyOf") or node["oneOf"]:
            yield from branches(whole, each, items)
    elif items and isinstance(node.get("items"), dict):
        yield from branches(whole, node["items"])
    else:
        yield node


def _is_list(whole: Schema, node: Schema) -> bool:
    return node.get("type") == "array" and any("properties" in each for each in branches(whole, node))


def fields_of(whole: Schema, node: Schema) -> dict[str, tuple[Schema, bool]]:
    """Return the fields of a mapping, and whether each must be given."""
    needed = node.get("required", ())
    return {name: (field, name in needed) for name, field in node.get("properties", {}).items()}


def default_of(node: Mapping[str, Any]) -> str:
    """Write the default of a field; one that is no more than the defaults of its own fields has no name."""
    default = node.get("default")
    if default is None:
        return "left out"
    if isinstance(default, dict):
        return "its fields' own"
    return str(default).lower() if isinstance(default, bool) else str(default)


def values_of(whole: Schema, node: Schema) -> str:
    """Write which values a field takes."""
    told = [_value_of(whole, each) for each in branches(whole, node, items=False) if each.get("type") != "null"]
    return " or ".join(dict.fromkeys(told))


def _value_of(whole: Schema, node: Schema) -> str:
    if "enum" in node or "const" in node:
        words = node.get("enum", [node.get("const")])
        return "|".join(str(word) for word in words[:8]) + ("|..." if len(words) > 8 else "")
    kind = node.get("type")
    if "units" in node:
        return f"a quantity in {', '.join(node['units'])}"
    if kind in ("integer", "number"):
        return _number_of(node)
    if kind == "array":
        return f"a list of: {values_of(whole, node['items'])}" if isinstance(node.get("items"), dict) else "a list"
    if node.get("properties"):
        return f"a mapping of {', '.join(node['properties'])}"
    return {"boolean": "true|false", "string": "text", "object": "a mapping"}.get(str(kind), "any value")


def _number_of(node: Schema) -> str:
    """Write a kind of number and its range; a limit that is there for the simulator's sake only is not told."""
    name = "a whole number" if node["type"] == "integer" else "a number"
    least, above, most = node.get("minimum"), node.get("exclusiveMinimum"), node.get("maximum", UNLIMITED)
    if least is None and above is None:
        return name
    start = f"above {_limit(above)}" if least is None else _limit(least)
    if most < UNLIMITED:
        return f"{name} ({start} to {_limit(most)})"
    return f"{name} ({start}{'' if least is None else ' or more'})"


def _limit(value: Any) -> str:
    """Write a limit, which is 1.0 or 1 as the version of pydantic has it."""
    return str(int(value) if value == int(value) else value)
