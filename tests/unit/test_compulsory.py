"""What words at the array cost at least, worked out by hand."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from simulator.cost.compulsory import ArrayEnergy, delivery_cycles, distinct_words
from simulator.cost.search import figures_of
from simulator.cost.spatial import every_spatial_mapping
from simulator.hardware.load import load_hardware
from simulator.mapping.dataflow import load_dataflow
from simulator.nest import Dim, LoopNest, Operand

CHIP = load_hardware("flexible_168")
FLOW = replace(load_dataflow("weight_stationary"), rows=(Dim.K,), columns=(Dim.P,), registers=(Dim.C,))
NEST = LoopNest((1, 1, 4, 3, 2, 2, 1, 1), input_size=(2, 2))
"""48 MACs of 12 inputs, 12 weights, 16 outputs."""
WINDOWS = LoopNest((1, 1, 2, 1, 4, 1, 3, 1), input_size=(6, 1))
PRICES = ((2, 3, 5), (7, 11, 13), (17, 19, 23))
"""Of a word of inputs, weights and outputs in the memory, on the network, in the registers."""
Prices = tuple[tuple[float, float, float], ...]


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


def test_registers_hold_so_many_of_one_dimension_as_they_leave_room_for_of_the_others() -> None:
    """Of 6 words of weights: all channels of two filters, or of more filters fewer."""
    small = replace(CHIP, array=replace(CHIP.array, registers_words=(1, 6, 1)))
    flow = replace(FLOW, registers=(Dim.K, Dim.C), stationary=Operand.WEIGHTS)
    assert ArrayEnergy(small, NEST, PRICES, flow).most_held() == [(1, 1, 3), (2, 1, 3), (3, 1, 2), (4, 1, 1)]
    pixels = replace(FLOW, registers=(Dim.K, Dim.P), stationary=Operand.OUTPUTS)
    outputs = replace(CHIP, array=replace(CHIP.array, registers_words=(1, 1, 6)))
    assert ArrayEnergy(outputs, NEST, PRICES, pixels).most_held() == [(1, 2, 1), (2, 2, 1), (3, 2, 1), (4, 1, 1)]
    assert ArrayEnergy(CHIP, NEST, PRICES, replace(flow, stationary=None)).most_held() == [(4, 1, 3)]


def test_nothing_is_said_of_several_levels_or_of_operands_that_no_memory_holds() -> None:
    chip = load_hardware("timeloop_simple_weight_stationary")
    assert len(chip.level_names) > 1
    assert ArrayEnergy(chip, NEST, PRICES, FLOW).of_any == 0
    bare = replace(CHIP, buffers=(replace(CHIP.buffers[0], holds=(Operand.INPUTS, Operand.OUTPUTS)),))
    assert ArrayEnergy(bare, NEST, PRICES, FLOW).of(bounds(), bounds()).tolist() == [0]


def test_words_take_the_cycles_of_their_network_or_of_the_memory_that_is_read() -> None:
    array = replace(CHIP.array, delivery=tuple(replace(d, words_per_cycle=2) for d in CHIP.array.delivery))
    chip = replace(CHIP, array=array, buffers=(replace(CHIP.buffers[0], read_bytes_per_cycle=None),))
    assert delivery_cycles(chip, NEST, lowered=False) == 8
    slow = replace(chip, buffers=(replace(chip.buffers[0], read_bytes_per_cycle=1),))
    assert delivery_cycles(slow, NEST, lowered=False) == (12 * CHIP.input_bits + 12 * CHIP.weight_bits) // 8


OWN_PRICES = ((6, 6, 6), (2, 2, 2), (1, 0.74, 0.74))
NESTS = [
    LoopNest((1, 1, 64, 3, 29, 29, 7, 7), (2, 2), input_size=(63, 63)),
    LoopNest((1, 1, 50, 37, 13, 11, 3, 1), input_size=(15, 11)),
    LoopNest((2, 12, 1, 1, 23, 17, 3, 3), (2, 2), input_size=(47, 35)),
    LoopNest((1, 1, 190, 10, 1, 1, 1, 1), input_size=(1, 1)),
]


@pytest.mark.parametrize("prices", [PRICES, OWN_PRICES, ((1, 1, 50), (1, 1, 9), (1, 1, 1))])
@pytest.mark.parametrize("nest", NESTS)
@pytest.mark.parametrize("dataflow", CHIP.dataflow_names)
def test_no_spatial_mapping_costs_less_than_what_any_does(dataflow: str, nest: LoopNest, prices: Prices) -> None:
    energy, flow = ArrayEnergy(CHIP, nest, prices, load_dataflow(dataflow)), load_dataflow(dataflow)
    every = list(islice(every_spatial_mapping(flow, nest, CHIP.array), 20_000))
    least = float(energy.of(*figures_of(every, "spatial", "registers")).min())
    assert least * 0.4 <= energy.of_any <= least * (1 + 1e-12)
