"""`simulate --hw H --net N` with a simulation that costs nothing: options, files, messages, exit codes."""

import csv
import json
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest

from simulator.cli.exits import run
from simulator.door import open_run, timeline
from simulator.errors import InputError
from simulator.hardware.load import load_hardware
from simulator.result.json_io import load_run
from simulator.result.laws import LawViolation, Violation
from tests.builders import small_run
from workloads.load import load_network

HW_NET = ["--hw", "flexible_168", "--net", "squeezenext"]


class FakeEngine(ModuleType):
    """Stands for `simulator.engine`; keeps what it was asked, answers with a small run or raises."""

    def __init__(self) -> None:
        super().__init__("simulator.engine")
        self.asked: dict[str, object] = {}
        self.failure: BaseException | None = None
        self.open_run, self.timeline = open_run, timeline

    def simulate(self, hardware: str, network: str, **options: object) -> object:
        self.asked = {"hardware": hardware, "network": network, **options}
        if self.failure:
            raise self.failure
        progress = options["progress"]
        assert isinstance(progress, Callable)
        progress(1, 2, "conv1")
        return small_run()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setitem(sys.modules, "simulator.door", fake)
    return fake


def test_piped_output_is_plain_and_holds_table_and_summary(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(HW_NET) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split()[:2] == ["layer", "op"]
    assert "142.0K" in out and "latency" in out
    assert "\x1b" not in out and "─" not in out
    assert err == ""


def test_options_reach_the_engine(engine: FakeEngine, tmp_path: Path) -> None:
    mapping = tmp_path / "m.yaml"
    options = ["--batch", "4", "--dataflow", "row_stationary", "--objective", "edp", "--mapping", str(mapping)]
    assert run([*HW_NET, *options]) == 0
    engine.asked.pop("progress")
    assert engine.asked == {
        "hardware": load_hardware("flexible_168"),
        "network": load_network("squeezenext", batch=4),
        "dataflow": "row_stationary",
        "objective": "edp",
        "mapping": mapping,
        "schedule": None,
        "settings": (),
        "prove": False,
    }


def test_json_and_csv_files_are_saved_beside_the_table(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*HW_NET, "--json", str(tmp_path / "a/run.json"), "--csv", str(tmp_path / "layers.csv")]) == 0
    assert load_run(tmp_path / "a/run.json") == small_run()
    rows = list(csv.DictReader(StringIO((tmp_path / "layers.csv").read_text())))
    assert sum(int(row["cycles"]) for row in rows) == small_run().total.cycles
    assert "layer" in capsys.readouterr().out


def test_a_dash_sends_json_or_csv_to_stdout_instead_of_the_table(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*HW_NET, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["cycles"] == small_run().total.cycles
    assert run([*HW_NET, "--csv", "-"]) == 0
    assert capsys.readouterr().out.startswith("layer,stage,op,")


def test_out_holds_the_run_its_layers_its_mappings_and_pictures(engine: FakeEngine, tmp_path: Path) -> None:
    assert run([*HW_NET, "--out", str(tmp_path / "plain")]) == 0
    files = {"run.json", "layers.csv", "mappings.yaml", "schedule.yaml", "report.html"}
    assert {path.name for path in (tmp_path / "plain").iterdir()} == files
    assert run([*HW_NET, "--out", str(tmp_path / "drawn"), "--plot"]) == 0
    assert {"cycles.png", "energy.png", "roofline.png", "roofline.csv"} <= {
        path.name for path in (tmp_path / "drawn").iterdir()
    }


def test_a_table_needs_neither_plotting_library(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("matplotlib", "plotly"):
        monkeypatch.setitem(sys.modules, name, None)
    assert run([*HW_NET, "--json", str(tmp_path / "run.json"), "--csv", str(tmp_path / "layers.csv")]) == 0
    assert run([*HW_NET, "--out", str(tmp_path / "out")]) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--hw", "flexible_168"], "--net is missing"),
        (["--net", "alexnet"], "--hw is missing"),
        ([*HW_NET, "--plot"], "--plot needs a folder"),
        ([*HW_NET, "--out", "drawn", "--plot", "--size", "colum"], "no size to draw in"),
        ([*HW_NET, "--json", "-", "--csv", "-"], "cannot both go to stdout"),
        ([*HW_NET, "--json", "-", "--timeline", "-"], "--json and --timeline cannot both go to stdout"),
        (["report", "run.json", "--by", "layer"], "one of stage, op"),
        ([*HW_NET, "--batch", "0"], "'--batch'"),
        ([*HW_NET, "--batch", "many"], "'--batch'"),
        ([*HW_NET, "--bacth", "4"], "--batch"),
        ([*HW_NET, "list"], "do not go with the command list"),
        (["lst"], "list"),
    ],
)
def test_misuse_is_told_with_exit_code_2_before_anything_runs(
    engine: FakeEngine, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert told in err
    assert "Traceback" not in err
    assert out == "" and engine.asked == {}


def test_places_that_cannot_be_written_are_refused_before_anything_runs(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    for arguments in (
        ["--out", str(tmp_path / "file")],
        ["--out", str(tmp_path / "file/deeper")],
        ["--json", str(tmp_path)],
        ["--csv", str(tmp_path / "file/layers.csv")],
    ):
        assert run([*HW_NET, *arguments]) == 2
        assert "folder" in capsys.readouterr().err
    assert engine.asked == {}


def test_bad_input_prints_its_report_and_writes_nothing(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.failure = InputError("first problem", "second problem")
    assert run([*HW_NET, "--json", str(tmp_path / "run.json")]) == 2
    assert capsys.readouterr().err == "first problem\nsecond problem\n"
    assert not list(tmp_path.iterdir())


def test_a_broken_law_exits_with_1_and_says_where(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.failure = LawViolation([Violation("conv7", "cycles", "sum of cycle parts = cycles", "3 != 4")])
    assert run(HW_NET) == 1
    err = capsys.readouterr().err
    assert "conv7: cycles: sum of cycle parts = cycles: 3 != 4" in err
    assert "Traceback" not in err


def test_an_internal_error_is_two_lines_unless_debugged(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.failure = ZeroDivisionError("division by zero")
    assert run(HW_NET) == 1
    err = capsys.readouterr().err
    assert err == "internal error: ZeroDivisionError: division by zero\nthis is a bug; --debug shows where\n"
    with pytest.raises(ZeroDivisionError):
        run(["--debug", *HW_NET])


def test_ctrl_c_is_one_line_and_exit_code_130(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.failure = KeyboardInterrupt()
    assert run(HW_NET) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_no_arguments_at_all_print_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    out = capsys.readouterr().out
    assert "--hw" in out and "report" in out
    assert "--debug" not in out


def test_a_saved_run_is_reported_as_pictures(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*HW_NET, "--json", str(tmp_path / "run.json")]) == 0
    capsys.readouterr()
    assert run(["report", str(tmp_path / "run.json"), "--out", str(tmp_path / "out"), "--format", "svg,png"]) == 0
    printed = {Path(line).name for line in capsys.readouterr().out.splitlines()}
    assert printed == {path.name for path in (tmp_path / "out").iterdir()}
    assert {"layers.csv", "cycles.svg", "cycles.png", "energy.csv"} <= printed


def test_a_broken_run_file_is_reported_with_every_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text('{"schema_version": 1, "layers": 3}')
    assert run(["report", str(tmp_path / "run.json"), "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert "hardware" in err and "layers" in err and "total" in err
    assert not (tmp_path / "out").exists()
    assert run(["report", str(tmp_path / "none.json"), "--out", str(tmp_path / "out")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_an_unknown_picture_format_is_refused(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*HW_NET, "--json", str(tmp_path / "run.json")]) == 0
    assert run(["report", str(tmp_path / "run.json"), "--out", str(tmp_path / "out"), "--format", "gif"]) == 2
    assert "png, svg, pdf" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
