from pathlib import Path

import pytest

from simulator.errors import InputError, Problem, nearest
from simulator.source.files import write_atomically


def test_a_problem_shows_its_place_then_what_was_expected_and_what_may_have_been_meant():
    problem = Problem("unknown key", "a.yaml", 3, 5, "array.row", "one of columns, rows", "row", "rows")
    assert problem.render().splitlines() == [
        "a.yaml:3:5: array.row: unknown key",
        "  expected: one of columns, rows",
        "  got: row",
        '  did you mean "rows"?',
    ]


def test_a_problem_without_a_place_is_its_message():
    assert Problem("no network given").render() == "no network given"


def test_an_input_error_shows_every_problem():
    error = InputError(Problem("first", "a.yaml", 1), Problem("second", "a.yaml", 2), "third")
    assert str(error) == error.render() == "a.yaml:1: first\na.yaml:2: second\nthird"
    assert [problem.message for problem in error.problems] == ["first", "second", "third"]


def test_an_input_error_without_problems_is_a_mistake_in_the_code():
    with pytest.raises(ValueError, match="at least one"):
        InputError()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("row_stationery", "row_stationary"),
        ("Row Stationary", "row_stationary"),
        ("ROW-STATIONARY", "row_stationary"),
        ("weigth_stationary", "weight_stationary"),
        ("xyz", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_the_one_meant(name: str, meant: str | None):
    assert nearest(name, ["row_stationary", "weight_stationary"]) == meant


def test_a_file_is_written_whole_and_nothing_else_is_left(tmp_path: Path):
    target = tmp_path / "new" / "run.json"
    write_atomically(target, "première\n")
    write_atomically(target, "second\n")
    assert target.read_bytes() == b"second\n"
    assert list(target.parent.iterdir()) == [target]


def test_a_failed_write_leaves_the_old_file_as_it_was(tmp_path: Path):
    target = tmp_path / "run.json"
    write_atomically(target, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(target, "half of it \ud800")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_rewritten_file_keeps_its_permissions(tmp_path: Path):
    target = tmp_path / "run.json"
    write_atomically(target, "old")
    target.chmod(0o640)
    write_atomically(target, "new")
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_place_that_cannot_be_written_is_an_input_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for target in (tmp_path, tmp_path / "file" / "run.json"):
        with pytest.raises(InputError, match="cannot write") as caught:
            write_atomically(target, "text")
        assert caught.value.problems[0].file == str(target)
