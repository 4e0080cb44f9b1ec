"""What a run keeps of its machine, its totals, and its bytes as JSON: by hand."""

import json
from collections import OrderedDict
from dataclasses import replace
from fractions import Fraction

import pytest

from simulator.cost.prices import prices_per_action
from simulator.errors import InputError
from simulator.hardware.load import load_hardware
from simulator.hardware.peak import area_mm2, peak_watts
from simulator.network.document import network_document
from simulator.result.facts import (
    coded,
    documents_of,
    fingerprint,
    fingerprints,
    machine_facts,
    network_facts,
    plain_data,
    provenance,
)
from simulator.result.json_io import MAX_FILE_BYTES, MAX_PROBLEMS, load_run, run_from_json, run_to_json, save_run
from simulator.result.run import Documents, NetworkFacts, Run, Total
from tests.builders import MACHINE, conv_result, deep_run, run_of, small_run, vector_result
from workloads.load import load_network

CHIP = load_hardware("flexible_168")
SPADS = load_hardware("timeloop_simple_weight_stationary")


def test_a_machine_is_kept_as_what_reports_need() -> None:
    """Two memories, of which each of three arrays' 2 x 4 PEs has the second; networks of 3, 5, 7 words."""
    glb, spad = SPADS.buffers
    buffers = (
        replace(glb, capacity_bytes=1000, read_bytes_per_cycle=8),
        replace(spad, capacity_bytes=10, read_bytes_per_cycle=4),
    )
    delivery = tuple(replace(each, words_per_cycle=n) for each, n in zip(CHIP.array.delivery, (3, 5, 7), strict=True))
    array = replace(SPADS.array, rows=2, columns=4, macs_per_cycle=2, instances=3, delivery=delivery)
    dram = replace(SPADS.dram, bytes_per_cycle=Fraction(5, 2), burst_bytes=32, atom_channels=4)
    widths = {"input_bits": 8, "weight_bits": 16, "output_bits": 12, "partial_sum_bits": 24}
    machine = replace(
        SPADS, array=array, buffers=buffers, dram=dram, clock_hz=123, host_ps=3 * 10**9, **widths  # type: ignore[arg-type]
    )  # fmt: skip
    facts = machine_facts(machine)
    assert (facts.name, facts.clock_hz, facts.rows, facts.columns, facts.arrays) == (SPADS.name, 123, 2, 4, 3)
    assert (facts.macs_per_cycle, facts.dram_bytes_per_cycle, facts.burst_bytes) == (2, 2.5, 32)
    assert (facts.buffer_bytes, facts.buffer_bytes_per_cycle) == (1000 + 24 * 10, 12)
    assert facts.network_bytes_per_cycle == {"inputs": 3.0, "weights": 10.0, "outputs": 21.0}
    assert (facts.levels, facts.levels_in_pe) == (("dram", "shared_glb", "pe_spad", "array", "rf"), ("pe_spad",))
    assert facts.energy_pj_per_action == prices_per_action(SPADS)
    assert facts.energy_pj_per_byte["dram"]["inputs"] == pytest.approx(
        8 * SPADS.energy.dram_pj_per_bit * SPADS.energy.unit_pj
    )
    assert (facts.energy_unit_pj, facts.area_mm2, facts.peak_watts) == (SPADS.energy.unit_pj, None, peak_watts(machine))
    assert (facts.atom_channels, facts.residual_width, facts.host_s) == (4, 1.5, 0.003)
    assert (facts.energy_table, facts.energy_unit, facts.layer_order) == ("eyeriss_relative", "MAC", SPADS.layer_order)
    endless = replace(SPADS, dram=replace(dram, bytes_per_cycle=None))
    assert machine_facts(endless).dram_bytes_per_cycle is None
    assert machine_facts(SPADS).buffer_bytes_per_cycle is None
    tpu = load_hardware("tpu_v1")
    assert machine_facts(tpu).area_mm2 == area_mm2(tpu) != 0


def test_a_total_has_joules_watts_and_the_hosts_time() -> None:
    """A thousand cycles of 500 MHz and 3 us of the host take 5 us; of 20 uJ, DRAM takes 5."""
    layer = conv_result("conv")
    energy = {"mac": 15e6, "dram.inputs": 4e6, "dram.outputs": 1e6}
    spent = replace(layer, cycles=1000, energy_pj=20e6, energy_parts=energy, energy_relative=4e6)
    machine = replace(MACHINE, clock_hz=500_000_000, host_s=3e-6, energy_unit="MAC", energy_unit_pj=5.0)
    total = run_of(spent, machine=machine).total
    assert (total.latency_s, total.joules) == pytest.approx((5e-6, 20e-6))
    assert (total.watts, total.chip_watts) == pytest.approx((4.0, 3.0))
    assert total.energy_relative == 4e6
    assert (replace(total, latency_s=0.0).watts, replace(total, latency_s=0.0).chip_watts) == (0.0, 0.0)


def test_operands_that_dram_holds_in_other_bytes_are_told() -> None:
    def told(**dram: object) -> tuple[str, ...]:
        return coded(replace(CHIP, dram=replace(CHIP.dram, **{"run_length": (), "winograd": None, **dram})))

    assert told() == ()
    assert told(run_length=(2, 0)) == ("inputs", "outputs")
    assert told(winograd=(2, 3)) == ("weights",)
    assert told(winograd=(2, 3), run_length=(0,)) == ("inputs", "weights")


def test_a_network_is_kept_by_name_and_sizes_and_contents_by_their_hashes() -> None:
    network = load_network("alexnet")
    assert network_facts(network) == NetworkFacts("alexnet", network.macs, network.params)
    assert documents_of(CHIP, network) == Documents(dict(CHIP.document or {}), network_document(network))
    assert documents_of(replace(CHIP), network).hardware is None
    both, one = Documents({"a": 1}, {"b": 2}), Documents(None, {"b": 2})
    assert fingerprints(both) == {"hardware_sha256": fingerprint({"a": 1}), "network_sha256": fingerprint({"b": 2})}
    assert list(fingerprints(one)) == ["network_sha256"]
    assert list(provenance(one)) == ["squeezesim", "network_sha256"]
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 1, "b": 3})


def test_plain_data_is_what_json_can_hold() -> None:
    values = {
        1: Fraction(4, 2),
        "b": Fraction(1, 2),
        "c": {3, 1, 2},
        "d": (None, True, 1.5, "x"),
        "e": NetworkFacts("n", 1, 2),
    }
    assert plain_data(values) == {
        "1": 2, "b": 0.5, "c": [1, 2, 3], "d": [None, True, 1.5, "x"],
        "e": {"name": "n", "macs": 1, "params": 2, "full_residency_bytes": 0}
    }  # fmt: skip
    assert type(plain_data(Fraction(2))) is int
    assert plain_data(frozenset("ba")) == ["a", "b"]
    with pytest.raises(TypeError, match="no plain form of object"):
        plain_data(object())


def test_json_is_a_line_for_each_layer_and_each_part_of_what_was_simulated() -> None:
    documents = Documents(
        {"x": [1], "n": 5, "layers": {"order": "serial"}}, {"name": "é", "layers": [{"b": 1, "a": 2}, {}]}
    )
    text = run_to_json(replace(small_run(), documents=documents))
    lines = text.splitlines()
    assert lines[0] == "{" and lines[1] == '  "schema_version": 3,'
    assert [line.split(":")[0].strip() for line in lines[1:7]] == [
        f'"{key}"' for key in ("schema_version", "hardware", "network", "options", "provenance", "total")
    ]
    assert lines[7] == '  "layers": ['
    assert [json.loads(line.strip().rstrip(","))["name"] for line in lines[8:13]] == [
        layer.name for layer in small_run().layers
    ]
    assert lines[13:] == [
        "  ],",
        '  "documents": {',
        '    "hardware": {',
        '      "x": [1],',
        '      "n": 5,',
        '      "layers": {"order": "serial"}',
        "    },",
        '    "network": {',
        '      "name": "é",',
        '      "layers": [',
        '        {"b": 1, "a": 2},',
        "        {}",
        "      ]",
        "    }",
        "  }",
        "}",
    ]
    bare = run_to_json(replace(run_of(), documents=Documents(None, {})))
    assert '"layers": []' in bare and '"hardware": null,' in bare


def test_parts_of_cycles_come_in_their_order_then_other_keys_by_name_and_a_mapping_as_it_is() -> None:
    layer = conv_result("conv")
    parts = OrderedDict([("dram", 0), ("zebra", 0), ("apple", 0), ("compute", layer.cycles)])
    text = run_to_json(run_of(replace(layer, cycle_parts=parts, mapping={"rows": [], "buffer": [], "dram": []})))
    assert f'"cycle_parts": {{"compute": {layer.cycles}, "dram": 0, "apple": 0, "zebra": 0}}' in text
    assert '"mapping": {"rows": [], "buffer": [], "dram": []}' in text


def told(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        run_from_json(text, "run.json")
    return [problem.message for problem in caught.value.problems]


def test_versions_that_are_none_are_told_with_what_was_found() -> None:
    for version, got in (("4", "4"), ("0", "0"), ("true", "true"), ('"2"', '"2"')):
        with pytest.raises(InputError) as caught:
            run_from_json(f'{{"schema_version": {version}}}', "run.json")
        (problem,) = caught.value.problems
        assert (problem.message, problem.path, problem.got) == ("not a run that can be read", "schema_version", got)
    with pytest.raises(InputError) as caught:
        run_from_json("{}")
    assert caught.value.problems[0].got == "no such key"
    with pytest.raises(InputError) as caught:
        run_from_json(json.dumps({"schema_version": "x" * 200}))
    assert caught.value.problems[0].got == '"' + "x" * 79


@pytest.mark.parametrize(("wrong", "problems"), [(MAX_PROBLEMS, MAX_PROBLEMS), (MAX_PROBLEMS + 1, MAX_PROBLEMS + 1)])
def test_many_problems_are_cut_off_and_counted(wrong: int, problems: int) -> None:
    data = json.loads(run_to_json(deep_run(80)))
    for layer in data["layers"][:wrong]:
        layer["cycles"] = None
    found = told(json.dumps(data))
    assert len(found) == problems
    assert (found[-1] == "and 1 more problems") == (wrong > MAX_PROBLEMS)


def test_long_values_are_shortened_to_eighty_signs() -> None:
    data = json.loads(run_to_json(small_run()))
    for length in (78, 79):
        data["layers"][0]["cycles"] = "x" * length
        with pytest.raises(InputError) as caught:
            run_from_json(json.dumps(data))
        (problem,) = caught.value.problems
        assert problem.path == "layers.0.cycles"
        assert problem.got == ("'" + "x" * 78 + "'" if length == 78 else "'" + "x" * 76 + "...")


def test_a_run_of_version_1_without_its_subject_is_one_of_today() -> None:
    text = run_to_json(small_run()).replace('"schema_version": 3', '"schema_version": 1')
    assert run_from_json(text) == small_run()


def skipping() -> Run:
    """A convolution of which every other MAC is skipped."""
    whole = conv_result("conv", waiting=3000)
    half = {"effective_macs": whole.macs // 2, "utilization": whole.utilization / 2}
    return run_of(replace(whole, **half), vector_result("pool"))  # type: ignore[arg-type]


def test_a_run_of_version_2_gets_the_utilization_and_the_bottlenecks_of_today() -> None:
    data = json.loads(run_to_json(skipping())) | {"schema_version": 2}
    for layer in data["layers"]:
        layer |= {"utilization": 0.25, "bottleneck": "weights"}
    data["total"]["utilization"] = 0.25
    del data["total"]["effective_macs"], data["total"]["dense_speedup"]
    assert run_from_json(json.dumps(data)) == skipping()
    assert skipping().total.dense_speedup == 2


def test_a_run_of_a_relative_table_that_is_not_known_counts_a_unit_as_a_picojoule() -> None:
    relative = replace(MACHINE, energy_unit="MAC")
    run = run_of(*(replace(layer, energy_relative=layer.energy_pj) for layer in skipping().layers), machine=relative)
    data = json.loads(run_to_json(run))
    del data["hardware"]["energy_unit_pj"], data["total"]["energy_relative"]
    for layer in data["layers"]:
        del layer["energy_relative"]
    assert run_from_json(json.dumps(data)) == run


def test_a_figure_that_is_no_number_is_not_written_and_a_number_in_quotes_is_not_read() -> None:
    run = small_run()
    with pytest.raises(ValueError, match="not JSON compliant"):
        run_to_json(replace(run, total=replace(run.total, energy_pj=float("nan"))))
    data = json.loads(run_to_json(run))
    data["layers"][0]["cycles"] = str(data["layers"][0]["cycles"])
    assert told(json.dumps(data)) == ["Input should be a valid integer"]
    tampered = replace(run, total=replace(run.total, cycles=run.total.cycles + 1))
    assert "total = sum over layers does not hold" in told(run_to_json(tampered))


def test_what_was_simulated_must_have_the_hash_of_the_run() -> None:
    documents = Documents({"a": 1}, {"b": 2})
    right = replace(small_run(), documents=documents, provenance={"squeezesim": "1", **fingerprints(documents)})
    assert run_from_json(run_to_json(right)) == right
    bare = replace(right, provenance={"squeezesim": "1"})
    assert run_from_json(run_to_json(bare)) == bare
    other = replace(right, documents=Documents({"a": 1}, {"b": 3}))
    with pytest.raises(InputError) as caught:
        run_from_json(run_to_json(other), "run.json")
    (problem,) = caught.value.problems
    assert (problem.message, problem.file) == ("altered since the run was made", "run.json")
    assert (problem.path, problem.expected) == ("provenance.network_sha256", fingerprint({"b": 2}))
    assert problem.got == fingerprint({"b": 3})


def test_a_run_that_would_not_be_read_is_not_written(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("simulator.result.json_io.MAX_FILE_BYTES", len(run_to_json(run_of())) - 1)
    with pytest.raises(InputError, match="too large to be read again"):
        save_run(run_of(), tmp_path / "run.json")
    assert not (tmp_path / "run.json").exists()


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch) -> None:
    assert MAX_FILE_BYTES == 64 * 1024 * 1024
    path = tmp_path / "run.json"
    path.write_text(run_to_json(run_of()))
    size = path.stat().st_size
    monkeypatch.setattr("simulator.result.json_io.MAX_FILE_BYTES", size)
    assert load_run(path) == run_of()
    monkeypatch.setattr("simulator.result.json_io.MAX_FILE_BYTES", size - 1)
    with pytest.raises(InputError, match="too large"):
        load_run(path)


def test_what_a_run_does_not_tell_is_nothing_and_how_a_mapping_was_found_makes_no_other_run() -> None:
    silent = Total(5, 1.0, 4, 0.0, 3e12, 0, 0, {}, {"dram.inputs": 1e12})
    assert (silent.effective_macs, silent.dense_speedup, silent.peak_sram_bytes) == (0, 1.0, 0)
    assert (silent.joules, silent.watts, silent.chip_watts) == (3.0, 3.0, 2.0)
    assert replace(conv_result("a"), gap=0.5, cycles_gap=0.25) == conv_result("a")
    assert [replace(run_of(), options=options).batch for options in ({}, {"batch": 3})] == [1, 3]
    three = replace(run_of(), options={"batch": 3}, total=replace(silent, latency_s=4.0))
    assert [(run.frames_per_s, run.frames_per_joule) for run in (three, run_of())] == [(3 / 4, 3 / 3), (0.0, 0.0)]


def test_zero_may_have_a_sign() -> None:
    text = run_to_json(run_of())
    assert '"energy_pj": 0.0' in text
    assert run_from_json(text.replace('"energy_pj": 0.0', '"energy_pj": -0.0')) == run_of()
