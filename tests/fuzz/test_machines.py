"""Broken machine files: each is reported with file, line, path and expectation, and nothing else is ever raised."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import InputError, Problem
from simulator.hardware.load import read_hardware
from simulator.source import parse_yaml
from simulator.source.paths import data_dir
from tests.fuzz.places import changed, leaf, walk

TEXT = (data_dir() / "eyeriss_chip.yaml").read_text()
DATA = yaml.safe_load(TEXT)
OPTIONAL = {
    "array.delivery.inputs.preload",
    "array.delivery.outputs.directions",
    "array.delivery.outputs.initial_sums",
    "array.delivery.outputs.reduce_along",
    "array.delivery.weights.preload",
    "array.zero",
    "array.zero.inputs",
    "array.zero.inputs.gate",
    "buffers.0.banks",
    "buffers.0.double_buffered",
    "buffers.0.streams",
    "buffers.1.banks",
    "buffers.1.double_buffered",
    "buffers.1.streams",
    "process",
    "process.node",
    "process.voltage",
    "dram.compression",
    "dram.layout",
    "dram.layout.activations",
    "dram.compression.run_length",
    "folds",
    "fuses",
    "layers",
    "layers.configuration_cycles",
    "layers.keep_activations",
    "layers.order",
}
QUANTITIES = ("clock", "buffers.0.capacity", "buffers.1.capacity", "dram.bandwidth", "dram.burst", "process.node")
NAMES = {
    "array.delivery.inputs.network": "multicast",
    "array.delivery.outputs.directions": "concurrent",
    "array.delivery.outputs.reduce_along": "rows",
    "array.delivery.weights.preload": "exposed",
    "buffers.0.holds.0": "inputs",
    "dataflows.0": "row_stationary",
    "dram.compression.run_length.operands.1": "outputs",
    "energy": "cmos",
    "folds.0": "concat",
    "fuses.0": "activation",
    "layers.order": "serial",
}


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        read_hardware(parse_yaml(text, "x.yaml"))
    lines = text.count("\n") + 1
    for problem in caught.value.problems:
        assert problem.file == "x.yaml"
        assert problem.line is not None and 1 <= problem.line <= lines
        assert problem.column is not None and problem.column >= 1
        assert problem.expected
    return caught.value.problems


PATHS = list(walk(DATA))
KEYS = [path for path in PATHS if not path.rpartition(".")[2].isdecimal()]
LEAVES = [path for path in PATHS if not isinstance(leaf(DATA, path), dict | list)]
NUMBERS = [
    path for path in LEAVES if isinstance(leaf(DATA, path), int | float) and not isinstance(leaf(DATA, path), bool)
]


@pytest.mark.parametrize("path", [path for path in KEYS if path not in OPTIONAL])
def test_a_deleted_key_is_missed(path: str):
    (problem,) = problems_of(changed(TEXT, path, delete=True))
    assert (problem.message, problem.path) == ("missing key", path)


@pytest.mark.parametrize("path", sorted(OPTIONAL & set(KEYS)))
def test_an_optional_key_may_be_deleted(path: str):
    assert read_hardware(parse_yaml(changed(TEXT, path, delete=True))).name == "eyeriss_chip"


@pytest.mark.parametrize("path", KEYS)
def test_a_misspelled_key_is_found_on_its_line_and_the_right_one_suggested(path: str):
    parent, _, key = path.rpartition(".")
    wrong = key + key[-1]
    text = changed(TEXT, path, rename=wrong)
    (problem,) = problems_of(text)
    assert (problem.message, problem.suggestion) == ("unknown key", key)
    assert problem.path == (f"{parent}.{wrong}" if parent else wrong)
    assert text.splitlines()[problem.line - 1].strip().removeprefix("- ").startswith(f"{wrong}:")


@pytest.mark.parametrize("path", LEAVES)
@pytest.mark.parametrize("value", [[1], {"a": 1}, None], ids=["list", "mapping", "nothing"])
def test_a_value_of_the_wrong_type_is_refused(path: str, value: object):
    (problem,) = problems_of(changed(TEXT, path, value))
    assert problem.path == path
    assert problem.got


@pytest.mark.parametrize("path", NUMBERS)
@pytest.mark.parametrize("value", [-1, "many", True, 10**17], ids=str)
def test_a_number_out_of_its_range_or_no_number_is_refused(path: str, value: object):
    (problem,) = problems_of(changed(TEXT, path, value))
    assert problem.path == path
    assert problem.got


@pytest.mark.parametrize("path", QUANTITIES)
@pytest.mark.parametrize("value", [200, "200", "-200 MHz", "200 furlongs", "0 B", "0 MHz", "fast"], ids=str)
def test_a_quantity_without_a_proper_unit_is_refused(path: str, value: object):
    (problem,) = problems_of(changed(TEXT, path, value))
    assert problem.path == path


@pytest.mark.parametrize("path", QUANTITIES)
def test_a_unit_in_the_wrong_case_suggests_the_right_one(path: str):
    (problem,) = problems_of(changed(TEXT, path, str(leaf(DATA, path)).swapcase()))
    assert (problem.path, problem.suggestion) == (path, leaf(DATA, path))


@pytest.mark.parametrize("path", NAMES)
def test_a_misspelled_name_suggests_the_right_one(path: str):
    (problem,) = problems_of(changed(TEXT, path, NAMES[path][:-2] + NAMES[path][-1]))
    assert (problem.path, problem.suggestion) == (path, NAMES[path])


@pytest.mark.parametrize("line", range(1, TEXT.count("\n") + 1))
def test_a_line_given_twice_or_indented_wrongly_is_never_a_crash(line: int):
    lines = TEXT.splitlines()
    twice = [*lines[:line], lines[line - 1], *lines[line:]]
    deeper = [*lines[: line - 1], f"     {lines[line - 1]}", *lines[line:]]
    tabbed = [*lines[: line - 1], f"\t{lines[line - 1]}", *lines[line:]]
    outcomes = {outcome("\n".join(text)) for text in (twice, deeper, tabbed)}
    assert outcomes <= {"machine", "problems"}


@pytest.mark.parametrize("key", [key for key in DATA if f"\n{key}: " in TEXT])
def test_a_duplicate_key_is_refused(key: str):
    (problem,) = problems_of(f"{TEXT}{key}: 1\n")
    assert problem.path == key
    assert "duplicate" in problem.message
    assert problem.line == TEXT.count("\n") + 1


@given(st.data())
def test_text_changed_anywhere_is_a_machine_or_problems(data: st.DataObject):
    start = data.draw(st.integers(0, len(TEXT)))
    end = data.draw(st.integers(start, min(len(TEXT), start + 40)))
    put = data.draw(
        st.one_of(st.text(max_size=8), st.sampled_from(["{", "}", "[", "]", ": ", "- ", "\n", "#", "&a ", "*a"]))
    )
    assert outcome(TEXT[:start] + put + TEXT[end:]) in ("machine", "problems")


def outcome(text: str) -> str:
    try:
        read_hardware(parse_yaml(text, "x.yaml"))
    except InputError as error:
        assert error.problems and all(problem.file and problem.line for problem in error.problems)
        return "problems"
    return "machine"
