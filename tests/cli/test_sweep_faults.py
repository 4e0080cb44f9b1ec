"""`simulate sweep` where the simulator itself fails: told, never a result, tried again."""

from pathlib import Path

import pytest

from analysis.drive.sweep import load_plan, run_sweep
from analysis.drive.sweep.store import Store
from simulator.hardware.model import Hardware
from simulator.network.ir import Network
from simulator.result.laws import LawViolation, Violation
from tests.cli.sweeps import PLAN, sweep

pytestmark = pytest.mark.usefixtures("tiny_is_bundled")


@pytest.mark.parametrize(
    "fault",
    [
        AssertionError(),
        KeyError("conv1"),
        LawViolation([Violation("conv1", "cycles", "sum of cycle parts = cycles", "1 != 2")]),
        ZeroDivisionError("division by zero"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_fault_of_the_simulator_is_no_result_but_is_told_and_tried_again(
    fault: Exception, plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import simulator.engine

    real, name = simulator.engine.simulate, type(fault).__name__

    def breaks_at_two(machine: Hardware, network: Network, *options: object, **others: object) -> object:
        if network.inputs["data"][0] == 2:
            raise fault
        return real(machine, network, *options, **others)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(simulator.engine, "simulate", breaks_at_two)
        assert sweep(plan, tmp_path / "s.sqlite", "--csv", str(tmp_path / "p.csv")) == 1
    out, err = capsys.readouterr()
    assert "8: 4 simulated now, 0 known or equal to others, 4 failed" in out and "impossible" not in out
    assert "failed in 4 of 8 points" in err and "Traceback" not in err
    assert f"array.columns 4, dram.bandwidth 4 GB/s, batch 2): {name}" in err and "test_sweep_faults.py:" in err
    assert (tmp_path / "p.csv").read_text().count(f"internal error: {name}") == 4
    with Store(tmp_path / "s.sqlite") as store:
        kept = [result for (result,) in store.connection.execute("SELECT result FROM points")]
    assert len(kept) == 4 and not any("problem" in result for result in kept)
    assert sweep(plan, tmp_path / "s.sqlite") == 0
    assert "8: 4 simulated now" in capsys.readouterr().out


def test_points_equal_to_one_in_which_the_simulator_failed_have_failed_too(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import simulator.engine

    def breaks(*arguments: object, **options: object) -> object:
        raise KeyError("conv1")

    plan.write_text(PLAN.replace("[1, 2]", "[1]") + '  dataflow: [best]\n  net.filters: [8, "8"]\n')
    with monkeypatch.context() as patch:
        patch.setattr(simulator.engine, "simulate", breaks)
        outcome = run_sweep(load_plan(plan), tmp_path / "s.sqlite", workers=0)
    assert sorted(outcome.faults) == list(range(8)) and outcome.simulated == 0
    assert all("internal error: KeyError" in str(figures["problem"]) for _, figures in outcome.points())
    assert run_sweep(load_plan(plan), tmp_path / "s.sqlite", workers=0).faults == {}


def test_a_fault_in_building_a_network_stops_no_other_point(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from analysis.drive.sweep import keys

    real = keys.load_network

    def breaks_at_nine(spec: str) -> object:
        if spec.endswith("=9"):
            raise IndexError("no such channel")
        return real(spec)

    plan.write_text(PLAN.replace("[1, 2]", "[1]") + "  net.filters: [8, 9]\n")
    with monkeypatch.context() as patch:
        patch.setattr(keys, "load_network", breaks_at_nine)
        outcome = run_sweep(load_plan(plan), tmp_path / "s.sqlite", workers=0)
    assert (sorted(outcome.faults), outcome.simulated) == ([1, 3, 5, 7], 4)
    assert run_sweep(load_plan(plan), tmp_path / "s.sqlite", workers=0).simulated == 4
