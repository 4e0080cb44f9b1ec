"""The redesign loop, reports and experiments."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.drive.codesign import shufflenet
from analysis.drive.codesign.bench import Bench, varied
from analysis.drive.codesign.redesign import Bounds, Figures, Move, Problem, redesign
from analysis.drive.codesign.registry import EXPERIMENTS, load_experiment
from analysis.drive.codesign.report import Claim, Report, Section, claims_table, markdown
from analysis.drive.codesign.silicon import depthwise_cost, depthwise_cycles, started
from analysis.drive.codesign.squeezenext_moves import published_design
from analysis.drive.codesign.squeezenext_redesign import bounds_of, redesign_on
from simulator.cli.exits import run
from simulator.errors import InputError
from simulator.hardware.load import load_hardware

MACHINE = "squeezenext_16x16"


def numbers(cycles, sacrifice=lambda design: ()):
    """A problem whose designs are numbers with cycles of their own and as many parameters; moves go one up or down."""

    def propose(design, figures):
        yield from (Move(f"to {near}", "step", near) for near in (design - 1, design + 1) if near in cycles)

    def measure(design):
        return Figures(cycles[design], 0.0, 0, design, ())

    return Problem(measure, lambda design: (0, design), propose, sacrifice, Bounds(macs=0, params=4))


def test_the_loop_takes_the_best_move_until_none_pays_and_adds_up():
    way = redesign(numbers({0: 1000, 1: 900, 2: 700, 3: 690, 4: 695}), 0)
    assert [step.taken.design for step in way.steps] == [1, 2, 3]
    assert way.end.figures.cycles == 690 and way.saving == pytest.approx(0.31)
    gains = [step.before.cycles - step.taken.figures.cycles for step in way.steps]
    assert sum(gains) == 1000 - 690


def test_two_moves_at_once_cross_a_ridge():
    way = redesign(numbers({0: 1000, 1: 1100, 2: 500}), 0)
    assert way.end.design == 2 and len(way.steps) == 1


def test_no_more_designs_are_simulated_than_may_be_and_the_best_of_them_is_taken():
    cycles = {0: 1000, 1: 900, 2: 700, 3: 690, 4: 695}
    way = redesign(replace(numbers(cycles), most=3), 0)
    assert set(way.visited) == {0, 1, 2} and way.end.design == 2
    assert redesign(replace(numbers(cycles), most=0), 0).end.design == 0


def test_no_design_leaves_its_bounds():
    way = redesign(numbers({3: 1000, 4: 900, 5: 100}), 3)
    assert way.end.design == 4
    assert set(way.visited) == {3, 4}


def test_a_design_above_a_bound_may_only_come_closer():
    assert Bounds(10, 10).allow(12, 5, Figures(1, 0.0, 12, 5, ()))
    assert not Bounds(10, 10).allow(13, 5, Figures(1, 0.0, 12, 5, ()))


def test_a_sacrifice_is_made_only_with_a_move_that_pays_for_it():
    cheaper = {4: [Move("to 3", "give up", 3)]}
    way = redesign(numbers({4: 1000, 3: 1001, 2: 400}, lambda design: cheaper.get(design, ())), 4)
    assert way.end.design == 2


@pytest.mark.slow
def test_the_profile_leads_from_v1_to_at_least_the_saving_of_v5_within_its_size():
    bench = Bench()
    v1, v5 = (bench.run(MACHINE, published_design(variant).spec) for variant in ("v1", "v5"))
    five = Figures(v5.total.cycles, v5.total.energy_pj, v5.network.macs, v5.network.params, ())
    way = redesign_on(bench, MACHINE, bounds_of(five), least_kernel=5)
    end, design = way.end.figures, way.end.design
    assert way.start.figures.cycles == v1.total.cycles
    assert way.saving >= 1 - v5.total.cycles / v1.total.cycles
    assert end.macs <= v5.network.macs and end.params <= v5.network.params
    assert design.kernel < 7 and design.blocks[0] < 6 and design.blocks[2] > 8
    assert bench.run(MACHINE, design.spec).total.cycles == end.cycles


def test_a_machine_is_varied_by_the_dotted_paths_of_its_file():
    wide = varied(MACHINE, {"array.columns": 32, "buffers.0.capacity": "64 KiB"})
    assert (wide.array.columns, wide.buffers[0].capacity_bytes) == (32, 64 * 1024)
    assert load_hardware(MACHINE).array.columns == 16


def test_a_report_sets_claims_beside_ours_and_figures_to_the_right():
    claims = claims_table([Claim("faster", "2x", "1.9x", True), Claim("smaller | lighter", "3x", "1x", False)])
    text = markdown(Report("Title", "Source.", ("found",), (Section("Claims", ("words", claims)),)))
    assert text.startswith("# Title\n\nSource.\n\n- found\n\n## Claims\n\nwords\n\n| claim | paper | here | agrees |")
    assert "| --- | ---: | ---: | --- |" in text
    assert r"| smaller \| lighter | 3x | 1x | **no** |" in text


def test_experiments_are_listed_in_order_and_each_has_a_function():
    assert list(EXPERIMENTS) == sorted(EXPERIMENTS)
    for name in EXPERIMENTS:
        assert load_experiment(name).__module__ == f"analysis.drive.codesign.{name}"
    with pytest.raises(InputError, match="shufflenet"):
        load_experiment("shufflenets")


def test_the_command_lists_experiments_and_names_what_is_missing(capsys):
    assert run(["experiment"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(EXPERIMENTS)
    assert run(["experiment", "shufflenet"]) == 2
    assert "--out is missing" in capsys.readouterr().err
    assert run(["experiment", "squeezenxt", "--out", "x"]) == 2
    assert "squeezenext" in capsys.readouterr().err


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_an_experiment_writes_a_report_whose_pictures_and_data_are_there(whole, tmp_path, capsys, monkeypatch):
    if not whole:
        monkeypatch.setattr(shufflenet, "MACHINES", shufflenet.MACHINES[:1])
        monkeypatch.setattr(shufflenet, "SERIES", {"ShuffleNet v2": {"0.5x": "shufflenet_v2:width=0.5"}})
    assert run(["experiment", "shufflenet", "--out", str(tmp_path), "--format", "svg"]) == 0
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    shown = re.findall(r"\]\(([\w.]+)\)", text)
    assert {Path(name).suffix for name in shown} == {".svg", ".csv"}
    assert all((tmp_path / name).stat().st_size for name in shown)
    assert "G4" in capsys.readouterr().out


def test_a_depthwise_mac_costs_more_than_a_1x1_one_where_an_array_is_for_dot_products():
    assert depthwise_cost(Bench().run("ethos_u55_128", "mobilenet_v1:resolution=32,width=0.25")) > 1


def test_depthwise_layers_that_an_engine_runs_cost_what_they_add_to_the_ops_before():
    """They do not start anew, which is most of what a small layer takes."""
    run = Bench().run("dpu_b4096", "mobilenet_v1:resolution=32,width=0.25")
    added = sum(layer.cycle_parts["vector"] for layer in run.layers if layer.op == "conv")
    assert depthwise_cycles(run) == added > 0
    assert depthwise_cost(run) < 1
    assert 0 < started(run) < 1
