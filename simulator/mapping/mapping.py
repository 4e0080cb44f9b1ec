"""One layer's mapping: which loop runs where, and with which bound."""

from dataclasses import dataclass

from simulator.nest import Dim, Operand

ONES = (1,) * 8


@dataclass(frozen=True, slots=True)
class LevelTile:
    """A tile of a memory level below the outermost, as the array sees it, and the loops inside, outermost first.

    Of a memory in each PE, it is what one PE has.
    """

    tile: tuple[int, ...]
    order: tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A loop nest cut into levels.

    `tile[d]` is the extent of dimension d that one tile of the outermost memory covers; `dram_order` lists the loops
    over tiles, outermost first, `buffer_order` those inside a tile. Machines of several memory levels have an entry of
    `inner` for each further one. The loops of the last level outside the PEs step over what the array covers at once:
    `arrays`, `rows`, `columns` hold the bound of each dimension across arrays, rows and columns, `registers` that
    inside a PE, of which `registers_order` lists the loops. All arrays have eight entries, indexed by `Dim`.

    With `lowered`, each tile is turned into a matrix product before it meets what lies within: dimensions there are
    C = c*r*s, P = n*p*q (Q = R = S = N = 1), while tiles of the outermost memory keep the layer's own.

    With `retains` false, registers keep nothing from one array step to the next. Filling the registers of `stationary`
    begins a pass of the array; if it is None, the operand that is filled least does.

    With `channel_packing`, PEs over input channels take the taps that a stride groups as well: strided windows over few
    channels fill them like windows of stride 1 over more.
    """

    dataflow: str
    tile: tuple[int, ...]
    dram_order: tuple[Dim, ...]
    buffer_order: tuple[Dim, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    registers: tuple[int, ...]
    registers_order: tuple[Dim, ...]
    lowered: bool = False
    retains: bool = True
    stationary: Operand | None = None
    channel_packing: bool = False
    inner: tuple[LevelTile, ...] = ()
    arrays: tuple[int, ...] = ONES

    @property
    def spatial(self) -> tuple[int, ...]:
        """PEs over which each dimension is spread, of all arrays."""
        return tuple(a * r * c for a, r, c in zip(self.arrays, self.rows, self.columns, strict=True))
