"""Import the project's own layer list in CSV: a row a layer, a column a key of the YAML list (see `yaml_layers`).

    name,op,inputs,filters,kernel,stride,padding,output
    data,input,,,,,,3x32x32
    conv1,conv,data,8,3x3,2x2,1x1x1x1,
    fc,linear,,10,,,,

A row of op `input` declares an input by its `output`; one of op `output` names outputs of the network as its inputs.
Sizes are joined by x, several inputs by semicolons; an empty cell is a key that is not given; columns stand in any
order.
"""

import re
from collections.abc import Callable, Mapping

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
}
"""Column -> what its cells say; the order is that in which they are written."""


def import_rows(table: Table, name: str) -> Network:
    """Return the network of a table, called `name`."""
    _check_columns(table)
    inputs: dict[str, Value] = {}
    layers: list[Value] = []
    outputs: list[Value] = []
    places = {"": Place(1, 1), "inputs": Place(1, 1), "layers": Place(1, 1), "outputs": Place(1, 1)}
    for row in table.rows:
        values = _values(table, row)
        if values.get("op") == "input":
            key = str(values.get("name", "data"))
            inputs[key] = values.get("output")
            places[f"inputs.{key}"] = Place(row.line, 1)
        elif values.get("op") == "output":
            named = values.get("inputs")
            outputs.extend(named if isinstance(named, list) else [])
            places["outputs"] = Place(row.line, 1)
        else:
            path = f"layers.{len(layers)}"
            places |= {path: Place(row.line, 1), **{f"{path}.{key}": Place(row.line, 1) for key in values}}
            layers.append(values)
    data: dict[str, Value] = {"inputs": inputs, "layers": layers}
    if outputs:
        data["outputs"] = outputs
    return network_of(Document(table.file, data, places, dict(places)), name)


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
