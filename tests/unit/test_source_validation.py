from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, Field, ValidationInfo

from simulator.errors import InputError, Problem
from simulator.source import Rejected, parse_yaml, validate
from simulator.source.fields import Written


def even(number: int) -> int:
    if number % 2:
        raise Rejected("odd", "an even number", str(number + 1))
    return number


def known(name: str, info: ValidationInfo) -> str:
    assert info.context is not None
    if name not in info.context["names"]:
        raise Rejected("unknown name")
    return name


def sorted_numbers(numbers: list[int]) -> list[int]:
    for i in range(1, len(numbers)):
        if numbers[i] < numbers[i - 1]:
            raise Rejected("out of order", "a larger number", path=(i,))
    return numbers


class Part(Written):
    size: Annotated[int, Field(ge=1), AfterValidator(even)] = 2
    kind: Literal["round", "square"] = "round"


class Whole(Written):
    name: Annotated[str, AfterValidator(known)]
    parts: list[Part] = Field(default_factory=list)
    named: dict[str, Part] = Field(default_factory=dict)
    either: int | list[int] = 0
    rising: Annotated[list[int], AfterValidator(sorted_numbers)] = Field(default_factory=list)
    hidden: bool = False


CONTEXT = {"names": ["a"]}


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        validate(parse_yaml(text, "x.yaml"), Whole, CONTEXT)
    return caught.value.problems


def test_a_document_that_is_right_becomes_the_model():
    whole = validate(parse_yaml("name: a\nparts: [{size: 4}]\nnamed: {x: {kind: square}}\n"), Whole, CONTEXT)
    assert whole.parts[0].size == 4
    assert whole.named["x"].kind == "square"


def test_all_problems_come_in_the_order_of_the_file():
    problems = problems_of("parts:\n  - size: 0\n    kind: cube\n  - sise: 2\nname: b\nhidden: yes\n")
    assert [(problem.line, problem.path) for problem in problems] == [
        (2, "parts.0.size"),
        (3, "parts.0.kind"),
        (4, "parts.1.sise"),
        (5, "name"),
        (6, "hidden"),
    ]


def test_an_unknown_key_in_a_list_or_mapping_suggests_a_key_of_that_place():
    first, second = problems_of("name: a\nparts: [{sise: 1}]\nnamed:\n  x: {kid: round}\n")
    assert (first.suggestion, first.expected) == ("size", "one of kind, size")
    assert (second.path, second.line, second.column, second.suggestion) == ("named.x.kid", 4, 7, "kind")


def test_a_misspelled_key_is_one_problem_not_a_missing_one_as_well():
    (problem,) = problems_of("nam: a\n")
    assert (problem.message, problem.suggestion) == ("unknown key", "name")


def test_a_missing_key_stands_where_its_mapping_begins():
    (problem,) = problems_of("parts: []\n")
    assert (problem.message, problem.path, problem.line) == ("missing key", "name", 1)
    assert problem.expected == "a value for `name`"


def test_a_choice_suggests_the_nearest():
    (problem,) = problems_of("name: a\nparts: [{kind: sqare}]\n")
    assert (problem.suggestion, problem.got) == ("square", '"sqare"')
    assert problem.expected == "'round' or 'square'"


def test_a_validator_says_what_it_wants():
    (problem,) = problems_of("name: a\nparts: [{size: 3}]\n")
    assert (problem.message, problem.expected, problem.got, problem.suggestion) == ("odd", "an even number", "3", "4")


def test_a_validator_may_point_into_its_value():
    (problem,) = problems_of("name: a\nrising:\n  - 1\n  - 5\n  - 3\n")
    assert (problem.path, problem.line, problem.got) == ("rising.2", 5, "3")


def test_a_union_is_one_problem_that_names_each_way_out():
    (problem,) = problems_of("name: a\neither: x\n")
    assert problem.path == "either"
    assert problem.expected == "a whole number, or a list"


@pytest.mark.parametrize(
    ("value", "expected", "got"),
    [
        ("parts: 3", "a list", "3"),
        ("parts: [3]", "a mapping (lines of `key: value`)", "3"),
        ("parts:", "a list", "nothing"),
        ("named: []", "a mapping (lines of `key: value`)", "a list of 0"),
        ("hidden: {a: 1}", "true or false", "a mapping of a"),
        ("rising: [a]", "a whole number", '"a"'),
        ("rising: [1.5]", "a whole number", "1.5"),
        ("rising: [true]", "a whole number", "true"),
        (f"hidden: {'x' * 500}", "true or false", '"' + "x" * 56 + "..."),
    ],
)
def test_a_wrong_type_is_named_in_plain_words(value: str, expected: str, got: str):
    (problem,) = problems_of(f"name: a\n{value}\n")
    assert (problem.expected, problem.got) == (expected, got)
