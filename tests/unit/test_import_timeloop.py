"""Timeloop problems as people have them: shapes by name, templates, anchors, any names of data spaces, densities."""

from dataclasses import replace
from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.network.ir import Layer, Op
from tests.written_networks import TIMELOOP
from workloads.exporters.timeloop import problem_text
from workloads.load import load_network

SIZES = "C: 16, K: 32, R: 3, S: 3, P: 10, Q: 12, N: 1, Hstride: 1, Wstride: 1, Hdilation: 1, Wdilation: 1"
BASE = """\
problem_base_ignore: &problem_base
  version: 0.4
  instance: {N: 1, C: 1, G: 1, R: 1, S: 1, M: 1, P: 1, Q: 1, Hstride: 1, Wstride: 1, Hdilation: 1, Wdilation: 1}
  shape:
    name: conv
    dimensions: [C, M, R, S, N, P, Q, G]
    coefficients: [{name: Wstride, default: 1}, {name: Hstride, default: 1}, {name: Wdilation}, {name: Hdilation}]
    data_spaces:
    - {name: Weights, projection: [[[C]], [[M]], [[R]], [[S]], [[G]]]}
    - {name: Inputs, projection: [[[N]], [[C]], [[R, Wdilation], [P, Wstride]], [[S, Hdilation], [Q, Hstride]], [[G]]]}
    - {name: Outputs, projection: [[[N]], [[M]], [[Q]], [[P]], [[G]]], read_write: true}
"""
PROBLEM = "problem:\n  <<<: *problem_base\n  instance: {C: 3, M: 8, R: 3, S: 3, P: 10, Q: 10}\n"


def layer_of(tmp_path: Path, text: str) -> Layer:
    path = tmp_path / "problem.yaml"
    path.write_text(text)
    (layer,) = load_network(str(path)).layers
    return layer


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        layer_of(tmp_path, text)
    return caught.value.render()


@pytest.mark.parametrize(
    "text",
    [
        f"problem: {{shape: cnn-layer, {SIZES}}}",
        f"problem: {{{SIZES}}}",
        f"problem: {{shape: CNN_Layer, instance: {{{SIZES}}}}}",
        f"problem: {{shape: {{name: cnn-layer}}, version: '0.3', instance: {{{SIZES.replace('K', 'M')}}}}}",
    ],
)
def test_filters_are_k_or_m_in_timeloops_own_convolution(tmp_path: Path, text: str):
    layer = layer_of(tmp_path, text)
    assert (layer.macs, layer.params, layer.output_shape) == (552_960, 4_608, (1, 32, 10, 12))


@pytest.mark.parametrize(
    ("shape", "sizes", "op", "macs"),
    [
        ("gemm", "M: 64, N: 32, K: 128", Op.LINEAR, 64 * 32 * 128),
        ("gemm_ABZ", "M: 64, N: 32, K: 128", Op.LINEAR, 64 * 32 * 128),
        ("depthwise", "C: 32, R: 3, S: 3, P: 16, Q: 16", Op.DEPTHWISE, 32 * 9 * 256),
        ("grouped-conv", "G: 4, C: 8, K: 2, R: 3, S: 3, P: 16, Q: 16", Op.CONV, 4 * 8 * 2 * 9 * 256),
    ],
)
def test_other_shapes_go_by_name_too(tmp_path: Path, shape: str, sizes: str, op: Op, macs: int):
    layer = layer_of(tmp_path, f"problem: {{shape: {shape}, instance: {{{sizes}}}}}")
    assert (layer.op, layer.macs) == (op, macs)


@pytest.mark.parametrize("suffix", ["", "\n"])
def test_a_problem_includes_the_text_of_another_file(tmp_path: Path, suffix: str):
    (tmp_path / "net").mkdir()
    (tmp_path / "base.yaml").write_text(BASE.replace("{name: Wdilation}, {name: Hdilation}", "{name: Wdilation}"))
    (tmp_path / "net" / "01.yaml").write_text(f"{{{{include_text('../base.yaml')}}}}{suffix}\n{PROBLEM}")
    assert load_network(str(tmp_path / "net" / "01.yaml")).macs == 21_600
    assert load_network(str(tmp_path / "net")).macs == 21_600


def test_a_folder_may_be_added_to_where_files_are_looked_for(tmp_path: Path):
    (tmp_path / "shapes").mkdir()
    (tmp_path / "shapes" / "base.yaml").write_text(BASE)
    text = f"{{{{add_to_path('shapes')}}}}\n{{{{ include_text(\"base.yaml\") }}}}\n{PROBLEM}"
    assert layer_of(tmp_path, text).macs == 21_600


def test_a_folder_shares_the_anchors_of_a_file_without_a_problem(tmp_path: Path):
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "a.yaml").write_text(PROBLEM)
    (tmp_path / "b.yaml").write_text(PROBLEM.replace("C: 3", "C: 6"))
    (tmp_path / "mapper.yaml").write_text("mapper: {algorithm: random}\n")
    assert [layer.macs for layer in load_network(str(tmp_path)).layers] == [21_600, 43_200]


@pytest.mark.parametrize(("merge", "filters"), [("<<<", 5), ("<<", None)])
def test_a_deep_merge_goes_on_inside_and_a_shallow_one_does_not(tmp_path: Path, merge: str, filters: int | None):
    text = BASE + PROBLEM.replace("<<<", merge).replace("M: 8, ", "").replace("C: 3", "C: 3, Z: 1")
    text = text.replace("M: 1,", "M: 5,")
    if filters is None:
        assert "a value for `M`" in refused(tmp_path, text)
    else:
        assert layer_of(tmp_path, text).output_shape[1] == filters


def test_what_is_wrong_in_an_included_file_is_told_there(tmp_path: Path):
    (tmp_path / "base.yaml").write_text(BASE.replace("[[[N]], [[M]], [[Q]], [[P]], [[G]]]", "nothing"))
    told = refused(tmp_path, f"# a problem\n{{{{include_text('base.yaml')}}}}\n{PROBLEM}")
    assert "base.yaml:11:" in told
    assert "not a projection" in told


CONV = TIMELOOP.replace(", densities: {Weights: 0.25}", ", densities: {DENSITIES}")


def named(weights: str, inputs: str, outputs: str) -> str:
    names = (("name: Weights", weights), ("name: Inputs", inputs), ("name: Outputs", outputs))
    text = CONV
    for before, after in names:
        text = text.replace(before, f"name: {after}")
    return text


@pytest.mark.parametrize("names", [("Weights", "Inputs", "Outputs"), ("B", "A", "Z"), ("kernel", "ifmap", "psum")])
def test_a_density_belongs_to_the_tensor_whatever_its_name(tmp_path: Path, names: tuple[str, str, str]):
    weights, inputs, outputs = names
    told = f"{weights}: {{distribution: fixed_structured, density: 0.25}}, {inputs}: 0.5, {outputs}: 1"
    layer = layer_of(tmp_path, named(*names).replace("DENSITIES", told))
    shares = (layer.zero_inputs_fraction, layer.zero_weights_fraction, layer.zero_outputs_fraction)
    assert shares == (0.5, 0.75, 0)


def test_one_density_may_be_that_of_all_tensors(tmp_path: Path):
    layer = layer_of(tmp_path, CONV.replace("densities: {DENSITIES}", "commonDensity: 0.5"))
    assert (layer.zero_inputs_fraction, layer.zero_weights_fraction) == (0.5, 0.5)


def test_projections_tell_what_slides_whatever_the_letters(tmp_path: Path):
    text = """\
problem:
  shape:
    dimensions: [a, b, c, d, e]
    coefficients: [{name: step, default: 2}]
    data-spaces:
      - {name: X, projection: [[[a]], [[d, step], [e]]]}
      - {name: Y, projection: [[[a]], [[b]], [[e]]]}
      - {name: Z, projection: [[[b]], [[d]]], read-write: True}
  instance: {a: 4, b: 8, d: 10, e: 3}
"""
    layer = layer_of(tmp_path, text)
    assert (layer.kernel, layer.stride, layer.input_shapes) == ((3, 1), (2, 1), ((1, 4, 21, 1),))
    assert layer.macs == 4 * 8 * 10 * 3


def test_a_strided_index_without_a_filter_is_a_window_of_one(tmp_path: Path):
    text = """\
problem:
  shape:
    dimensions: [C, M, P, Q]
    coefficients: [{name: step, default: 2}]
    data_spaces:
      - {name: Weights, projection: [[[C]], [[M]]]}
      - {name: Inputs, projection: [[[C]], [[P, step]], [[Q, step]]]}
      - {name: Outputs, projection: [[[M]], [[P]], [[Q]]], read_write: true}
  instance: {C: 16, M: 32, P: 14, Q: 14}
"""
    layer = layer_of(tmp_path, text)
    assert (layer.kernel, layer.stride, layer.input_shapes[0][2:]) == ((1, 1), (2, 2), (27, 27))
    assert layer.macs == 16 * 32 * 14 * 14


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("DENSITIES", "Weigths: 0.5", 'did you mean "Weights"?'),
        ("DENSITIES", "Weights: {distribution: banded, density: 1}", "banded is not known"),
        ("DENSITIES", "Weights: {densty: 1}", "densty is not known"),
        ("densities: {DENSITIES}", "densitys: {Weights: 0.5}", 'did you mean "densities"?'),
        ("densities: {DENSITIES}", "Z: 7", "unknown dimension"),
        ("densities: {DENSITIES}", "densitiesFile: x.yaml", "densities of a file"),
        ("version: 0.4", "version: 1.7", "unknown version"),
        ("version: 0.4", "versoin: 0.4", 'did you mean "version"?'),
        ("read_write: true", "read_writ: true", 'did you mean "read'),
        ("    dimensions:", "    dimension:", 'did you mean "dimensions"?'),
        ("[C, M, R, S, N, P, Q]", "[C, M, R, N, P, Q]", "a dimension S, which is not in the list"),
        ("{name: Wstride, default: 1}", "{name: Wstride, default: none}", "a whole number"),
        ("[P, Wstride]", "[P, Wstrid]", "a value for `Wstrid`"),
        ("[[R, Wdilation], [P, Wstride]]", "[[R], [P], [S]]", "no sliding window"),
        ("[[R, Wdilation], [P, Wstride]]", "[[C], [P]]", "indexes one data space only"),
    ],
)
def test_what_a_problem_cannot_mean_is_told_by_name(tmp_path: Path, before: str, after: str, told: str):
    assert before in CONV
    text = CONV.replace(before, after, 1).replace("DENSITIES", "")
    assert told in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("problem: {shape: cnn-laier, C: 1}", 'did you mean "cnn-layer"?'),
        ("problem: {shape: attention, instance: {M: 1}}", "unknown shape"),
        ("{{include_text('none.yaml')}}\nproblem: 1\n", "there is no such file to include"),
        ("{{include_txt('base.yaml')}}\nproblem: 1\n", 'did you mean "include_text"?'),
        ("{% set x = 1 %}\nproblem: 1\n", "a template that is not known"),
        ("{{include_text('problem.yaml')}}\n", "too much is included"),
        ("problem:\n  <<: 3\n", "nothing to merge"),
        ("problem: {shape: {name: x, data_spaces: [{name: A}]}, instance: {}}", "not three data spaces"),
    ],
)
def test_what_timeloop_would_not_read_either_is_told(tmp_path: Path, text: str, told: str):
    assert told in refused(tmp_path, text)


def test_shares_of_zeros_that_were_written_are_read_again(tmp_path: Path):
    network = load_network("squeezenext")
    first = next(layer for layer in network.layers if layer.nest)
    layer = replace(first, zero_inputs_fraction=0.25, zero_weights_fraction=0.5, zero_outputs_fraction=0.125)
    found = layer_of(tmp_path, problem_text(layer))
    shares = (found.zero_inputs_fraction, found.zero_weights_fraction, found.zero_outputs_fraction)
    assert shares == (0.25, 0.5, 0.125)
