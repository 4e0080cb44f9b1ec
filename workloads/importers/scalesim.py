"""Import SCALE-Sim topologies, convolutions or matrix products (Samajdar et al., ISPASS 2020).

    Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
    Conv1, 224, 224, 11, 11, 3, 96, 4,

    Layer, M, N, K,
    fc, 128, 1000, 4096,

Files are read as SCALE-Sim's own reader does: the first line is skipped, whatever it says, cells go by their place, and
what stands behind a row's last comma is dropped (unless the row would be short without). A second stride, across, may
follow the first, then an N:M sparsity of weights. Where the first line does not tell which of both lists it heads, the
number of cells does.

Rows stand for themselves: each layer reads an input of its own. The map is taken as it is, padding included; a window
that hangs over its edge counts, as SCALE-Sim rounds up. A name with DP in it marks a depthwise layer, as there: each
channel has so many filters. A product is M positions of K inputs and N filters.
"""

import re

from simulator.errors import InputError, Problem
from simulator.network.ir import Layer, Network, Op
from workloads.importers.assembly import Assembly
from workloads.importers.bounds import located
from workloads.importers.csv_cells import Line, Table

CONV_COLUMNS = (
    "IFMAP Height",
    "IFMAP Width",
    "Filter Height",
    "Filter Width",
    "Channels",
    "Num Filter",
    "Strides",
)
ACROSS, SPARSITY = "Strides across", "Sparsity N:M"
GEMM_COLUMNS = ("M", "N", "K")
MOST_DIGITS = 10
DEPTHWISE = re.compile(r"DP|(?i:depthwise|(^|[_/-])dw)")
_SPARSITY = re.compile(r"(\d{1,4}):(\d{1,4})")
_LAYOUT = re.compile(r"(?i)(intra|inter)line")


def import_topology(table: Table, name: str) -> Network:
    """Return the layers of a table, told by its header or the cells of its first row to be convolutions or products."""
    products, rows = _is_of_products(table), table.rows
    g = Assembly(name)
    if _is_layer(table.columns):
        if table.line == 1:
            g.warnings.append(f"{table.file}:1: a layer in place of the header, which SCALE-Sim skips, and so do we")
        else:
            rows = (Line(table.line, table.columns), *rows)
    for row in rows:
        with located(table.file, row.line):
            _product(g, table, row) if products else _conv(g, table, row)
    return g.network()


def _is_of_products(table: Table) -> bool:
    header = [re.sub(r"[\s_]", "", column.lower()) for column in table.columns]
    first = table.rows[0].cells
    if any(_LAYOUT.search(column) for column in table.columns):
        expected = "the topology that goes with it"
        raise InputError(Problem("a layout of SCALE-Sim, not a topology", table.file, table.line, expected=expected))
    if header[1:4] == ["m", "n", "k"] or header[1:3] == ["ifmapheight", "ifmapwidth"]:
        return header[1] == "m"
    if not _is_layer(first):
        expected = "Layer name, IFMAP Height, IFMAP Width, ...; or Layer, M, N, K; or a layer list with a column op"
        got = ", ".join(table.columns)[:200]
        raise InputError(Problem("not a header of a known list", table.file, table.line, expected=expected, got=got))
    return not _is_layer(first, len(CONV_COLUMNS))


def _is_layer(cells: tuple[str, ...], count: int = len(GEMM_COLUMNS)) -> bool:
    """Return whether a name and so many numbers stand in cells."""
    return len(cells) > count and all(_is_number(cell) for cell in cells[1 : count + 1])


def _conv(g: Assembly, table: Table, row: Line) -> None:
    cells = _cells(row, len(CONV_COLUMNS))
    height, width, *kernel, channels, filters, stride = (
        _number(table, row, cells, column, at) for at, column in enumerate(CONV_COLUMNS)
    )
    rest = cells[len(CONV_COLUMNS) :]
    across = _number(table, row, rest, ACROSS, 0) if rest and ":" not in rest[0] else stride
    zeros = _zeros(table, row, rest if rest and ":" in rest[0] else rest[1:])
    size, strides, taps = (height, width), (stride, across), (kernel[0], kernel[1])
    if taps[0] > height or taps[1] > width:
        expected = f"at most {height}x{width}, the map"
        got = f"{taps[0]}x{taps[1]}"
        raise InputError(table.wrong(row.line, "Filter Height", "the filter is larger than the map", expected, got))
    hanging = [(tap - extent) % step for tap, extent, step in zip(taps, size, strides, strict=True)]
    name = g.unique(row.cells[0] or "conv")
    x = g.input(channels, height, width, name=g.unique(f"{name}_input"))
    depthwise = DEPTHWISE.search(name) is not None
    groups, filters = (channels, channels * filters if filters < channels else filters) if depthwise else (1, filters)
    padding = (0, 0, hanging[0], hanging[1])
    g.conv(x, filters, taps, strides, padding, groups, name=name, zero_weights_fraction=zeros)


def _product(g: Assembly, table: Table, row: Line) -> None:
    cells = _cells(row, len(GEMM_COLUMNS))
    rows, filters, inner = (_number(table, row, cells, column, at) for at, column in enumerate(GEMM_COLUMNS))
    zeros = _zeros(table, row, cells[len(GEMM_COLUMNS) :])
    name = g.unique(row.cells[0] or "product")
    x = g.declare(g.unique(f"{name}_input"), (1, inner, rows, 1))
    shape = (1, filters, rows, 1)
    g.put(Layer(name, Op.LINEAR, (x.name,), (x.shape,), shape, zero_weights_fraction=zeros))


def _cells(row: Line, needed: int) -> list[str]:
    """Return the cells behind the name, without what follows the last comma unless it is needed."""
    *cells, behind = row.cells[1:] or ("",)
    if len(cells) < needed:
        cells.append(behind)
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _zeros(table: Table, row: Line, cells: list[str]) -> float | None:
    """Return the share of zero weights that the last cell means: in N:M, N of M weights are left."""
    if not cells:
        return None
    match = _SPARSITY.fullmatch(cells[0])
    kept, block = (int(match[1]), int(match[2])) if match else (0, 0)
    if len(cells) > 1 or not 1 <= kept <= block:
        expected = "N:M, N of M weights are left, and no cell after it"
        raise InputError(table.wrong(row.line, SPARSITY, "wrong value", expected, ", ".join(cells)))
    return 1 - kept / block


def _number(table: Table, row: Line, cells: list[str], column: str, at: int) -> int:
    cell = cells[at] if at < len(cells) else ""
    if not _is_number(cell) or int(cell) < 1:
        raise InputError(table.wrong(row.line, column, "wrong value", "a whole number of 1 or more", cell or "nothing"))
    return int(cell)


def _is_number(cell: str) -> bool:
    return cell.isascii() and cell.isdecimal() and len(cell) <= MOST_DIGITS
