"""Import SCALE-Sim topologies, convolutions or matrix products (Samajdar et al., ISPASS 2020).

    Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
    Conv1, 224, 224, 11, 11, 3, 96, 4,

    Layer, M, N, K,
    fc, 128, 1000, 4096,

Rows stand for themselves: each layer reads an input of its own. The map is taken as it is, padding included; a window
that hangs over its edge counts, as SCALE-Sim rounds up. A second stride (across) may follow the first, and an N:M
sparsity of weights. A name with DP in it marks a depthwise layer, as there: each channel has so many filters. A product
is M positions of K inputs and N filters.
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
    "Strides across",
)
GEMM_COLUMNS = ("M", "N", "K")
MOST_DIGITS = 10
_SPARSITY = re.compile(r"(\d{1,4}):(\d{1,4})")
_DEPTHWISE = re.compile(r"DP|(?i:depthwise|(^|[_/-])dw)")


def import_topology(table: Table, name: str) -> Network:
    """Return the layers of a table, told by its header to be convolutions or products."""
    header = [re.sub(r"[\s_]", "", column.lower()) for column in table.columns]
    products = header[1:4] == ["m", "n", "k"]
    if not products and header[1:3] != ["ifmapheight", "ifmapwidth"]:
        expected = "Layer name, IFMAP Height, IFMAP Width, ...; or Layer, M, N, K; or a layer list with a column op"
        got = ", ".join(table.columns)
        raise InputError(Problem("not a header of a known list", table.file, 1, expected=expected, got=got[:200]))
    g = Assembly(name)
    for row in table.rows:
        with located(table.file, row.line):
            _product(g, table, row) if products else _conv(g, table, row)
    return g.network()


def _conv(g: Assembly, table: Table, row: Line) -> None:
    given, sparsity = _cells(row)
    height, width, *kernel, channels, filters, stride = (
        _number(table, row, given, column, at) for at, column in enumerate(CONV_COLUMNS[:-1])
    )
    across = _number(table, row, given, CONV_COLUMNS[-1], 7) if len(given) > 7 and given[7] else stride
    size, strides, taps = (height, width), (stride, across), (kernel[0], kernel[1])
    if taps[0] > height or taps[1] > width:
        expected = f"at most {height}x{width}, the map"
        got = f"{taps[0]}x{taps[1]}"
        raise InputError(table.wrong(row.line, "Filter Height", "the filter is larger than the map", expected, got))
    hanging = [(tap - extent) % step for tap, extent, step in zip(taps, size, strides, strict=True)]
    name = g.unique(row.cells[0] or "conv")
    x = g.input(channels, height, width, name=g.unique(f"{name}_input"))
    depthwise = _DEPTHWISE.search(name) is not None
    groups, filters = (channels, channels * filters if filters < channels else filters) if depthwise else (1, filters)
    zeros = 1 - sparsity if sparsity else None
    padding = (0, 0, hanging[0], hanging[1])
    g.conv(x, filters, taps, strides, padding, groups, name=name, zero_weights_fraction=zeros)


def _product(g: Assembly, table: Table, row: Line) -> None:
    given, sparsity = _cells(row)
    rows, filters, inner = (_number(table, row, given, column, at) for at, column in enumerate(GEMM_COLUMNS))
    name = g.unique(row.cells[0] or "product")
    x = g.declare(g.unique(f"{name}_input"), (1, inner, rows, 1))
    zeros = 1 - sparsity if sparsity else None
    shape = (1, filters, rows, 1)
    g.put(Layer(name, Op.LINEAR, (x.name,), (x.shape,), shape, zero_weights_fraction=zeros))


def _cells(row: Line) -> tuple[list[str], float | None]:
    """Return the cells behind the name, without a sparsity N:M at the end, and the density that it means."""
    cells = list(row.cells[1:])
    while cells and not cells[-1]:
        cells.pop()
    match = _SPARSITY.fullmatch(cells[-1]) if cells else None
    if not match:
        return cells, None
    kept, block = int(match[1]), int(match[2])
    return cells[:-1], kept / block if 0 < kept <= block else None


def _number(table: Table, row: Line, cells: list[str], column: str, at: int) -> int:
    cell = cells[at] if at < len(cells) else ""
    if not (cell.isascii() and cell.isdecimal()) or len(cell) > MOST_DIGITS or int(cell) < 1:
        raise InputError(table.wrong(row.line, column, "wrong value", "a whole number of 1 or more", cell or "nothing"))
    return int(cell)
