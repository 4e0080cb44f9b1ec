"""Machines of several cores: how they are written, what a run, its schedule, its trace and its summary say of them."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.read.summary import summary_lines
from analysis.read.trace import trace_text
from simulator import load_hardware, simulate, timeline
from simulator.door import problems_of
from simulator.engine.schedules import schedule_of
from simulator.errors import InputError
from simulator.hardware.load import read_hardware
from simulator.hardware.model import Hardware
from simulator.hardware.peak import areas_mm2, peak_macs_per_second, peak_watts
from simulator.hardware.vary import vary
from simulator.network.graph import Graph
from simulator.network.ir import Layer, Network, Op
from simulator.result.facts import machine_facts
from simulator.result.json_io import run_from_json, run_to_json
from simulator.result.laws import LawViolation, assert_laws, broken_laws
from simulator.result.run import Run
from simulator.schedule.choice import Split
from simulator.schedule.files import load_schedule
from simulator.schedule.split import ops_of_cores, parts_of, slices_of, ways_of
from simulator.source import parse_yaml
from workloads.importers.assembly import Assembly

ONE = load_hardware("squeezenext_16x16")
HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto" / "machine.md"


def on(cores: int, together: str = "split", **changes: object) -> Hardware:
    return vary(ONE, {"cores": cores, "layers.across_cores": together, **changes})


def small() -> Network:
    """Three convolutions, of which one has groups, a pool, a product by rows, and a softmax that nothing can cut."""
    g = Graph("small")
    x = g.conv(g.input(16, 20, 20), 32, 3, padding=1, activation="relu", name="first")
    x = g.conv(g.max_pool(x, 2, 2, name="pool"), 32, 3, padding=1, groups=4, name="groups")
    x = g.conv(x, 64, 1, name="last")
    g.softmax(g.linear(g.global_pool(x, name="mean"), 10, name="classes"), name="shares")
    return g.build()


NET = small()


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    return {way: simulate(on(2, way), NET) for way in ("split", "pipelined", "frames")}


def test_a_machine_of_one_core_says_nothing_of_cores():
    text = run_to_json(simulate(ONE, NET))
    assert '"cores"' not in text
    assert run_from_json(text).cores is None
    assert vary(ONE, {"cores": 1}) == ONE


def test_area_watts_and_peak_are_those_of_all_cores():
    one = load_hardware("dpu_b512")
    two = vary(one, {"cores": 2})
    assert peak_macs_per_second(two) == 2 * peak_macs_per_second(one)
    assert areas_mm2(two) == {part: 2 * area for part, area in areas_mm2(one).items()}
    assert peak_watts(two) == pytest.approx(2 * peak_watts(one))
    prices = machine_facts(one).energy_pj_per_action
    told = {name: (2 if name in ("leakage", "clock") else 1) * each for name, each in prices.items()}
    assert machine_facts(two).energy_pj_per_action == told
    assert (two.prices, two.core) == (one.prices, one)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"layers.order": "prefetch_weights"}, "layers.order"),
        ({"layers.keep_activations": True}, "layers.keep_activations"),
        ({"layers.keep_weights": "1 MiB"}, "layers.keep_weights"),
        ({"dram.type": "DDR4", "dram.page_policy": "open"}, "dram.page_policy"),
    ],
)
def test_cores_share_dram_alone(changes, path):
    with pytest.raises(InputError, match=f"{re.escape(path)}: 2 cores share DRAM alone"):
        on(2, **changes)


@pytest.mark.parametrize("cores", [0, 65, "two"])
def test_a_machine_has_1_to_64_cores(cores):
    with pytest.raises(InputError, match="cores"):
        vary(ONE, {"cores": cores})


def test_parts_are_as_equal_as_can_be():
    assert list(parts_of(10, 4)) == [(0, 3), (3, 6), (6, 8), (8, 10)]
    assert list(parts_of(3, 8)) == [(0, 1), (1, 2), (2, 3)]


def test_ops_are_cut_by_what_does_not_go_across():
    ways = {op.planned.layer.name: ways_of(op, 3) for op in ops_of_cores(NET, on(3))}
    both = (Split("filters", 2), Split("filters", 3), Split("rows", 2), Split("rows", 3))
    assert ways["first"] == ways["groups"] == ways["last"] == both
    assert ways["classes"] == both[:2]
    assert ways.get("shares", ()) == ()


def test_what_goes_across_slices_is_not_cut():
    g = Graph("across")
    x = g.max_pool(g.conv(g.input(8, 8, 8, batch=2), 8, 1, name="pooled"), 2, 2, name="pool")
    g.conv(g.reshape(x, (32, 2, 2), name="reshape"), 8, 1, name="last")
    machine = on(2, fuses=["pool"], folds=[])
    ways = {op.planned.layer.name: {split.by for split in ways_of(op, 2)} for op in ops_of_cores(g.build(), machine)}
    assert ways == {"pooled": {"filters", "samples"}, "reshape": set(), "last": {"filters", "rows", "samples"}}


def test_products_are_cut_by_rows_of_their_first_factor():
    g = Assembly("products")
    x = g.input(8, 6, 1)
    factors = g.conv(x, 4, name="a").shape, g.conv(x, 4, name="b").shape
    g.put(Layer("product", Op.MATMUL, ("a", "b"), factors, (1, 6, 6, 1)))
    op = ops_of_cores(g.build(), on(2))[-1]
    assert ways_of(op, 2) == (Split("rows", 2),)
    first, second = slices_of(op, Split("rows", 2))
    assert first.layer.input_shapes == second.layer.input_shapes == ((1, 4, 3, 1), (1, 4, 6, 1))
    assert first.layer.macs + second.layer.macs == op.planned.layer.macs


def test_slices_lie_in_the_tensors_that_ops_are_folded_into():
    g = Graph("joined")
    x = g.input(8, 6, 6)
    y = g.concat(g.conv(x, 8, 1, name="a"), g.conv(x, 4, 1, name="b"))
    g.conv(y, 12, 1, groups=2, name="last")
    ops = {op.planned.layer.name: op for op in ops_of_cores(g.build(), on(2, folds=["concat"]))}
    assert [own.slices.output_channels for own in slices_of(ops["a"], Split("filters", 2))] == [12, 12]
    assert {own.slices.input_channels for own in slices_of(ops["last"], Split("filters", 2))} == {12}


def test_slices_have_halos_whole_groups_and_names():
    ops = {op.planned.layer.name: op for op in ops_of_cores(NET, on(3))}
    rows = [own.layer for own in slices_of(ops["first"], Split("rows", 3))]
    assert [layer.name for layer in rows] == ["first[rows 0:7]", "first[rows 7:14]", "first[rows 14:20]"]
    assert [layer.input_shapes[0][2] for layer in rows] == [8, 9, 7]
    assert [(layer.padding[0], layer.padding[2]) for layer in rows] == [(1, 0), (0, 0), (0, 1)]
    groups = slices_of(ops["groups"], Split("filters", 3))
    assert [(own.layer.groups, own.layer.input_shapes[0][1], own.layer.output_shape[1]) for own in groups] == [
        (2, 16, 16),
        (1, 8, 8),
        (1, 8, 8),
    ]
    assert {(own.slices.input_channels, own.slices.output_channels) for own in groups} == {(32, 32)}


def test_a_split_op_ends_when_its_last_core_does_and_does_all_of_its_work_once(runs):
    run = runs["split"]
    assert run.cores.splits
    for name, split in run.cores.splits.items():
        layer = next(layer for layer in run.layers if layer.name == name)
        assert layer.cycles == max(part.cycles for part in split.parts)
        assert layer.macs == sum(part.macs for part in split.parts)
        assert layer.bytes_at("dram") == sum(part.dram_bytes for part in split.parts)
        assert layer.bounds["dram"] == sum(part.dram_cycles for part in split.parts)
    assert run.total.cycles < simulate(ONE, NET).total.cycles
    assert run.hardware.pes == 2 * 16 * 16


def test_frames_come_in_the_period_of_the_cores(runs):
    pipelined, frames = runs["pipelined"], runs["frames"]
    assert pipelined.steady.cycles == max(each.cycles for each in pipelined.cores.ranges)
    assert pipelined.cores.ranges[0].first == "first"
    assert frames.steady.cycles == -(-frames.cores.period_cycles // 2)
    assert {(each.first, each.last) for each in frames.cores.ranges} == {("first", frames.cores.ranges[0].last)}
    assert pipelined.total.cycles == frames.total.cycles


def test_either_takes_the_way_that_is_best_of_frames_in_a_row(runs):
    best = simulate(on(2, "either", objective="cycles"), NET)
    ways = {way: simulate(on(2, way, objective="cycles"), NET) for way in runs}
    cycles = {way: run.steady.cycles if run.steady else run.total.cycles for way, run in ways.items()}
    assert cycles[best.cores.together] == min(cycles.values())


def test_samples_of_a_batch_are_cut_over_cores():
    g = Graph("batch")
    g.linear(g.conv(g.input(8, 1, 1, batch=4), 8, 1, name="first"), 8, name="second")
    (op, _) = ops_of_cores(g.build(), on(2))
    assert [own.layer.output_shape for own in slices_of(op, Split("samples", 2))] == [(2, 8, 1, 1)] * 2


def test_saved_runs_are_those_of_their_machine_and_network(runs):
    for run in runs.values():
        again = run_from_json(run_to_json(run))
        assert (again.cores, again.steady, again.layers) == (run.cores, run.steady, run.layers)
        assert problems_of(again) == ()


def test_runs_that_are_not_of_their_machine_or_network_are_told(runs):
    run = runs["split"]
    name, split = next(iter(run.cores.splits.items()))

    def told(cores):
        return {problem.file or problem.path for problem in problems_of(replace(run, cores=cores))}

    assert told(None) == told(replace(run.cores, count=3)) == {"cores.count"}
    other = replace(split, parts=tuple(replace(part, name="other") for part in split.parts))
    assert told(replace(run.cores, splits={**run.cores.splits, name: other})) == {f"cores.splits.{name}.parts"}
    lost = replace(split, parts=tuple(replace(part, mapping=None) for part in split.parts))
    assert told(replace(run.cores, splits={**run.cores.splits, name: lost}))
    assert told(replace(run.cores, splits={"lost": split})) == {"schedule.split.lost"}
    assert f"layers.{name}.mapping" in told(replace(run.cores, splits={}))
    with pytest.raises(LawViolation, match="serves one core at a time"):
        assert_laws(replace(run, cores=replace(run.cores, streams=0)))


@pytest.mark.parametrize(
    ("field", "law"),
    [
        ("macs", "MACs of cores = those of the op"),
        ("dram_bytes", "bytes of cores = those of the op"),
        ("cycles", "an op ends when its last core does"),
        ("alone_cycles", "no core is faster beside others"),
    ],
)
def test_figures_of_cores_that_cannot_be_break_a_law(runs, field, law):
    run = runs["split"]
    name, split = next(iter(run.cores.splits.items()))
    parts = tuple(replace(part, **{field: getattr(part, field) + 10**6}) for part in split.parts)
    cores = replace(run.cores, splits={**run.cores.splits, name: replace(split, parts=parts)})
    assert law in {violation.law for violation in broken_laws(replace(run, cores=cores))}


def test_ranges_that_cannot_be_break_a_law(runs):
    run = runs["pipelined"]
    first, second = run.cores.ranges
    for ranges in ((first,), (first, replace(second, alone_cycles=1)), (replace(first, cycles=1), second)):
        with pytest.raises(LawViolation):
            assert_laws(replace(run, cores=replace(run.cores, ranges=ranges)))
    with pytest.raises(LawViolation, match="frames come in the period of the cores"):
        assert_laws(replace(run, steady=replace(run.steady, cycles=run.steady.cycles + 1)))


ORDER = "order: [first, pool, groups, last, mean, classes, shares]\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("split: {firts: rows}", "first"),
        ("split: {classes: rows}", "classes cannot be cut by rows"),
        ("split: {first: {by: rows, cores: 3}}", "2 to 2: cores of the machine, and rows of the op"),
        ("cores: frames\nsplit: {first: rows}", "goes with `cores: split`"),
        ("pipeline: [groups, last]", "the first core begins with the first op"),
        ("pipeline: [first, last, groups]", "1 to 2 ops"),
        ("pipeline: [first, first]", "ranges follow one another as ops do"),
        ("pipeline: [first, lost]", "no op of the network that runs by itself"),
        ("cores: pipelined", "a range of ops for each core"),
    ],
)
def test_what_is_wrong_with_a_schedule_of_cores_is_told(tmp_path, text, told):
    machine = on(2)
    running = [op.planned.layer.name for op in ops_of_cores(NET, machine)]
    file = tmp_path / "schedule.yaml"
    file.write_text(f"order: [{', '.join(running)}]\n{text}\n", encoding="utf-8")
    with pytest.raises(InputError, match=told) as error:
        load_schedule(file, NET, machine)
    assert str(file) in str(error.value)
    with pytest.raises(InputError, match=f"{ONE.name} has one core"):
        load_schedule(file, NET, ONE)


def test_a_schedule_says_what_is_cut_in_a_word_and_the_rest_runs_on_one_core(tmp_path):
    machine = on(2)
    running = [op.planned.layer.name for op in ops_of_cores(NET, machine)]
    file = tmp_path / "schedule.yaml"
    file.write_text(f"order: [{', '.join(running)}]\nsplit: {{first: filters}}\n", encoding="utf-8")
    run = simulate(machine, NET, schedule=file)
    assert {name: (split.by, len(split.parts)) for name, split in run.cores.splits.items()} == {"first": ("filters", 2)}
    assert schedule_of(run).splits == {"first": Split("filters", 2)}
    alone = {layer.name: layer.cycles for layer in simulate(ONE, NET).layers}
    assert all(layer.cycles == alone[layer.name] for layer in run.layers if layer.name != "first")


def test_a_trace_has_lanes_for_each_core(runs):
    for run in runs.values():
        events = json.loads(trace_text(timeline(run), run))["traceEvents"]
        lanes = {event["args"]["name"] for event in events if event["name"] == "thread_name"}
        assert {f"core {core} {lane}" for core in (0, 1) for lane in ("layers", "array", "dram port")} <= lanes


def test_a_summary_tells_what_cores_do(runs):
    told = {way: dict(summary_lines(run))["cores"] for way, run in runs.items()}
    assert re.match(r"2: \d+ ops? by \w+ over 2.*; [\d,]+ cycles of waiting for others at DRAM$", told["split"])
    assert told["pipelined"].startswith("2, pipelined: first to ")
    assert told["frames"].startswith("2: frames of their own in a period of ")


def test_rows_note_how_ops_are_cut(runs):
    notes = {row["layer"]: row["note"] for row in runs["split"].to_rows()}
    told = {name: f"by {split.by} over 2 cores" for name, split in runs["split"].cores.splits.items()}
    assert {name: note for name, note in notes.items() if note} == told
    assert not any(row["note"] for row in runs["frames"].to_rows())


def test_the_machine_of_the_howto_has_two_cores_and_runs():
    text = HOWTO.read_text(encoding="utf-8").split("## Several cores")[1]
    machine = read_hardware(parse_yaml(text.split("```yaml\n")[1].split("```")[0], "howto"))
    assert machine.cores == 2
    assert simulate(machine, NET).cores.count == 2
