"""Read the published figures: CSV files in `published`, each with its source in comments at its top."""

import csv
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).with_name("published")


def published(name: str) -> list[Mapping[str, str]]:
    """Return the rows of a file by column; lines that begin with # are comments.

    >>> published("squeezenext_figure8")[0]["total"]
    '1513'
    """
    lines = (FOLDER / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))
