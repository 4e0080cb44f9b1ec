"""What lies in the activations' memory while each layer runs: tensors that stay, by name, and the layer's own tiles."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.layout import Row, elide, printable
from analysis.read.plots.bars import (
    BAR_WIDTH,
    MAX_NAME,
    bars_subtitle,
    draw_bars,
    drawn_layers,
    layer_figure,
    layer_legend,
    name_layers,
    set_places,
    shade_stages,
    tick_in,
)
from analysis.read.theme import BLACK, CATEGORIES, GREY, headline
from analysis.read.titles import run_title
from simulator.result.ledger import AliveBlock, alive_blocks
from simulator.result.run import LayerResult, Run
from simulator.source.cells import Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TILES = "tiles"
SHADES = tuple(colour for colour in CATEGORIES if colour not in (BLACK, GREY))
MOST_NAMED = len(SHADES)  # tensors
PALE = "55"  # of 255: opacity of those that are not named


def rows(run: Run) -> list[Row]:
    """Return for each layer its tiles, and each tensor that stays meanwhile with its address, in bytes."""
    found: list[Row] = []
    for layer, alive in zip(run.layers, alive_blocks(run), strict=True):
        if layer.cycles:
            taken: list[tuple[str, Cell, int]] = [(TILES, "", layer.tile_bytes)]
            taken += [(name_of(block), block.address, block.size_bytes) for block in alive]
            for tensor, address, size in taken:
                where = {"layer": layer.name, "stage": layer.stage, "op": layer.op.value}
                found.append({**where, "tensor": tensor, "address": address, "bytes": size})
    return found


def draw(run: Run) -> "Figure":
    """Draw a bar a layer: the tensors that stay, each in one colour as long as it does, tiles upon them."""
    layers = drawn_layers(run)
    figure, (axes,) = layer_figure(len(layers), panels=1, height=2.8)
    heights = _draw_tensors(axes, run, layers)
    tiles = [layer.tile_bytes for layer in layers]
    draw_bars(axes, range(len(layers)), tiles, [BAR_WIDTH] * len(layers), heights, GREY, TILES)
    capacity, peak = run.hardware.activation_bytes, run.total.peak_sram_bytes
    axes.set_ylim(0, max(capacity, peak) * 1.06 or 1)
    if capacity:
        axes.axhline(
            capacity, color=BLACK, linewidth=0.9, linestyle=(0, (4, 2)), label=f"capacity {units.size(capacity)}"
        )
    set_places(axes, len(layers))
    tick_in(axes.yaxis, "B")
    handles, texts = axes.get_legend_handles_labels()
    layer_legend(axes, handles, texts)
    axes.set_ylabel("activations' memory")
    shade_stages(axes, layers, name=True)
    name_layers(axes, layers, [layer.sram_bytes for layer in layers])
    text = f"peak SRAM {units.size(peak)} in {elide(run.total.peak_sram_layer, MAX_NAME)}" if peak else "not told"
    headline(figure, run_title(run, text), bars_subtitle(run))
    return figure


def _draw_tensors(axes: "Axes", run: Run, layers: Sequence[LayerResult]) -> list[float]:
    """Stack the tensors that stay, the longest there at the bottom; the largest have names. Return the heights."""
    alive = {layer.name: blocks for layer, blocks in zip(run.layers, alive_blocks(run), strict=True)}
    bottoms = [0.0] * len(layers)
    kept: dict[AliveBlock, list[int]] = {}
    for place, layer in enumerate(layers):
        for block in alive[layer.name]:
            kept.setdefault(block, []).append(place)
    named = sorted(kept, key=lambda block: block.size_bytes, reverse=True)[:MOST_NAMED]
    for number, (block, places) in enumerate(kept.items()):
        size, lows, label = float(block.size_bytes), [bottoms[place] for place in places], ""
        colour = SHADES[number % len(SHADES)] + PALE
        if block in named:
            label = f"{elide(printable(name_of(block)), MAX_NAME)} {units.size(block.size_bytes)}"
            colour = SHADES[named.index(block)]
        draw_bars(axes, places, [size] * len(places), [BAR_WIDTH] * len(places), lows, colour, label)
        for place in places:
            bottoms[place] += size
    return bottoms


def name_of(block: AliveBlock) -> str:
    """Name a tensor that stays, or a part of one or of its weights in a stack."""
    return block.name if block.part == "whole" else f"{block.name} {block.part}"
