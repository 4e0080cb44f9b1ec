"""Import a Timeloop problem (Parashar et al., ISPASS 2019), version 0.3 or 0.4: one layer, or a folder of them.

    problem:
      shape: {name: ..., dimensions: [...], data_spaces: [...], coefficients: [...]}
      instance: {C: 3, M: 32, R: 3, S: 3, P: 112, Q: 112, N: 1, Hstride: 2, Wstride: 2}

What a dimension means follows from the data spaces it projects to, whatever its letter: one that indexes weights,
inputs and outputs is a group; weights and inputs, a channel that is summed over; weights and outputs, a filter; inputs
and outputs, the batch, or an output row or column where the inputs add a filter's row or column to it. Without a shape,
or with one by name, the letters are those of Timeloop's own convolution. Timeloop knows no padding, so the map is as
large as the windows reach.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from simulator.errors import InputError, nearest
from simulator.errors import Problem as Wrong
from simulator.network.ir import Layer, Network, Op
from simulator.network.shapes import window_reach
from simulator.source import Document, load_yaml
from simulator.source.document import show
from simulator.source.parser import Value
from workloads.importers.assembly import Assembly
from workloads.importers.bounds import MOST_LAYERS, located

LARGEST = 1 << 31
MOST_DIMENSIONS = 16
NUMBER = re.compile(r"^\d+[_.-]+")
Terms = tuple[tuple[str, str | None], ...]  # of one index: dimension, coefficient

CONV_INPUTS: Mapping[str, tuple[Terms, ...]] = {
    "inputs": (
        (("N", None),),
        (("G", None),),
        (("C", None),),
        (("R", "Wdilation"), ("P", "Wstride")),
        (("S", "Hdilation"), ("Q", "Hstride")),
    ),
    "weights": tuple(((letter, None),) for letter in "GCMRS"),
    "outputs": tuple(((letter, None),) for letter in "NGMPQ"),
}


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding index: the dimensions of filter and output, their sizes, and what the inputs multiply them by."""

    tap: str
    position: str
    taps: int = 1
    positions: int = 1
    stride: int = 1
    dilation: int = 1

    @property
    def reach(self) -> int:
        """Rows or columns of the map that the windows reach."""
        return (self.positions - 1) * self.stride + window_reach(self.taps, self.dilation)


ABSENT = Window("", "")


@dataclass(frozen=True, slots=True)
class Problem:
    """Data spaces by role, the sizes of dimensions and coefficients, and the share of zero weights."""

    spaces: Mapping[str, tuple[Terms, ...]]
    sizes: Mapping[str, int]
    zero_weights: float | None

    def dimensions(self, role: str) -> list[str]:
        """Return the dimensions that index a data space, in order."""
        return [dimension for terms in self.spaces[role] for dimension, _ in terms]

    def product(self, dimensions: Sequence[str]) -> int:
        """Return how many points some dimensions have."""
        return prod(self.sizes.get(dimension, 1) for dimension in dimensions)


def import_problem(document: Document, name: str) -> Network:
    """Return the one layer of a problem as a network."""
    g = Assembly(name)
    add_problem(g, document, name, "data")
    return g.network()


def import_folder(folder: Path, skip_unknown: bool = False, sizes: Mapping[str, int] | None = None) -> Network:
    """Import the problems in a folder, a layer each, in the order of the files' names; layers do not read each other.

    A layer is called like its file, without a number before the name.
    """
    if sizes:
        raise InputError(Wrong("a folder takes no parameters", str(folder), got=", ".join(sizes)))
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".yaml", ".yml"))
    if not 1 <= len(files) <= MOST_LAYERS:
        expected = f"1 to {MOST_LAYERS} problems in YAML"
        raise InputError(Wrong("not a folder of Timeloop problems", str(folder), expected=expected))
    g = Assembly(folder.resolve().name)
    for path in files:
        document = load_yaml(path)
        if "problem" not in document.data:
            raise InputError(document.problem("", "not a Timeloop problem", expected="the key `problem`"))
        name = g.unique(NUMBER.sub("", path.stem) or path.stem)
        add_problem(g, document, name, g.unique(f"{name}_input"))
    return g.network()


def add_problem(g: Assembly, document: Document, name: str, data: str) -> None:
    """Add the layer of a problem, which reads an input of its own."""
    problem = _read(document)
    with located(document.file, document.place("problem").line):
        _add(g, document, problem, name, data)


def _add(g: Assembly, document: Document, problem: Problem, name: str, data: str) -> None:
    weights, inputs, outputs = (problem.dimensions(role) for role in ("weights", "inputs", "outputs"))
    windows = [_window(problem, terms, weights) for terms in problem.spaces["inputs"] if len(terms) == 2]
    taps, positions = [w.tap for w in windows], [w.position for w in windows]
    groups = [d for d in weights if d in inputs and d in outputs]
    summed = [d for d in weights if d in inputs and d not in outputs and d not in taps]
    filters = [d for d in weights if d in outputs and d not in inputs]
    batches = [d for d in outputs if d in inputs and d not in weights and d not in positions]
    used = {*groups, *taps, *positions, *summed, *filters, *batches}
    odd = sorted({*weights, *inputs, *outputs} - used)
    if odd or len(windows) > 2:
        what = f"dimension {odd[0]} indexes one data space only" if odd else "more than two sliding windows"
        raise InputError(document.problem("problem.shape", what, expected="a convolution or a matrix product"))
    group, zeros = problem.product(groups), problem.zero_weights
    channels, out = group * problem.product(summed), group * problem.product(filters)
    if not windows:
        first = batches[:1] if len(batches) > 1 else []
        height, *width = [d for d in batches if d not in first] or [""]
        size = (problem.product([height]), problem.product(width))
        x = g.declare(data, (problem.product(first), channels, *size))
        shape = (x.shape[0], out, *size)
        g.put(Layer(name, Op.LINEAR, (x.name,), (x.shape,), shape, groups=group, zero_weights_fraction=zeros))
        return
    down, right = (*windows, ABSENT)[:2]
    x = g.declare(data, (problem.product(batches), channels, down.reach, right.reach))
    kernel, stride, dilation = (down.taps, right.taps), (down.stride, right.stride), (down.dilation, right.dilation)
    g.conv(x, out, kernel, stride, 0, group, dilation, name=name, zero_weights_fraction=zeros)


def _window(problem: Problem, terms: Terms, weights: Sequence[str]) -> Window:
    """Read an index of the inputs that adds a filter's row or column to an output's."""
    (tap, dilation), (position, stride) = terms if terms[0][0] in weights else terms[::-1]
    sizes = problem.sizes
    steps = (sizes.get(stride or "", 1), sizes.get(dilation or "", 1))
    return Window(tap, position, sizes.get(tap, 1), sizes.get(position, 1), *steps)


def _read(document: Document) -> Problem:
    given = document.data["problem"]
    if not isinstance(given, dict):
        raise InputError(document.problem("problem", "not a mapping", expected="shape and instance", got=show(given)))
    shape = given.get("shape")
    spaces = _spaces(document, shape) if isinstance(shape, dict) else CONV_INPUTS
    path = "problem.instance" if "instance" in given else "problem"
    instance = given.get("instance", {key: value for key, value in given.items() if key != "shape"})
    if not isinstance(instance, dict):
        raise InputError(document.problem(path, "not a mapping", expected="sizes of dimensions", got=show(instance)))
    names = [dimension for terms in sum(spaces.values(), ()) for dimension, _ in terms]
    factors = [by for terms in sum(spaces.values(), ()) for _, by in terms if by]
    defaults = _defaults(shape) if isinstance(shape, dict) else {}
    sizes = defaults | _sizes(document, path, instance, {*names, *factors}, names)
    return Problem(spaces, sizes, _zero_weights(document, instance))


def _zero_weights(document: Document, instance: Mapping[str, Value]) -> float | None:
    """Return the share of zero weights that a density means: a number, or a mapping with one."""
    densities = instance.get("densities")
    for key, value in (densities if isinstance(densities, dict) else {}).items():
        density = value.get("density") if isinstance(value, dict) else value
        if key.lower().startswith("weight"):
            if isinstance(density, bool) or not isinstance(density, int | float) or not 0 <= density <= 1:
                path = f"problem.instance.densities.{key}"
                raise InputError(document.problem(path, "not a density", expected="0 to 1", got=show(density)))
            return 1 - density
    return None


def _defaults(shape: Mapping[str, Value]) -> dict[str, int]:
    """Return the coefficients that a shape has a default for."""
    entries = shape.get("coefficients")
    found = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return {
        str(entry.get("name")): value
        for entry in found
        if isinstance(value := entry.get("default"), int) and 1 <= value <= LARGEST
    }


def _sizes(
    document: Document, path: str, instance: Mapping[str, Value], known: set[str], dimensions: Sequence[str]
) -> dict[str, int]:
    """Return the sizes that an instance gives; a problem for each that is missing, unknown or no size."""
    problems, sizes = [], {}
    explicit = path == "problem.instance"
    for key, value in instance.items():
        if key not in known:
            close = nearest(key, known)
            if explicit and key != "densities" and close:
                problems.append(document.problem(f"{path}.{key}", "unknown dimension", suggestion=close, of_key=True))
        elif isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
            expected = f"a whole number, 1 to {LARGEST}"
            problems.append(document.problem(f"{path}.{key}", "wrong size", expected=expected, got=show(value)))
        else:
            sizes[key] = value
    missing = [d for d in dict.fromkeys(dimensions) if d not in instance and d not in ("N", "G")]
    problems += [document.problem(path, "a size is missing", expected=f"a value for `{d}`") for d in missing]
    if problems:
        raise InputError(*problems)
    return sizes


def _spaces(document: Document, shape: Mapping[str, Value]) -> dict[str, tuple[Terms, ...]]:
    """Return the data spaces by role: the one written is the outputs, the one named like weights the weights."""
    key = "data_spaces" if "data_spaces" in shape else "data-spaces"
    given = shape.get(key)
    path = f"problem.shape.{key}"
    spaces = [space for space in given if isinstance(space, dict)] if isinstance(given, list) else []
    if len(spaces) != 3:
        raise InputError(document.problem(path, "not three data spaces", expected="weights, inputs and outputs"))
    read = [_projection(document, f"{path}.{at}", space) for at, space in enumerate(spaces)]
    written = [at for at, space in enumerate(spaces) if space.get("read_write") or space.get("read-write")]
    if len(written) != 1:
        raise InputError(document.problem(path, "not one data space is written", expected="read_write: true on one"))
    sources = [at for at in range(3) if at not in written]
    names = [str(spaces[at].get("name", "")).lower() for at in sources]
    slides = [any(len(terms) == 2 for terms in read[at]) for at in sources]
    swapped = slides == [True, False] or (slides == [False, False] and names[0].startswith(("in", "a")))
    inputs, weights = sources if swapped else sources[::-1]
    return {"inputs": read[inputs], "weights": read[weights], "outputs": read[written[0]]}


def _projection(document: Document, path: str, space: Mapping[str, Value]) -> tuple[Terms, ...]:
    given = space.get("projection")
    indices = given if isinstance(given, list) else []
    expected = "a list of indices, each a list of [dimension] or [dimension, coefficient]"
    wrong = InputError(document.problem(path, "not a projection", expected=expected, got=show(given)))
    result = []
    for index in indices[:MOST_DIMENSIONS]:
        terms: list[tuple[str, str | None]] = []
        for term in index if isinstance(index, list) else ():
            if not isinstance(term, list) or not 1 <= len(term) <= 2 or not all(isinstance(part, str) for part in term):
                raise wrong
            terms.append((str(term[0]), str(term[1]) if len(term) == 2 else None))
        if not 1 <= len(terms) <= 2:
            raise wrong
        result.append(tuple(terms))
    if not result:
        raise wrong
    return tuple(result)
