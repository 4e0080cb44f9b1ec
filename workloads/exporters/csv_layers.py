"""Write the project's own layer list in CSV: everything that a network is, a row a layer."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.network.ir import Network
from simulator.source.cells import inert
from simulator.source.files import write_atomically
from simulator.source.parser import Value
from workloads.exporters.records import Record, records_of
from workloads.importers.csv_cells import LONGEST_CELL
from workloads.importers.csv_layers import COLUMNS


def export_csv(network: Network, path: Path) -> None:
    """Write a network to a file; `workloads.importers.csv_layers` reads it back as it was."""
    write_atomically(path, csv_text(network))


def csv_text(network: Network) -> str:
    """Return a network as CSV, with the columns that it needs."""
    after: list[Record] = [{"op": "output", "inputs": [name]} for name in network.outputs]
    records = [*_before(network), *records_of(network), *after]
    columns = [column for column in COLUMNS if any(column in record for record in records)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(
        [inert(_cell(record[column])) if column in record else "" for column in columns] for record in records
    )
    return text.getvalue()


def _before(network: Network) -> Iterator[Record]:
    """Yield rows for the name, the facts and the inputs."""
    yield {"op": "network", "name": network.name}
    for key, text in network.facts.items():
        yield {"op": "fact", "name": key, "variant": text}
    for name, shape in network.inputs.items():
        yield {"name": name, "op": "input", "output": list(shape)}


def _cell(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and value and isinstance(value[0], str):
        return _short(";".join(_listed(str(name)) for name in value))
    if isinstance(value, list):
        return "x".join(map(str, value))
    return _text(value) if isinstance(value, str) else repr(value)


def _short(names: str) -> str:
    """Return a list of names that the reader takes as one cell."""
    if len(names) > LONGEST_CELL:
        expected = f"at most {LONGEST_CELL} characters of names that one op reads"
        raise InputError(Problem("CSV cannot hold this list of names", path=names[:40], expected=expected))
    return names


def _listed(name: str) -> str:
    """Return a name that survives in a list of names."""
    if ";" in name:
        raise InputError(Problem("CSV cannot hold this name", path=name, expected="no semicolons"))
    return _text(name)


def _text(text: str) -> str:
    """Return text that survives in a cell."""
    if text != text.strip() or text.startswith("#") or not text.isprintable():
        expected = "printable characters, no # in front and no blanks at the ends"
        raise InputError(Problem("CSV cannot hold this text", path=text, expected=expected))
    return text
