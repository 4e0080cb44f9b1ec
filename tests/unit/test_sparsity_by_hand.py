"""What zeros save, against all patterns of zeros one by one and small sums by hand."""

from dataclasses import replace
from itertools import product

import pytest

from simulator.cost.case import FIXED_POINT
from simulator.cost.sparsity import (
    compression_ratio,
    geometric_run,
    mac_share,
    skip_ratio,
    skip_steps,
    skips_zeros,
    winograd_ratio,
    word_bits,
    zero_fractions,
)
from simulator.hardware.load import load_hardware
from simulator.hardware.model import Hardware, ZeroWeights
from simulator.mapping.dataflow import load_dataflow
from simulator.nest import LoopNest, Operand
from tests.oracle.strategies import layer_of

NEST = LoopNest((1, 1, 2, 2, 4, 4, 3, 3), input_size=(6, 6))
LAYER = layer_of(NEST)
ROWS = load_dataflow("row_stationary")


def machine(window: int = 3, gates: bool = False, **dram: object) -> Hardware:
    """A machine of 16-, 8-, 12- and 20-bit words, a quarter of whose inputs and a half of whose weights are zero."""
    chip = load_hardware("flexible_168")
    array = replace(
        chip.array, zero_weights=ZeroWeights(0.5, window), zero_inputs_fraction=0.25, gates_zero_inputs=gates
    )
    return replace(
        chip, array=array, dram=replace(chip.dram, **dram), input_bits=16, weight_bits=8, output_bits=12,
        partial_sum_bits=20, energy=replace(chip.energy, gated_mac_fraction=0.6),
    )  # fmt: skip


def cycles(zeros: tuple[bool, ...], window: int) -> int:
    """Cycles of a front end that takes, of what is left, zeros up to the first weight that is none, or a window."""
    at = count = 0
    while at < len(zeros):
        seen = zeros[at : at + window]
        at += next((i + 1 for i, zero in enumerate(seen) if not zero), len(seen))
        count += 1
    return count


@pytest.mark.parametrize(("skipped", "share"), [((0,), 0.75), ((1,), 0.5), ((0, 1), 0.375)])
def test_pes_that_skip_zeros_by_themselves_execute_what_is_left(skipped: tuple[int, ...], share: float) -> None:
    chip = machine(gates=True)
    skips = replace(chip, array=replace(chip.array, skipped_in_pes=skipped))
    assert skip_ratio(skips, LAYER, NEST) == round(share * FIXED_POINT)
    assert skips_zeros(skips, ROWS, (2,) * 8)
    assert mac_share(skips, LAYER) == (1.0 if 0 in skipped else mac_share(chip, LAYER))


@pytest.mark.parametrize("window", [1, 2, 3, 7])
@pytest.mark.parametrize("weights", [0, 1, 2, 5])
@pytest.mark.parametrize("zero", [0.0, 0.3, 1.0])
def test_steps_are_expected_over_all_patterns_of_zeros(window: int, weights: int, zero: float) -> None:
    expected = 0.0
    for zeros in product((False, True), repeat=weights):
        chance = 1.0
        for is_zero in zeros:
            chance *= zero if is_zero else 1 - zero
        expected += chance * cycles(zeros, window)
    assert skip_steps(weights, zero, window) == pytest.approx(expected)


@pytest.mark.parametrize(("zero", "limit", "run"), [(0.0, 4, 1.0), (0.5, 1, 1.0), (0.5, 3, 1.75), (1.0, 4, 4.0)])
def test_a_run_ends_with_a_value_that_is_not_zero_or_at_its_limit(zero: float, limit: int, run: float) -> None:
    assert geometric_run(zero, limit) == run


def test_a_code_stores_run_and_word_for_the_elements_that_it_covers() -> None:
    """Of half zeros, a run of one zero at most covers 1.5 elements with 4 + 16 bits, of 24 raw ones."""
    coded = machine(run_length=(Operand.INPUTS, Operand.OUTPUTS), run_length_max=1, run_length_bits=4)
    assert compression_ratio(coded, Operand.INPUTS, 0.5) == pytest.approx(20 / 24)
    assert compression_ratio(coded, Operand.OUTPUTS, 0.5) == pytest.approx(16 / 18)
    assert compression_ratio(coded, Operand.WEIGHTS, 0.5) == 1.0
    assert compression_ratio(coded, Operand.INPUTS, 0.0) == 1.0
    assert compression_ratio(coded, Operand.INPUTS, 1.0) == pytest.approx(20 / 32)


def test_transformed_filters_take_more_words_where_they_fit_the_transform() -> None:
    transformed = machine(winograd=(2, 3))
    assert winograd_ratio(transformed, NEST) == pytest.approx((4 / 3) ** 2)
    assert winograd_ratio(machine(winograd=(4, 3)), NEST) == 4.0
    assert winograd_ratio(machine(winograd=(2, 5)), NEST) == 1.0
    assert winograd_ratio(machine(winograd=None), NEST) == 1.0
    for other in (
        replace(NEST, stride=(1, 2)),
        replace(NEST, stride=(2, 1)),
        replace(NEST, dilation=(2, 1)),
        replace(NEST, dilation=(1, 2)),
        replace(NEST, bounds=(1, 1, 2, 2, 4, 4, 3, 1)),
        replace(NEST, bounds=(1, 1, 2, 2, 4, 4, 1, 3)),
        replace(NEST, bounds=(1, 1, 2, 2, 4, 4, 2, 2)),
    ):
        assert winograd_ratio(transformed, other) == 1.0


def test_shares_of_zeros_are_the_layers_own_where_it_knows_them() -> None:
    assert word_bits(machine()) == (16, 8, 12, 20)
    assert zero_fractions(machine(), LAYER) == (0.25, 0.5, 0.25)
    known = replace(LAYER, zero_inputs_fraction=0.0, zero_weights_fraction=0.125, zero_outputs_fraction=0.75)
    assert zero_fractions(machine(), known) == (0.0, 0.125, 0.75)


def test_columns_of_zeros_are_left_out_and_others_skipped_within_a_filter() -> None:
    columns = replace(LAYER, zero_columns=True)
    assert skip_ratio(machine(), columns, NEST) == FIXED_POINT // 2
    assert skip_ratio(machine(), LAYER, NEST) == round(FIXED_POINT * skip_steps(9, 0.5, 3) / 9)
    row = replace(NEST, bounds=(1, 1, 2, 2, 4, 4, 1, 3))
    assert skip_ratio(machine(), LAYER, row) == round(FIXED_POINT * skip_steps(3, 0.5, 3) / 3)
    assert skip_ratio(machine(1), LAYER, NEST) == FIXED_POINT


def test_zeros_are_skipped_where_all_pes_have_the_same_weight() -> None:
    spread = {d: tuple(2 if at == d else 1 for at in range(8)) for d in range(8)}
    shared = [d for d in range(8) if skips_zeros(machine(2), ROWS, spread[d])]
    assert shared == [0, 4, 5]  # samples and pixels
    assert not skips_zeros(machine(1), ROWS, (1,) * 8)
    assert not skips_zeros(machine(2), replace(ROWS, lowered=True), (1,) * 8)


def test_a_gated_mac_takes_a_part_of_a_full_one() -> None:
    assert mac_share(machine(), LAYER) == 1.0
    assert mac_share(machine(gates=True), LAYER) == pytest.approx(1 - 0.25 * 0.4)
    assert mac_share(machine(gates=True), replace(LAYER, zero_inputs_fraction=1.0)) == pytest.approx(0.6)
