"""What a Timeloop problem's shape says: its data spaces and what they are, by projections or by a known name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from simulator.errors import InputError, nearest
from simulator.source import Document
from simulator.source.document import show
from simulator.source.parser import Value

LARGEST = 1 << 31
MOST_DIMENSIONS = 16
Terms = tuple[tuple[str, str | None], ...]  # of one index: dimension, coefficient
Spaces = Mapping[str, tuple[Terms, ...]]

SHAPE_KEYS = frozenset({"coefficients", "data-spaces", "data_spaces", "dimensions", "name", "notes", "version"})
SPACE_KEYS = frozenset({"name", "notes", "projection", "read-write", "read_write"})
ROLES = ("inputs", "weights", "outputs")
_INPUTS, _WEIGHTS = re.compile(r"(?i)(a|i|x|act|in|ifm)"), re.compile(r"(?i)(b|f|k|w)")


@dataclass(frozen=True, slots=True)
class Shape:
    """Data spaces by role, the role of each by its name, defaults of coefficients, and all names that are listed."""

    spaces: Spaces
    roles: Mapping[str, str]
    defaults: Mapping[str, int] = field(default_factory=dict)
    listed: frozenset[str] = frozenset()

    @property
    def dimensions(self) -> list[str]:
        """Dimensions that index something."""
        return list(dict.fromkeys(name for terms in sum(self.spaces.values(), ()) for name, _ in terms))

    @property
    def coefficients(self) -> list[str]:
        """Factors of dimensions."""
        return list(dict.fromkeys(by for terms in sum(self.spaces.values(), ()) for _, by in terms if by))


def _plain(letters: str) -> tuple[Terms, ...]:
    return tuple(((letter, None),) for letter in letters)


WINDOWS: tuple[Terms, ...] = (
    (("R", "Wdilation"), ("P", "Wstride")),
    (("S", "Hdilation"), ("Q", "Hstride")),
)
FILTERS: Terms = (("M", None),)
STEPS = dict.fromkeys(("Hdilation", "Hstride", "Wdilation", "Wstride"), 1)
CONVOLUTION = {"inputs": (*_plain("NGC"), *WINDOWS), "weights": _plain("GCMRS"), "outputs": _plain("NGMPQ")}
DEPTHWISE = {"inputs": (*_plain("NC"), *WINDOWS), "weights": _plain("CMRS"), "outputs": _plain("NCMPQ")}
PRODUCT = {"inputs": _plain("MK"), "weights": _plain("KN"), "outputs": _plain("MN")}
NAMED: Mapping[str, Spaces] = {
    "cnn": CONVOLUTION,
    "cnn-layer": CONVOLUTION,
    "conv": CONVOLUTION,
    "convolution": CONVOLUTION,
    "depthwise": DEPTHWISE,
    "depthwise-cnn-layer": DEPTHWISE,
    "depthwise-conv": DEPTHWISE,
    "gemm": PRODUCT,
    "gemm-abz": PRODUCT,
    "grouped-cnn-layer": CONVOLUTION,
    "grouped-conv": CONVOLUTION,
    "matmul": PRODUCT,
}
"""Shapes that go by a name alone."""
OPTIONAL = frozenset("NG")
"""Dimensions that are 1 where nothing is said."""
NAMED_SPACES = {"Weights": "weights", "Inputs": "inputs", "Outputs": "outputs"} | {
    "A": "inputs",
    "B": "weights",
    "Z": "outputs",
}


def named_shape(document: Document, path: str, name: str, instance: Mapping[str, Value]) -> Shape:
    """Return the shape of a known name; filters are K or M there, whichever the instance has."""
    plain = re.sub(r"[\s_]+", "-", name.strip().lower())
    if plain not in NAMED:
        expected = f"one of {', '.join(NAMED)}, or a shape with data_spaces"
        close = nearest(plain, NAMED)
        raise InputError(document.problem(path, "unknown shape", expected=expected, got=show(name), suggestion=close))
    spaces = NAMED[plain]
    if spaces is PRODUCT:
        return Shape(spaces, NAMED_SPACES)
    letter = "K" if "K" in instance and "M" not in instance else "M"
    if spaces is DEPTHWISE and letter not in instance:
        letter = ""
    filters = ((letter, None),) if letter else None
    renamed = {
        role: tuple(terms for index in indices if (terms := filters if index == FILTERS else index))
        for role, indices in spaces.items()
    }
    return Shape(renamed, NAMED_SPACES, STEPS)


def read_shape(document: Document, shape: Mapping[str, Value]) -> Shape:
    """Return the shape that data spaces say: the one written is the outputs, the one that slides the inputs."""
    _check_keys(document, "problem.shape", shape, SHAPE_KEYS)
    key = "data_spaces" if "data_spaces" in shape else "data-spaces"
    path, given = f"problem.shape.{key}", shape.get(key)
    spaces = [space for space in given if isinstance(space, dict)] if isinstance(given, list) else []
    if len(spaces) != len(ROLES):
        expected = "weights, inputs and outputs"
        raise InputError(
            document.problem(path, "not three data spaces", expected=expected, got=f"{len(spaces)} of them")
        )
    for at, space in enumerate(spaces):
        _check_keys(document, f"{path}.{at}", space, SPACE_KEYS)
    read = [_projection(document, f"{path}.{at}", space) for at, space in enumerate(spaces)]
    written = [at for at, space in enumerate(spaces) if space.get("read_write") or space.get("read-write")]
    if len(written) != 1:
        raise InputError(document.problem(path, "not one data space is written", expected="read_write: true on one"))
    names = [str(space.get("name", "")) for space in spaces]
    first, second = (at for at in range(len(ROLES)) if at not in written)
    swapped = _is_inputs(read[first], read[second], names[first], names[second])
    order = (first, second, written[0]) if swapped else (second, first, written[0])
    found = Shape(
        {role: read[at] for role, at in zip(ROLES, order, strict=True)},
        {names[at]: role for role, at in zip(ROLES, order, strict=True)},
        _defaults(document, shape),
        _listed(shape),
    )
    _check_declared(document, shape, found.dimensions)
    return found


def _listed(shape: Mapping[str, Value]) -> frozenset[str]:
    """Return the dimensions and coefficients that a shape lists, whether or not something is indexed by them."""
    lists = [entries for key in ("dimensions", "coefficients") if isinstance(entries := shape.get(key), list)]
    named = [entry.get("name") if isinstance(entry, dict) else entry for entries in lists for entry in entries]
    return frozenset(name for name in named if isinstance(name, str))


def _is_inputs(one: tuple[Terms, ...], other: tuple[Terms, ...], name: str, other_name: str) -> bool:
    """Tell whether the first of two data spaces is the inputs: it slides, or else its name says so."""
    slides = [any(len(terms) > 1 or terms[0][1] for terms in space) for space in (one, other)]
    if slides[0] != slides[1]:
        return slides[0]
    return bool(_INPUTS.match(name) or _WEIGHTS.match(other_name)) and not _WEIGHTS.match(name)


def _check_keys(document: Document, path: str, given: Mapping[str, Value], known: frozenset[str]) -> None:
    problems = [
        document.problem(
            f"{path}.{key}",
            "unknown key",
            expected=f"one of {', '.join(sorted(known))}",
            suggestion=nearest(key, known),
            of_key=True,
        )
        for key in given
        if key not in known
    ]
    if problems:
        raise InputError(*problems)


def _check_declared(document: Document, shape: Mapping[str, Value], used: Sequence[str]) -> None:
    """Raise InputError for a dimension that a projection has and the list of dimensions has not."""
    given = shape.get("dimensions")
    declared = [name for name in given if isinstance(name, str)] if isinstance(given, list) else None
    odd = [name for name in used if declared is not None and name not in declared]
    if odd and declared is not None:
        raise InputError(
            document.problem(
                "problem.shape.dimensions",
                f"the data spaces have a dimension {odd[0]}, which is not in the list",
                expected="all of them",
                suggestion=nearest(odd[0], declared),
            )
        )


def _defaults(document: Document, shape: Mapping[str, Value]) -> dict[str, int]:
    """Return the coefficients that a shape lists, each with its default."""
    entries, path = shape.get("coefficients"), "problem.shape.coefficients"
    found: dict[str, int] = {}
    for at, entry in enumerate(entries if isinstance(entries, list) else []):
        name = entry.get("name") if isinstance(entry, dict) else None
        value = entry.get("default") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise InputError(document.problem(f"{path}.{at}", "a coefficient has no name", expected="{name, default}"))
        if value is not None and (not isinstance(value, int) or not 1 <= value <= LARGEST):
            expected = f"a whole number, 1 to {LARGEST}"
            raise InputError(
                document.problem(f"{path}.{at}.default", "wrong value", expected=expected, got=show(value))
            )
        found |= {} if value is None else {name: value}
    return found


def _projection(document: Document, path: str, space: Mapping[str, Value]) -> tuple[Terms, ...]:
    given = space.get("projection")
    indices = given if isinstance(given, list) else []
    expected = "a list of indices, each a list of [dimension] or [dimension, coefficient]"
    wrong = InputError(document.problem(path, "not a projection", expected=expected, got=show(given)))
    result = []
    for index in indices[: MOST_DIMENSIONS + 1]:
        terms: list[tuple[str, str | None]] = []
        for term in index if isinstance(index, list) else ():
            if not isinstance(term, list) or not 1 <= len(term) <= 2 or not all(isinstance(part, str) for part in term):
                raise wrong
            terms.append((str(term[0]), str(term[1]) if len(term) == 2 else None))
        if not terms:
            raise wrong
        result.append(tuple(terms))
    if not 1 <= len(result) <= MOST_DIMENSIONS:
        raise wrong
    return tuple(result)
