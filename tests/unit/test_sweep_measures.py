"""Fronts, hypervolumes and effects of axes, on points drawn by hypothesis."""

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.drive.sweep.effects import means_by_choice
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


@given(st.lists(st.tuples(st.floats(1, 1e6), st.integers(0, 2)), min_size=1))
def test_effects_of_choices_balance_over_all_points(drawn: list[tuple[float, int]]) -> None:
    values, places = [value for value, _ in drawn], [place for _, place in drawn]
    means = means_by_choice(values, places)
    assert prod(means[place] ** (1 / len(places)) for place in places) == pytest.approx(1)
