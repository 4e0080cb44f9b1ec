"""`simulate explain` and `simulate compare`: output, files, bad input."""

import csv
import json
from io import StringIO
from pathlib import Path

import pytest

from simulator.cli.exits import run
from simulator.cli.inputs import specs
from simulator.result.json_io import save_run
from tests.builders import small_run
from tests.cli.commands import complaint, output

pytestmark = pytest.mark.usefixtures("tiny_is_bundled")


@pytest.fixture
def saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert run(["--hw", "squeezenext_16x16", "--net", "tiny", "--json", str(tmp_path / "run.json")]) == 0
    capsys.readouterr()
    return tmp_path / "run.json"


def test_explain_tells_stages_layers_and_changes(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = output(capsys, "explain", str(saved))
    assert out.startswith("tiny on squeezenext_16x16: ")
    for title in ("where the time goes", "the layers that take most", "keep 99%", "of the machine"):
        assert title in out
    assert "accuracy  change" in out and "unknown" in out


@pytest.mark.parametrize("objective", ["cycles_plus_dma", "cycles", "dram", "edp"])
def test_changes_show_what_they_are_ranked_by(
    objective: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "run.json")
    output(capsys, "--hw", "squeezenext_16x16", "--net", "tiny", "--objective", objective, "--json", path)
    lines = output(capsys, "explain", path).splitlines()
    header, *rows = lines[lines.index("changes of the machine worth most, and of how it is used") + 1 :]
    rows = rows[: rows.index("")]
    assert header.split()[0] == ("saves" if objective == "cycles" else objective)
    saved = [float(row.split("%")[0].strip(" <")) for row in rows if "%" in row]
    assert saved == sorted(saved, reverse=True) and saved[0] > 0


def test_explain_as_json_holds_every_change(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(output(capsys, "explain", str(saved), "--json"))
    assert data["cycles"] == json.loads(saved.read_text())["total"]["cycles"]
    assert data["best_of_machine"] and data["best_of_machine"][0] in data["machine_changes"]
    for saving in (*data["machine_changes"], *data["network_changes"]):
        assert saving["cycles"] + saving["saved"] == data["cycles"]
    assert {stage["stage"] for stage in data["stages"]} == {"stem", "block", "head"}
    for layer in data["layers"]:
        use = layer["use"]
        assert use["executed"] + use["spatial"] + use["temporal"] + use["stall"] == use["available"]


def test_explain_saves_a_page_with_the_changes_it_tells(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    out = output(capsys, "explain", str(saved), "--html", str(page))
    data = json.loads(page.read_text().split('id="data">')[1].split("</script>")[0])["runs"][0]
    tables = data["levers"]["tables"]
    assert tables and all(table["title"] in out for table in tables)
    assert all(lever["what"] in out for table in tables for lever in table["rows"])
    assert all(len(lever["cells"]) == len(data["levers"]["head"]) for lever in data["levers"]["changes"])
    names = {layer["name"] for layer in data["layers"]}
    assert {name for lever in data["levers"]["changes"] for name in lever["layers"]} <= names


def test_explain_of_a_layer_tells_verdict_mapping_and_changes(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = output(capsys, "explain", str(saved), "conv2")
    assert out.startswith("conv2 (block conv 3x3 to 8x8x8) of tiny on squeezenext_16x16")
    assert "bound by" in out and "mapping" in out and "layer saves" in out
    data = json.loads(output(capsys, "explain", str(saved), "conv2", "--json"))
    (layer,) = data["layers"]
    assert layer["name"] == "conv2" and layer["evidence"] and layer["mapping"]
    assert data["machine_changes"][0]["layer_cycles"] <= layer["cycles"]


def test_explain_takes_the_folder_of_a_run_a_stage_and_several_layers(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(output(capsys, "explain", str(saved.parent), "block", "conv1", "--json"))
    assert {"conv1", "conv2"} <= set(data["asked"]) == {layer["name"] for layer in data["layers"]}
    assert 'did you mean "block"' in complaint(capsys, "explain", str(saved.parent), "blocks")


def test_explain_works_for_layers_that_do_not_multiply(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "costs nothing" in output(capsys, "explain", str(saved), "add1")


def test_explain_of_bad_input_is_told_the_way_out(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 'did you mean "conv2"' in complaint(capsys, "explain", str(saved), "Conv2")
    assert "No such file" in complaint(capsys, "explain", str(tmp_path / "none.json"))
    save_run(small_run(), tmp_path / "old.json")
    assert "does not say what was simulated" in complaint(capsys, "explain", str(tmp_path / "old.json"))
    saved.write_text(saved.read_text().replace('"latency_cycles": 100', '"latency_cycles": 99'))
    assert "altered since the run was made" in complaint(capsys, "explain", str(saved))


def test_compare_of_saved_runs_prints_every_way_of_cutting(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    assert run(["--hw", "squeezenext_16x16", "--net", "tiny:filters=16", "--json", str(other)]) == 0
    capsys.readouterr()
    out = output(capsys, "compare", str(saved), str(other))
    assert [line.split()[0] for line in out.splitlines() if line.startswith(("stage", "part", "layer"))] == [
        "stage",
        "part",
        "layer",
    ]
    assert sum(line.startswith("total") for line in out.splitlines()) == 3


def test_compare_simulates_machines_and_networks_and_saves_tables_and_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["compare", "--hw", "squeezenext_16x16,squeezenext_8x8", "--net", "tiny,tiny:filters=12"]
    output(capsys, *command, "--out", str(tmp_path / "out"), "--format", "png,svg", "--csv", str(tmp_path / "c.csv"))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"changes.csv"} | {f"waterfall_{n}.{kind}" for n in (2, 3, 4) for kind in ("csv", "png", "svg")}
    assert (tmp_path / "c.csv").read_text() == (tmp_path / "out/changes.csv").read_text()
    rows = list(csv.DictReader(StringIO((tmp_path / "c.csv").read_text())))
    for label in {row["after_run"] for row in rows}:
        sums = {
            cut: sum(int(row["change"]) for row in rows if row["after_run"] == label and row["by"] == cut)
            for cut in ("total", "part", "stage", "layer")
        }
        assert len(set(sums.values())) == 1


def test_compare_sends_csv_to_stdout_and_draws_a_single_waterfall(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["compare", "--hw", "squeezenext_16x16", "--net", "tiny,tiny:filters=16", "--by", "energy"]
    out = output(capsys, *command, "--csv", "-", "--out", str(tmp_path))
    assert out.startswith("before_run,after_run,measure,by,name,")
    assert {path.name for path in tmp_path.iterdir()} == {"changes.csv", "waterfall.csv", "waterfall.png"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "two saved runs or more"),
        (["--hw", "flexible_168", "--net", "tiny"], "several names"),
        (["--net", "tiny,tiny"], "several names"),
        (["a.json"], "nothing to compare with"),
        (["a.json", "b.json"], "No such file"),
        (["a.json", "b.json", "--hw", "flexible_168"], "do not go with"),
        (["--hw", "flexible_168", "--net", "tiny,tinny"], 'did you mean "tiny"'),
        (["--hw", "flexible_168,flexible_186", "--net", "tiny"], 'did you mean "flexible_168"'),
        (["--hw", "squeezenext_16x16", "--net", "tiny,tiny:filters=4", "--by", "time"], "cycles"),
        (["--hw", "flexible_168", "--net", "tiny,tiny:filters=4", "--format", "gif"], "png, svg, pdf"),
    ],
)
def test_misuse_of_compare_is_told_with_exit_code_2(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told in complaint(capsys, "compare", *arguments, "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_list_of_networks_may_carry_parameters() -> None:
    assert specs("a:x=1,y=2,b,c:z=3") == ["a:x=1,y=2", "b", "c:z=3"]
    assert specs("") == []


def test_a_comparison_that_fails_exits_with_1_and_names_layers(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = str(tmp_path / "other.json")
    output(capsys, "--hw", "squeezenext_16x16", "--net", "tiny:filters=16", "--json", other)
    assert run(["compare", str(saved), other, "--fail-if", "cycles>500%", "--fail-if", "macs>2%"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("run") and err.startswith("failed: macs>2%: ") and "\n  conv2: " in err
    output(capsys, "compare", str(saved), other, "--baseline", other, "--fail-if", "cycles>2%")


def test_comparing_runs_of_other_batches_warns(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = str(tmp_path / "other.json")
    output(capsys, "--hw", "squeezenext_16x16", "--net", "tiny", "--batch", "4", "--json", other)
    assert run(["compare", str(saved), other]) == 0
    out, err = capsys.readouterr()
    assert "from batch 1 to batch 4" in out and err.startswith("warning: batch 1 and batch 4: ")
