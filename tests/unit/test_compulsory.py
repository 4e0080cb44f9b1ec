"""What words at the array cost at least, worked out by hand."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from simulator.cost.compulsory import ArrayEnergy, delivery_cycles, distinct_words
from simulator.cost.search import figures_of
from simulator.cost.spatial import every_spatial_mapping, spatial_mappings
from simulator.hardware.load import load_hardware
from simulator.mapping.dataflow import load_dataflow
from simulator.mapping.mapping import ONES
from simulator.nest import Dim, LoopNest, Operand

CHIP = load_hardware("flexible_168")
FLOW = replace(load_dataflow("weight_stationary"), rows=(Dim.K,), columns=(Dim.P,), registers=(Dim.C,))
NEST = LoopNest((1, 1, 4, 3, 2, 2, 1, 1), input_size=(2, 2))
"""48 MACs of 12 inputs, 12 weights, 16 outputs."""
WINDOWS = LoopNest((1, 1, 2, 1, 4, 1, 3, 1), input_size=(6, 1))
PRICES = ((2, 3, 5), (7, 11, 13), (17, 19, 23))
"""Of a word of inputs, weights and outputs in the memory, on the network, in the registers."""


def bounds(**dims: int) -> np.ndarray:
    """One spatial mapping's bounds."""
    return np.array([[dims.get(d.name, 1) for d in Dim]])


def test_distinct_words_are_those_that_windows_touch_or_the_lowered_matrix_has() -> None:
    assert [distinct_words(NEST, operand) for operand in Operand] == [12, 12, 16]
    assert [distinct_words(WINDOWS, operand) for operand in Operand] == [6, 6, 8]
    assert distinct_words(WINDOWS, Operand.INPUTS, lowered=True) == 12


def test_all_operands_but_the_dearest_come_anew_at_every_step() -> None:
    """Two filters and three channels at a step: a word of inputs serves 2 MACs, one of weights 1, of outputs 3. So 24
    inputs come, over the network to 48 registers; 16 outputs leave; of weights, which stay, each comes once.
    """  # fmt: skip
    energy = ArrayEnergy(CHIP, NEST, PRICES, FLOW)
    inputs, weights = 24 * 2 + 48 * (7 + 17), 12 * (3 + 11 + 19)
    assert energy.of(bounds(K=2), bounds(C=3)) == pytest.approx([inputs + weights + 16 * (5 + 13)])
    assert energy.of_any(bounds(K=2), bounds(C=3)) == pytest.approx(inputs + weights + 16 * (5 + 13))


def test_sums_that_are_not_complete_come_back_to_be_added_to() -> None:
    """A channel at a time: 48 sums leave, and but for the first time of 16 outputs come back. Inputs, whose words serve
    four filters, come once; weights, the dearest, too.
    """  # fmt: skip
    energy = ArrayEnergy(CHIP, NEST, PRICES, FLOW).of(bounds(K=4), bounds())
    inputs, weights = 12 * 2 + 48 * (7 + 17), 48 * (3 + 11 + 19)
    sums = 48 * (5 + 13) + 32 * (5 + 13)
    stay = max(inputs - 12 * (2 + 7 + 17), weights - 12 * (3 + 11 + 19), sums - 16 * (5 + 13))
    assert energy == pytest.approx([inputs + weights + sums - stay])


def test_a_word_of_inputs_may_serve_every_tap_while_windows_slide_but_not_once_lowered() -> None:
    def inputs_alone(lowered: bool) -> float:
        prices = ((1, 0, 0), (0, 0, 0), (0, 0, 0))
        flow = replace(FLOW, lowered=lowered, stationary=None)
        energy = ArrayEnergy(CHIP, replace(WINDOWS, bounds=(1, 1, 2, 1, 40, 1, 3, 1)), prices, flow)
        return float(energy.energy(*uses_of(energy))[0])

    def uses_of(energy: ArrayEnergy):
        one = {o: np.ones(1) * energy.taps(o) for o in Operand}
        return one | {Operand.WEIGHTS: np.ones(1), Operand.OUTPUTS: np.ones(1)}, one

    assert inputs_alone(lowered=False) == pytest.approx(42) and inputs_alone(lowered=True) == pytest.approx(120)


def test_spatial_mappings_of_a_dataflow_may_unroll_taps_in_any_way() -> None:
    """What any costs is no more than what one costs, and the same where no taps are unrolled."""
    along = replace(FLOW, rows=(Dim.R,), registers=())
    energy = ArrayEnergy(CHIP, WINDOWS, PRICES, along)
    one, any_of_them = energy.of(bounds(R=1), bounds())[0], energy.of_any(bounds(R=1), bounds())
    assert any_of_them == pytest.approx(energy.of(bounds(R=3), bounds())[0]) and any_of_them < one


def test_nothing_is_said_of_several_levels_or_of_operands_that_no_memory_holds() -> None:
    chip = load_hardware("timeloop_simple_weight_stationary")
    assert len(chip.level_names) > 1
    assert ArrayEnergy(chip, NEST, PRICES, FLOW).of_any(bounds(), bounds()) == 0
    bare = replace(CHIP, buffers=(replace(CHIP.buffers[0], holds=(Operand.INPUTS, Operand.OUTPUTS)),))
    assert ArrayEnergy(bare, NEST, PRICES, FLOW).of(bounds(), bounds()).tolist() == [0]


def test_words_take_the_cycles_of_their_network_or_of_the_memory_that_is_read() -> None:
    array = replace(CHIP.array, delivery=tuple(replace(d, words_per_cycle=2) for d in CHIP.array.delivery))
    chip = replace(CHIP, array=array, buffers=(replace(CHIP.buffers[0], read_bytes_per_cycle=None),))
    assert delivery_cycles(chip, NEST, lowered=False) == 8
    slow = replace(chip, buffers=(replace(chip.buffers[0], read_bytes_per_cycle=1),))
    assert delivery_cycles(slow, NEST, lowered=False) == (12 * CHIP.input_bits + 12 * CHIP.weight_bits) // 8


@pytest.mark.parametrize("dataflow", CHIP.dataflow_names)
@pytest.mark.parametrize(
    "bounds",
    [
        (1, 1, 64, 3, 109, 109, 7, 7),
        (1, 1, 50, 37, 13, 11, 3, 1),
        (2, 12, 1, 1, 23, 17, 3, 3),
        (1, 1, 19, 10, 1, 1, 1, 1),
    ],
)
def test_no_spatial_mapping_costs_less_than_what_any_does(bounds: tuple[int, ...], dataflow: str) -> None:
    """Bounds between those that are listed take as many steps as the least of their kind."""
    size = (2 * bounds[4] + bounds[6] - 2, 2 * bounds[5] + bounds[7] - 2)
    nest, flow = LoopNest(bounds, (2, 2), input_size=size), load_dataflow(dataflow)
    energy = ArrayEnergy(CHIP, nest, PRICES, flow)
    listed = list(spatial_mappings(flow, nest, CHIP.array))
    listed += [replace(each, registers=ONES) for each in listed]
    every = list(islice(every_spatial_mapping(flow, nest, CHIP.array), 20_000))
    least = energy.of(*figures_of(every, "spatial", "registers")).min()
    assert energy.of_any(*figures_of(listed, "spatial", "registers")) <= least * (1 + 1e-12)
