"""JSON of a run as plain data: which numbers are refused, which are below zero, what is told of them."""

from dataclasses import dataclass

import pytest

from simulator.errors import InputError, Problem
from simulator.result.json_parse import MAX_DIGITS, complaints, is_usual, negative, parse, shortened


def refused(text: str) -> Problem:
    with pytest.raises(InputError) as caught:
        parse(text, "f")
    (problem,) = caught.value.problems
    assert problem.file == "f"
    return problem


@pytest.mark.parametrize("text", ["", "0", '{"a": [1, 2.5, "Inf", "Ex"], "b": 123456789}', "9" * 29, "E", "e0", "é"])
def test_numbers_of_a_text_without_sign_exponent_and_end_of_digits_are_usual(text: str) -> None:
    assert is_usual(text)


@pytest.mark.parametrize("text", ["-1", "a-b", "NaN", "Infinity", "1" * 30, "90" * 15, "1e5", "2E5", "é9e"])
def test_all_others_are_looked_at(text: str) -> None:
    assert not is_usual(text)


@pytest.mark.parametrize(
    ("text", "signed"), [("5", False), ("-5", True), ("0.5", False), ("-0.5", True), ('"-"', False)]
)
def test_a_sign_of_any_number_is_told(text: str, signed: bool) -> None:
    assert parse(text, None) == (float(text) if text[-1] != '"' else "-", signed)
    assert parse(f"[{text}, 1, 2.5]", None)[1] == parse(f"[1, 2.5, {text}]", None)[1] == signed


def test_numbers_keep_their_type_and_all_their_digits() -> None:
    data, signed = parse('{"a": [1, 1.0, 1e3, true, null]}', None)
    assert repr(data) == "{'a': [1, 1.0, 1000.0, True, None]}" and signed is False
    longest = "9" * MAX_DIGITS
    assert MAX_DIGITS == 30 and parse(longest, None) == (int(longest), False)


def test_numbers_that_are_none_are_refused_by_name() -> None:
    assert refused("[NaN]").message == "NaN is not a number of a run"
    assert refused("-Infinity").message == "-Infinity is not a number of a run"
    assert refused("1e999").message == "1e999 is not a number of a run"
    assert refused("1" * 31).message == f"{'1' * 31} is not a number of a run"
    assert refused("2" * 5000).message == f"{'2' * 40} is not a number of a run"


def test_what_is_no_json_is_told_with_its_place() -> None:
    problem = refused('{"a":\n  ]')
    assert (problem.message, problem.line, problem.column) == ("not JSON: Expecting value", 2, 3)
    assert refused("[" * 100_000).message == "nested too deeply"


def test_numbers_below_zero_are_told_by_their_paths() -> None:
    data = {"a": [0, -1, {"b": -0.5}], "c": "-", "d": -3, "e": None, "f": 0.0, "g": [2, 0.5]}
    found = list(negative("x", data, "f"))
    assert sorted((each.path, each.got) for each in found) == [("x.a.1", "-1"), ("x.a.2.b", "-0.5"), ("x.d", "-3")]
    assert {(each.message, each.file, each.expected) for each in found} == {("out of range", "f", "0 or more")}
    assert list(negative("x", -2, None)) == [Problem("out of range", path="x", expected="0 or more", got="-2")]


def test_what_a_model_has_against_data_is_told_by_the_path_in_the_file() -> None:
    from pydantic import TypeAdapter, ValidationError

    @dataclass
    class Item:
        a: list[int]

    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Item).validate_python({"a": [1, "x" * 90]})
    (problem,) = complaints(caught.value, "f", "layers", 3)
    assert problem.path == "layers.3.a.1" and problem.file == "f" and problem.got == f"'{'x' * 76}..."
    assert problem.message.startswith("Input should be a valid integer")
    assert [each.path for each in complaints(caught.value, None)] == ["a.1"]


def test_a_value_is_written_whole_up_to_eighty_characters() -> None:
    assert shortened("x" * 78) == f"'{'x' * 78}'" and shortened(3) == "3"
    assert shortened("x" * 79) == f"'{'x' * 76}..." and len(shortened("x" * 200)) == 80
