"""Tell a user what is wrong with what they wrote: all of it at once, each problem with its place and a way out."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong. `line` and `column` count from 1; `path` is dotted (`array.delivery.inputs`)."""

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    path: str | None = None
    expected: str | None = None
    got: str | None = None
    suggestion: str | None = None

    def render(self) -> str:
        """Return the problem as a short block of lines, its place first.

        >>> print(Problem("unknown key", "a.yaml", 3, 5, "array.row", suggestion="rows").render())
        a.yaml:3:5: array.row: unknown key
          did you mean "rows"?
        """
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        head = ": ".join(part for part in (place, self.path, self.message) if part)
        details = [
            f"  expected: {self.expected}" if self.expected else None,
            f"  got: {self.got}" if self.got is not None else None,
            f'  did you mean "{self.suggestion}"?' if self.suggestion else None,
        ]
        return "\n".join([head, *(line for line in details if line)])


class InputError(Exception):
    """What a user gave cannot be used; `problems` says why, every reason at once."""

    def __init__(self, *problems: Problem | str) -> None:
        if not problems:
            raise ValueError("an InputError needs at least one problem")
        self.problems = tuple(Problem(problem) if isinstance(problem, str) else problem for problem in problems)
        super().__init__(*self.problems)

    def render(self) -> str:
        """Return all problems, one block each, in the order they were found."""
        return "\n".join(problem.render() for problem in self.problems)

    def __str__(self) -> str:
        return self.render()


class TooMuchWork(Exception):
    """So many tiles were played, or looked at, as one op may take, and there are more."""

    def __init__(self, tiles: int) -> None:
        super().__init__(f"more than {tiles} tiles")
        self.tiles = tiles


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the known name that `name` most likely means, or None.

    Case and the choice between "-", "_" and " " do not count against a name.

    >>> nearest("Output-Stationary", ["input_stationary", "output_stationary"])
    'output_stationary'
    """
    known = {_plain(candidate): candidate for candidate in names}
    matches = get_close_matches(_plain(name), known, n=1, cutoff=0.6)
    return known[matches[0]] if matches else None


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")
