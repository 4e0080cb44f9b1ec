"""Write the project's own layer list in CSV: layers, inputs and outputs; a name and facts have no place there."""

import csv
import io
from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.files import write_atomically
from simulator.network.ir import Network
from workloads.exporters.records import Record, Value, records_of
from workloads.importers.csv_layers import COLUMNS


def export_csv(network: Network, path: Path) -> None:
    """Write a network to a file; `workloads.importers.csv_layers` reads its layers back as they were."""
    write_atomically(path, csv_text(network))


def csv_text(network: Network) -> str:
    """Return a network as CSV, with the columns that it needs."""
    inputs: list[Record] = [
        {"name": name, "op": "input", "output": list(shape)} for name, shape in network.inputs.items()
    ]
    outputs: list[Record] = [{"op": "output", "inputs": list(network.outputs)}]
    records = [*inputs, *records_of(network), *outputs]
    columns = [column for column in COLUMNS if any(column in record for record in records)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(record[column]) if column in record else "" for column in columns] for record in records)
    return text.getvalue()


def _cell(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and value and isinstance(value[0], str):
        return ";".join(_name(str(name)) for name in value)
    if isinstance(value, list):
        return "x".join(map(str, value))
    return _name(value) if isinstance(value, str) else repr(value)


def _name(text: str) -> str:
    """Return a name that survives in a cell."""
    if ";" in text or text != text.strip() or text.startswith("#") or not text.isprintable():
        raise InputError(
            Problem("CSV cannot hold this name", path=text, expected="no semicolons or blanks at its ends")
        )
    return text
