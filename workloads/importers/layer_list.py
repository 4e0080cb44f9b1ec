"""Turn a layer list, read from YAML or CSV into one document, into a network."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from simulator.errors import InputError, Problem, nearest
from simulator.network.graph import Tensor
from simulator.network.ir import Layer, Network, Shape
from simulator.source import Document, validate
from workloads.importers.assembly import Assembly
from workloads.importers.bounds import located, shorten

if TYPE_CHECKING:
    from workloads.importers.layer_schema import Row

Likeness: TypeAlias = tuple[tuple[object, ...], frozenset[str], tuple[Shape, ...]]
"""A row without the names in it, its keys, and the shapes that it reads."""

NAMELESS = dict.fromkeys(("name", "inputs", "stage"))
MOST_REPORTED = 20
MOST_COMPARED = 1000  # names, in search of a suggestion
MOST_NAMED = 10  # of the last layers above, as a hint


def network_of(document: Document, name: str, skip_unknown: bool = False) -> Network:
    """Return the network of a document, called `name` unless it says otherwise; raise InputError with all problems.

    With `skip_unknown` an op that nobody knows is none: its `output`, or as much as its input, counts as traffic.
    """
    from workloads.importers.layer_schema import LayerList

    listed = validate(document, LayerList, {"skip_unknown": skip_unknown})
    problems = [problem for at, row in enumerate(listed.layers) for problem in _misplaced(document, at, row)]
    if problems:
        raise InputError(*problems)
    g = Assembly(listed.name or name)
    tensors = {}
    for key, shape in listed.inputs.items():
        tensors[key] = _declared(document, g, key, shape)
    last, known = next(iter(tensors.values())), dict[Likeness, Layer]()
    for at, row in enumerate(listed.layers):
        xs = _named(document, f"layers.{at}.inputs", row.inputs, tensors) if row.inputs else [last]
        last = _added(document, g, at, row, xs, known)
        tensors[last.name] = last
        tensors[row.name or last.name] = last
    outputs = _named(document, "outputs", listed.outputs or (), tensors)
    network = g.network(tuple(outputs))
    return replace(network, facts=dict(listed.facts) | network.facts)


def _declared(document: Document, g: Assembly, key: str, shape: Shape) -> Tensor:
    try:
        return g.declare(key, shape)
    except InputError:
        with located(document.file, document.place(("inputs", key)).line):
            raise


def _misplaced(document: Document, at: int, row: "Row") -> Iterator[Problem]:
    """Yield the keys that an op needs and has not, and those that mean nothing to it."""
    from workloads.importers.layer_ops import COMMON, UNKNOWN, entry_of

    entry, given, path = entry_of(row.op), row.model_fields_set, ("layers", at)
    for key in sorted(entry.needs - given):
        yield document.problem((*path, key), f"missing key for {row.op}", expected=f"a value for `{key}`")
    strange = given - COMMON - entry.takes - entry.needs
    for key in sorted(strange) if entry.op != UNKNOWN else ():
        expected = f"one of {', '.join(sorted(entry.needs | entry.takes | COMMON))}"
        yield document.problem((*path, key), f"means nothing to {row.op}", expected=expected, of_key=True)
    if entry.inputs is not None and row.inputs is not None and len(row.inputs) != entry.inputs:
        got = f"{len(row.inputs)} inputs"
        yield document.problem((*path, "inputs"), f"wrong for {row.op}", expected=f"{entry.inputs}", got=got)


def _named(document: Document, path: str, names: Sequence[str], tensors: dict[str, Tensor]) -> list[Tensor]:
    """Return tensors by name; raise InputError for those that are not made before."""
    missing = [name for name in names if name not in tensors]
    if missing:
        raise InputError(*(_absent(document, path, names, name, tensors) for name in missing[:MOST_REPORTED]))
    return [tensors[name] for name in names]


def _absent(document: Document, path: str, names: Sequence[str], name: str, tensors: Iterable[str]) -> Problem:
    """Return the problem with a name, one of a list perhaps, that is not made before."""
    rows, known = document.data.get("layers"), list(islice(tensors, MOST_COMPARED))
    if isinstance(document.get(path), list):
        path = f"{path}.{names.index(name)}"
    expected = f"one of {', '.join(shorten(near) for near in known[-MOST_NAMED:])}"
    if isinstance(rows, list) and any(isinstance(row, dict) and row.get("name") == name for row in rows):
        message = "made only here or below: a layer reads what stands above it"
        return document.problem(path, message, expected=expected, got=shorten(name))
    message, close = "there is no layer or input of this name", nearest(shorten(name), known)
    return document.problem(path, message, expected=expected, got=shorten(name), suggestion=close)


def _added(
    document: Document, g: Assembly, at: int, row: "Row", xs: Sequence[Tensor], known: dict[Likeness, Layer]
) -> Tensor:
    try:
        return _layer_of(g, row, xs, known)
    except InputError as error:
        first = error.problems[0]
        message = f"{shorten(row.name or row.op)}: {first.message}"
        raise InputError(document.problem(("layers", at), message, expected=first.expected, got=first.got)) from error


def _layer_of(g: Assembly, row: "Row", xs: Sequence[Tensor], known: dict[Likeness, Layer]) -> Tensor:
    """Add the layer of a row; one that differs from a row before in names alone makes the same layer."""
    from workloads.importers.layer_ops import OPS
    from workloads.importers.layer_table import add_row

    entry = OPS.get(row.op)
    if not (entry and row.name) or row.stage == "" or row.activation:
        return add_row(g, row, xs)
    rest = tuple((row.__dict__ | NAMELESS).values())
    like = rest, frozenset(row.model_fields_set), tuple([x.shape for x in xs])
    if (layer := known.get(like)) is not None:
        return g.again(layer, row.name, tuple(x.name for x in xs), row.stage or "")
    made = add_row(g, row, xs)
    if (layer := g.layer(made.name)) and layer.op is entry.op:  # else it was read in other words, with a warning
        known[like] = layer
    return made
