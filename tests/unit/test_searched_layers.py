"""Layers of which a better mapping is at hand: what a search finds is never worse under the same model."""

from pathlib import Path

import pytest

from simulator import simulate
from simulator.network.graph import Graph
from simulator.network.ir import Network

HAND = {
    "pixels": (
        "edge_npu_like",
        "dataflow: output_stationary_pixels, dram: [P34:32, Q10:192], buffer: [Q3, K4, C16, R3], rows: [P32], "
        "columns: [Q64], registers: [K4, S3], stationary: outputs",
    ),
    "points": (
        "flexible_168",
        "dataflow: row_stationary, dram: [P4, Q56], buffer: [C5], rows: [K12], columns: [P14], registers: [C15, K11], "
        "stationary: weights",
    ),
    "filters": (
        "nvdla_2048",
        "dataflow: weight_stationary_packed, dram: [P2, Q6, K7:15], buffer: [C13, R5, S5, N4, P14, Q5], rows: [C16], "
        "columns: [K15], registers: [], stationary: weights, channel_packing: true",
    ),
}


def network(name: str) -> Network:
    """A layer of a full-HD map, a pointwise one, one of a hundred 5x5 filters for four samples."""
    g = Graph(name)
    if name == "pixels":
        g.conv(g.input(16, 1080, 1920), 16, 3, padding=1, name="c")
    elif name == "points":
        g.conv(g.input(64, 56, 56), 128, 1, name="c")
    else:
        g.conv(g.input(200, 28, 28, batch=4), 100, 5, padding=2, name="c")
    return g.build()


@pytest.mark.parametrize("name", HAND)
@pytest.mark.parametrize("objective", ["cycles", "cycles_then_energy"])
def test_what_is_found_is_hardly_slower_than_what_is_at_hand(name: str, objective: str, tmp_path: Path) -> None:
    machine, mapping = HAND[name]
    file = tmp_path / "mapping.yaml"
    file.write_text(f"layers: {{c: {{{mapping}}}}}\n", encoding="utf-8")
    by_hand = simulate(machine, network(name), mapping=file)
    found = simulate(machine, network(name), objective=objective)
    assert found.total.cycles <= 1.01 * by_hand.total.cycles  # where a search ends unless it is to prove


def test_a_tile_of_one_filter_less_than_its_neighbours_is_found() -> None:
    """Seven tiles of up to fifteen filters, on fifteen columns: every MAC cycle there is, and proven."""
    run = simulate("nvdla_2048", network("filters"))
    assert run.total.cycles == 4 * 28 * 28 * 25 * 13 * 7 // 8
    assert run.layers[0].cycles_gap == 0


@pytest.mark.parametrize(("machine", "most"), [("eyeriss_like", 0.1), ("edge_npu_like", 0.015), ("tpu_v1", 0.6)])
def test_a_product_of_a_language_model_is_mapped(machine: str, most: float) -> None:
    """Of up to hundreds of thousands of tiles, nearly all of which are alike."""
    g = Graph("product")
    g.linear(g.input(14336, 1, 1, batch=2048), 4096, name="down")
    run = simulate(machine, g.build(), objective="cycles")
    assert run.total.macs == 2048 * 14336 * 4096
    assert run.layers[0].gap is not None and run.layers[0].gap <= most
