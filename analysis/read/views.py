"""Other views of the table of ops: the largest rows, sorted, summed up by stage or by op, with chosen columns."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from analysis.read import units
from analysis.read.layout import Column
from analysis.read.tables import COLUMNS, OpRow, op_rows, total_row
from simulator.errors import InputError, Problem, nearest
from simulator.result.rows import OF_ONE_LAYER, column_names
from simulator.result.run import MachineFacts, Run, utilization
from simulator.source.cells import Cell

GROUPS: dict[str, Callable[[OpRow], str]] = {"stage": lambda row: row.stage, "op": lambda row: row.op}
"""What rows may be summed up by."""
OF_LAYERS_ALONE = ("layer", "op", "output", "kernel", "dataflow")
FIGURES: dict[str, Callable[[OpRow], Cell]] = {
    "macs": lambda row: row.macs,
    "cycles": lambda row: row.cycles,
    "share": lambda row: row.share,
    "util": lambda row: row.utilization,
    "dram": lambda row: row.dram_bytes,
    "buffer": lambda row: row.buffer_bytes,
    "energy": lambda row: row.energy_pj,
    "layers": lambda row: row.layers,
}
"""What figure of a row a column shows that is sorted by it; other columns are sorted by their text."""


@dataclass(frozen=True, slots=True)
class View:
    """Which rows of the table of ops are shown, summed up by what, in which order, with which columns."""

    by: str = ""
    sort: str = ""
    top: int | None = None
    columns: tuple[str, ...] = ()


WHOLE = View()
"""Every op in network order."""


@dataclass(frozen=True, slots=True)
class OpTable:
    """The rows of a view, the line below them, and the columns of both."""

    rows: list[OpRow]
    total: OpRow
    columns: tuple[Column[OpRow], ...]


def view_of(by: str, sort: str, top: int | None, columns: str) -> View:
    """Return the view that a command asks for; names of columns are compared in lower case."""
    if by and by not in GROUPS:
        expected = f"one of {', '.join(GROUPS)}"
        raise InputError(Problem("nothing to sum up by", "--by", expected=expected, got=by))
    names = tuple(_plain(name) for name in columns.split(",") if name.strip())
    return View(by, _plain(sort), top, names)


def check_view(view: View, machine: MachineFacts) -> None:
    """Raise InputError for a column that no run of a machine has: before one is simulated for it."""
    cells = (name for name in column_names(machine) if not view.by or name not in OF_ONE_LAYER)
    known = dict.fromkeys([*_titles(view), *cells])
    for name, option in (*((name, "--columns") for name in view.columns), (view.sort, "--sort")):
        if name:
            _check_column(name, known, option)


def _titles(view: View) -> list[str]:
    """Return the titles of a table as names, those that only layers have left out of sums."""
    own = [_plain(column.title) for column in COLUMNS if not view.by or column.title not in OF_LAYERS_ALONE]
    return [*own, view.by, "layers"] if view.by else own


def _check_column(name: str, known: Collection[str], option: str) -> None:
    if name not in known:
        titles = [_plain(column.title) for column in COLUMNS if _plain(column.title) in known]
        expected = f"{', '.join(titles)}, or a column of layers.csv"
        close = nearest(name, known)
        raise InputError(Problem("no such column", option, expected=expected, got=name, suggestion=close))


def table_of(run: Run, view: View) -> OpTable:
    """Return the table of a run; raise InputError for a column that it does not have."""
    rows, peak = op_rows(run, cells=view != WHOLE), run.hardware.peak_macs_per_cycle
    total = replace(total_row(run), layers=len(rows))
    if rows and view != WHOLE:
        total = replace(total, cells=_sum("total", rows, peak).cells)
    if view.by:
        groups: dict[str, list[OpRow]] = {}
        for row in rows:
            groups.setdefault(GROUPS[view.by](row), []).append(row)
        rows = [_sum(name, members, peak) for name, members in groups.items()]
    known = _known(rows, view)
    columns = tuple(_column(name, known, "--columns") for name in view.columns)
    if view.sort or view.top is not None:
        rows = _sorted(rows, _column(view.sort or "cycles", known, "--sort"))
    if view.top is not None and len(rows) > view.top:
        others = rows[view.top :]
        rows = [*rows[: view.top], replace(_sum(f"{len(others)}_others", others, peak), layer=f"{len(others)}_others")]
    return OpTable(rows, total, columns or tuple(known[_plain(title)] for title in _usual(view)))


def _usual(view: View) -> list[str]:
    titles = [column.title for column in COLUMNS]
    return [view.by, "layers", *(title for title in titles if title not in OF_LAYERS_ALONE)] if view.by else titles


def _plain(title: str) -> str:
    """Write a title as a name: "bound by" is bound_by, "DRAM" is dram."""
    return title.strip().lower().replace(" ", "_")


def _known(rows: Sequence[OpRow], view: View) -> dict[str, Column[OpRow]]:
    """Return every column that may be asked for by name: those of the table, and every one of layers.csv."""
    every = {key: _cell_column(key) for row in rows[:1] for key in row.cells}
    shown = {_plain(column.title): column for column in COLUMNS if not view.by or column.title not in OF_LAYERS_ALONE}
    if view.by:
        shown[view.by] = Column(view.by, 0, lambda row: row.layer or "-", is_number=False)
        shown["layers"] = Column("layers", 5, lambda row: str(row.layers))
    return shown | {key: column for key, column in every.items() if key not in shown}


def _cell_column(key: str) -> Column[OpRow]:
    def text(row: OpRow) -> str:
        value = row.cells.get(key, "")
        if isinstance(value, str):
            return value.replace(" ", ",") or "-"
        if key in ("share", "utilization"):
            return units.percent(value)
        return f"{value:.6g}" if value % 1 else f"{value:.0f}"

    return Column(key, 1, text)


def _column(name: str, known: dict[str, Column[OpRow]], option: str) -> Column[OpRow]:
    _check_column(name, known, option)
    return known[name]


def _sorted(rows: Sequence[OpRow], column: Column[OpRow]) -> list[OpRow]:
    """Sort by a column, numbers with the largest first and text from a to z; stages are no longer set apart."""
    name = _plain(column.title)

    def figure(row: OpRow) -> Cell:
        return FIGURES[name](row) if name in FIGURES else row.cells.get(column.title, column.cell(row))

    numbers = all(not isinstance(figure(row), str) for row in rows)
    return [replace(row, stage="") for row in sorted(rows, key=figure, reverse=numbers)]


def _sum(name: str, rows: Sequence[OpRow], peak_macs_per_cycle: int) -> OpRow:
    """Sum rows up; what bounds most of their cycles bounds them."""
    causes = {row.bound_by for row in rows if row.cycles}
    cycles = sum(row.cycles for row in rows)
    executed = sum(int(row.cells["effective_macs"]) for row in rows)
    cells = {
        key: sum(value for row in rows if isinstance(value := row.cells[key], int | float))
        for key in rows[0].cells
        if key not in OF_ONE_LAYER
    }
    return OpRow(
        layer=name,
        stage="",
        op="",
        shape="",
        kernel="",
        dataflow="",
        macs=sum(row.macs for row in rows),
        cycles=cycles,
        share=sum(row.share for row in rows),
        utilization=utilization(executed, cycles, peak_macs_per_cycle),
        dram_bytes=sum(row.dram_bytes for row in rows),
        buffer_bytes=sum(row.buffer_bytes for row in rows),
        energy_pj=sum(row.energy_pj for row in rows),
        bound_by=max(sorted(causes), key=lambda cause: sum(r.cycles for r in rows if r.bound_by == cause), default=""),
        is_free=not cycles,
        spends_macs=any(row.spends_macs for row in rows),
        cells=cells,
        layers=sum(row.layers for row in rows),
    )
