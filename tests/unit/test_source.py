from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import InputError, Problem
from simulator.source import load_yaml, parse_yaml
from simulator.source.locate import bundled, locate


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "x.yaml")
    return caught.value.problems


def test_scalars_follow_the_core_schema_of_yaml_1_2():
    text = "{a: 12, b: 012, c: -1.5, d: 1e3, e: true, f: ~, g: yes, h: '12', i: 12:30, j: 0x10, k: 2017-01-01}"
    assert parse_yaml(text).data == {
        "a": 12,
        "b": 12,
        "c": -1.5,
        "d": 1000.0,
        "e": True,
        "f": None,
        "g": "yes",
        "h": "12",
        "i": "12:30",
        "j": "0x10",
        "k": "2017-01-01",
    }


def test_keys_are_text_whatever_they_look_like():
    assert parse_yaml("1: a\ntrue: b\n").data == {"1": "a", "true": "b"}


def test_every_value_and_key_remembers_its_place():
    document = parse_yaml("a:\n  - b: 1\n  - b: 22\n    c: x\n")
    assert (document.place("a.1.c").line, document.place("a.1.c").column) == (4, 8)
    assert (document.place("a.1.c", of_key=True).line, document.place("a.1.c", of_key=True).column) == (4, 5)
    assert document.place(("a", 0, "b")).line == 2


def test_what_is_not_there_stands_where_its_parent_begins():
    document = parse_yaml("a:\n  b:\n    c: 1\n")
    assert document.place("a.b.missing").line == 3
    assert document.place("nothing.at.all").line == 1


def test_a_value_is_found_by_its_path():
    document = parse_yaml("a: [{b: 1}]\n")
    assert document.get("a.0.b") == 1
    assert document.get(("a", 0)) == {"b": 1}
    assert document.get("a.7.b") is None
    assert document.get("a.x") is None
    assert document.get("a.0.b.c") is None


def test_an_alias_repeats_the_value_it_names():
    assert parse_yaml("a: &x [1]\nb: *x\n").data == {"a": [1], "b": [1]}


def test_a_problem_of_a_document_knows_file_place_and_path():
    problem = parse_yaml("a:\n  b: 1\n", "x.yaml").problem("a.b", "wrong", expected="more", got="1", suggestion="2")
    assert problem == Problem("wrong", "x.yaml", 2, 6, "a.b", "more", "1", "2")


def test_a_duplicate_key_says_where_it_was_first():
    (problem,) = problems_of("a: 1\nb: 2\na: 3\n")
    assert (problem.line, problem.path) == (3, "a")
    assert "line 1" in problem.message


def test_all_duplicate_keys_and_bad_numbers_are_reported_at_once():
    assert [problem.line for problem in problems_of("a: 1\na: 2\nb: .nan\nc: -.inf\nd: 1e999\n")] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a mapping"),
        ("- 1\n", "not a mapping"),
        ("just text", "not a mapping"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("a: 'open", "not valid YAML"),
        ("a: [1, 2", "not valid YAML"),
        ("a: 1\n b: 2\n", "not valid YAML"),
        ("a: *unknown", "not valid YAML"),
        ("a: \x00", "not valid YAML"),
        ("\ud800: 1", "not a text file"),
        ("a: " + "9" * 5000, "not a usable number"),
        ("a: .inf", "not a usable number"),
        ("? [1, 2]\n: 3\n", "not a key"),
        ("a: !!python/object/apply:os.system [ls]", "tags are not allowed"),
        ("a: !mine 3", "tags are not allowed"),
        ("a: " + "[" * 100_000, "the file holds too much"),
        ("{" * 40, "the file holds too much"),
        ("a: &a [*a]", "the file holds too much"),
        ("a: [" + "1," * 100_001 + "]", "the file holds too much"),
    ],
)
def test_text_that_cannot_be_used_is_one_problem_with_its_place(text: str, message: str):
    (problem,) = problems_of(text)
    assert problem.message.startswith(message)
    assert problem.file == "x.yaml"
    assert problem.line is not None and 1 <= problem.line <= text.count("\n") + 1
    assert problem.expected


def test_aliases_cannot_multiply_a_small_file_into_a_large_one():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    (problem,) = problems_of("\n".join(lines))
    assert problem.expected == "at most 100000 values"


def test_a_tab_in_the_indentation_is_named():
    (problem,) = problems_of("a:\n\tb: 1\n")
    assert (problem.line, problem.column) == (2, 1)
    assert problem.expected == "spaces, not tabs"


def test_a_file_that_is_not_utf8_says_which_byte(tmp_path: Path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(InputError) as caught:
        load_yaml(path)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.column, problem.got) == (str(path), 2, 4, "byte 0xff")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert load_yaml(path).data == {"a": 1}


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path):
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\n" + "# filler\n" * 120_000)
    with pytest.raises(InputError, match="too large"):
        load_yaml(path)


@pytest.mark.parametrize("name", ["absent.yaml", ".", "a\x00b", "x" * 5000])
def test_a_file_that_cannot_be_read_is_an_input_error(tmp_path: Path, name: str):
    with pytest.raises(InputError, match="cannot read"):
        load_yaml(tmp_path / name)


@given(st.text(max_size=200))
def test_any_text_either_parses_or_is_an_input_error(text: str):
    try:
        assert isinstance(parse_yaml(text).data, dict)
    except InputError as error:
        assert all(problem.line and problem.file for problem in error.problems)


def test_a_bundled_file_is_found_with_and_without_suffix():
    assert locate("eyeriss_chip", "", "machine") == locate("eyeriss_chip.yaml", "", "machine")
    assert locate("eyeriss_relative", "energy", "energy table").stem == "eyeriss_relative"


def test_a_file_that_exists_comes_before_a_bundled_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("eyeriss_chip.yaml").write_text("name: mine\n")
    Path("eyeriss_chip").mkdir()
    assert locate("eyeriss_chip.yaml", "", "machine") == Path("eyeriss_chip.yaml")
    assert locate("eyeriss_chip", "", "machine") == bundled()["eyeriss_chip"]


@pytest.mark.parametrize("spec", ["eyeris_chip", "eyeris_chip.yaml", "somewhere/eyeris_chip.yaml"])
def test_a_name_that_is_not_known_suggests_the_nearest(spec: str):
    with pytest.raises(InputError) as caught:
        locate(spec, "", "machine")
    (problem,) = caught.value.problems
    assert problem.suggestion == "eyeriss_chip"
    assert "flexible_168" in str(problem.expected)


@pytest.mark.parametrize("spec", ["", "a\x00b", "x" * 5000, "/", "..", "*"])
def test_any_other_name_is_an_input_error(spec: str):
    with pytest.raises(InputError, match="no machine of this name"):
        locate(spec, "", "machine")
