"""Read Timeloop's YAML, which is a template: `{{include_text('../base.yaml')}}` stands for the text of another file.

Files are found beside the one that includes them, or in a folder that `{{add_to_path('...')}}` names. Anchors of an
included file, or of another file of a folder, may be referred to.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from simulator.errors import InputError, Problem, nearest
from simulator.source import Document, parse_yaml
from simulator.source.files import obstacle, read_text
from simulator.source.parser import MAX_BYTES
from workloads.importers.bounds import shorten

MOST_NESTED = 8
MOST_FILES = 100
CALLS = ("include_text", "add_to_path")
_TEMPLATE = re.compile(r"\{\{\s*(\w+)\s*\(([^{}]*)\)\s*\}\}|\{%.*?%\}|\{\{\s*[\w.]+\s*\}\}")
_QUOTED = re.compile(r"""\s*(?:'([^']*)'|"([^"]*)")\s*""")
_ALIAS, _ANCHOR = re.compile(r"(?:^|[\s\[,{])\*([\w.-]+)"), re.compile(r"(?:^|[\s\[,{])&([\w.-]+)")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, and where it stood."""

    text: str
    file: str
    number: int


@dataclass(frozen=True, slots=True)
class Source:
    """The lines of a file, its includes put in their places."""

    file: str
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The whole text."""
        return "\n".join(line.text for line in self.lines)

    @property
    def anchors(self) -> set[str]:
        """Names that the text defines."""
        return set(_ANCHOR.findall(self.text))

    @property
    def open_aliases(self) -> set[str]:
        """Names that the text refers to and does not define."""
        return set(_ALIAS.findall(self.text)) - self.anchors

    @contextmanager
    def document(self) -> Iterator[Document]:
        """Parse the text; problems raised inside are told at the file and line where their text stood."""
        try:
            yield parse_yaml(self.text, self.file)
        except InputError as error:
            raise InputError(*(self._told(problem) for problem in error.problems)) from error

    def _told(self, problem: Problem) -> Problem:
        if problem.file != self.file or not problem.line or problem.line > len(self.lines):
            return problem
        line = self.lines[problem.line - 1]
        return replace(problem, file=line.file, line=line.number)


def read_source(path: Path) -> Source:
    """Read a file and all that it includes; raise InputError for a template that is more than that."""
    source = Source(str(path), tuple(_expanded(path, (path.parent,), 0, count(1))))
    if sum(len(line.text) + 1 for line in source.lines) > MAX_BYTES:
        expected = f"at most {MAX_BYTES} bytes with all that it includes"
        raise InputError(Problem("the file is too large", str(path), expected=expected))
    return source


def with_anchors(source: Source, others: Sequence[Source]) -> Source:
    """Return a file's text with those of others before it that define what it refers to."""
    needed = [other for other in others if other.anchors & source.open_aliases]
    return replace(source, lines=(*(line for other in needed for line in other.lines), *source.lines))


def _expanded(path: Path, folders: tuple[Path, ...], nested: int, files: Iterator[int]) -> Iterator[Line]:
    if nested > MOST_NESTED or next(files) > MOST_FILES:
        expected = f"at most {MOST_FILES} files, {MOST_NESTED} deep"
        raise InputError(Problem("too much is included", str(path), expected=expected))
    for number, text in enumerate(read_text(path, MAX_BYTES).split("\n"), start=1):
        start, at = Line("", str(path), number), 0
        line = start
        for match in _TEMPLATE.finditer(text) if not text.lstrip().startswith("#") else ():
            name, argument = _call(match, start)
            line, at = replace(line, text=line.text + text[at : match.start()]), match.end()
            if name == "add_to_path":
                folders = (*folders, path.parent / argument)
                continue
            included = _expanded(_found(argument, folders, start), folders, nested + 1, files)
            first, *rest = included
            *done, line = (replace(first, text=line.text + first.text), *rest)
            yield from done
        yield replace(line, text=line.text + text[at:])


def _call(match: re.Match[str], line: Line) -> tuple[str, str]:
    """Return what a template calls, and with which text."""
    quoted = _QUOTED.fullmatch(match[2] or "")
    if match[1] not in CALLS or not quoted:
        suggestion = nearest(match[1] or "", CALLS)
        expected = "{{include_text('FILE')}} or {{add_to_path('FOLDER')}}, or the text that the template makes"
        got = shorten(match[0])
        problem = Problem("a template that is not known", line.file, line.number, expected=expected, got=got)
        raise InputError(replace(problem, suggestion=suggestion if suggestion != match[1] else None))
    return match[1], quoted[1] or quoted[2] or ""


def _found(name: str, folders: Sequence[Path], line: Line) -> Path:
    places = [folder / name for folder in folders]
    for place in places:
        if obstacle(place) is None:
            return place
    expected = f"a file in {', '.join(map(str, folders))}"
    raise InputError(Problem("there is no such file to include", line.file, line.number, expected=expected, got=name))
