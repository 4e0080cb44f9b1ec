"""Frames one behind the other: weights that stay on chip meanwhile cross DRAM once."""

from dataclasses import replace
from math import isclose
from pathlib import Path

import pytest

from analysis.read.compare import compare
from analysis.read.compare.tables import comparison_rows, overview
from analysis.read.report.cards import cards
from analysis.read.report.compared import compared_data
from analysis.read.report.data import run_data
from analysis.read.summary import frames_tell, summary_lines
from simulator import load_hardware, simulate
from simulator.door import saved_mappings
from simulator.engine.schedules import schedule_of
from simulator.errors import InputError
from simulator.hardware.model import Hardware
from simulator.hardware.vary import vary
from simulator.network.graph import Graph
from simulator.network.ir import Network, Op
from simulator.result.json_io import run_from_json, run_to_json
from simulator.result.laws import broken_laws
from simulator.result.run import Run
from simulator.result.steady import spared_by_frames
from simulator.schedule import Schedule
from simulator.schedule.files import ops_that_run, schedule_to_yaml
from workloads.importers.assembly import Assembly

WEIGHTS = {"first": 2**13, "second": 2**15, "third": 2**13}


def network(batch: int = 1) -> Network:
    g = Graph("three")
    x = g.linear(g.input(64, 1, 1, batch=batch), 128, name="first")  # 8 KiB of weights
    x = g.linear(x, 256, name="second")  # 32 KiB
    g.linear(x, 32, name="third")  # 8 KiB
    return g.build()


def machine(capacity: int, **changes: object) -> Hardware:
    """An edge NPU whose DRAM gives a byte a cycle, a cycle after it was asked; an op is launched in a cycle."""
    port = {"dram.burst": 1, "dram.latency": "1 ns", "dram.efficiency": 1, "dram.bandwidth": "1 GB/s"}
    layers = {"layers.launch": "1 ns", "layers.order": "serial"}
    return vary(load_hardware("edge_npu_like"), {"buffers.0.capacity": capacity, **port, **layers, **changes})


def run_of(capacity: int, **changes: object) -> Run:
    return simulate(machine(capacity, **changes), network(), threads=1)


def test_frames_behind_the_first_load_no_weights_where_all_find_room() -> None:
    """By hand: 64 bytes in and 32 out, each behind a cycle of latency, 3 launches, 128 + 512 + 128 cycles of MACs."""
    run = run_of(2**16)
    assert run.steady is not None
    assert {name: each.size_bytes for name, each in run.steady.weights.items()} == WEIGHTS
    assert (run.total.dram_bytes, run.steady.dram_bytes) == (64 + sum(WEIGHTS.values()) + 32, 64 + 32)
    assert run.steady.cycles == (1 + 64) + (1 + 32) + 3 + 128 + 512 + 128
    assert isclose(run.steady_frames_per_s, 1 / (869e-9 + 1.3e-3)) and run.steady_frames_per_s > run.frames_per_s
    assert run.steady.peak_sram_bytes == sum(WEIGHTS.values()) + 704


def test_what_fused_ops_bring_stays_with_the_weights_and_takes_room() -> None:
    g = Assembly("slopes")
    x = g.linear(g.input(64, 1, 1), 128, name="first")
    g.linear(g.apply(Op.ACTIVATION, x, name="slopes", variant="prelu", constants=128), 32, name="second")
    run = simulate(machine(2**16), g.build(), threads=1)
    assert run.steady is not None
    assert {name: each.size_bytes for name, each in run.steady.weights.items()} == {
        "first": 2**13 + 128,
        "second": 2**12,
    }
    assert (run.total.dram_bytes, run.steady.dram_bytes) == (64 + 2**13 + 128 + 2**12 + 32, 64 + 32)


def test_a_frame_takes_what_it_does_with_a_memory_of_weights_and_the_same_mappings() -> None:
    run, beside = run_of(2**16), machine(2**16, **{"layers.keep_weights": "48 KiB"})
    mappings = {layer.name: mapping for layer, mapping in saved_mappings(run, network().layers)}
    same = simulate(beside, network(), mapping=mappings, threads=1)
    assert run.steady.cycles == same.total.cycles and same.steady is None
    assert simulate(beside, network(), threads=1).total.cycles < same.total.cycles  # mapped for weights that are there


def test_what_fits_stays_and_what_does_not_is_loaded_by_each_frame() -> None:
    run = run_of(2**14)
    assert [*run.steady.weights] == ["first"]
    assert run.total.dram_bytes - run.steady.dram_bytes == WEIGHTS["first"]
    assert run_of(2**11).steady is None


def test_the_first_weights_of_a_frame_come_while_the_last_op_of_the_one_before_runs() -> None:
    run = run_of(2**11, **{"layers.order": "prefetch_weights"})
    assert not run.steady.weights and run.steady.dram_bytes == run.total.dram_bytes
    assert run.steady.cycles < run.total.cycles


def test_a_batch_holds_several_frames() -> None:
    run = simulate(machine(2**16), network(batch=4), threads=1)
    assert isclose(run.steady_frames_per_s, 4 / run.steady.period_s)
    assert run.steady.dram_bytes == 4 * (64 + 32)


def test_machines_whose_weights_lie_elsewhere_or_that_plan_nothing_keep_none() -> None:
    assert run_of(2**16, **{"layers.keep_activations": False, "layers.stacks": "none"}).steady is None


def test_frames_are_told_where_they_spare_a_percent_or_more() -> None:
    run = run_of(2**14)
    (told,) = [card for card in cards(run, steady=True) if card["label"] == "Steady state"]
    assert run.steady is not None and frames_tell(run)
    assert (told["text"], told["note"]) == ("746/s", "one behind the other, DRAM 40.1KiB a batch")
    assert "Steady state" in [card["label"] for card in run_data(run)["cards"]]
    total = run.total
    few = replace(run.steady, period_s=0.991 * total.latency_s, energy_pj=total.energy_pj, dram_bytes=total.dram_bytes)
    little = replace(run, steady=few)
    assert spared_by_frames(little) == pytest.approx(0.009) and "frames" not in dict(summary_lines(little))
    assert "Steady state" not in [card["label"] for card in run_data(little)["cards"]]
    assert spared_by_frames(replace(run, steady=None)) == 0
    for field in ("period_s", "energy_pj", "dram_bytes"):
        more = replace(run, steady=replace(few, **{field: 0.98 * getattr(few, field)}))
        assert frames_tell(more) and "frames" in dict(summary_lines(more))


def test_frames_one_behind_the_other_are_compared_where_either_run_has_them() -> None:
    run, alone = run_of(2**14), run_of(2**11)
    table = list(overview([alone, run], ["alone", "kept"], None))
    at, rates = table[0].split().index("steady"), ["741/s", "746/s"]
    assert [line.split()[at] for line in table[1:]] == rates
    assert "steady" not in next(overview([alone, alone], ["a", "b"], None))
    rows = {row["name"]: row for row in comparison_rows([compare(alone, run)], ["a", "b"]) if row["by"] == "frames"}
    assert {row["measure"] for row in rows.values()} == {"frames_per_second"}
    assert rows["frames"]["after"] == run.frames_per_s and rows["steady_frames"]["before"] == alone.frames_per_s
    assert rows["steady_frames"]["after"] == run.steady_frames_per_s > run.frames_per_s
    assert rows["steady_frames"]["relative"] == pytest.approx(run.steady_frames_per_s / alone.frames_per_s - 1)
    assert not [row for row in comparison_rows([compare(alone, alone)], ["a", "b"]) if row["by"] == "frames"]
    sides = compared_data(alone, run, ("a", "b"))["cards"]
    steady = [card["text"] for side in sides for card in side if card["label"] == "Steady state"]
    assert steady == rates
    assert "Steady state" not in str(compared_data(alone, alone, ("a", "b"))["cards"])


def test_a_run_with_weights_that_stay_is_read_back_told_and_replayed(tmp_path: Path) -> None:
    run, file = run_of(2**14), tmp_path / "schedule.yaml"
    assert run_from_json(run_to_json(run)).steady == run.steady
    assert "8KiB of weights stay" in dict(summary_lines(run))["frames"]
    schedule = schedule_of(run)
    file.write_text(schedule_to_yaml(schedule, ops_that_run(network(), machine(2**14)), "frames"))
    assert "weights:\n  first: 8192\n" in file.read_text()
    again = simulate(machine(2**14), network(), schedule=file, threads=1)
    assert (again.steady, again.total) == (run.steady, run.total)


@pytest.mark.parametrize(
    ("weights", "capacity", "told"),
    [
        ({"frist": 0}, 2**16, ("weights.frist: no op of the network that loads weights", 'did you mean "first"')),
        ({"first": 2**14}, 2**14, ("weights.first: beyond sram", "at most 8192")),
        ({"first": 0, "third": 8191}, 2**16, ("weights.third: bytes that are taken", "8192 or more")),
        ({"first": 0, "third": 2**13}, 2**14 + 300, ("weights: over capacity in",)),
    ],
)
def test_weights_that_cannot_stay_are_told(weights, capacity: int, told: tuple[str, ...], tmp_path: Path) -> None:
    schedule, file = Schedule((), {(name, "frames"): at for name, at in weights.items()}), tmp_path / "schedule.yaml"
    file.write_text(schedule_to_yaml(schedule, ops_that_run(network(), machine(capacity)), "frames"))
    with pytest.raises(InputError) as error:
        simulate(machine(capacity), network(), schedule=file, threads=1)
    assert all(part in str(error.value) for part in told), str(error.value)


def test_laws_notice_weights_that_cost_dram_twice_or_lie_on_one_another() -> None:
    run = run_of(2**16)
    moved = {name: replace(each, address=0) for name, each in run.steady.weights.items()}
    for changes, law in (
        ({"dram_bytes": run.steady.dram_bytes + 1}, "weights that stay cost DRAM once"),
        ({"peak_sram_bytes": 2**16 + 1}, "bytes on chip <= capacity"),
        ({"weights": moved}, "tensors and weights that stay lie apart"),
        ({"weights": {"none": run.steady.weights["first"]}}, "weights are those of ops"),
    ):
        altered = replace(run, steady=replace(run.steady, **changes))
        assert law in {broken.law for broken in broken_laws(altered)}
