"""Import a Timeloop problem (Parashar et al., ISPASS 2019), version 0.2 to 0.4: one layer, or a folder of them.

    problem:
      shape: {name: ..., dimensions: [...], data_spaces: [...], coefficients: [...]}
      instance: {C: 3, M: 32, R: 3, S: 3, P: 112, Q: 112, N: 1, Hstride: 2, Wstride: 2}

What a dimension means follows from the data spaces it projects to, whatever its letter: one that indexes weights,
inputs and outputs is a group; weights and inputs, a channel that is summed over; weights and outputs, a filter; inputs
and outputs, the batch, or an output row or column where the inputs add a filter's row or column to it or multiply it.
Without a shape, it is Timeloop's own convolution; `timeloop_shapes.NAMED` holds that and others that go by name.
Timeloop knows no padding, so the map is as large as the windows reach.
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
from simulator.source import Document
from simulator.source.document import show
from simulator.source.parser import Value
from workloads.importers.assembly import Assembly, Zeros
from workloads.importers.bounds import MOST_LAYERS, located
from workloads.importers.timeloop_shapes import LARGEST, OPTIONAL, ROLES, Shape, Terms, named_shape, read_shape
from workloads.importers.timeloop_text import read_source, with_anchors

NUMBER = re.compile(r"^\d+[_.-]+")
PROBLEM = re.compile(r"(?m)^problem\s*:")
DEFAULT_SHAPE = "cnn-layer"
NOTES = frozenset({"name", "notes", "type", "version"})
VERSIONS = ("0.2", "0.3", "0.4")
DENSITY_KEYS = frozenset({"density", "distribution", "workload_tensor_size"})
DISTRIBUTIONS = ("constant", "fixed", "fixed-structured", "hypergeometric")
SPARSITY = frozenset({"commonDensity", "densities", "densitiesFile"})
OTHER_PARTS = frozenset(
    {
        "arch",
        "architecture",
        "architecture_constraints",
        "components",
        "compound_components",
        "constraints",
        "globals",
        "map_constraints",
        "mapper",
        "mapspace",
        "mapspace_constraints",
        "sparse_optimizations",
        "variables",
    }
)
"""Keys of files that may lie beside problems and say nothing of a network."""


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
    """A shape, the sizes of its dimensions and coefficients, and the shares of zeros."""

    shape: Shape
    sizes: Mapping[str, int]
    zeros: Zeros

    def dimensions(self, role: str) -> list[str]:
        """Return the dimensions that index a data space, in order."""
        return [dimension for terms in self.shape.spaces[role] for dimension, _ in terms]

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

    A layer is called like its file, without a number before the name. A file without a problem may define anchors to
    which the others refer.
    """
    if sizes:
        raise InputError(Wrong("a folder takes no parameters", str(folder), got=", ".join(sizes)))
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".yaml", ".yml"))
    sources = {path: read_source(path) for path in paths[: MOST_LAYERS + 1]}
    problems = [path for path in paths if path in sources and PROBLEM.search(sources[path].text)]
    others = [source for path, source in sources.items() if path not in problems]
    if not 1 <= len(problems) <= MOST_LAYERS:
        expected = f"1 to {MOST_LAYERS} problems in YAML"
        raise InputError(Wrong("not a folder of Timeloop problems", str(folder), expected=expected))
    for source in others:
        with source.document() as document:
            if not source.anchors and not set(document.data) <= OTHER_PARTS:
                raise InputError(document.problem("", "not a Timeloop problem", expected="the key `problem`"))
    g = Assembly(folder.resolve().name)
    for path in problems:
        with with_anchors(sources[path], others).document() as document:
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
    windows = _windows(document, problem, weights, outputs)
    taps, positions = [w.tap for w in windows], [w.position for w in windows]
    groups = [d for d in weights if d in inputs and d in outputs]
    summed = [d for d in weights if d in inputs and d not in outputs and d not in taps]
    filters = [d for d in weights if d in outputs and d not in inputs]
    batches = [d for d in outputs if d in inputs and d not in weights and d not in positions]
    odd = {*weights, *inputs, *outputs} - {*groups, *taps, *positions, *summed, *filters, *batches}
    wide = sorted(d for d in odd if problem.product([d]) > 1)
    if wide or len(windows) > 2:
        what = f"dimension {wide[0]} indexes one data space only" if wide else "more than two sliding windows"
        raise InputError(document.problem("problem.shape", what, expected="a convolution or a matrix product"))
    group = problem.product(groups)
    channels, out = group * problem.product(summed), group * problem.product(filters)
    if not windows:
        first = batches[:1] if len(batches) > 1 else []
        height, *width = [d for d in batches if d not in first] or [""]
        size = (problem.product([height]), problem.product(width))
        x = g.declare(data, (problem.product(first), channels, *size))
        shape = (x.shape[0], out, *size)
        g.put(Layer(name, Op.LINEAR, (x.name,), (x.shape,), shape, groups=group))
    else:
        down, right = (*windows, ABSENT)[:2]
        x = g.declare(data, (problem.product(batches), channels, down.reach, right.reach))
        kernel, stride, dilation = (down.taps, right.taps), (down.stride, right.stride), (down.dilation, right.dilation)
        g.conv(x, out, kernel, stride, 0, group, dilation, name=name)
    g.revise(name, None, "", problem.zeros)


def _windows(document: Document, problem: Problem, weights: Sequence[str], outputs: Sequence[str]) -> list[Window]:
    """Return the sliding indices of the inputs; where there is one, another axis of the outputs is a window of one."""
    sliding = [_window(document, problem, terms, weights, outputs) for terms in problem.shape.spaces["inputs"]]
    windows = [window for window in sliding if window]
    if len(windows) != 1:
        return windows
    inputs = problem.dimensions("inputs")
    rest = [d for d in inputs if d in outputs and d not in weights and d != windows[0].position]
    plain = [d for d in rest if d not in OPTIONAL][-1:] if len(rest) > 1 else []
    added = [Window("", d, 1, problem.product([d])) for d in plain]
    before = bool(plain) and inputs.index(plain[0]) < inputs.index(windows[0].position)
    return added + windows if before else windows + added


def _window(
    document: Document, problem: Problem, terms: Terms, weights: Sequence[str], outputs: Sequence[str]
) -> Window | None:
    """Read an index of the inputs that adds a filter's row or column to an output's, or multiplies it; else None."""
    sizes = problem.sizes
    taps = [term for term in terms if term[0] in weights and term[0] not in outputs]
    positions = [term for term in terms if term[0] in outputs and term[0] not in weights]
    if len(terms) == 1 and not (positions and terms[0][1]):
        return None
    if len(positions) != 1 or len(taps) != len(terms) - 1 or len(terms) > 2:
        index = " + ".join(name for name, _ in terms)
        what = f"the inputs' index {index} is no sliding window"
        expected = "a row or column of the weights and one of the outputs"
        raise InputError(document.problem("problem.shape", what, expected=expected))
    ((position, stride),), ((tap, dilation),) = positions, taps or [("", None)]
    steps = (sizes.get(stride or "", 1), sizes.get(dilation or "", 1))
    return Window(tap, position, sizes.get(tap, 1), sizes.get(position, 1), *steps)


def _read(document: Document) -> Problem:
    given = document.data["problem"]
    if not isinstance(given, dict):
        raise InputError(document.problem("problem", "not a mapping", expected="shape and instance", got=show(given)))
    explicit = "instance" in given
    path = "problem.instance" if explicit else "problem"
    instance = given.get("instance", {key: value for key, value in given.items() if key not in ("shape", "version")})
    if not isinstance(instance, dict):
        raise InputError(document.problem(path, "not a mapping", expected="sizes of dimensions", got=show(instance)))
    _check_problem(document, given, explicit)
    shape = _shape(document, given.get("shape"), instance)
    sizes = {**shape.defaults, **_sizes(document, path, instance, shape)}
    return Problem(shape, sizes, _zeros(document, path, instance, shape))


def _shape(document: Document, given: Value, instance: Mapping[str, Value]) -> Shape:
    if isinstance(given, dict) and given.keys() & {"data_spaces", "data-spaces"}:
        return read_shape(document, given)
    path = "problem.shape.name" if isinstance(given, dict) else "problem.shape"
    name = given.get("name") if isinstance(given, dict) else DEFAULT_SHAPE if given is None else given
    return named_shape(document, path, name if isinstance(name, str) else show(name), instance)


def _check_problem(document: Document, given: Mapping[str, Value], explicit: bool) -> None:
    """Raise InputError for a version or a key of a problem that is not known."""
    version = given.get("version", VERSIONS[-1])
    if str(version) not in VERSIONS:
        expected = f"one of {', '.join(VERSIONS)}"
        raise InputError(document.problem("problem.version", "unknown version", expected=expected, got=show(version)))
    known = NOTES | {"shape", "instance"}
    for key in given if explicit else ():
        if key not in known:
            expected, close = f"one of {', '.join(sorted(known))}", nearest(key, known)
            path = f"problem.{key}"
            raise InputError(document.problem(path, "unknown key", expected=expected, suggestion=close, of_key=True))


def _zeros(document: Document, path: str, instance: Mapping[str, Value], shape: Shape) -> Zeros:
    """Return the shares of zeros that densities mean: each a number, or a mapping with one; or one for all tensors."""
    if "densitiesFile" in instance:
        place = f"{path}.densitiesFile"
        raise InputError(document.problem(place, "densities of a file are not read", expected="densities: {NAME: 0.5}"))
    common = dict.fromkeys(shape.roles, instance["commonDensity"]) if "commonDensity" in instance else {}
    given = instance.get("densities", common)
    place = f"{path}.densities"
    if not isinstance(given, dict):
        raise InputError(document.problem(place, "not a mapping", expected="a density for each name", got=show(given)))
    zeros: dict[str, float] = {}
    for name, value in given.items():
        if name not in shape.roles:
            expected, close = f"one of {', '.join(shape.roles)}", nearest(name, shape.roles)
            what = "no data space of this name"
            raise InputError(
                document.problem(f"{place}.{name}", what, expected=expected, suggestion=close, of_key=True)
            )
        zeros[shape.roles[name]] = 1 - _density(document, f"{place}.{name}", value)
    inputs, weights, outputs = (zeros.get(role) for role in ROLES)
    return inputs, weights, outputs


def _density(document: Document, path: str, value: Value) -> float:
    if isinstance(value, dict):
        odd = next((key for key in value if key not in DENSITY_KEYS), None)
        distribution = str(value.get("distribution", DISTRIBUTIONS[0])).replace("_", "-")
        if odd is not None or distribution not in DISTRIBUTIONS:
            what = f"{odd or distribution} is not known of a density"
            expected = f"distribution ({', '.join(DISTRIBUTIONS)}) and density"
            raise InputError(document.problem(path, what, expected=expected))
        value = value.get("density")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(document.problem(path, "not a density", expected="0 to 1", got=show(value)))
    return value


def _sizes(document: Document, path: str, instance: Mapping[str, Value], shape: Shape) -> dict[str, int]:
    """Return the sizes that an instance gives; a problem for each that is missing, unknown or no size."""
    known, problems, sizes = {*shape.dimensions, *shape.coefficients, *shape.listed}, [], {}
    for key, value in instance.items():
        place = f"{path}.{key}"
        if key in SPARSITY or (key not in known and (value == 1 or key in NOTES)):
            continue
        if key not in known:
            expected = f"one of {', '.join(sorted(known))}, densities"
            close = nearest(key, known | SPARSITY)
            problems.append(
                document.problem(place, "unknown dimension", expected=expected, suggestion=close, of_key=True)
            )
        elif isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
            expected = f"a whole number, 1 to {LARGEST}"
            problems.append(document.problem(place, "wrong size", expected=expected, got=show(value)))
        else:
            sizes[key] = value
    needed = [*(d for d in shape.dimensions if d not in OPTIONAL), *shape.coefficients]
    missing = [name for name in needed if name not in instance and name not in shape.defaults]
    problems += [document.problem(path, "a size is missing", expected=f"a value for `{d}`") for d in missing]
    if problems:
        raise InputError(*problems)
    return sizes
