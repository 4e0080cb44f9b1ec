"""The saved run: its JSON form and the laws it obeys."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import InputError
from simulator.network.ir import Op
from simulator.result.json_io import MAX_PROBLEMS, load_run, run_from_json, run_to_json, save_run
from simulator.result.laws import LawViolation, assert_laws, broken_laws
from simulator.result.run import LayerResult, Run, Traffic, total_of
from tests.builders import MACHINE, conv_result, deep_run, free_result, run_of, small_run, vector_result


def with_layer(run: Run, index: int, **changes: object) -> Run:
    """The run with one layer changed, totals summed anew, so that only the law in question breaks."""
    layers = list(run.layers)
    layers[index] = replace(layers[index], **changes)  # type: ignore[arg-type]
    return replace(run, layers=tuple(layers), total=total_of(layers, run.hardware))


def problems_of(text: str) -> str:
    with pytest.raises(InputError) as caught:
        run_from_json(text, "run.json")
    return caught.value.render()


@st.composite
def layers(draw: st.DrawFn) -> LayerResult:
    name = draw(st.text(min_size=1, max_size=12))
    kind = draw(st.sampled_from(["conv", "pool", "folded"]))
    channels, size = draw(st.integers(1, 300)), draw(st.integers(1, 120))
    if kind == "pool":
        return vector_result(name, channels=channels, size=size)
    if kind == "folded":
        return free_result(name, Op.CONCAT, folded=True)
    kernel = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    return conv_result(name, channels=channels, size=size, kernel=kernel, waiting=draw(st.integers(0, 10**6)))


@given(st.lists(layers(), max_size=6))
def test_a_run_survives_the_way_to_json_and_back(drawn: list[LayerResult]) -> None:
    run = run_of(*drawn)
    text = run_to_json(run)
    assert run_from_json(text) == run
    assert run_to_json(run_from_json(text)) == text


def test_json_bytes_do_not_depend_on_the_order_in_which_parts_were_counted() -> None:
    run = small_run()
    layer = run.layers[0]
    shuffled = with_layer(
        run,
        0,
        cycle_parts=dict(reversed(layer.cycle_parts.items())),
        energy_parts=dict(reversed(layer.energy_parts.items())),
        traffic=dict(reversed(layer.traffic.items())),
    )
    assert run_to_json(shuffled) == run_to_json(run)


def test_json_holds_the_keys_that_others_rely_on() -> None:
    data = json.loads(run_to_json(small_run()))
    assert list(data) == ["schema_version", "hardware", "network", "options", "provenance", "total", "layers"]
    assert data["schema_version"] == 3
    assert {"name", "macs", "params"} <= set(data["network"])
    wanted = {"cycles", "latency_s", "macs", "utilization", "energy_pj", "dram_bytes", "buffer_bytes"}
    assert wanted <= set(data["total"])
    wanted = {"name", "op", "dataflow", "macs", "params", "cycles", "cycle_parts", "utilization", "energy_pj"}
    assert wanted | {"energy_parts", "traffic", "bottleneck", "mapping"} <= set(data["layers"][0])
    assert data["layers"][0]["op"] == "conv"
    assert set(data["layers"][0]["traffic"]["dram"]["inputs"]) == {"read_bytes", "write_bytes"}


def test_a_saved_run_reads_back_from_its_file(tmp_path: Path) -> None:
    save_run(small_run(), tmp_path / "run.json")
    assert load_run(tmp_path / "run.json") == small_run()
    assert (tmp_path / "run.json").read_bytes().endswith(b"}\n")


def test_syntax_errors_are_told_with_line_and_column() -> None:
    assert "run.json:2:3: not JSON" in problems_of('{"schema_version": 2,\n  oops}')


@pytest.mark.parametrize("text", ["[1, 2]", "{}", '{"schema_version": 4}', '{"schema_version": true}', "3", ""])
def test_a_foreign_json_file_is_refused_in_one_line(text: str) -> None:
    assert problems_of(text).startswith("run.json:")


def test_a_number_that_is_none_is_refused() -> None:
    assert "NaN is not a number" in problems_of(run_to_json(small_run()).replace("1000000000", "NaN"))


def test_a_hostile_nesting_or_number_is_refused() -> None:
    assert "nested too deeply" in problems_of("[" * 100_000)
    assert "not a number of a run" in problems_of("1" * 10_000)


def test_every_missing_and_mistyped_key_is_told_at_once() -> None:
    data = json.loads(run_to_json(small_run()))
    del data["hardware"]["rows"]
    data["layers"][0]["cycles"] = "many"
    data["layers"][2]["op"] = "convolve"
    told = problems_of(json.dumps(data))
    assert "hardware.rows" in told
    assert "layers.0.cycles" in told
    assert "got: 'many'" in told
    assert "layers.2.op" in told


def test_a_file_wrong_everywhere_is_told_in_bounded_length() -> None:
    data = json.loads(run_to_json(deep_run(100)))
    for layer in data["layers"]:
        layer["cycles"] = None
    with pytest.raises(InputError) as caught:
        run_from_json(json.dumps(data))
    assert len(caught.value.problems) == MAX_PROBLEMS + 1
    assert "75 more" in caught.value.render()


def test_figures_that_do_not_add_up_are_refused_on_reading() -> None:
    run = small_run()
    tampered = replace(run, total=replace(run.total, cycles=run.total.cycles + 1))
    assert "total.cycles" in problems_of(run_to_json(tampered))


def test_a_missing_file_and_a_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_run(tmp_path / "none.json")
    (tmp_path / "run.json").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="not a text file"):
        load_run(tmp_path / "run.json")
    with pytest.raises(InputError, match="cannot read"):
        load_run(tmp_path)


@pytest.mark.parametrize("run", [small_run(), deep_run(9), run_of()], ids=["small", "deep", "empty"])
def test_honest_runs_obey_every_law(run: Run) -> None:
    assert list(broken_laws(run)) == []


LAWS = {
    "sum of cycle parts": {"cycles": 10**6, "utilization": 0.0},
    "sum of energy parts": {"energy_pj": 1.0},
    "parts are known": {"cycle_parts": {"naps": 1}},
    "no part is negative": {"energy_parts": {"mac": -1.0}},
    "effective MACs": {"effective_macs": 10**12},
    "utilization = MACs executed": {"utilization": 0.5},
    "utilization is within": {"utilization": 1.5},
    "what needs most of the time": {"bottleneck": "dram"},
    "cycles >= bound": {"bounds": {"array": 10**9}},
    "bytes out of DRAM": {"traffic": {"dram": {"inputs": Traffic(9, 0)}, "buffer": {"inputs": Traffic(10**9, 10)}}},
    "reads >= footprint": {"traffic": {"rf": {"weights": Traffic(1, 0)}}},
    "fused layers are layers": {"fused": ("nobody",)},
}


@pytest.mark.parametrize("law", LAWS)
def test_a_broken_law_is_told_with_layer_and_figures(law: str) -> None:
    with pytest.raises(LawViolation, match=law) as caught:
        assert_laws(with_layer(small_run(), 0, **LAWS[law]))
    assert any(violation.where == "conv1" and violation.figures for violation in caught.value.violations)


def test_a_fused_layer_must_be_free() -> None:
    run = with_layer(small_run(), 0, fused=("pool1",))
    assert [violation.where for violation in broken_laws(run)] == ["pool1"]


def test_a_layer_that_is_missing_from_the_run_is_noticed() -> None:
    run = small_run()
    short = replace(run, layers=run.layers[:2], total=total_of(run.layers[:2], MACHINE))
    assert {violation.field for violation in broken_laws(short)} == {"macs", "params"}


def test_a_transfer_may_end_with_part_of_a_burst_that_nobody_wants() -> None:
    layer = conv_result("conv1")
    read = layer.traffic["dram"]["inputs"].read_bytes

    def reading(extra: int) -> Run:
        dram = layer.traffic["dram"] | {"inputs": Traffic(read + extra, 0)}
        return run_of(replace(layer, traffic=layer.traffic | {"dram": dram}))

    most = layer.tiles * MACHINE.burst_bytes - 1
    assert list(broken_laws(reading(most))) == []
    for extra in (-1, most + 1):
        assert [law.field for law in broken_laws(reading(extra))] == ["traffic.dram.inputs"]


def test_compressed_operands_may_leave_dram_in_fewer_bytes() -> None:
    machine = replace(MACHINE, compressed=("inputs",))
    layer = conv_result("conv1")
    dram = layer.traffic["dram"] | {"inputs": Traffic(5, 0)}
    packed = replace(layer, traffic=layer.traffic | {"dram": dram})
    assert list(broken_laws(run_of(packed, machine=machine))) == []
    assert [law.field for law in broken_laws(run_of(packed))] == ["traffic.dram.inputs"]


def test_macs_that_are_skipped_are_no_utilization() -> None:
    layer = conv_result("conv1")
    parts = dict.fromkeys(layer.cycle_parts, 0) | {"compute": layer.macs // 512}
    cycles = parts["compute"]
    fast = replace(
        layer,
        cycles=cycles,
        cycle_parts=parts,
        effective_macs=layer.macs // 2,
        utilization=1.0,
        bounds={"array": cycles},
        bottleneck="compute",
    )
    run = run_of(fast)
    assert run.total.utilization == 1
    assert (run.total.effective_macs, run.total.dense_speedup) == (layer.macs // 2, 2)
    assert list(broken_laws(run_of(fast))) == []
    greedy = replace(fast, effective_macs=layer.macs, utilization=2.0)
    assert "busy PE-cycles" in next(broken_laws(run_of(greedy))).law


def test_a_prefetched_layer_may_be_shorter_than_its_dram_bound_but_not_the_network() -> None:
    machine = replace(MACHINE, layer_order="prefetch_weights")
    layer = conv_result("conv1")
    early = replace(layer, bounds=layer.bounds | {"dram": layer.cycles + 1}, bottleneck="dram")
    assert list(broken_laws(run_of(early, conv_result("conv2"), machine=machine))) == []
    assert [law.where for law in broken_laws(run_of(early, machine=machine))] == ["total"]


def test_a_run_names_itself_in_one_line() -> None:
    assert repr(small_run()).startswith("<Run of toy_net on toy_16x16: 5 layers")
