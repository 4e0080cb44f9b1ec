"""`simulate accuracy --measured`: a user's own figures beside the simulation."""

import csv
import json
from pathlib import Path

import pytest

from simulator import simulate
from simulator.cli.exits import run
from tests.cli.tiny import tiny

MACHINE = "eyeriss_like"
pytestmark = pytest.mark.usefixtures("tiny_is_bundled")


def measured(folder: Path, *lines: str) -> list[str]:
    """The command for a file of these lines."""
    file = folder / "rows.csv"
    file.write_text("\n".join(lines) + "\n")
    return ["accuracy", "--hw", MACHINE, "--net", "tiny", "--measured", str(file)]


def test_figures_stand_beside_ours_in_their_own_unit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = simulate(MACHINE, tiny())
    layer = next(layer for layer in ours.layers if layer.macs)
    us, mj = 1e6 * layer.cycles / ours.hardware.clock_hz, layer.energy_pj / 1e9
    of_all = f"total,{1e6 * ours.total.latency_s},,"
    lines = ("layer,time [us],bytes_KiB,energy (mJ)", f"{layer.name},{2 * us},1,{mj}", of_all)
    table = tmp_path / "out.csv"
    assert run([*measured(tmp_path, *lines), "--csv", str(table)]) == 0
    rows = {(row["part"], row["quantity"]): row for row in csv.DictReader(table.read_text().splitlines())}
    assert float(rows["time", f"tiny {layer.name}"]["deviation"]) == pytest.approx(-0.5)
    assert float(rows["bytes", f"tiny {layer.name}"]["ours"]) == pytest.approx(layer.bytes_at("dram") / 1024)
    assert float(rows["energy", f"tiny {layer.name}"]["deviation"]) == pytest.approx(0, abs=1e-9)
    assert float(rows["time", "tiny"]["deviation"]) == pytest.approx(0, abs=1e-9)
    assert {row["unit"] for row in rows.values()} == {"us", "KiB", "mJ"}
    out = capsys.readouterr().out
    assert "2 figures of time: median deviation 25.0%, worst -50.0%" in out
    assert f"tiny {layer.name}, time: {2 * us:.4g} us measured, {us:.4g} us simulated (-50.0%). Ours is " in out


def test_layers_measured_as_one_are_added(tmp_path: Path) -> None:
    ours = simulate(MACHINE, tiny())
    first, second = [layer for layer in ours.layers if layer.macs][:2]
    command = measured(tmp_path, "layer,cycles", f"{first.name}+{second.name},{first.cycles + second.cycles}")
    assert run([*command, "--json", str(tmp_path / "out.json")]) == 0
    (row,) = json.loads((tmp_path / "out.json").read_text())["anchors"][0]["rows"]
    assert (row["deviation"], row["unit"]) == (0, "cycles")


def test_a_row_may_name_its_network_and_batch(tmp_path: Path) -> None:
    cycles = simulate(MACHINE, "squeezenet:version=1.1", batch=2).total.cycles
    command = measured(tmp_path, "network,batch,cycles", f'"squeezenet:version=1.1",2,{cycles}')
    assert run([*command, "--csv", str(tmp_path / "out.csv")]) == 0
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert (row["quantity"], float(row["deviation"])) == ("squeezenet:version=1.1 (batch 2)", 0)


def test_page_and_picture_are_written(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "mine.md"
    command = measured(tmp_path, "layer,time [ms],bytes", "conv1,0.01,2000", ",1,")
    assert run([*command, "--out", str(page), "--plot"]) == 0
    assert "(images/measured.png)" in page.read_text() and "| tiny conv1 | 0.01 |" in page.read_text()
    assert (page.parent / "images" / "measured.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("layer,time", "conv1,1"), "time: no unit that is known"),
        (("layer,time_fortnights", "conv1,1"), "time_fortnights: no unit that is known"),
        (("layer,tme_ms", "conv1,1"), 'did you mean "time [ms]"'),
        (("layer", "conv1"), "no column of figures"),
        (("layer,cycles,time_ms", "conv1,1,1"), "time: the column is given twice"),
        (("layer,time_ms", "cnv1,1"), 'did you mean "conv1"'),
        (("layer,time_ms", "conv1,fast"), "a positive number"),
        (("layer,time_ms", "conv1,-1"), "a positive number"),
        (("layer,time_ms", "conv1,nan"), "a positive number"),
        (("layer,time_ms", "conv1,"), "nothing is measured"),
        (("layer,time_ms", "conv1,1,2"), "more cells than columns"),
        (("layer,time_ms", "conv1,1", "conv1,2"), "one row, as in line 2"),
        (("layer,batch,time_ms", "conv1,1.5,2"), "a whole number"),
        (("layer,time_ms", "conv1_relu,1"), "fused into conv1"),
        (("network,time_ms", "tny,1"), 'did you mean "tiny"'),
    ],
)
def test_bad_rows_are_told_with_their_place(
    tmp_path: Path, lines: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(measured(tmp_path, *lines)) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--hw", MACHINE], "go together"),
        (["--measured", "rows.csv"], "go together"),
        (["isca16", "--hw", MACHINE, "--measured", "rows.csv"], "go together"),
        (["--hw", MACHINE, "--measured", "absent.csv"], "absent.csv: cannot read the file"),
        (["--hw", "eyeris_like", "--measured", "rows.csv"], 'did you mean "eyeriss_like"'),
    ],
)
def test_what_is_missing_is_told(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["accuracy", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_rows_without_a_network_need_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = measured(tmp_path, "layer,time_ms", "conv1,1", "conv2,1")
    assert run([part for part in command if part not in ("--net", "tiny")]) == 2
    assert capsys.readouterr().err.count("no network") == 1
