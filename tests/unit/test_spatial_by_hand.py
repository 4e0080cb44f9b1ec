"""Spatial mappings, registers and inner tiles of small layers, counted by hand."""

from dataclasses import replace

import pytest

from simulator.cost.inner import InnerTiles, inner_tiles
from simulator.cost.spatial import (
    SpatialMapping,
    axis_bounds,
    excess,
    largest,
    register_bounds,
    register_words,
    spatial_mappings,
    tile_counts,
    under_filled_bounds,
)
from simulator.hardware.load import load_hardware
from simulator.hardware.model import Array, Buffer, Hardware
from simulator.mapping.dataflow import Dataflow, stationary_order
from simulator.mapping.mapping import ONES
from simulator.nest import Dim, LoopNest, Operand

FLEXIBLE = load_hardware("flexible_168")
D = {d.name: d for d in Dim}


def dims(text: str) -> tuple[Dim, ...]:
    return tuple(D[name] for name in text.split())


def bounds(text: str) -> tuple[int, ...]:
    """Bounds such as "K4 C2"; 1 along all other dimensions."""
    full = [1] * 8
    for loop in text.split():
        full[D[loop[0]]] = int(loop[1:])
    return tuple(full)


def words(layout: SpatialMapping) -> tuple[str, str, str, str]:
    """A layout as text: rows, columns, registers and arrays."""
    parts = (layout.rows, layout.columns, layout.registers, layout.arrays)
    return tuple(" ".join(f"{d.name}{part[d]}" for d in Dim if part[d] > 1) for part in parts)  # type: ignore[return-value]


def flow(rows: str, columns: str, registers: str = "", stationary: Operand | None = None, **more) -> Dataflow:
    order = stationary_order(stationary)
    lowered = more.pop("lowered", False)
    return Dataflow("f", "s", dims(rows), dims(columns), dims(registers), stationary, lowered, order, **more)


def array(rows: int, columns: int, registers: tuple[int, int, int] = (9, 9, 9), forwarding=False, **more) -> Array:
    delivery = [replace(each, forwarding=False) for each in FLEXIBLE.array.delivery]
    delivery[0] = replace(delivery[0], forwarding=forwarding)
    return replace(
        FLEXIBLE.array, rows=rows, columns=columns, registers_words=registers, delivery=tuple(delivery), **more
    )


def nest(text: str, stride=(1, 1), dilation=(1, 1)) -> LoopNest:
    return LoopNest(bounds(text), stride, dilation, input_size=(99, 99))


def found(dataflow: Dataflow, layer: LoopNest, on: Array, under_filled=False) -> list[tuple[str, str, str, str]]:
    return [words(layout) for layout in spatial_mappings(dataflow, layer, on, under_filled)]


def test_tiles_are_cut_into_one_two_three_four_six_parts_and_so_on() -> None:
    assert tile_counts(1) == (1,)
    assert tile_counts(2) == (2, 1)
    assert tile_counts(5) == (5, 3, 2, 1)
    assert tile_counts(100) == (100, 50, 34, 25, 17, 13, 9, 7, 5, 4, 3, 2, 1)
    assert tile_counts(1000) == (1000, 500, 334, 250, 167, 125, 84, 63, 42, 32, 21, 16, 11, 8, 6, 4, 3, 2, 1)


def test_what_comes_first_takes_what_it_can_and_others_share_what_is_left() -> None:
    extents = bounds("K4 C6 R3")
    assert axis_bounds(extents, dims("K C"), 8) == [(4, 2), (2, 3), (1, 6)]
    assert axis_bounds(extents, dims("K C"), 8, dims("K")) == [(4, 2)]
    assert axis_bounds(extents, dims("C K"), 8, dims("C")) == [(6, 1)]
    assert axis_bounds(extents, dims("K C"), 8, dims("C")) == [(4, 2), (2, 3), (1, 6)]
    assert axis_bounds(extents, dims("R C"), 7) == [(3, 2)]
    assert axis_bounds(extents, dims("R C"), 2) == [(2, 1)]
    assert axis_bounds(extents, (), 8) == [()]


def test_an_axis_of_one_long_dimension_may_have_pes_without_work() -> None:
    assert under_filled_bounds(bounds("K13"), dims("K C"), 12) == [(7, 1), (5, 1), (4, 1), (3, 1), (2, 1), (1, 1)]
    assert under_filled_bounds(bounds("K13 C2"), dims("K C"), 12) == []
    assert under_filled_bounds(bounds("P3"), dims("K C"), 12) == []
    assert under_filled_bounds(bounds("C2"), dims("K C"), 1) == [(1, 1)]


def test_largest_leaves_out_what_another_exceeds_or_equals_everywhere() -> None:
    assert largest([(1, 3), (2, 2), (2, 1), (1, 1), (3, 1)]) == [(1, 3), (2, 2), (3, 1)]
    assert largest([(2, 2)]) == [(2, 2)]


def test_columns_take_what_rows_leave_and_registers_what_both_leave() -> None:
    """7 filters on 2 rows leave 4, on 2 columns more 2; 9 words of weights hold 2 x 4, or 4 x 2."""
    two = flow("K", "K C", "K C", Operand.WEIGHTS)
    assert found(two, nest("K7 C4"), array(2, 3)) == [("K2", "K2", "K2 C4", ""), ("K2", "C2", "K4 C2", "")]


def test_outputs_wait_for_channels_and_weights_do_not_where_outputs_are_stationary() -> None:
    """Innermost K: of a window of C, a PE keeps the sums of all K; inputs wait for the next filter."""
    order = (int(Dim.C), int(Dim.K))
    layout = SpatialMapping(ONES, ONES, bounds("K4 C3"))
    on = array(1, 1)
    assert register_words(layout, order, None, nest("K4 C3"), False, on) == (1, 1, 4)
    assert register_words(layout, order, Operand.OUTPUTS, nest("K4 C3"), False, on) == (1, 1, 4)
    assert register_words(layout, order, Operand.WEIGHTS, nest("K4 C3"), False, on) == (1, 12, 4)
    assert register_words(layout, order, Operand.INPUTS, nest("K4 C3"), False, on) == (3, 1, 4)
    outer = (int(Dim.K), int(Dim.C))
    assert register_words(layout, outer, None, nest("K4 C3"), False, on) == (3, 1, 1)
    assert register_words(layout, outer, None, nest("K4 C3"), True, on) == (3, 1, 1)
    assert register_words(layout, outer, Operand.OUTPUTS, nest("K4 C3"), True, on) == (3, 1, 4)


WINDOWS = {
    "taps of a row": ("C2 S3", {}, False, "", "", 6),
    "taps of a column": ("C2 R3", {}, False, "", "", 6),
    "taps of both": ("R3 S2 N2", {}, False, "", "", 12),
    "pixels between taps": ("Q4 S3", {"stride": (9, 2)}, False, "", "", 9),
    "rows between taps": ("P4 R3", {"stride": (2, 9)}, False, "", "", 9),
    "taps far apart": ("Q2 S3", {"stride": (9, 1), "dilation": (9, 2)}, False, "", "", 6),
    "rows far apart": ("P2 R3", {"stride": (1, 9), "dilation": (2, 9)}, False, "", "", 6),
    "pixels alone hold nothing": ("Q4", {}, False, "", "", 1),
    "groups and samples": ("N2 G3 S2", {}, False, "", "", 12),
    "neighbours do not share": ("S3", {}, False, "R3", "P4", 3),
    "neighbours share": ("S3 R2", {}, True, "R2", "P3", 3),
    "neighbours share a column": ("S2 R3", {}, True, "S2", "Q3", 3),
    "sharing alone": ("S4", {}, True, "", "", 4),
    "sharing taps of rows and columns": ("S2", {}, True, "S2 Q2", "Q2", 1),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_a_window_that_slides_is_held_whole_or_shared_with_neighbours(case: str) -> None:
    """Shared by 2 x 3 PEs, windows of 2 x 2 rows' taps and 3 pixels span 6 rows of 3: 18 words, 3 for each PE."""
    registers, steps, shared, rows, columns, wanted = WINDOWS[case]
    layout = SpatialMapping(bounds(rows), bounds(columns), bounds(registers))
    order = [int(d) for d in Dim]
    layer = nest(registers, **steps)
    assert register_words(layout, order, None, layer, False, array(9, 9, forwarding=shared))[0] == wanted


def test_a_matrix_has_no_windows() -> None:
    layout = SpatialMapping(ONES, ONES, bounds("C3 P2 K2"))
    order = (int(Dim.K), int(Dim.C), int(Dim.P))
    assert register_words(layout, order, None, nest("C3 P2 K2"), True, array(1, 1)) == (6, 1, 2)


def test_registers_take_the_largest_bounds_that_fit_and_no_loop_takes_single_words() -> None:
    on = array(1, 1, (99, 8, 99))
    two = flow("K", "C", "K C", Operand.WEIGHTS)
    free = nest("K8 C8")
    made = register_bounds(two, free, bounds("K8 C8"), ONES, ONES, on)
    assert made == [bounds("C8"), bounds("K2 C4"), bounds("K4 C2"), bounds("K8")]
    assert register_bounds(flow("K", "C"), free, bounds("K8 C8"), ONES, ONES, on) == [ONES]
    none = array(1, 1, (99, 0, 99))
    assert register_bounds(two, free, bounds("K8 C8"), ONES, ONES, none) == [ONES]


def test_filter_taps_are_held_whole_or_one_by_one() -> None:
    taps = flow("K", "C", "C S", Operand.WEIGHTS)
    layer = nest("C4 S3")
    for room, wanted in ((12, "C4 S3"), (11, "C2 S3"), (3, "S3"), (2, "C2"), (1, "")):
        on = array(1, 1, (99, room, 99))
        assert register_bounds(taps, layer, bounds("C4 S3"), ONES, ONES, on) == [bounds(wanted)]


@pytest.mark.parametrize(("rows", "columns"), [("Q3", ""), ("", "Q3")])
def test_registers_hold_their_share_of_a_window_that_neighbours_on_either_axis_hand_on(rows: str, columns: str) -> None:
    """Windows of 3 taps at 3 pixels span 5 columns of inputs: 2 for each of 3 PEs, and 3 where each has its own."""
    one, layer, left = flow("K", "Q", "S"), nest("Q9 S3"), bounds("Q3 S3")
    for shared, wanted in ((True, "S3"), (False, "")):
        on = array(3, 3, (2, 9, 9), forwarding=shared)
        assert register_bounds(one, layer, left, bounds(rows), bounds(columns), on) == [bounds(wanted)]


def test_excess_tells_what_is_needed_and_what_there_is() -> None:
    two = flow("K", "C", "K C", Operand.WEIGHTS)
    layout = SpatialMapping(ONES, ONES, bounds("K3 C3"))
    assert excess(layout, two, nest("K3 C3"), array(1, 1, (1, 9, 3))) == {}
    assert excess(layout, two, nest("K3 C3"), array(1, 1, (0, 8, 2))) == {
        Operand.INPUTS: (1, 0),
        Operand.WEIGHTS: (9, 8),
        Operand.OUTPUTS: (3, 2),
    }


def test_packed_lanes_take_the_taps_that_a_stride_groups() -> None:
    packed = flow("C", "K", channel_packing=True)
    assert found(packed, nest("C3 K2", stride=(2, 1)), array(8, 2)) == [("C6", "K2", "", "")]
    assert found(packed, nest("C3 K2", stride=(2, 2)), array(12, 2)) == [("C12", "K2", "", "")]
    assert found(flow("C", "K"), nest("C3 K2", stride=(2, 2)), array(12, 2)) == [("C3", "K2", "", "")]


def test_a_layer_as_a_product_is_laid_out_as_one() -> None:
    lowered = flow("C", "K", lowered=True)
    assert found(lowered, nest("C2 R3 S2 K4"), array(16, 2)) == [("C12", "K2", "", "")]


def test_several_arrays_split_what_the_dataflow_names() -> None:
    split = flow("C", "K", arrays=dims("K"))
    assert found(split, nest("C4 K7"), array(4, 4, instances=2)) == [("C4", "K4", "", "K2")]
    assert found(split, nest("C4 K7"), array(4, 3, instances=2)) == [("C4", "K2", "", "K2")]
    assert found(split, nest("C4 K7"), array(4, 4)) == [("C4", "K4", "", "")]
    assert found(flow("C", "K"), nest("C4 K7"), array(4, 4, instances=2)) == [("C4", "K4", "", "")]
    (layout,) = spatial_mappings(split, nest("C4 K7"), array(4, 4, instances=2))
    assert layout.spatial == bounds("C4 K8")


def test_pes_without_work_are_tried_on_axes_of_one_long_dimension() -> None:
    plain = flow("C", "K")
    assert found(plain, nest("C4 K4"), array(4, 4), under_filled=True) == [
        (rows, columns, "", "") for rows in ("C4", "C2", "") for columns in ("K4", "K2", "")
    ]
    mixed = [(rows, columns, "", "") for rows in ("C4", "C2 P2") for columns in ("K2", "")]
    assert found(flow("C P", "K"), nest("C4 P2 K2"), array(4, 2), under_filled=True) == mixed
    assert found(flow("C P", "K Q"), nest("C4 P2 K2 Q2"), array(4, 2), under_filled=True) == []


def machine(*buffers: Buffer) -> Hardware:
    bits = {"input_bits": 8, "weight_bits": 16, "output_bits": 8, "partial_sum_bits": 32}
    return replace(FLEXIBLE, buffers=buffers, array=array(2, 2), **bits)


def buffer(level: int, holds: tuple[int, ...], capacity: int, in_pe=False, double=False) -> Buffer:
    return replace(
        FLEXIBLE.buffers[0], name=f"b{level}", holds=holds, capacity_bytes=capacity, level=level, in_pe=in_pe,
        double_buffered=double, streams=(),
    )  # fmt: skip


PIXELS = nest("K4 C8 P6")
LAYOUT = SpatialMapping(bounds("C2"), bounds("K2"), ONES)
TWO = flow("C", "K", "K C P", Operand.WEIGHTS)


def tiles_of(hardware: Hardware, layer: LoopNest = PIXELS, dataflow: Dataflow = TWO) -> list[str]:
    """The different tiles of the inner levels, outermost first."""
    made = inner_tiles(hardware, layer, LAYOUT, dataflow)
    texts = (" / ".join(words(SpatialMapping(t.tile, ONES, ONES))[0] for t in each.levels) for each in made)
    return list(dict.fromkeys(texts))


def test_a_machine_of_one_level_has_no_inner_tiles() -> None:
    assert inner_tiles(machine(buffer(0, (0, 1, 2), 99)), PIXELS, LAYOUT, TWO) == (InnerTiles(TWO.order),)


@pytest.mark.parametrize(
    ("capacity", "double", "wanted"),
    [
        (64, False, ["K4 C8"]),  # all 32 weights of 16 bits
        (63, False, ["K4 C4", "K2 C8"]),
        (127, True, ["K4 C4", "K2 C8"]),
        (128, True, ["K4 C8"]),
        (8, False, ["K2 C2"]),  # what one step of the array takes
        (7, False, []),
    ],
)
def test_an_inner_level_of_weights_takes_the_largest_tiles_that_fit(
    capacity: int, double: bool, wanted: list[str]
) -> None:
    hardware = machine(buffer(0, (0, 1, 2), 10**6), buffer(1, (1,), capacity, double=double))
    assert [text.replace(" P6", "") for text in tiles_of(hardware)] == wanted


def test_inputs_outputs_and_their_windows_take_room_in_an_inner_level() -> None:
    """8 channels of 6 rows are 48 bytes; sums of 4 filters and 6 rows, 4 bytes each, are 96."""
    for holds, most in (((0,), 48), ((2,), 96)):
        for capacity, whole in ((most, True), (most - 1, False)):
            hardware = machine(buffer(0, (0, 1, 2), 10**6), buffer(1, holds, capacity))
            assert (tiles_of(hardware) == ["K4 C8 P6"]) == whole


def test_memories_in_pes_hold_what_a_pe_has_and_what_lies_within_grows_outwards() -> None:
    inside = machine(buffer(0, (0, 1, 2), 10**6), buffer(1, (1,), 8, in_pe=True))
    assert tiles_of(inside) == ["K4 P6", "C4 P6"]
    fixed = flow("C", "K", "C", Operand.WEIGHTS)
    assert tiles_of(inside, dataflow=fixed) == ["C4"]
    three = machine(buffer(0, (0, 1, 2), 10**6), buffer(1, (1,), 32), buffer(2, (1,), 4, in_pe=True))
    made = tiles_of(three, dataflow=fixed)
    assert made == ["K4 C4 P6 / C2", "K2 C8 P6 / C2"]


def test_orders_of_inner_loops_are_those_of_groups_that_of_the_dataflow_first() -> None:
    hardware = machine(buffer(0, (0, 1, 2), 10**6), buffer(1, (1,), 64))
    made = inner_tiles(hardware, PIXELS, LAYOUT, TWO)
    orders = [each.order for each in made]
    assert orders[0] == TWO.order and len(set(orders)) == len(orders) == 6
    assert all(order[0] is Dim.G for order in orders)
    assert {each.levels[0].order for each in made} == {TWO.order}
    assert {each.chip_levels for each in made} == {2}
    spads = inner_tiles(machine(buffer(0, (0, 1, 2), 10**6), buffer(1, (1,), 64, in_pe=True)), PIXELS, LAYOUT, TWO)
    assert {(each.order, each.chip_levels) for each in spads} == {(TWO.order, 1)}
