"""Dataflow templates: those that are bundled, one of a user's own, and what a template may not say."""

from pathlib import Path

import pytest

from simulator import simulate
from simulator.errors import InputError
from simulator.mapping.dataflow import list_dataflows, load_dataflow, stationary_order
from simulator.nest import RELEVANT, Dim, Operand
from simulator.source.paths import data_dir
from tests.cli.tiny import tiny

OWN = """\
name: mine
source: nowhere
rows: [K]
columns: [Q, P]
registers: [C]
stationary: outputs
"""


@pytest.mark.parametrize("name", list_dataflows())
def test_every_bundled_one_orders_all_loops_and_says_where_it_comes_from(name):
    flow = load_dataflow(name)
    assert flow.name == name and flow.source
    assert sorted(flow.order) == list(Dim)


@pytest.mark.parametrize("operand", Operand)
def test_what_reuses_the_stationary_operand_turns_inside(operand):
    order = stationary_order(operand)
    indexed = [d in RELEVANT[operand] for d in order]
    assert sorted(order) == list(Dim)
    assert indexed == sorted(indexed, reverse=True)


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [("weight_stationary", True, False), ("output_stationary_pixels", False, False), ("no_local_reuse", True, False)],
)
def test_a_dataflow_knows_along_which_axes_it_adds_partial_sums(name, rows, columns):
    flow = load_dataflow(name)
    assert (flow.reduces_rows, flow.reduces_columns) == (rows, columns)


def test_a_user_writes_one_more_without_python(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(OWN)
    machine = (data_dir() / "flexible_168.yaml").read_text()
    start = machine.index("dataflows:")
    own = machine[:start] + f"dataflows: [{tmp_path / 'mine.yaml'}]\nenergy: eyeriss_relative\n"
    (tmp_path / "machine.yaml").write_text(own)
    run = simulate(tmp_path / "machine.yaml", tiny())
    mapped = [layer for layer in run.layers if layer.mapping]
    assert mapped and {layer.dataflow for layer in mapped} == {"mine"}


@pytest.mark.parametrize(
    ("line", "path", "message"),
    [
        ("rows: [X]", "rows.0", "unknown loop dimension"),
        ("rows: [k]", "rows.0", "unknown loop dimension"),
        ("rows: [K, K]", "rows.1", "dimension K given twice"),
        ("rows: [K]\norder: [N, G]", "order", "not all loops are ordered"),
        ("rows: [R]\nlowered: true", "rows.0", "no dimension of a matrix product"),
        ("rows: [K]\nchannel_packing: true", "channel_packing", "no lanes to pack"),
    ],
)
def test_a_template_that_makes_no_sense_is_refused(tmp_path: Path, line: str, path: str, message: str):
    (tmp_path / "mine.yaml").write_text(OWN.replace("rows: [K]", line))
    with pytest.raises(InputError) as caught:
        load_dataflow(tmp_path / "mine.yaml")
    found = {problem.path: problem for problem in caught.value.problems}
    assert found[path].message == message
    assert found[path].line is not None and found[path].expected


def test_a_dimension_in_the_wrong_case_is_suggested_in_the_right_one(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(OWN.replace("rows: [K]", "rows: [k]"))
    with pytest.raises(InputError) as caught:
        load_dataflow(tmp_path / "mine.yaml")
    assert caught.value.problems[0].suggestion == "K"
