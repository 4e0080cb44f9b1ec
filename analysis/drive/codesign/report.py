"""A report in Markdown: sections of text, tables and pictures, written into a folder."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from analysis.read.layout import printable
from analysis.read.pictures import Picture, write_pictures
from analysis.read.theme import USUAL_SIZE
from simulator.source.files import write_atomically

FILE_NAME = "report.md"
_FIGURE = re.compile(r"[+<-]?\d[\d,.]*(%|x|[KMG]|[KMGT]iB|[pnµm]?[sJ])?")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under titles; columns of figures are set to the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Illustration:
    """A picture, and what is to be seen in it."""

    picture: Picture
    caption: str


Part: TypeAlias = str | Table | Illustration


@dataclass(frozen=True, slots=True)
class Section:
    """A title with what stands below it, in order; text is a paragraph, or several lines of a list."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a paper says, what the simulation gives, and whether they agree."""

    text: str
    paper: str
    ours: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A report: its title, its source, what it comes to, and the sections that show it."""

    title: str
    source: str
    findings: tuple[str, ...]
    sections: tuple[Section, ...]


def claims_table(claims: Iterable[Claim]) -> Table:
    """Set a paper's claims beside ours."""
    rows = tuple((c.text, c.paper, c.ours, "yes" if c.agrees else "**no**") for c in claims)
    return Table(("claim", "paper", "here", "agrees"), rows)


def write_report(report: Report, folder: Path, formats: Iterable[str] = ("png",), size: str = USUAL_SIZE) -> list[Path]:
    """Write the pictures, titled, with their data, then the text that shows them; return all files, the text first."""
    formats = tuple(formats)
    shown = [part for s in report.sections for part in s.parts if isinstance(part, Illustration)]
    pictures = [replace(part.picture, title=part.caption.removesuffix(".")) for part in shown]
    files = write_pictures(pictures, folder, formats, size)
    text = folder / FILE_NAME
    write_atomically(text, markdown(report, "png" if "png" in formats else formats[0]))
    return [text, *files]


def markdown(report: Report, suffix: str = "png") -> str:
    """Return the report as text that shows pictures of that format."""
    blocks = [f"# {report.title}", report.source, "\n".join(f"- {finding}" for finding in report.findings)]
    for section in report.sections:
        blocks += [f"## {section.title}", *(_block(part, suffix) for part in section.parts)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _block(part: Part, suffix: str) -> str:
    if isinstance(part, Table):
        return "\n".join(_table_lines(part))
    if isinstance(part, Illustration):
        name = part.picture.name
        return f"![{part.caption}]({name}.{suffix})\n\n*{part.caption}* ([data]({name}.csv))"
    return part


def _table_lines(table: Table) -> Iterator[str]:
    yield _line(table.columns)
    right = [all(_is_figure(row[i]) for row in table.rows) for i in range(len(table.columns))]
    yield _line(["---:" if figures else "---" for figures in right])
    yield from map(_line, table.rows)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(printable(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _is_figure(cell: str) -> bool:
    """Whether a cell holds a number, or stands for a missing one."""
    return cell == "-" or bool(_FIGURE.fullmatch(cell.strip("*")))
