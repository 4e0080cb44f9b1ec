"""Dataflows: what is unrolled on the array and what stays in the registers, as templates in YAML."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.nest import REDUCTION, RELEVANT, Dim, Operand
from simulator.source import load_yaml, validate
from simulator.source.locate import bundled, locate

if TYPE_CHECKING:
    from simulator.mapping.schema import WrittenDataflow

OUTER_FIRST = (Dim.G, Dim.N, Dim.P, Dim.Q, Dim.K, Dim.C, Dim.R, Dim.S)


@dataclass(frozen=True, slots=True)
class Dataflow:
    """A template. `rows`, `columns`: dimensions in order of preference; `registers`: loops in a PE, innermost first.

    `arrays`: dimensions that are split over a machine's arrays, if it has several: filters or output rows unless said.
    `stationary` is the operand that the loops over array steps leave in place, or None: then registers keep nothing.
    `order` lists the loops over array steps, outermost first. `channel_packing`: see `Mapping`.
    `untiled` names dimensions that no tile of the buffer cuts, `one_step_a_tile` those of which a tile holds what the
    array covers at once, `greedy` those that take all the PEs they can before others share what is left.
    """

    name: str
    source: str
    rows: tuple[Dim, ...]
    columns: tuple[Dim, ...]
    registers: tuple[Dim, ...]
    stationary: Operand | None
    lowered: bool
    order: tuple[Dim, ...]
    channel_packing: bool = False
    untiled: tuple[Dim, ...] = ()
    one_step_a_tile: tuple[Dim, ...] = ()
    greedy: tuple[Dim, ...] = ()
    arrays: tuple[Dim, ...] = ()

    @property
    def reduces_rows(self) -> bool:
        """Whether partial sums must be added along the rows' axis."""
        return not REDUCTION.isdisjoint(self.rows)

    @property
    def reduces_columns(self) -> bool:
        """Whether partial sums must be added along the columns' axis."""
        return not REDUCTION.isdisjoint(self.columns)


def stationary_order(stationary: Operand | None) -> tuple[Dim, ...]:
    """Order of the loops over array steps: those that reuse the stationary operand innermost.

    >>> [d.name for d in stationary_order(Operand.WEIGHTS)]
    ['G', 'K', 'C', 'R', 'S', 'N', 'P', 'Q']
    """
    if stationary is None:
        return OUTER_FIRST
    outside = tuple(d for d in OUTER_FIRST if d in RELEVANT[stationary])
    return outside + tuple(d for d in OUTER_FIRST if d not in RELEVANT[stationary])


def initials(name: str) -> str:
    """Shorten a dataflow's name the way papers do.

    >>> initials("weight_stationary"), initials("no_local_reuse")
    ('WS', 'NLR')
    """
    return "".join(word[0] for word in name.split("_") if word).upper()


def spelled_out(name: str, names: Sequence[str]) -> str:
    """Return the one of the names whose initials a name is; the name itself if it is none's, or several's.

    >>> spelled_out("RS", ["row_stationary", "weight_stationary"])
    'row_stationary'
    """
    meant = [known for known in names if initials(known) == name.upper()]
    return meant[0] if len(meant) == 1 and name not in names else name


def list_dataflows() -> tuple[str, ...]:
    """Names of the bundled dataflows."""
    return tuple(bundled("dataflows"))


def load_dataflow(spec: str | Path) -> Dataflow:
    """Return the dataflow in a file, or a bundled one by its name; raise InputError with every problem of the file.

    >>> load_dataflow("weight_stationary").columns
    (<Dim.K: 2>,)
    """
    from simulator.mapping.schema import WrittenDataflow

    return dataflow_of(validate(load_yaml(locate(spec, "dataflows", "dataflow")), WrittenDataflow))


def dataflow_of(written: "WrittenDataflow") -> Dataflow:
    """Return the dataflow that a user wrote."""
    stationary = None if written.stationary == "none" else Operand[written.stationary.upper()]
    order = tuple(Dim[name] for name in written.order) if written.order else stationary_order(stationary)
    return Dataflow(
        name=written.name,
        source=written.source,
        rows=tuple(Dim[name] for name in written.rows),
        columns=tuple(Dim[name] for name in written.columns),
        registers=tuple(Dim[name] for name in written.registers),
        stationary=stationary,
        lowered=written.lowered,
        order=order,
        channel_packing=written.channel_packing,
        untiled=tuple(Dim[name] for name in written.untiled),
        one_step_a_tile=tuple(Dim[name] for name in written.one_step_a_tile),
        greedy=tuple(Dim[name] for name in written.greedy),
        arrays=tuple(Dim[name] for name in written.arrays),
    )
