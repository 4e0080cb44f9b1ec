"""Parameters that were chosen with the compared figures in view, as their files say: `fitted on N rows`."""

import re
from collections.abc import Iterator
from pathlib import Path

from simulator.source.paths import data_dir

FOLDERS = (".", "dataflows", "energy")

MARK = re.compile(r"fitted on (\d+) rows?", re.IGNORECASE)
KEY = re.compile(r"\s*(?:- )?\{?(?:name: )?(\w+)")
TRAILING = 24  # columns from which on a comment by itself goes on behind the line before


def fitted_parameters() -> list[tuple[str, int, tuple[str, ...]]]:
    """Return key, number of rows and the files that say so, of every mark in bundled machines, dataflows and tables."""
    found: dict[tuple[str, int], list[str]] = {}
    for path in sorted(path for folder in FOLDERS for path in (data_dir() / folder).glob("*.yaml")):
        for mark in dict.fromkeys(marks(path)):
            found.setdefault(mark, []).append(path.stem)
    return [(key, rows, tuple(files)) for (key, rows), files in found.items()]


def marks(path: Path) -> Iterator[tuple[str, int]]:
    """Yield key and number of rows of each mark of a file: the key of its line, or where it has none, of the next.

    What stands in a list is told by its name.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    for at, line in enumerate(lines):
        if match := MARK.search(line):
            code, hash_, _ = line.partition("#")
            belongs = [line] if code.strip() else lines[at - 1 :: -1] if len(code) >= TRAILING else lines[at + 1 :]
            keys = (KEY.match(text.partition("#")[0]) for text in belongs)
            if hash_ and (key := next(filter(None, keys), None)):
                yield key[1], int(match[1])
