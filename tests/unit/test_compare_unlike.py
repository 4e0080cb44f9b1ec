"""Comparisons of unlike runs: networks of different families, names that tell runs apart, warnings, conditions."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from analysis.read.compare import compare
from analysis.read.compare.align import Pair, align, of_one_family
from analysis.read.compare.gate import JUDGED, failures, read_condition
from analysis.read.compare.likeness import ordered, run_labels, unlike
from analysis.read.objective import CYCLES, ENERGY
from simulator import load_network, simulate
from simulator.errors import InputError
from simulator.network.ir import MAC_OPS
from simulator.result.run import Run
from tests.builders import MACHINE, conv_result, deep_run, run_of, small_run


@pytest.fixture(scope="module")
def mobiles() -> tuple[Run, Run]:
    first, second = (simulate("squeezenext_16x16", load_network(name)) for name in ("mobilenet_v1", "shufflenet_v2"))
    return first, second


def named(run: Run, name: str, **options: object) -> Run:
    return replace(run, network=replace(run.network, name=name), options={**run.options, **options})


def both(pairs: Iterable[Pair]) -> list[tuple[str, str]]:
    return [(pair.before.name, pair.after.name) for pair in pairs if pair.before and pair.after]


def test_layers_of_different_families_correspond_at_equal_sizes_in_their_order(mobiles: tuple[Run, Run]) -> None:
    pairs = [pair for pair in align(*mobiles) if pair.before and pair.after]
    multiplying = [pair for pair in pairs if pair.before and pair.before.op in MAC_OPS]
    assert len(multiplying) >= 20
    for pair in pairs:
        assert pair.before and pair.after
        assert pair.before.output_shape[2:] == pair.after.output_shape[2:]
    at = [
        [run.layers.index(layer) for layer in side if layer]
        for run, side in zip(
            mobiles, zip(*((p.before, p.after) for p in pairs if p.alike == "size and role"), strict=True), strict=True
        )
    ]
    assert at[1] == sorted(at[1])


def test_what_different_families_change_is_told_by_size_and_adds_up(mobiles: tuple[Run, Run]) -> None:
    comparison = compare(*mobiles)
    assert comparison.grouped == "size"
    assert {"112x112", "56x56", "28x28", "14x14", "7x7", "1x1"} == {change.name for change in comparison.stages}
    assert sum(change.change for change in comparison.stages) == comparison.total.change


def test_inputs_of_other_sizes_are_reduced_alike() -> None:
    small = named(run_of(conv_result("a", size=28, stage="x"), conv_result("b", size=28, channels=5, stage="x")), "one")
    large = named(run_of(conv_result("c", size=56, stage="y"), conv_result("d", size=56, filters=9, stage="y")), "two")
    assert both(align(small, large)) == [("a", "c"), ("b", "d")]
    assert [change.name for change in compare(small, large).stages] == ["28x28 -> 56x56"]


def test_variants_under_other_names_are_of_one_family() -> None:
    assert of_one_family(small_run(), named(small_run(), "changed"))
    assert compare(small_run(), named(small_run(), "changed")).grouped == "stage"


def test_labels_tell_batch_objective_and_file() -> None:
    run = small_run()
    assert run_labels([run, named(run, "toy_net", batch=4)]) == ["batch 1", "batch 4"]
    assert run_labels([run, named(run, "other", batch=4)])[1] == "other, batch 4"
    assert run_labels([run, named(run, "toy_net", objective="energy")])[1] == "for energy"
    assert run_labels([run, run], ["a.json", "b.json"])[1] == "b.json (toy_net on toy_16x16)"
    changed = replace(run, hardware=replace(MACHINE, name="toy_16x16[array.rows=32]"))
    assert run_labels([run, changed])[1] == "toy_16x16[array.rows=32]"


def test_unlike_runs_are_warned_of_and_like_ones_are_not() -> None:
    run = small_run()
    assert unlike([run, deep_run(3)], CYCLES) == []
    assert "batch 1 and batch 4" in unlike([run, named(run, "toy_net", batch=4)], CYCLES)[0]
    assert "minimize different things" in unlike([run, named(run, "toy_net", objective="edp")], CYCLES)[0]
    other = replace(run, hardware=replace(MACHINE, energy_table="other"))
    assert unlike([run, other], CYCLES) == [] and "energies by the tables" in unlike([run, other], ENERGY)[0]


def test_the_baseline_goes_by_file_network_or_machine() -> None:
    runs, files = [small_run(), deep_run(3)], ["a.json", "b.json"]
    for name in ("b.json", "deep_3"):
        assert ordered(runs, files, name) == ([runs[1], runs[0]], ["deep_3", "toy_net"])
    assert ordered(runs, files, "") == (runs, ["toy_net", "deep_3"])
    with pytest.raises(InputError, match='did you mean "deep_3"'):
        ordered(runs, files, "deep_4")
    with pytest.raises(InputError, match="several runs of this name"):
        ordered(runs, files, "toy_16x16")


def slower() -> Run:
    return run_of(
        *(conv_result(layer.name, waiting=500) if layer.name == "conv2" else layer for layer in base().layers)
    )


def base() -> Run:
    return run_of(conv_result("conv1"), conv_result("conv2"), conv_result("conv3"))


def test_a_condition_that_fails_names_the_layer_to_blame() -> None:
    (failure,) = failures([read_condition("cycles>2%")], base(), slower(), "new")
    assert failure.line.startswith("cycles>2%: ") and failure.line.endswith("of new")
    assert [line.partition(":")[0] for line in failure.blamed] == ["conv2"]


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("cycles>90%", False),
        ("cycles>10", True),
        ("conv2.cycles>2%", True),
        ("conv1.cycles>2%", False),
        ("*.cycles>2%", True),
        ("utilization<-2%", True),
        ("latency>1 s", False),
        ("latency>1 ns", True),
        ("frames<1", False),
        ("frames < -1%", True),
        ("energy>1 J", False),
        ("energy>1pJ", True),
        ("dram>0%", False),
        ("macs>1K", True),
    ],
)
def test_conditions_judge_figures_and_changes(text: str, fails: bool) -> None:
    assert bool(list(failures([read_condition(text)], base(), slower(), "new"))) is fails


def test_every_quantity_can_be_judged_of_any_run() -> None:
    for name in JUDGED:
        (failure,) = failures([read_condition(f"{name}>-200%")], base(), slower(), "new")
        assert failure.line.startswith(f"{name}>-200%: ")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cycels>2%", 'did you mean "cycles"'),
        ("cycles", "not a condition"),
        ("conv1.latency>3%", "no figure of a layer"),
        ("energy>3KiB", "a number with %"),
        ("cycles>3..4", "not a number"),
        ("cnv2.cycles>3%", 'did you mean "conv2"'),
    ],
)
def test_wrong_conditions_are_told(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        list(failures([read_condition(text)], base(), slower(), "new"))
