"""Verdicts and levers: what they say is what simulating the change gives, exactly."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.drive.explain import Explanation, explain_layers, explain_network
from analysis.drive.explain.change import Change
from analysis.drive.explain.explanation import network_changes
from analysis.drive.explain.layer_levers import layer_changes
from analysis.drive.explain.machine_levers import MACHINE_LEVERS, machine_changes
from analysis.drive.explain.published_levers import published_changes
from analysis.drive.explain.ranking import Prospect, tried, worth_telling
from analysis.drive.explain.text import explanation_text
from analysis.drive.explain.trials import Trials
from analysis.read.evidence import verdict_of
from analysis.read.losses import stage_uses
from simulator import load_hardware, load_network, simulate
from simulator.errors import InputError
from simulator.hardware.vary import vary
from simulator.result.json_io import run_from_json, run_to_json
from simulator.result.run import Run
from simulator.source.paths import data_dir
from tests.builders import conv_result, run_of, small_run
from tests.cli.tiny import tall, tiny
from tests.marks import one_in, slow
from tests.unit.test_schedule_cache import MACHINE as STACKING
from tests.unit.test_schedule_choice import network as two_parts


@pytest.fixture(scope="module")
def v1() -> Run:
    return simulate("squeezenext_16x16", "squeezenext", objective="cycles")


@pytest.fixture(scope="module")
def explained(v1: Run) -> Explanation:
    return explain_network(v1)


@pytest.mark.parametrize("machine", one_in(2, ["squeezenext_16x16", "systolic_32x32", "eyeriss_chip"]))
def test_every_lever_saves_exactly_what_simulating_its_change_afresh_saves(machine: str) -> None:
    run = run_from_json(run_to_json(simulate(machine, tiny(filters=12))))
    explained = explain_network(run)
    savings = {saving.what: saving for saving in (*explained.machine_changes, *explained.network_changes)}
    trials = Trials(run)
    changes = [*trials.of_machine(), *network_changes(trials.network, trials.machine, run)]
    assert {change.what for change in changes} >= set(savings)
    assert len(savings) > 5
    afresh = Trials(run)
    for change in [one for one in changes if one.what in savings][::4]:
        again, saving = afresh.simulate(change), savings[change.what]
        assert round(again.total.cycles / change.frames) == saving.cycles == run.total.cycles - saving.saved
        assert again.total.macs == saving.macs * change.frames


@pytest.mark.parametrize(
    ("machine", "objective"),
    [("squeezenext_16x16", "cycles_plus_dma"), ("eyeriss_chip", "energy"), slow(("flexible_168", "edp"))],
)
def test_no_change_saves_more_than_it_is_proven_to_save_at_most(machine: str, objective: str) -> None:
    run = simulate(machine, tiny(), objective=objective)
    trials, close = Trials(run, ["conv2"]), 0
    for change in [*trials.of_machine()[::6], *network_changes(trials.network, trials.machine, run)[::3]]:
        try:
            saving = trials.saving(change)
        except InputError:
            continue
        prospect, most = Prospect(trials, change, of_layers=False), [2.0]
        while prospect.look_closer():
            most.append(prospect.worth_at_most)
            assert saving.worth - 1e-9 <= most[-1] <= most[-2] + 1e-9, change.what
        close += most[-1] - saving.worth < 0.01
        if saving.layer_worth is not None:
            of_layer = Prospect(trials, change, of_layers=True)
            while of_layer.look_closer():
                assert saving.layer_worth <= of_layer.worth_at_most + 1e-9, change.what
    assert close > 4


def test_stacks_are_bounded_strip_by_strip_and_what_is_told_is_exact() -> None:
    run = simulate(STACKING, tall(), objective="dram")
    assert any(layer.stacked for layer in run.layers)
    trials, afresh = Trials(run), Trials(run)
    levers = ("buffer_doubled", "dma_channels_doubled", "layout_changed", "filters_halved", "kernel_smaller")
    changes = [*trials.of_machine(), *network_changes(trials.network, trials.machine, run)]
    changes = [change for change in changes if change.lever in levers]
    savings, left = tried(trials, changes)
    assert len(savings) + len(left) == len(changes) and savings and left
    most = {one.what: one.worth_at_most for one in left}
    for change in changes:
        if change.what in most:
            assert afresh.saving(change).worth <= most[change.what] + 1e-9
    again = {one.what: afresh.saving(one) for one in changes}
    assert all(again[one.what] == one for one in savings)


def test_the_second_time_nothing_is_searched_played_or_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = simulate("eyeriss_like", tiny())
    monkeypatch.setenv("SQUEEZESIM_CACHE", "on")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    trials = Trials(run)
    changes = [change for change in trials.of_machine() if change.lever in ("delivery_doubled", "fused")]
    first = tried(trials, changes)
    for name in ("mapping_choice._search", "player.play_mapping", "player.stream"):
        monkeypatch.setattr(f"simulator.engine.{name}", None)
    monkeypatch.setattr("analysis.drive.explain.least.least_of", None)
    assert tried(Trials(run), changes) == first and all(first)


def test_several_stacks_are_not_bounded() -> None:
    trials = Trials(simulate(vary(STACKING, {"buffers.0.capacity": 6144}), two_parts(), threads=1))
    assert trials.outlook(Change("", "", ""), of_layers=False) is None


def test_a_dataflow_that_is_added_saves_no_more_than_its_own_floor_allows() -> None:
    run = simulate("flexible_168", tiny())
    trials, close = Trials(run), 0
    for change in [one for one in trials.of_machine() if one.lever == "dataflow_added"][::4]:
        prospect = Prospect(trials, change, of_layers=False)
        worth, kinds = trials.saving(change).worth, len(prospect.outlook.ops) if prospect.outlook else 0
        for _ in range(2 * kinds):
            prospect.look_closer()
            assert worth <= prospect.worth_at_most + 1e-9, change.what
        close += prospect.worth_at_most < 0.25
    assert close > 2


def test_what_is_left_out_saves_no_more_than_the_last_that_is_told(explained: Explanation) -> None:
    trials = Trials(explained.run)
    left = {one.what: one for one in explained.left_out}
    assert len(left) > 40
    for change in trials.of_machine():
        if change.what in left and change.lever in ("dram_latency_halved", "batch_raised"):
            worth = trials.saving(change).worth
            assert worth <= left[change.what].worth_at_most <= explained.best_of_machine[-1].worth


def test_what_is_told_is_the_best_of_each_lever_of_all_that_is_simulated_when_every_change_is() -> None:
    trials = Trials(simulate("flexible_168", tiny()))
    levers = ("array_reshaped", "delivery_doubled", "dma_channels_doubled", "dram_bandwidth_doubled")
    changes = [change for change in trials.of_machine() if change.lever in levers]
    every, nothing = tried(trials, changes, every=True)
    some, left = tried(trials, changes)
    assert nothing == () and len(every) == len(changes) > len(some) and len(some) + len(left) == len(changes)
    assert worth_telling(some) == worth_telling(every) and worth_telling(some)
    assert worth_telling(every, most=None) == tuple(saving for saving in every if saving.worth > 0)


def test_doubling_the_bandwidth_in_the_machines_file_gives_what_the_lever_says(
    explained: Explanation, tmp_path: Path
) -> None:
    text = (data_dir() / "squeezenext_16x16.yaml").read_text(encoding="utf-8")
    (tmp_path / "fast.yaml").write_text(text.replace("bandwidth: 16 GB/s", "bandwidth: 32 GB/s"))
    faster = simulate(tmp_path / "fast.yaml", "squeezenext", objective="cycles")
    saving = next(saving for saving in explained.machine_changes if saving.lever == "dram_bandwidth_doubled")
    assert saving.what == "dram.bandwidth: 16 -> 32 GB/s"
    assert saving.cycles == faster.total.cycles


def test_the_smaller_first_kernel_gives_what_the_networks_builder_gives() -> None:
    run = simulate("squeezenext_16x16", "squeezenext:resolution=229")
    built = simulate("squeezenext_16x16", "squeezenext:resolution=229,kernel=5")
    trials = Trials(run)
    changes = layer_changes(trials.network, trials.network.layers[:1], trials.machine)
    change = next(change for change in changes if change.what == "conv1 (7x7): kernel -> 5x5")
    assert trials.simulate(change).layers == built.layers


def test_squeezenext_is_told_of_its_first_layer_its_early_blocks_and_its_published_variant(
    explained: Explanation, v1: Run
) -> None:
    best, *others = explained.best_cutting
    assert (best.what, best.accuracy) == ("published variant squeezenext:variant=v5", "+0.19 top-1")
    assert "conv1" in {saving.target for saving in others}
    assert {saving.accuracy for saving in others} == {"unknown"}
    moved = explained.best_keeping[0]
    assert moved.target == "block1" and "to block3" in moved.what and moved.saved > 0
    assert abs(moved.macs_saved) < v1.total.macs / 100 and moved.params_saved < 0
    worst = max(explained.stages, key=lambda stage: stage.excess)
    assert (worst.stage, worst.filters) == ("block1", (8, 32))
    text = "\n".join(explanation_text(explained))
    assert "conv1 (7x7)" in text and "block1 (8 to 32 filters)" in text
    assert "not simulated, by bounds on their ops" in text
    assert "% at most; " in text and "can save no more than" in text and "what is told of the same lever" in text
    assert len(explained.best_cutting) == len(explained.best_of_machine) == 5


def test_savings_come_largest_first_and_one_of_each_lever_and_target(explained: Explanation) -> None:
    for savings in (explained.network_changes, explained.machine_changes):
        assert [saving.saved for saving in savings] == sorted((saving.saved for saving in savings), reverse=True)
    for best in (explained.best_keeping, explained.best_cutting, explained.best_of_machine):
        assert len({(saving.lever, saving.target) for saving in best}) == len(best)
        assert all(saving.saved > 0 for saving in best)


def test_a_layers_changes_are_ranked_by_what_they_save_of_it() -> None:
    run = simulate("squeezenext_16x16", tiny())
    name = "conv1"
    explained = explain_layers(run, [name])
    kept = [saving.layer_cycles or 0 for saving in explained.best_of_machine]
    assert kept and kept[0] < explained.asked[0].cycles
    worths = [saving.layer_worth or 0 for saving in explained.machine_changes]
    assert worths == sorted(worths, reverse=True)
    change = next(one for one in Trials(run).of_machine() if one.what == explained.machine_changes[0].what)
    again = next(layer for layer in Trials(run).simulate(change).layers if layer.name == name)
    assert again.cycles // change.frames == kept[0]
    lines = list(explanation_text(explained))
    assert lines[0].startswith(f"{name} (stem conv 3x3 to 8x16x16) of tiny on squeezenext_16x16")
    assert "mapping" in lines and any(line.startswith("layer saves") for line in lines)
    sentences = lines[: lines.index("mapping")]
    assert max(map(len, list(explanation_text(explained, 60))[: len(sentences)])) <= 60


def test_a_stage_and_a_layer_are_explained_together() -> None:
    run = simulate("squeezenext_16x16", tiny())
    explained = explain_layers(run, ["block", "conv1"])
    assert [layer.stage for layer in explained.asked[:1]] == ["block"]
    assert {layer.name for layer in explained.asked} >= {"conv1", "conv2"}
    text = "\n".join(explanation_text(explained))
    assert f"{len(explained.asked)} layers of" in text and "layers save" in text


def test_area_and_accuracy_stand_beside_levers() -> None:
    trials = Trials(simulate("systolic_32x32", tiny()))
    changes = trials.of_machine()
    larger = trials.saving(next(change for change in changes if change.lever == "array_enlarged"))
    assert larger.area_added_share and larger.area_added_share > 0.1 and larger.accuracy == "same"
    several = next(change for change in changes if change.lever == "batch_raised")
    assert several.frames == 4 and several.of_machine and trials.saving(several).macs == trials.run.total.macs


def test_short_words_leave_the_accuracy_unknown() -> None:
    changes = list(machine_changes(load_hardware("squeezenext_16x16"), tiny(), "best"))
    halved = next(change for change in changes if change.lever == "precision_halved")
    assert (halved.what, halved.accuracy) == ("precision_bits: 16 -> 8", "unknown")
    assert halved.machine and (halved.machine.input_bits, halved.machine.partial_sum_bits) == (8, 32)


def test_published_variants_tell_what_they_gain_and_none_loses_more_than_a_point() -> None:
    gains = {change.what: change.accuracy for change in published_changes(load_network("squeezenext"))}
    assert gains["published variant squeezenext:variant=v3"] == "-0.87 top-1"
    assert "published variant squeezenext:groups=2" not in gains
    assert list(published_changes(tiny())) == []


def test_verdicts_name_the_bound_and_give_figures(v1: Run) -> None:
    verdicts = {layer.name: verdict_of(layer, v1) for layer in v1.layers}
    assert verdicts["conv1"].bound_by == "compute" and "well used (9" in verdicts["conv1"].verdict
    assert "for DRAM: 16 channels in and 8 out make too few MACs of a byte" in verdicts["conv4"].verdict
    assert any("MACs a byte; from 16 on" in sentence for sentence in verdicts["conv4"].evidence)
    assert verdicts["pool1"].bound_by == "" and "costs nothing" in verdicts["pool1"].verdict


def test_a_verdict_tells_which_pes_a_dataflow_leaves_out() -> None:
    run = simulate("squeezenext_16x16", "squeezenext", dataflow="weight_stationary", objective="cycles")
    verdict = verdict_of(next(layer for layer in run.layers if layer.name == "conv5"), run)
    assert verdict.verdict == "128 of 256 PEs are left out: 8 channels in and 16 out on a 16x16 array"
    assert any("C8 on 16 rows and K16 on 16 columns" in sentence for sentence in verdict.evidence)


def test_every_bottleneck_of_every_machine_has_its_evidence() -> None:
    for machine in ("eyeriss_chip", "systolic_32x32"):
        run = simulate(machine, "alexnet")
        for layer in run.layers:
            verdict = verdict_of(layer, run)
            assert not layer.cycles or (len(verdict.evidence) >= 2 and str(f"{layer.cycles:,}") in verdict.evidence[0])


def test_stages_account_for_all_cycles_and_macs(v1: Run) -> None:
    stages = stage_uses(v1)
    assert sum(stage.cycles for stage in stages) == v1.total.cycles
    assert sum(stage.macs for stage in stages) == v1.total.macs
    assert sum(stage.cycles_share for stage in stages) == pytest.approx(1)


def test_changes_are_ranked_by_what_the_run_minimizes() -> None:
    explained = explain_network(simulate("flexible_168", tiny(), objective="energy"))
    worths = [saving.worth for saving in explained.machine_changes]
    assert worths == sorted(worths, reverse=True)
    assert all(saving.worth == pytest.approx(saving.energy_saved_share) for saving in explained.machine_changes)


def test_a_run_of_one_dataflow_is_offered_the_best_of_all() -> None:
    run = simulate("flexible_168", tiny(), dataflow="no_local_reuse")
    saving = next(
        saving for saving in explain_network(run).machine_changes if saving.what == "dataflow: no_local_reuse -> best"
    )
    assert saving.cycles == simulate("flexible_168", tiny()).total.cycles


def test_levers_that_a_machine_has_no_use_for_yield_nothing() -> None:
    machine = load_hardware("systolic_32x32")
    for lever in ("activations_kept", "buffer_double_buffered", "weights_prefetched"):
        assert list(MACHINE_LEVERS[lever](machine, tiny())) == []


def test_an_array_keeps_its_pes_when_it_is_reshaped_and_edge_wide_networks_follow() -> None:
    machine = load_hardware("systolic_32x32")
    for what, changes in MACHINE_LEVERS["array_reshaped"](machine, tiny()):
        array = vary(machine, changes).array
        assert array.pes == 1024 and "delivery: 32 -> 64" in what
        assert all(delivery.words_per_cycle == 64 for delivery in array.delivery)


def test_a_run_without_its_documents_or_of_another_version_is_refused() -> None:
    with pytest.raises(InputError, match="does not say what was simulated"):
        explain_network(small_run())
    run = simulate("flexible_168", tiny())
    slower = replace(run, total=replace(run.total, cycles=run.total.cycles + 1))
    with pytest.raises(InputError, match="another version"):
        explain_network(slower)


def test_an_unknown_layer_is_told_the_nearest(v1: Run) -> None:
    with pytest.raises(InputError, match='did you mean "conv12"'):
        explain_layers(v1, ["Conv-12x"])


def test_nothing_that_saves_nothing_is_worth_telling() -> None:
    assert worth_telling([]) == ()
    run = run_of(conv_result("conv"))
    assert stage_uses(run)[0].use.executed == run.total.macs


def test_mappings_of_a_file_can_be_explained(tmp_path: Path) -> None:
    from simulator.cli.mappings import run_mappings

    first = simulate("squeezenext_16x16", tiny())
    (tmp_path / "mappings.yaml").write_text(run_mappings(first))
    replayed = simulate("squeezenext_16x16", tiny(), mapping=tmp_path / "mappings.yaml")
    explained = explain_network(replayed)
    assert explained.machine_changes[0].saved > 0


def test_networks_and_machines_are_not_loaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run = simulate("eyeriss_chip", tiny())
    for name in ("load_hardware", "load_network"):
        monkeypatch.setattr(sys.modules["simulator.door"], name, None)
    monkeypatch.setattr("simulator.hardware.named.file_of", None)
    assert Trials(run).simulate(Change("", "", "")).total == run.total


def test_a_lever_beyond_what_a_machine_may_have_is_left_out() -> None:
    machine = vary(load_hardware("flexible_168"), {"dma.channels": 64})
    changes = list(machine_changes(machine, tiny(), "best"))
    assert changes and "dma_channels_doubled" not in {change.lever for change in changes}


def test_bandwidth_doubles_where_bursts_under_way_limit_it() -> None:
    machine = load_hardware("gemmini_16x16")
    ((_, changes),) = MACHINE_LEVERS["dram_bandwidth_doubled"](machine, tiny())
    assert machine.dram.bytes_per_cycle is not None
    assert vary(machine, changes).dram.bytes_per_cycle == 2 * machine.dram.bytes_per_cycle
