"""The tables of formats say what the code does."""

import re
from pathlib import Path

import pytest

from workloads.exporters import EXPORTERS
from workloads.importers import scalesim, timeloop, timeloop_shapes, timeloop_text
from workloads.importers.from_caffe import context, fields, types
from workloads.importers.from_onnx import contrib, flow, ops
from workloads.importers.from_tflite import ops as tflite_ops

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
NAME = re.compile(r"`([^`]+)`")


def rows(section: str) -> list[list[str]]:
    """Return the cells of all tables of a section, without their heads."""
    text = TEXT.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {at - 1 for at, line in enumerate(lines) if line.startswith("| ---")}
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for at, line in enumerate(lines)
        if at not in heads and not line.startswith("| ---")
    ]


def told(section: str, *labels: str) -> set[str]:
    """Return the names in the rows that begin with these cells."""
    own = [row[len(labels) :] for row in rows(section) if tuple(row[: len(labels)]) == labels]
    return {name for cells in own for cell in cells for name in NAME.findall(cell)}


def test_every_format_that_is_written_is_named():
    written = TEXT.split("writes ")[1].split("\n\n")[0]
    assert set(NAME.findall(written)) == set(EXPORTERS)


def test_the_cells_of_a_topology_are_those_that_are_read():
    assert told("SCALE-Sim", "convolutions") == set(scalesim.CONV_COLUMNS)
    assert told("SCALE-Sim", "products") == set(scalesim.GEMM_COLUMNS)
    assert told("SCALE-Sim", "may follow") == {scalesim.ACROSS, scalesim.SPARSITY}


@pytest.mark.parametrize(
    ("part", "answers", "known"),
    [
        ("`shape`", ("modelled", "free"), timeloop_shapes.SHAPE_KEYS),
        ("data space", ("modelled", "free"), timeloop_shapes.SPACE_KEYS),
        ("shapes by name", ("modelled",), timeloop_shapes.NAMED),
        ("density", ("modelled", "free", "refused"), timeloop.SPARSITY | timeloop.DENSITY_KEYS),
        ("distribution", ("modelled",), timeloop.DISTRIBUTIONS),
        ("version", ("modelled",), timeloop.VERSIONS),
        ("templates", ("modelled",), timeloop_text.CALLS),
        ("files beside problems", ("free",), timeloop.OTHER_PARTS),
    ],
)
def test_every_key_of_a_problem_has_its_answer(part: str, answers: tuple[str, ...], known: frozenset[str]):
    sets = [told("Timeloop", part, answer) for answer in answers]
    assert set().union(*sets) == set(known)
    assert sum(map(len, sets)) == len(set(known))


def test_notes_of_a_problem_are_free():
    assert told("Timeloop", "`problem`", "free") | {"version"} == timeloop.NOTES


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        ("modelled", types.OPS),
        ("inputs", types.SOURCES),
        ("host", context.HOST),
        ("left out", context.DROPPED),
        ("refused", types.REFUSED),
    ],
)
def test_every_type_of_caffe_has_its_answer(answer: str, known: frozenset[str]):
    assert told("Caffe", answer) == set(known)


def test_every_field_of_caffe_has_its_answer():
    named = {"the network": fields.NET, "a layer": fields.LAYER, "`include`, `exclude`": fields.RULE}
    named |= {f"`{name}`": found for name, found in fields.MESSAGES.items()}
    cells = {row[0]: row[1:] for row in rows("Caffe") if len(row) == 3}
    assert cells.keys() == named.keys()
    written = {label: [set(NAME.findall(cell)) for cell in pair] for label, pair in cells.items()}
    assert written == {label: [set(found.read), set(found.free)] for label, found in named.items()}


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        ("modelled", set(ops.STANDARD) - {"Activation", "Layer"}),  # those of the project's own domain
        ("modelled of com.microsoft", set(contrib.OPS)),
        ("followed", set(flow.FLOW)),
        ("where a graph ends", set(ops.DATA)),
        ("refused", set(ops.REFUSED) - ops.DATA),
    ],
)
def test_every_op_of_onnx_has_its_answer(answer: str, known: set[str]):
    assert told("ONNX", answer) == known


@pytest.mark.parametrize(
    ("answer", "known"), [("modelled", tflite_ops.OPS), ("host", tflite_ops.HOST), ("refused", tflite_ops.REFUSED)]
)
def test_every_op_of_tflite_has_its_answer(answer: str, known: frozenset[str]):
    assert told("TFLite", answer) == set(known)
