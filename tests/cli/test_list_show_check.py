"""`simulate list`, `show` and `check`: what is bundled, what it is made of, and what is wrong with a file."""

import json
from pathlib import Path

import pytest

from analysis.read import units
from simulator.cli.exits import run
from simulator.hardware.load import load_hardware
from simulator.hardware.peak import area_mm2, peak_of, peak_watts
from simulator.result.json_io import save_run
from tests.builders import small_run
from tests.cli.commands import complaint, output


def test_list_names_everything_bundled(capsys: pytest.CaptureFixture[str]) -> None:
    everything = output(capsys, "list")
    for name in ("eyeriss_chip", "systolic_32x32", "row_stationary", "squeezenet", "squeezenext"):
        assert name in everything


@pytest.mark.parametrize(
    ("kind", "name"), [("networks", "alexnet"), ("hardware", "flexible_168"), ("dataflows", "weight_stationary")]
)
def test_list_of_one_kind_has_a_described_name_a_line(kind: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(capsys, "list", kind).splitlines()
    lines = [line for line in lines if not line.startswith("network ")]  # the titles of a table
    described = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
    assert name in described
    assert list(described) == sorted(described)


def test_list_of_networks_tells_parameters_and_choices(capsys: pytest.CaptureFixture[str]) -> None:
    assert "variant=v1|v2|v3|v4|v5" in output(capsys, "list", "networks")


def test_list_of_networks_tells_macs_parameters_and_published_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    titles, *rows = (line.split() for line in output(capsys, "list", "networks").splitlines())
    squeezenext = dict(zip(titles, next(row for row in rows if row[0] == "squeezenext"), strict=False))
    assert (squeezenext["MACs"], squeezenext["params"]) == ("278M", "706K")
    assert (squeezenext["top-1"], squeezenext["top-5"]) == ("59.05", "82.60")
    detector = next(row for row in rows if row[0] == "ssdlite")
    assert "mAP" in detector


def test_list_of_a_family_has_a_row_for_each_member_with_published_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    titles, *rows = (line.split() for line in output(capsys, "list", "squeezenext").splitlines())
    assert titles == ["network", "MACs", "params", "top-1", "top-5"]
    assert ["squeezenext:variant=v5", "225M", "916K", "59.24", "82.41"] in rows


def test_an_unknown_kind_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert 'did you mean "networks"?' in complaint(capsys, "list", "network")


def test_show_prints_a_network_as_json_with_the_agreed_keys(capsys: pytest.CaptureFixture[str]) -> None:
    network = json.loads(output(capsys, "show", "squeezenext", "--json"))
    assert (network["name"], network["macs"]) == ("squeezenext", 277_999_808)
    keys = {"name", "op", "inputs", "input_shapes", "output_shape", "kernel", "stride", "padding", "dilation"}
    assert keys | {"groups", "macs", "params"} <= set(network["layers"][0])
    for key in ("macs", "params"):
        assert sum(layer[key] for layer in network["layers"]) == network[key]


def test_show_prints_every_layer_and_the_totals(capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(capsys, "show", "squeezenext:variant=v5").splitlines()
    assert lines[0].split() == [
        "layer",
        "op",
        "inputs",
        "output",
        "kernel",
        "stride",
        "pad",
        "groups",
        "MACs",
        "params",
    ]
    assert sum(line.split()[1:2] == ["conv"] for line in lines) == 111
    assert any(line.startswith("MACs") and line.endswith("224,916,480") for line in lines)


def test_show_prints_a_machine_in_words_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert "12 rows x 14 columns = 168 PEs" in output(capsys, "show", "eyeriss_chip.yaml")
    machine = json.loads(output(capsys, "show", "eyeriss_chip", "--json"))
    assert (machine["name"], machine["array"]["rows"], machine["clock_hz"]) == ("eyeriss_chip", 12, 200_000_000)


def test_show_prints_what_a_machine_is_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    machine = load_hardware("tpu_v1")
    lines = dict(line.split(None, 1) for line in output(capsys, "show", "tpu_v1").splitlines())
    assert lines["energy"] == "cmos, 28 nm, 0.9 V, DRAM as DDR3"
    assert lines["peak"].startswith("45.9T MACs a second, ")
    assert lines["peak"].endswith(f", {units.power(peak_watts(machine))}, and 19.0W of DRAM")
    assert lines["area"].startswith(f"{units.area(area_mm2(machine) or 0)}: macs ")
    peak = json.loads(output(capsys, "show", "tpu_v1", "--json"))["peak"]
    assert peak == {key: pytest.approx(value) for key, value in peak_of(machine).items()}
    relative = output(capsys, "show", "eyeriss_like")
    assert "relative: a MAC takes 1.40pJ" in relative and "not known: its energy table states no node" in relative


def test_show_takes_the_path_of_a_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from simulator.source.paths import data_dir

    copy = tmp_path / "mine.yaml"
    copy.write_text((data_dir() / "flexible_168.yaml").read_text())
    assert "flexible_168" in output(capsys, "show", str(copy))


def test_show_tells_the_nearest_of_all_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert 'did you mean "squeezenext"?' in complaint(capsys, "show", "squezenext")
    assert 'did you mean "eyeriss_chip"?' in complaint(capsys, "show", "eyeris_chip")
    assert 'did you mean "variant"?' in complaint(capsys, "show", "squeezenext:varient=v2")


def test_check_names_what_each_file_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from simulator.source.paths import data_dir

    save_run(small_run(), tmp_path / "run.json")
    files = [
        data_dir() / "flexible_168.yaml",
        data_dir() / "dataflows/row_stationary.yaml",
        data_dir() / "energy/eyeriss_relative.yaml",
        tmp_path / "run.json",
    ]
    lines = output(capsys, "check", *map(str, files), "alexnet", "eyeriss_chip").splitlines()
    lines = [line for line in lines if not line.startswith("    by default: ")]
    kinds = [line.split(": ")[1].split(" ")[0] for line in lines]
    assert kinds == ["machine", "dataflow", "energy", "run", "network", "machine"]


def test_check_reports_every_problem_of_every_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from simulator.source.paths import data_dir

    text = (data_dir() / "flexible_168.yaml").read_text()
    (tmp_path / "a.yaml").write_text(text.replace("rows: 12", "rwos: 12").replace("columns: 14", "columns: -1"))
    (tmp_path / "b.yaml").write_text("name: [")
    (tmp_path / "c.json").write_text("{")
    assert run(["check", *(str(tmp_path / name) for name in ("a.yaml", "b.yaml", "c.json")), "alexnet"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("ok  alexnet: network alexnet") and out.count("\n") == 1
    assert "rows" in err and "columns" in err
    assert "b.yaml:1" in err and "c.json:1" in err


def test_check_knows_bundled_names_plans_and_mappings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("machines: [squeezenext_16x16]\nnetworks: [squeezenext]\naxes: {batch: [1, 2]}\n")
    names = ("row_stationary", "eyeriss_relative", str(plan))
    out = output(capsys, "check", *names)
    assert "dataflow row_stationary" in out and "energy table eyeriss_relative" in out and "plan of 2 points" in out
    plan.write_text("machines: [squeezenext_16x16]\nnetworks: [squeezenxt]\naxes: {batch: [1, 2]}\n")
    assert 'did you mean "squeezenext"?' in complaint(capsys, "check", str(plan))
    assert "--mapping eyeriss_chip_alexnet" in complaint(capsys, "check", "eyeriss_chip_alexnet")


def test_schedules_are_known_by_their_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "schedule.yaml"
    file.write_text("order: [a, b]\nkept: {a: 0}\nweights: {b: 64}\n")
    assert output(capsys, "show", str(file)) == file.read_text()
    assert f"--schedule {file}" in complaint(capsys, "check", str(file))
    file.write_text("order: [a, b]\nkept: {a: -1}\n")
    for command in ("check", "show"):
        assert f"{file}:2" in complaint(capsys, command, str(file))
