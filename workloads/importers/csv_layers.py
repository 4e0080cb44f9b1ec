"""Import the project's own layer list in CSV: a row a layer, a column a key of the YAML list (see `yaml_layers`).

    name,op,inputs,filters,kernel,stride,padding,output
    data,input,,,,,,3x32x32
    conv1,conv,data,8,3x3,2x2,1x1x1x1,
    fc,linear,,10,,,,

A row of op `input` declares an input by its `output`; one of op `output` names outputs of the network as its inputs;
one of op `network` names the network, and one of op `fact` tells something about it, its text in the column `variant`.
Sizes are joined by x, several inputs by semicolons; an empty cell is a key that is not given; columns stand in any
order.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from simulator.errors import InputError, Problem, nearest
from simulator.network.ir import Network
from simulator.source.document import Document
from simulator.source.parser import Place, Value
from workloads.importers.csv_cells import Line, Table
from workloads.importers.layer_list import network_of

_SIZES = re.compile(r"-?\d{1,18}(x-?\d{1,18})*")


def _sizes(cell: str) -> Value:
    if not _SIZES.fullmatch(cell):
        return cell
    numbers: list[Value] = [int(number) for number in cell.split("x")]
    return numbers[0] if len(numbers) == 1 else numbers


def _names(cell: str) -> Value:
    return [name.strip() for name in cell.split(";")]


def _flag(cell: str) -> Value:
    return {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}.get(cell.lower(), cell)


def _fraction(cell: str) -> Value:
    try:
        return float(cell)
    except ValueError:
        return cell


def _text(cell: str) -> Value:
    return cell


COLUMNS: Mapping[str, Callable[[str], Value]] = {
    "name": _text,
    "op": _text,
    "variant": _text,
    "inputs": _names,
    "filters": _sizes,
    "kernel": _sizes,
    "stride": _sizes,
    "padding": _sizes,
    "dilation": _sizes,
    "groups": _sizes,
    "bias": _flag,
    "activation": _text,
    "ceil": _flag,
    "size": _sizes,
    "channels": _sizes,
    "shape": _sizes,
    "axis": _sizes,
    "output": _sizes,
    "stage": _text,
    "zero_inputs_fraction": _fraction,
    "zero_weights_fraction": _fraction,
    "zero_outputs_fraction": _fraction,
    "zero_columns": _flag,
    "constant_elements": _sizes,
}
"""Column -> what its cells say; the order is that in which they are written."""


@dataclass(slots=True)
class _Listing:
    """A layer list in the form that YAML has it, and where each part stood."""

    data: dict[str, Value] = field(default_factory=dict)
    inputs: dict[str, Value] = field(default_factory=dict)
    layers: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    facts: dict[str, Value] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)

    def declare(self, values: dict[str, Value], line: int) -> None:
        """Take a row of op `input`."""
        self._keep(self.inputs, "inputs", str(values.get("name", "data")), values.get("output"), line)

    def state(self, values: dict[str, Value], line: int) -> None:
        """Take a row of op `fact`."""
        self._keep(self.facts, "facts", str(values.get("name", "")), values.get("variant", ""), line)

    def end(self, values: dict[str, Value], line: int) -> None:
        """Take a row of op `output`."""
        named = values.get("inputs")
        self.outputs.extend(named if isinstance(named, list) else [])
        self.places["outputs"] = Place(line, 1)

    def call(self, values: dict[str, Value], line: int) -> None:
        """Take a row of op `network`."""
        self.data["name"] = values.get("name")
        self.places["name"] = Place(line, 1)

    def add(self, values: dict[str, Value], line: int) -> None:
        """Take the row of a layer."""
        path = f"layers.{len(self.layers)}"
        self.places |= {path: Place(line, 1), **{f"{path}.{key}": Place(line, 1) for key in values}}
        self.layers.append(values)

    def _keep(self, kept: dict[str, Value], kind: str, name: str, value: Value, line: int) -> None:
        """Keep what bears a name under it; one that is given twice is as wrong as nothing."""
        self.places[f"{kind}.{name}"] = Place(line, 1)
        kept[name] = "given twice" if name in kept else value

    def document(self, file: str) -> Document:
        """Return all rows as one document."""
        data: dict[str, Value] = {**self.data, "inputs": self.inputs, "layers": self.layers, "facts": self.facts}
        if self.outputs:
            data["outputs"] = self.outputs
        places = {"": Place(1, 1), "inputs": Place(1, 1), "layers": Place(1, 1)} | self.places
        return Document(file, data, places, dict(places))


ROWS = {"fact": _Listing.state, "input": _Listing.declare, "network": _Listing.call, "output": _Listing.end}
"""Op of a row that is no layer -> what takes it."""


def import_rows(table: Table, name: str, skip_unknown: bool = False) -> Network:
    """Return the network of a table, called `name` unless a row says otherwise."""
    _check_columns(table)
    listing = _Listing()
    for row in table.rows:
        values = _values(table, row)
        ROWS.get(str(values.get("op")), _Listing.add)(listing, values, row.line)
    return network_of(listing.document(table.file), name, skip_unknown)


def _check_columns(table: Table) -> None:
    names = [name.lower() for name in table.columns]
    line = max(1, table.rows[0].line - 1)
    problems = [
        Problem(
            "unknown column",
            table.file,
            line,
            path=column,
            expected=f"one of {', '.join(COLUMNS)}",
            suggestion=nearest(column, COLUMNS),
        )
        for column in names
        if column not in COLUMNS
    ]
    twice = sorted({column for column in names if names.count(column) > 1})
    problems += [Problem("the column is given twice", table.file, line, path=column) for column in twice]
    if problems:
        raise InputError(*problems)


def _values(table: Table, row: Line) -> dict[str, Value]:
    """Return the keys that a row gives."""
    extra = [cell for cell in row.cells[len(table.columns) :] if cell]
    if extra:
        expected = f"at most {len(table.columns)} cells"
        raise InputError(table.wrong(row.line, "", "more cells than columns", expected, extra[0]))
    cells = zip(table.columns, row.cells, strict=False)
    return {column.lower(): COLUMNS[column.lower()](cell) for column, cell in cells if cell}
