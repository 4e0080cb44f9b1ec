"""The table of ops: a row a layer, for the terminal and piped output, and with all its figures for CSV."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from analysis.read import units
from analysis.read.layout import Column, printable
from simulator.mapping.dataflow import initials
from simulator.network.ir import ASSUMED, MAC_OPS, Op
from simulator.result.rows import kernel_text, layer_row, shape_text
from simulator.result.run import LayerResult, Run
from simulator.source.cells import Cell

ABOUT = "~"  # before a shape that is assumed


@dataclass(frozen=True, slots=True)
class OpRow:
    """One line of the table of ops; `share` is of the network's cycles."""

    layer: str
    stage: str
    op: str
    shape: str  # [N x] C x H x W of the output
    kernel: str  # R x S [/ stride] [g groups]
    dataflow: str
    macs: int
    cycles: int
    share: float
    utilization: float
    dram_bytes: int
    buffer_bytes: int
    energy_pj: float
    bound_by: str
    is_free: bool  # folded, or fused into its producer
    spends_macs: bool
    cells: Mapping[str, Cell] = field(default_factory=dict, repr=False, compare=False)  # every figure, as in layers.csv
    layers: int = 1  # that the row sums up


def op_rows(run: Run, *, free_activations: bool = False, cells: bool = False) -> list[OpRow]:
    """Return a row for every op in network order; with `cells`, with every figure of layers.csv.

    Activations that cost nothing, because they are fused or folded, are left out unless `free_activations`.
    """
    producers = run.producer_of()
    rows = (_row(layer, run, producers.get(layer.name), cells) for layer in run.layers)
    return [row for row in rows if free_activations or not (row.is_free and row.op == Op.ACTIVATION)]


def hidden_activations(run: Run) -> int:
    """Count the activations that `op_rows` leaves out."""
    fused = run.producer_of()
    return sum(layer.op is Op.ACTIVATION and (layer.folded or layer.name in fused) for layer in run.layers)


def total_row(run: Run) -> OpRow:
    """Return the line below the rows."""
    total = run.total
    return OpRow(
        layer="total",
        stage="",
        op="",
        shape="",
        kernel="",
        dataflow="",
        macs=total.macs,
        cycles=total.cycles,
        share=1.0 if total.cycles else 0.0,
        utilization=total.utilization,
        dram_bytes=total.dram_bytes,
        buffer_bytes=total.buffer_bytes,
        energy_pj=total.energy_pj,
        bound_by="",
        is_free=False,
        spends_macs=True,
        layers=len(run.layers),
    )


def _row(layer: LayerResult, run: Run, producer: str | None, cells: bool) -> OpRow:
    free = "folded" if layer.folded else "fused" if producer else ""
    return OpRow(
        layer=layer.name,
        stage=layer.stage,
        op=layer.op.value,
        shape=(ABOUT if layer.note == ASSUMED else "") + shape_text(layer.output_shape),
        kernel=kernel_text(layer),
        dataflow=layer.dataflow,
        macs=layer.macs,
        cycles=layer.cycles,
        share=layer.cycles / run.total.cycles if run.total.cycles else 0.0,
        utilization=layer.utilization,
        dram_bytes=layer.bytes_at("dram"),
        buffer_bytes=layer.buffer_bytes,
        energy_pj=layer.energy_pj,
        bound_by=free or layer.bottleneck,
        is_free=bool(free),
        spends_macs=layer.op in MAC_OPS,
        cells=layer_row(layer, run, producer or "") if cells else {},
    )


def _unless_zero(value: float, text: str) -> str:
    return text if value else "-"


COLUMNS: tuple[Column[OpRow], ...] = (
    Column("layer", 0, lambda row: row.layer, is_number=False),
    Column("op", 1, lambda row: row.op or "-", is_number=False),
    Column("output", 9, lambda row: row.shape or "-"),
    Column("kernel", 8, lambda row: row.kernel or "-", is_number=False),
    Column("dataflow", 6, lambda row: row.dataflow or "-", lambda row: initials(row.dataflow) or "-", is_number=False),
    Column("MACs", 10, lambda row: _unless_zero(row.macs, units.count(row.macs))),
    Column("cycles", 2, lambda row: _unless_zero(row.cycles, units.count(row.cycles, digits=4))),
    Column("share", 3, lambda row: _unless_zero(row.cycles, units.percent(row.share))),
    Column("util", 4, lambda row: units.percent(row.utilization) if row.cycles and row.spends_macs else "-"),
    Column("DRAM", 7, lambda row: _unless_zero(row.dram_bytes, units.size(row.dram_bytes))),
    Column("buffer", 11, lambda row: _unless_zero(row.buffer_bytes, units.size(row.buffer_bytes))),
    Column("energy", 7, lambda row: _unless_zero(row.energy_pj, units.energy(row.energy_pj))),
    Column("bound by", 5, lambda row: row.bound_by or "-", is_number=False),
)
"""In the order shown."""


def stacks_text(run: Run) -> str:
    """Name the stacks of a run, the rows that each makes in a strip, what becomes of weights and of shared rows."""
    found = {(each.first, each.last): each for layer in run.layers if (each := layer.stacked)}
    texts = (
        f"{first} to {last} in {units.counted(each.strips, 'strip')} of {units.counted(each.strip_rows, 'row')},"
        f" weights {each.weights}{', overlap recomputed' * (each.overlap == 'recomputed')}"
        for (first, last), each in found.items()
    )
    return printable("; ".join(texts))


def cores_text(run: Run) -> str:
    """Tell what several cores do: how ops are cut, or who runs what, and what they wait for others at DRAM."""
    cores = run.cores
    if cores is None:
        return ""
    if cores.together == "split":
        ways = Counter(f"by {split.by} over {len(split.parts)}" for split in cores.splits.values())
        free = run.producer_of()
        whole = sum(not (x.folded or x.name in free or x.name in cores.splits) for x in run.layers)
        told = [f"{units.counted(count, 'op')} {way}" for way, count in ways.most_common()]
        told += [f"{whole} whole on one"] if whole else []
        waited = sum(split.waited_cycles for split in cores.splits.values())
        return f"{cores.count}: {', '.join(told)}; {waited:,} cycles of waiting for others at DRAM"
    waited = cores.period_cycles - max(each.alone_cycles for each in cores.ranges)
    behind = f"a period of {cores.period_cycles:,} cycles, {waited:,} of them for others at DRAM"
    if cores.together == "frames":
        return f"{cores.count}: frames of their own in {behind}"
    ranges = "; ".join(f"{each.first} to {each.last} ({each.cycles:,})" for each in cores.ranges)
    return printable(f"{cores.count}, pipelined: {ranges}; {behind}")
