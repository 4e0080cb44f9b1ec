"""Tiles of a mapping as data: what each moves, in how many runs of addresses, and which are alike; counted by hand.

Words are bytes, and four cross the port in a cycle, which is a burst. Maps lie row by row, channel by channel; weights
filter by filter, whose taps lie apart from those of the next channel.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from simulator import load_hardware
from simulator.cost.tile_runs import TILE_RUN, alike, list_runs
from simulator.engine.array_ops import evaluated
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import LevelTile
from simulator.network.graph import Graph
from simulator.network.ir import Network, Op
from simulator.schedule import plan
from tests.oracle.small_cases import one_tile

CHIP = load_hardware("flexible_168")
(MAIN,) = CHIP.buffers
DRAM = replace(CHIP.dram, bytes_per_cycle=Fraction(4), burst_bytes=4, activations="nchw", weights="krsc")
BYTES = {"input_bits": 8, "weight_bits": 8, "output_bits": 8, "partial_sum_bits": 16}
PLAIN = replace(CHIP, **BYTES, dram=DRAM, keeps_activations=False, layer_order="serial", fuses=frozenset({Op.ADD}))  # type: ignore[arg-type]
Tile = tuple[int, int, int, int, int, int, int, int]


def slotted(inputs: bool, weights: bool) -> Hardware:
    """A machine whose maps or weights alone are double-buffered."""
    maps = replace(MAIN, name="maps", holds=(0, 2), double_buffered=inputs)
    return replace(PLAIN, buffers=(maps, replace(MAIN, name="filters", holds=(1,), double_buffered=weights)))


def residual() -> Network:
    """A product of 4 x 4 channels on a map of 6 x 4, to which its inputs are added, and a layer of 3 x 3 taps."""
    g = Graph("residual")
    x = g.conv(g.input(2, 6, 4), 4, name="first")
    g.conv(g.add(g.conv(x, 4, name="sum"), x), 4, 3, padding=1, name="last")
    return g.build()


def listed(machine: Hardware, name: str, tile: Tile, come: int = 0, **changes: object) -> list[dict[str, int]]:
    """Every run of tiles of an op, by the names of its fields, without those that are 0."""
    op = next(op for op in plan(residual(), machine) if op.layer.name == name)
    op = replace(op, **changes)  # type: ignore[arg-type]
    mapping = one_tile(residual(), machine, {name: tile})[name]
    mapping = replace(mapping, inner=(LevelTile(tile, mapping.buffer_order),) * (len(machine.level_names) - 1))
    case, scratch = evaluated(op, mapping, machine, come)
    runs = np.zeros(int(scratch.totals["tiles"]), TILE_RUN)
    found = runs[: list_runs(case, scratch, runs)]
    return [{field: int(run[field]) for field in TILE_RUN.names or () if run[field]} for run in found]


ROWS = (1, 1, 4, 2, 2, 4, 1, 1)
"""Two rows of the map a tile: 16 bytes of inputs in two channels, 32 of outputs in four."""
STRIP = {"load": 4, "compute": 64, "store": 8, "load_bytes": 16, "store_bytes": 32, "inputs_bytes": 16} | {
    "load_runs": 2, "store_runs": 4,
}  # fmt: skip


def test_the_first_tile_brings_the_weights_and_those_after_it_are_alike() -> None:
    first = STRIP | {"load": 6, "load_bytes": 24, "weights_bytes": 8, "load_runs": 3, "weights_runs": 1}
    assert listed(PLAIN, "first", ROWS) == [first | {"count": 1}, STRIP | {"count": 2}]


def test_weights_that_came_before_the_layer_cross_no_more_and_are_no_run() -> None:
    assert listed(PLAIN, "first", ROWS, come=8) == [STRIP | {"count": 3}]
    deeper = {name: value for name, value in STRIP.items() if name not in ("load", "load_bytes")}
    early = deeper | {"deeper": 4, "deeper_bytes": 16, "count": 3}
    assert listed(slotted(inputs=True, weights=False), "first", ROWS, come=8) == [early]
    assert listed(slotted(inputs=False, weights=True), "first", ROWS, come=8) == [STRIP | {"count": 3}]


SUM = {"compute": 4 * 4 * 16, "store": 16, "store_bytes": 64, "inputs_bytes": 128, "weights_bytes": 16} | {
    "load_runs": 9, "weights_runs": 1, "store_runs": 4, "count": 1,
}  # fmt: skip
REST = {"compute": 4 * 4 * 8, "store": 8, "store_bytes": 32, "inputs_bytes": 64, "load_runs": 8, "store_runs": 4} | {
    "count": 1
}


def test_of_the_operand_with_deeper_buffering_bytes_are_its_own_and_residuals_come_with_the_rest() -> None:
    """Four rows, then two: as many bytes of inputs as are added to the outputs, four runs of either."""
    four_rows = (1, 1, 4, 4, 4, 4, 1, 1)
    together = [SUM | {"load": 36, "load_bytes": 144}, REST | {"load": 16, "load_bytes": 64}]
    assert listed(PLAIN, "sum", four_rows) == together
    inputs = [{"deeper": 16, "deeper_bytes": 64, "load": 20, "load_bytes": 80}]
    inputs += [{"deeper": 8, "deeper_bytes": 32, "load": 8, "load_bytes": 32}]
    assert listed(slotted(inputs=True, weights=False), "sum", four_rows) == [SUM | inputs[0], REST | inputs[1]]
    weights = [{"deeper": 4, "deeper_bytes": 16, "load": 32, "load_bytes": 128}, {"load": 16, "load_bytes": 64}]
    assert listed(slotted(inputs=False, weights=True), "sum", four_rows) == [SUM | weights[0], REST | weights[1]]


def test_twice_as_many_residuals_are_twice_as_many_bytes_beside_the_inputs() -> None:
    machine, whole = slotted(inputs=True, weights=False), (1, 1, 4, 4, 6, 4, 1, 1)
    (one,), (two,) = (listed(machine, "sum", whole, residuals=n) for n in (1, 2))
    assert (one["deeper_bytes"], one["load_bytes"]) == (96, 96 + 16)
    assert (two["deeper_bytes"], two["load_bytes"]) == (96, 2 * 96 + 16)


def test_residuals_come_with_the_tile_that_completes_the_sums() -> None:
    """Channels two by two: sums stay in the buffer, and what is added to them comes with the second half.

    Of each filter two of four bytes come, in a burst.
    """
    machine, halves = slotted(inputs=True, weights=False), (1, 1, 4, 2, 6, 4, 1, 1)
    first, last = listed(machine, "sum", halves)
    assert (first["deeper_bytes"], first["load_bytes"], first["load_runs"]) == (48, 16, 1 + 4)
    assert (last["deeper_bytes"], last["load_bytes"], last["load_runs"]) == (48, 16 + 96, 1 + 4 + 1)
    assert (first.get("store_bytes", 0), last["store_bytes"]) == (0, 96)


def test_weights_of_some_channels_are_a_run_a_tap_and_parameters_of_fused_ops_one_more() -> None:
    """Two of four channels at 4 x 9 taps: two bytes each, in a burst of its own; five parameters are two bursts."""
    halves = (1, 1, 4, 2, 6, 4, 3, 3)
    first, last = listed(PLAIN, "last", halves)
    assert (first["weights_bytes"], first["weights_runs"], first["load_runs"]) == (4 * 36, 36, 36 + 1)
    assert (last["weights_bytes"], last["weights_runs"], last["load_runs"]) == (4 * 36, 36, 36 + 1)
    first, last = listed(PLAIN, "last", halves, parameters=5)
    assert (first["weights_bytes"], first["weights_runs"], first["load_runs"]) == (4 * 36 + 8, 37, 37 + 1)
    assert (last["weights_bytes"], last["weights_runs"]) == (4 * 36, 36)


def test_weights_that_come_whole_or_into_the_pes_come_in_one_run() -> None:
    """With half of the memory for tiles, the other half takes 4 x 36 bytes of weights before the first tile.

    A memory in the PEs that alone holds weights takes those of a tile, of two channels, from DRAM.
    """
    halves = (1, 1, 4, 2, 6, 4, 3, 3)
    whole = replace(PLAIN, buffers=(replace(MAIN, tile_bytes=MAIN.capacity_bytes // 2),))
    first, last = listed(whole, "last", halves)
    assert (first["weights_bytes"], first["weights_runs"], first["load_runs"]) == (4 * 36, 1, 1 + 1)
    assert "weights_bytes" not in last
    pads = replace(MAIN, name="pads", holds=(1,), level=1, in_pe=True)
    for run in listed(replace(PLAIN, buffers=(replace(MAIN, holds=(0, 2)), pads)), "last", halves):
        assert (run["weights_bytes"], run["weights_runs"], run["load_runs"]) == (2 * 36, 1, 1 + 1)


def test_tiles_are_alike_only_if_all_that_they_move_and_compute_is() -> None:
    one, other = np.zeros(2, TILE_RUN)
    for number, name in enumerate(TILE_RUN.names or (), 1):
        one[name] = other[name] = number
    other["count"] += 1
    assert alike(one, other)
    for name in set(TILE_RUN.names or ()) - {"count"}:
        other[name] += 1
        assert not alike(one, other), name
        other[name] -= 1


@pytest.mark.parametrize("tile", [ROWS, (1, 1, 2, 1, 6, 3, 1, 1), (1, 1, 3, 2, 5, 4, 1, 1)])
def test_all_tiles_are_listed_and_move_all_there_is(tile: Tile) -> None:
    op = next(op for op in plan(residual(), PLAIN) if op.layer.name == "first")
    _, scratch = evaluated(op, one_tile(residual(), PLAIN, {"first": tile})["first"], PLAIN)
    runs = listed(PLAIN, "first", tile)
    assert sum(run["count"] for run in runs) == scratch.totals["tiles"]
    assert sum(run["count"] * run["load_bytes"] for run in runs) == sum(scratch.totals["dram_read"])
    assert sum(run["count"] * run.get("store_bytes", 0) for run in runs) == scratch.totals["dram_written"]
    moved = sum(run["count"] * (run["load_runs"] + run.get("store_runs", 0)) for run in runs)
    assert moved == scratch.totals["dma_runs"]
