"""`simulate fit`: it finds what rows were made with, says what they cannot tell, and changes a file by its values."""

import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from analysis.drive.fit import fit_machine, fitted_text, read_parameters
from analysis.drive.fit.fitting import Estimate
from analysis.drive.measured import read_measurements
from simulator import load_hardware, simulate
from simulator.cli.exits import run
from simulator.hardware.vary import vary
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.source.parser import Value
from workloads.registry import BUILDERS

MACHINE = "vta_16x16"
TRUE: Mapping[str, Value] = {"dram.efficiency": 0.55, "layers.launch": "3 us"}
LAYERS, NOISE = 30, 0.03


def chain(layers: int = LAYERS) -> Network:
    """Layers in a row, bound by weights or by MACs in turn."""
    g = Graph("chain")
    x = g.input(256, 6, 6)
    for at in range(layers):
        x = g.conv(x, (256, 24, 192)[at % 3], kernel=1 + 2 * (at % 2), padding=at % 2)
    return g.build()


@pytest.fixture(autouse=True)
def chain_is_bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILDERS, "chain", "tests.cli.test_fit:chain")


def measured(folder: Path, rows: int = LAYERS) -> Path:
    """What a machine of the true values takes for each layer, with noise."""
    machine = vary(load_hardware(MACHINE), TRUE)
    error, lines = random.Random(17), ["network,layer,time [us]"]
    for layer in simulate(machine, chain(rows)).layers:
        lines.append(
            f"chain:layers={rows},{layer.name},{1e6 * layer.cycles / machine.clock_hz * error.gauss(1, NOISE)}"
        )
    file = folder / "rows.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_machines_own_parameters_are_found_again_within_their_intervals(tmp_path: Path) -> None:
    machine = load_hardware(MACHINE)
    found = fit_machine(machine, read_measurements(measured(tmp_path)), read_parameters((), machine))
    for estimate in found.estimates:
        true = TRUE[estimate.parameter.path]
        value = estimate.parameter.kind.read(str(true))
        assert estimate.low < value < estimate.high
        assert estimate.value == pytest.approx(value, rel=0.08)
    before, after = (max(abs(pair.deviation) for pair in half) for half in (found.before, found.after))
    assert after < 3 * NOISE < before
    assert len(found.fitted) == LAYERS - 7


def test_the_file_keeps_its_text_but_for_the_values_and_their_comments(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    text = f"# Mine.\nextends: {MACHINE}\nname: mine\nsource: me\ndram: {{efficiency: 0.9}}  # a guess\n# The end.\n"
    mine.write_text(text)
    parameters = read_parameters(
        ["dram.efficiency", "layers.launch", "layers.configuration_cycles"], load_hardware(mine)
    )
    places = (0.5, 0.06, 0.001)
    estimates = [
        Estimate(own, own.value(at), own.value(at / 2), own.value(2 * at), 0.9)
        for own, at in zip(parameters, places, strict=True)
    ]
    mine.write_text(fitted_text(text, mine, mine, estimates, 22))
    assert mine.read_text().splitlines() == [
        *text.splitlines()[:4],
        "dram: {efficiency: 0.5477}  # dram.efficiency fitted on 22 rows, 95% between 0.4054 and 1, was 0.9; a guess",
        "# The end.",
        "layers: {configuration_cycles: 100, launch: 3 us}  # layers.configuration_cycles fitted on 22 rows, 95% "
        "between 50 and 200; layers.launch fitted on 22 rows, 95% between 1.5 us and 6 us",
    ]
    assert load_hardware(mine) == vary(
        load_hardware(mine),
        {"dram.efficiency": 0.5477, "layers.launch": "3 us", "layers.configuration_cycles": 100},
    )


def test_parameters_that_rows_cannot_tell_apart_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [option for path in ("dram.bandwidth", "dram.efficiency") for option in ("--param", path)]
    options += ["--json", str(tmp_path / "fit.json")]
    assert run(["fit", "--hw", MACHINE, "--measured", str(measured(tmp_path, rows=8)), *options]) == 0
    printed, data = capsys.readouterr().out, json.loads((tmp_path / "fit.json").read_text())
    assert "do not tell dram.bandwidth and dram.efficiency apart" in printed
    assert all(f"- {remark}" in printed for remark in data["remarks"])
    assert [own["path"] for own in data["parameters"]] == ["dram.bandwidth", "dram.efficiency"]
    assert all(str(own["value"]) in printed for own in data["parameters"])
    assert [row["line"] for row in data["rows"]] == list(range(2, 10))
    assert sum(row["held_out"] for row in data["rows"]) == 2
    assert all(row["deviation_after"] == pytest.approx(row["after"] / row["measured"] - 1) for row in data["rows"])


def test_three_rows_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "--hw", MACHINE, "--measured", str(measured(tmp_path, rows=3))]) == 2
    error = capsys.readouterr().err
    assert "rows.csv: too few rows to fit 2 parameters" in error
    assert "at least 8" in error


@pytest.mark.parametrize(
    ("param", "said"),
    [
        ("dram.eficiency", 'did you mean "dram.efficiency"?'),
        ("dram.efficiency=3", "PATH=LOW:HIGH"),
        ("dram.efficiency=0.9:0.3", "the lower end first"),
        ("layers.launch=1:4", "a number and a unit"),
        ("array.rows=8:16", "not a parameter to fit"),
        ("buffers.nowhere.read_bytes_per_cycle=1:4", "has no such item"),
    ],
)
def test_what_is_no_parameter_with_its_range_is_refused(
    param: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.csv").write_text("network,layer,cycles\nchain,conv1,5\n")
    assert run(["fit", "--hw", MACHINE, "--measured", str(tmp_path / "rows.csv"), "--param", param]) == 2
    assert said in capsys.readouterr().err
