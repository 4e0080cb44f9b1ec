"""Check a document against a pydantic model and turn each complaint into a problem with its place."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from simulator.errors import InputError, Problem, nearest
from simulator.source.document import Document, PathParts, Rejected, RejectedElsewhere, show

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

ModelT = TypeVar("ModelT", bound="BaseModel")

UNKNOWN_KEY = "unknown key"
MISSING_KEY = "missing key"
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping (lines of `key: value`)",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_attributes_type": "a mapping (lines of `key: value`)",
    "model_type": "a mapping (lines of `key: value`)",
    "string_type": "text",
    "too_long": "at most {max_length} entries",
    "too_short": "at least {min_length} entries",
    "tuple_type": "a list",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "literal_error": "{expected}",
    "enum": "{expected}",
}


def validate(document: Document, model: type[ModelT], context: Mapping[str, object] | None = None) -> ModelT:
    """Return the document as an instance of `model`; raise InputError with every problem, in the file's order.

    `context` reaches the model's validators as pydantic's validation context. A validator that raises `Rejected`
    says what is expected and what was probably meant.
    """
    from pydantic import ValidationError

    notes: list[str] = []
    try:
        checked = model.model_validate(document.data, context={**(context or {}), "notes": notes})
    except ValidationError as error:
        problems = _problems(document, model, error.errors(include_url=False))
        raise InputError(*problems) from error
    for note in dict.fromkeys(notes):
        warnings.warn(f"{document.file}: {note}", RenamedWord, stacklevel=2)
    return checked


class RenamedWord(UserWarning):
    """A file says by an old name what has another now; it is read all the same."""


def _problems(document: Document, model: type["BaseModel"], errors: "list[ErrorDetails]") -> list[Problem]:
    found: dict[str, Problem] = {}
    elsewhere: list[Problem] = []
    for error in errors:
        cause = error.get("ctx", {}).get("error")
        if isinstance(cause, RejectedElsewhere):
            elsewhere += cause.problems
            continue
        problem = _problem(document, model, error)
        path = problem.path or ""
        found[path] = _either(found[path], problem) if path in found else problem
    meant = {_sibling(path, p.suggestion) for path, p in found.items() if p.message == UNKNOWN_KEY and p.suggestion}
    kept = [p for path, p in found.items() if not (p.message == MISSING_KEY and path in meant)]
    return [*sorted(kept, key=lambda problem: (problem.line or 0, problem.column or 0)), *dict.fromkeys(elsewhere)]


def _problem(document: Document, model: type["BaseModel"], error: "ErrorDetails") -> Problem:
    kind, got = error["type"], error["input"]
    path = _document_path(document, error["loc"], keep_last=kind == "missing")
    if kind == "extra_forbidden":
        names = sorted(_known_keys(model, path[:-1]))
        suggestion = nearest(str(path[-1]), names)
        expected = f"one of {', '.join(names)}"
        return document.problem(path, UNKNOWN_KEY, expected=expected, suggestion=suggestion, of_key=True)
    if kind == "missing":
        return document.problem(path, MISSING_KEY, expected=f"a value for `{path[-1]}`")
    context: Mapping[str, Any] = error.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, Rejected):
        at = path + cause.path
        inner = document.get(at) if cause.path else got
        return document.problem(
            at, cause.message, expected=cause.expected, got=show(inner), suggestion=cause.suggestion
        )
    if kind not in _EXPECTED:
        expected = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        return document.problem(path, "wrong value", expected=expected, got=show(got))
    expected = _EXPECTED[kind].format_map(context)
    choices = [part.strip("' ") for part in expected.replace(" or ", ",").split(",")] if kind == "literal_error" else []
    suggestion = nearest(got, choices) if isinstance(got, str) else None
    message = "not one of the choices" if choices else "wrong value"
    return document.problem(path, message, expected=expected, got=show(got), suggestion=suggestion)


def _either(first: Problem, second: Problem) -> Problem:
    """Join two complaints about one value, as the members of a union make them."""
    if first.expected == second.expected or first.expected is None or second.expected is None:
        return first
    suggestion = first.suggestion or second.suggestion
    return replace(first, expected=f"{first.expected}, or {second.expected}", suggestion=suggestion)


def _sibling(path: str, name: str) -> str:
    parent = path.rpartition(".")[0]
    return f"{parent}.{name}" if parent else name


def _document_path(document: Document, location: tuple[int | str, ...], keep_last: bool) -> PathParts:
    """Drop the parts of pydantic's location that name a member of a union instead of a place in the document."""
    path: PathParts = ()
    for i, part in enumerate(location):
        if document.has((*path, part)) or (keep_last and i == len(location) - 1):
            path = (*path, part)
    return path


def _known_keys(model: type["BaseModel"], path: PathParts) -> set[str]:
    models = {model}
    for part in path:
        if isinstance(part, str):
            fields = [m.model_fields[name] for m in models for name in m.model_fields if _key(m, name) == part]
            annotations = [field.annotation for field in fields]
            models = {inner for annotation in annotations for inner in _models(annotation)} or models
    return {_key(m, name) for m in models for name in m.model_fields}


def _key(model: type["BaseModel"], name: str) -> str:
    return model.model_fields[name].alias or name


def _models(annotation: object) -> Iterator[type["BaseModel"]]:
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
