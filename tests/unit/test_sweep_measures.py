"""Fronts, hypervolumes and effects of axes, on points drawn by hypothesis."""

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.drive.sweep.effects import factors_by_choice
from analysis.drive.sweep.measures import undominated
from analysis.drive.sweep.searched import hypervolume

GRID = 4
points = st.lists(st.tuples(*[st.integers(0, GRID - 1)] * 3), min_size=1, max_size=12)


def beats(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether nothing of the other is less, equal ones among them."""
    return all(a <= b for a, b in zip(one, other, strict=True))


@given(points)
def test_a_front_is_what_no_other_point_beats(costs: list[tuple[int, ...]]) -> None:
    front = {costs[i] for i in undominated(costs)}
    beaten = {one for one in costs if any(other != one and beats(other, one) for other in costs)}
    assert front == set(costs) - beaten
    assert len(undominated(costs)) == len(front)


@given(points)
def test_a_hypervolume_is_the_share_of_cells_that_a_point_beats(costs: list[tuple[int, ...]]) -> None:
    cells = [(x, y, z) for x in range(GRID) for y in range(GRID) for z in range(GRID)]
    beaten = sum(any(beats(one, at) for one in costs) for at in cells)
    scaled = [tuple(value / GRID for value in cost) for cost in costs]
    assert hypervolume(scaled) == pytest.approx(beaten / len(cells))


@given(st.lists(st.tuples(st.floats(1, 1e6), st.integers(0, 2), st.integers(0, 3)), min_size=1))
def test_effects_of_choices_balance_over_all_points(drawn: list[tuple[float, int, int]]) -> None:
    values, *places = (list(column) for column in zip(*drawn, strict=True))
    for own, factors in zip(places, factors_by_choice(values, places), strict=True):
        assert factors.keys() == set(own)
        assert prod(factors[place] ** (1 / len(own)) for place in own) == pytest.approx(1)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1), st.permutations([1.0, 2.0, 5.0]))
def test_an_axis_that_does_nothing_has_no_effect_in_samples_either(
    drawn: list[tuple[int, int]], costs: list[float]
) -> None:
    samples = [*drawn, *((place, 0) for place in range(3)), *((0, place) for place in range(4))]
    moves, idle = factors_by_choice(
        [costs[place] for place, _ in samples], [[place for place, _ in samples], [place for _, place in samples]]
    )
    assert list(idle.values()) == pytest.approx([1.0] * 4)
    assert moves[1] / moves[0] == pytest.approx(costs[1] / costs[0])


def test_effects_over_all_combinations_are_means_of_each_choice() -> None:
    first, second = factors_by_choice([1, 4, 2, 8], [[0, 0, 1, 1], [0, 1, 0, 1]])
    assert [first[0], first[1]] == pytest.approx([0.5**0.5, 2**0.5])
    assert [second[0], second[1]] == pytest.approx([0.5, 2.0])
