"""A run as a piece of HTML, for notebooks: totals, and below them the layers that take time."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.result.run import LayerResult, Run

HEAD = ("layer", "op", "dataflow", "cycles", "share", "utilization", "DRAM bytes", "energy [µJ]", "bound by")
RIGHT = 'style="text-align:right"'
LEFT = 'style="text-align:left"'
FIGURES = range(3, 8)
"""Columns of figures, which stand at the right."""


def run_html(run: "Run") -> str:
    """Return totals and layers of a run; names are text, whatever they hold."""
    total, layers = run.total, [layer for layer in run.layers if layer.cycles]
    facts = {
        "latency": f"{total.latency_s * 1e3:,.4g} ms",
        "cycles": f"{total.cycles:,}",
        "utilization": f"{total.utilization:.1%} of {run.hardware.pes:,} PEs",
        "DRAM": f"{total.dram_bytes:,} bytes",
        "energy": f"{total.energy_pj / 1e9:,.4g} mJ",
    }
    told = "".join(f"<tr><th {LEFT}>{label}</th><td {LEFT}>{text}</td></tr>" for label, text in facts.items())
    title = escape(f"{run.network.name} on {run.hardware.name}")
    shown = _table(HEAD, (_cells(layer, run) for layer in layers))
    folded = f"<details><summary>{len(layers)} layers</summary>{shown}</details>"
    return f"<div><strong>{title}</strong><table>{told}</table>{folded}</div>"


def _cells(layer: "LayerResult", run: "Run") -> Sequence[str]:
    return (
        layer.name,
        layer.op.value,
        layer.dataflow,
        f"{layer.cycles:,}",
        f"{layer.cycles / run.total.cycles:.1%}",
        f"{layer.utilization:.1%}" if layer.macs else "",
        f"{layer.bytes_at('dram'):,}",
        f"{layer.energy_pj / 1e6:,.4g}",
        layer.bottleneck,
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_line("th", head), *(_line("td", row) for row in rows)]
    return f"<table>{''.join(lines)}</table>"


def _line(tag: str, cells: Sequence[str]) -> str:
    aligned = ((RIGHT if i in FIGURES else LEFT, escape(cell)) for i, cell in enumerate(cells))
    return "<tr>" + "".join(f"<{tag} {style}>{text}</{tag}>" for style, text in aligned) + "</tr>"
