"""One layer's mapping: which loop runs where, and with which bound."""

from dataclasses import dataclass

from simulator.nest import Dim, Operand


@dataclass(frozen=True, slots=True)
class Mapping:
    """A loop nest cut into levels.

    `tile[d]` is the extent of dimension d that one buffer tile covers; `dram_order` lists the loops over tiles,
    outermost first. Within a tile, `rows`, `columns` and `registers` hold the bound of each dimension across the
    array and inside a PE, and `buffer_order` lists the loops over array steps, outermost first. `registers_order`
    lists the loops inside a PE, outermost first. All arrays have eight entries, indexed by `Dim`.

    With `lowered`, each tile is turned into a matrix product before it meets the array: array dimensions then are
    C = c*r*s, P = n*p*q (Q = R = S = N = 1), while tiles keep the layer's own dimensions.

    With `retains` false, registers keep nothing from one array step to the next. Filling the registers of `stationary`
    begins a pass of the array; if it is None, the operand that is filled least does.

    With `packs`, PEs over input channels take the taps that a stride groups as well: strided windows over few channels
    fill them like windows of stride 1 over more.
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
    packs: bool = False
