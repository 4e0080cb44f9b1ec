"""The verdict on executed mappings: what passes, what fails, what cannot run at all."""

from dataclasses import replace

import numpy as np
import pytest

from simulator import verify
from simulator.mapping.mapping import LevelTile, Mapping
from simulator.nest import Dim, LoopNest
from simulator.network.ir import Layer, Op
from simulator.verify import convolve, execute, pad_inputs, random_tensors, verify_layer, verify_network

ONES = (1,) * 8
CONV = Layer("conv", Op.CONV, ("x",), ((1, 6, 9, 9),), (1, 4, 5, 5), (3, 3), (2, 2), (1, 1, 1, 1), groups=2)


def spatial(**bounds: int) -> tuple[int, ...]:
    return tuple(bounds.get(x.name, 1) for x in Dim)


ROW_STATIONARY = Mapping(
    dataflow="row_stationary",
    tile=(1, 1, 2, 2, 5, 5, 3, 3),
    dram_order=(Dim.G, Dim.C),
    buffer_order=(Dim.P, Dim.Q),
    rows=spatial(R=3),
    columns=spatial(P=2),
    registers=spatial(K=2, C=2, S=3),
    registers_order=(Dim.K, Dim.C, Dim.S),
)


def test_a_row_stationary_convolution_with_edge_tiles_passes():
    result = verify_layer(CONV, ROW_STATIONARY)
    assert result.passed
    assert (result.macs, result.outputs, result.mismatches) == (2 * 2 * 3 * 25 * 9, 100, 0)
    # 6 columns of output pixels for 5, in 3 steps of 2; K, C and S run inside the PEs
    assert result.array_cycles == 2 * 3 * 5 * 2 * 3 * 3


@pytest.mark.parametrize("order", ["dram_order", "buffer_order", "registers_order"])
def test_a_mapping_that_forgets_a_loop_fails(order):
    shortened = replace(ROW_STATIONARY, **{order: getattr(ROW_STATIONARY, order)[1:]})
    result = verify_layer(CONV, shortened)
    assert not result.passed
    assert result.macs < result.expected_macs == CONV.macs
    assert result.mismatches > 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"dram_order": (Dim.G, Dim.C, Dim.G)}, "dram_order lists a dimension twice"),
        ({"registers_order": (Dim.K, Dim.K)}, "registers_order lists a dimension twice"),
        ({"tile": (1, 1, 2, 0, 5, 5, 3, 3)}, "tile must hold eight bounds of at least 1"),
        ({"rows": (1, 1)}, "rows must hold eight bounds of at least 1"),
        ({"inner": (LevelTile((0,) * 8, ()),)}, "tile of level 1 must hold eight bounds of at least 1"),
        ({"inner": (LevelTile(ONES, (Dim.K, Dim.K)),)}, "order of level 1 lists a dimension twice"),
    ],
)
def test_a_mapping_that_no_machine_can_step_through_is_refused(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        verify_layer(CONV, replace(ROW_STATIONARY, **change))


def test_a_layer_that_multiplies_nothing_has_nothing_to_verify():
    pool = Layer("pool", Op.POOL, ("x",), ((1, 6, 9, 9),), (1, 6, 4, 4), (3, 3), (2, 2))
    with pytest.raises(ValueError, match="pool multiplies nothing"):
        verify_layer(pool, ROW_STATIONARY)


def test_equal_shapes_are_executed_once_and_reported_by_name(monkeypatch):
    executed = []
    original = verify.verify_layer

    def counting(layer, *others):
        executed.append(layer.name)
        return original(layer, *others)

    monkeypatch.setattr(verify, "verify_layer", counting)
    again, other = replace(CONV, name="again"), replace(CONV, name="other", padding=(0, 2, 2, 0))
    results = list(verify_network((layer, ROW_STATIONARY) for layer in (CONV, again, other)))
    assert [result.name for result in results] == ["conv", "again", "other"]
    assert all(result.passed for result in results)
    assert executed == ["conv", "other"]


def test_a_seed_makes_the_same_tensors_again():
    nest = CONV.nest
    once, again, other = (random_tensors(nest, seed) for seed in (7, 7, 8))
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert not np.array_equal(once[0], other[0])
    assert once[0].shape == (1, 2, 3, 9, 9)
    assert once[1].shape == (2, 2, 3, 3, 3)


def test_a_convolution_worked_by_hand():
    nest = LoopNest((1, 1, 1, 1, 1, 2, 1, 2), (1, 2), (1, 1), (0, 1, 0, 0), (1, 3))
    inputs = np.array([3, 5, 7], np.int8).reshape(1, 1, 1, 1, 3)
    weights = np.array([10, 1], np.int8).reshape(1, 1, 1, 1, 2)
    # over [0, 3, 5, 7] in strides of two: 0*10 + 3*1, 5*10 + 7*1
    assert convolve(nest, inputs, weights).ravel().tolist() == [3, 57]
    whole = Mapping("plain", nest.bounds, (), (Dim.Q, Dim.S), ONES, ONES, ONES, ())
    assert execute(nest, whole, inputs, weights).outputs.ravel().tolist() == [3, 57]


def test_inputs_that_no_window_reaches_are_not_kept():
    nest = LoopNest((1, 1, 1, 1, 2, 2, 1, 1), (2, 2), (1, 1), (0, 0, 0, 0), (4, 4))
    inputs = np.arange(16, dtype=np.int8).reshape(1, 1, 1, 4, 4)
    assert pad_inputs(nest, inputs)[0, 0, 0].tolist() == [[0, 1, 2], [4, 5, 6], [8, 9, 10]]


def test_pes_beyond_the_edge_stay_idle():
    nest = LoopNest((1, 1, 3, 5, 1, 1, 1, 1))
    mapping = Mapping("weight_stationary", nest.bounds, (), (Dim.K, Dim.C), spatial(C=4), spatial(K=2), ONES, ())
    executed = execute(nest, mapping, *random_tensors(nest, seed=0))
    assert executed.busy.tolist() == [[4, 2], [2, 1], [2, 1], [2, 1]]
    assert executed.array_cycles == 4


def test_a_lowered_tile_spreads_filter_taps_and_channels_over_one_axis():
    lowered = Mapping(
        dataflow="weight_stationary",
        tile=(1, 1, 2, 3, 5, 5, 3, 3),
        dram_order=(Dim.G,),
        buffer_order=(Dim.C, Dim.P),
        rows=spatial(C=8),
        columns=spatial(K=2),
        registers=ONES,
        registers_order=(),
        lowered=True,
    )
    result = verify_layer(CONV, lowered)
    assert result.passed
    assert result.array_cycles == 2 * 4 * 25  # 27 rows of the matrix in 4 steps of 8


def test_a_lowered_tile_counts_taps_within_channels_and_pixels_within_images():
    nest = LoopNest((2, 1, 2, 3, 2, 3, 2, 2), input_size=(3, 4))
    first_step = Mapping(
        dataflow="weight_stationary",
        tile=nest.bounds,
        dram_order=(),
        buffer_order=(Dim.K,),  # neither C nor P: one step of each
        rows=spatial(C=6),
        columns=spatial(P=9),
        registers=ONES,
        registers_order=(),
        lowered=True,
    )
    inputs, weights = random_tensors(nest, seed=0)
    weights_there = weights.copy()
    weights_there[:, :, 1, 1:] = weights_there[:, :, 2:] = 0  # 6 of 12: channel 0, and row 0 of channel 1
    expected = convolve(nest, inputs, weights_there)
    expected[1, ..., 1:, :] = 0  # 9 of 12 pixels: image 0, and row 0 of image 1
    assert np.array_equal(execute(nest, first_step, inputs, weights).outputs, expected)
