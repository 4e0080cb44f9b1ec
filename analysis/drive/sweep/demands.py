"""Read what a plan derives from the figures of its points, and what it demands of them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from analysis.drive.sweep.axes import Axis
from analysis.drive.sweep.columns import ALIASES, known_columns
from analysis.drive.sweep.expressions import Constraint, Expression, read_constraint, read_expression
from simulator.errors import Problem
from simulator.source import Document, Rejected
from simulator.source.document import PathParts, show

if TYPE_CHECKING:
    from analysis.drive.sweep.schema import WrittenPlan

T = TypeVar("T")
Derived = tuple[tuple[str, Expression], ...]


def read_demands(
    document: Document, written: "WrittenPlan", axes: Sequence[Axis]
) -> tuple[Derived, tuple[Constraint, ...], list[Problem]]:
    """Return derived columns, each of which may use those before it, and constraints; and what is wrong with them."""
    problems: list[Problem] = []
    derived: list[tuple[str, Expression]] = []
    known = known_columns(axes)

    def tried(at: PathParts, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Rejected as error:
            got = show(document.get(at))
            problems.append(
                document.problem(at, error.message, expected=error.expected, got=got, suggestion=error.suggestion)
            )
            return None

    for name, text in written.derived.items():
        columns = (*known, *(before for before, _ in derived))
        at: PathParts = ("derived", name)
        found = tried(at, lambda name=name, text=text, columns=columns: _derived(name, text, columns))  # type: ignore[misc]
        derived += [(name, found)] if found else []
    known = (*known, *(name for name, _ in derived))
    constraints = [
        tried(("constraints", i), lambda text=text: read_constraint(text, known, ALIASES))  # type: ignore[misc]
        for i, text in enumerate(written.constraints)
    ]
    return tuple(derived), tuple(filter(None, constraints)), problems


def _derived(name: str, text: str, known: Sequence[str]) -> Expression:
    if not name.isidentifier() or name in known or name in ALIASES:
        raise Rejected("not the name of a new column", "letters, digits and _, and no name that is taken")
    return read_expression(text, known, ALIASES)
