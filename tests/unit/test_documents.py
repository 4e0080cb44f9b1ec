"""What a run carries of the machine and the network: documents, enough to simulate both again anywhere."""

import gzip
import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given

from simulator import load_hardware, load_network, simulate
from simulator.door import machine_of, network_of_run
from simulator.energy.table import EnergyTable, load_energy
from simulator.errors import InputError
from simulator.hardware.load import list_hardware, read_hardware
from simulator.hardware.model import Hardware
from simulator.hardware.vary import vary
from simulator.mapping.text import mappings_to_yaml
from simulator.nest import Operand
from simulator.network.document import layer_document, network_document
from simulator.network.graph import Graph
from simulator.network.ir import ACROSS_CHANNELS, WITHIN_CHANNEL, Layer, Network, Op
from simulator.result.facts import fingerprint
from simulator.result.json_io import load_run, run_from_json, run_to_json, save_run
from simulator.result.run import Run
from simulator.source import load_yaml, plain_document
from simulator.source.paths import data_dir
from tests.cli.tiny import tiny
from tests.drawn_networks import networks
from workloads.importers.layer_list import network_of
from workloads.registry import BUILDERS

VERSION_1 = Path(__file__).with_name("run_of_version_1.json.gz")


@pytest.fixture
def own_machine(tmp_path: Path) -> Path:
    """A machine in a file, with a dataflow and an energy table in files beside it."""
    machine = (data_dir() / "flexible_168.yaml").read_text(encoding="utf-8")
    flows, _, rest = machine.partition("dataflows:\n")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "machine.yaml").write_text(f"{flows}dataflows: [flow.yaml, no_local_reuse]\nenergy: table.yaml\n")
    flow = (data_dir() / "dataflows/row_stationary.yaml").read_text(encoding="utf-8")
    (folder / "flow.yaml").write_text(flow.replace("name: row_stationary", "name: my_rows"))
    table = (data_dir() / "energy/eyeriss_relative.yaml").read_text(encoding="utf-8")
    (folder / "table.yaml").write_text(table.replace("name: eyeriss_relative", "name: my_energies"))
    assert "energy:" in rest
    return folder / "machine.yaml"


def reread(network: Network) -> Network:
    """The network that the layer list of a network says, by way of JSON."""
    return network_of(plain_document(json.loads(json.dumps(network_document(network)))), "unnamed")


@pytest.mark.parametrize("name", list_hardware())
def test_the_document_of_a_machine_is_the_machine(name: str) -> None:
    machine = load_hardware(name)
    again = read_hardware(json.loads(json.dumps(machine.document)))
    assert (again, again.document) == (machine, machine.document)


def test_a_document_does_not_depend_on_how_a_file_says_the_same(tmp_path: Path) -> None:
    text = (data_dir() / "squeezenext_16x16.yaml").read_text(encoding="utf-8")
    other = text.replace("clock: 1 GHz", "clock: 1000 MHz").replace(
        "capacity: 128 KiB", "capacity: 131072 B\n    banks: 1"
    )
    (tmp_path / "same.yaml").write_text(other)
    assert load_hardware(tmp_path / "same.yaml").document == load_hardware("squeezenext_16x16").document
    (tmp_path / "same.yaml").write_text(other.replace("    double_buffered: true ", "    #"))
    assert load_hardware(tmp_path / "same.yaml").document == load_hardware("squeezenext_16x16").document


def test_a_machine_is_told_neither_by_its_document_nor_with_it() -> None:
    machine = load_hardware("flexible_168")
    bare = replace(machine)
    assert bare.document is None
    assert bare == machine and hash(bare) == hash(machine)
    assert "document" not in repr(machine)


@pytest.mark.parametrize("family", BUILDERS)
def test_the_layer_list_of_a_bundled_network_is_the_network(family: str) -> None:
    for network in (load_network(family), load_network(family, batch=3)):
        assert reread(network) == network


@given(network=networks())
def test_the_layer_list_of_any_network_is_the_network(network: Network) -> None:
    assert reread(network) == network


LAYER = Layer("conv", Op.CONV, ("data",), ((1, 4, 9, 9),), (1, 4, 7, 7), kernel=(3, 3), stage="conv")
VARIED: dict[str, dict[str, object]] = {
    "name": {"name": "other"},
    "op": {"op": Op.DEPTHWISE, "groups": 4},
    "inputs": {"inputs": ("image",)},
    "input_shapes": {"input_shapes": ((1, 8, 9, 9),)},
    "output_shape": {"output_shape": (1, 8, 7, 7)},
    "kernel": {"kernel": (1, 3), "output_shape": (1, 4, 9, 7)},
    "stride": {"stride": (1, 2), "output_shape": (1, 4, 7, 4)},
    "padding": {"padding": (0, 1, 0, 0), "output_shape": (1, 4, 7, 8)},
    "dilation": {"dilation": (2, 1), "output_shape": (1, 4, 5, 7)},
    "groups": {"groups": 4},
    "bias": {"bias": True},
    "variant": {"variant": "odd"},
    "window": {"op": Op.LRN, "variant": WITHIN_CHANNEL, "kernel": (1, 1), "output_shape": (1, 4, 9, 9), "window": 3},
    "ceil": {"op": Op.POOL, "ceil": True, "stride": (2, 4), "output_shape": (1, 4, 4, 3)},
    "stage": {"stage": ""},
    "constant_elements": {"op": Op.ADD, "kernel": (1, 1), "output_shape": (1, 4, 9, 9), "constant_elements": 324},
    "zero_inputs_fraction": {"zero_inputs_fraction": 0.0},
    "zero_weights_fraction": {"zero_weights_fraction": 0.25},
    "zero_columns": {"zero_columns": True},
    "zero_outputs_fraction": {"zero_outputs_fraction": 1.0},
}


@pytest.mark.parametrize("field", [field.name for field in fields(Layer)])
def test_a_layer_list_says_every_field_of_a_layer(field: str) -> None:
    layer = replace(LAYER, **VARIED[field])  # type: ignore[arg-type]
    network = Network("net", {layer.inputs[0]: layer.input_shapes[0]}, (layer,), (layer.name,))
    assert reread(network) == network
    if field != "input_shapes":
        assert layer_document(layer) != layer_document(LAYER)


def other_ops() -> Network:
    """What no bundled network has: ops that move data in ways of their own, an unknown one, inputs and outputs."""
    x, shape = (1, 4, 6, 6), (1, 6, 6, 4)
    layers = (
        Layer("turned", Op.RESHAPE, ("data",), (x,), shape, variant="transpose", stage="turned"),
        Layer("padded", Op.PAD, ("data",), (x,), (1, 4, 8, 7), stage="padded"),
        Layer("framed", Op.PAD, ("data",), (x,), (1, 4, 7, 6), padding=(1, 0, 0, 0), stage="padded"),
        Layer("cut", Op.SPLIT, ("data",), (x,), (1, 4, 3, 6), variant="H 0:3:1 of 6", stage="cut"),
        Layer("odd", Op.UNKNOWN, ("cut", "image"), ((1, 4, 3, 6), x), (1, 9, 1, 1), variant="Mystery", stage="cut"),
        Layer("joined", Op.CONCAT, ("data", "image"), (x, x), (1, 4, 12, 6), stage="joined"),
        Layer("times", Op.MATMUL, ("data", "image"), (x, x), (1, 72, 6, 6), groups=2, stage="times"),
        Layer("norm", Op.LRN, ("data",), (x,), x, variant=ACROSS_CHANNELS, window=7, stage="norm"),
        Layer("mean", Op.ACTIVATION, ("data",), (x,), (1, 1, 6, 6), variant="mean_of_axes", stage=""),
    )
    outputs = ("padded", "framed", "odd", "joined", "times", "norm", "mean", "turned")
    return Network("odd ones", {"data": x, "image": x}, layers, outputs, {"warning": "odd: unknown"})


def test_a_layer_list_says_what_no_bundled_network_has() -> None:
    assert reread(other_ops()) == other_ops()


@pytest.mark.parametrize("machine", ["eyeriss_chip", "flexible_168", "squeezenext_16x16", "systolic_32x32"])
def test_a_saved_run_gives_back_machine_and_network_as_they_were(machine: str) -> None:
    network = tiny()
    run = run_from_json(run_to_json(simulate(machine, network)))
    assert (machine_of(run), network_of_run(run)) == (load_hardware(machine), network)
    assert run == simulate(machine, network)


def test_the_documents_of_a_run_are_files_that_a_user_may_have_written(tmp_path: Path) -> None:
    run = simulate("flexible_168", tiny())
    save_run(run, tmp_path / "run.json")
    for part, content in json.loads((tmp_path / "run.json").read_text())["documents"].items():
        (tmp_path / f"{part}.yaml").write_text(json.dumps(content))  # YAML holds JSON
    assert simulate(tmp_path / "hardware.yaml", tmp_path / "network.yaml") == run


def test_what_lay_in_files_of_the_user_travels_with_the_run(own_machine: Path, tmp_path: Path) -> None:
    run = simulate(own_machine, tiny(), dataflow="my_rows")
    save_run(run, tmp_path / "run.json")
    assert str(tmp_path) not in (tmp_path / "run.json").read_text()
    machine = machine_of(load_run(tmp_path / "run.json"))
    assert machine == load_hardware(own_machine)
    assert (machine.dataflow_names, machine.energy.name) == (("my_rows", "no_local_reuse"), "my_energies")
    assert run.options["dataflow"] == "my_rows"


def test_a_machine_that_no_file_says_is_simulated_but_not_held() -> None:
    machine = load_hardware("flexible_168")
    odd = replace(machine, dram=replace(machine.dram, bytes_per_cycle=Fraction(127, 3)))
    run = run_from_json(run_to_json(simulate(odd, tiny())))
    assert network_of_run(run) == tiny()
    with pytest.raises(InputError, match=r"documents.hardware: the run does not say what was simulated"):
        machine_of(run)


@pytest.mark.parametrize(
    ("part", "path", "value"),
    [
        ("hardware", ("dma", "channels"), 7),
        ("hardware", ("energy", "mac"), 3.0),
        ("hardware", ("dataflows", 0, "name"), "other"),
        ("network", ("layers", 0, "stage"), "other"),
    ],
)
def test_a_machine_or_network_changed_in_the_file_is_noticed(
    part: str, path: tuple[str | int, ...], value: object
) -> None:
    data = json.loads(run_to_json(simulate(vary(load_hardware("flexible_168"), {"dma.channels": 3}), tiny())))
    inner = data["documents"][part]
    for key in path[:-1]:
        inner = inner[key]
    assert inner[path[-1]] != value
    inner[path[-1]] = value
    with pytest.raises(InputError, match=f"provenance.{part}_sha256: altered since the run was made"):
        run_from_json(json.dumps(data), "run.json")


@pytest.mark.parametrize(
    ("resolve", "part", "key", "told"),
    [
        (machine_of, "hardware", "array", "documents.hardware: array: missing key"),
        (network_of_run, "network", "inputs", "documents.network: inputs: missing key"),
    ],
)
def test_a_document_that_its_schema_refuses_is_told_where(
    resolve: Callable[[Run], object], part: str, key: str, told: str
) -> None:
    data = json.loads(run_to_json(simulate("flexible_168", tiny())))
    del data["documents"][part][key]
    del data["provenance"][f"{part}_sha256"]
    run = run_from_json(json.dumps(data))
    with pytest.raises(InputError, match=told):
        resolve(run)


def test_a_run_may_lack_its_documents() -> None:
    data = json.loads(run_to_json(simulate("flexible_168", tiny())))
    del data["documents"]
    assert run_from_json(json.dumps(data)).documents is None


def version_1() -> dict[str, object]:
    data: dict[str, object] = json.loads(gzip.decompress(VERSION_1.read_bytes()))
    return data


def test_a_run_of_version_1_is_read_as_one_of_today(tmp_path: Path) -> None:
    run = run_from_json(json.dumps(version_1()))
    assert run.schema_version == 3
    chip = load_hardware("eyeriss_chip")
    main, filters = chip.buffers
    chip = replace(chip, buffers=(replace(main, streams=(Operand.OUTPUTS,)), filters))  # as it was then
    assert machine_of(run) == replace(
        chip, energy=load_energy("eyeriss_relative"), node_nm=None, voltage=None, objective="cycles"
    )
    network = network_of_run(run)
    assert network == load_network("alexnet")
    as_found = tmp_path / "mappings.yaml"  # a search of today may find others
    found = [(layer.name, layer.mapping) for layer in run.layers if layer.mapping]
    as_found.write_text(mappings_to_yaml(found, "as found"), encoding="utf-8")
    again = simulate(machine_of(run), network, mapping=as_found)
    assert again.options | {"mapping": None} == run.options
    stopped = {"array.outputs", "rf.weights", "rf.outputs"}
    for layer, before in zip(again.layers, run.layers, strict=True):
        if layer.op not in (Op.LRN, Op.POOL):  # these count their windows, those lost some rows between tiles
            assert replace(layer, **SINCE, energy_parts={}) == replace(before, **SINCE, energy_parts={})
            parts = layer.energy_parts.keys() - stopped
            assert {part: layer.energy_parts[part] for part in parts} == {
                part: pytest.approx(before.energy_parts[part]) for part in parts
            }
    assert run_from_json(run_to_json(run)) == run


SINCE: dict[str, object] = {
    "tile_bytes": 0,
    "alive_bytes": 0,
    "kept": None,
    "energy_pj": 0.0,
    "energy_relative": 0.0,
    "dram_parts": {},
    "inputs": (),
    "footprint_bytes": {},
    "dma_runs": 0,
    "parameter_bytes": 0,
}
"""What differs from version 1: partial sums that go into PEs are priced, gating stops registers, too, waits for DRAM
are told apart, inputs are named, of windows only what they meet is touched, runs of addresses are counted, and
parameters are told."""


def test_a_run_of_version_1_without_its_subject_is_read() -> None:
    data = version_1()
    del data["subject"]
    assert run_from_json(json.dumps(data)).documents is None


def test_a_run_of_version_1_that_was_altered_is_noticed() -> None:
    data = version_1()
    data["subject"]["hardware"]["clock_hz"] += 1  # type: ignore[index]
    with pytest.raises(InputError, match=r"provenance.hardware_sha256: altered since the run was made"):
        run_from_json(json.dumps(data))


def test_a_subject_of_version_1_that_is_none_is_told_in_a_line() -> None:
    data = version_1()
    del data["subject"]["energy"]["mac_pj"]  # type: ignore[attr-defined,index]
    data["provenance"]["energy_sha256"] = fingerprint(data["subject"]["energy"])  # type: ignore[index]
    with pytest.raises(InputError, match=r"subject.energy.mac_pj: .*simulate it again"):
        run_from_json(json.dumps(data), "run.json")


def test_the_objective_of_a_run_of_version_1_has_its_name_of_today() -> None:
    data = version_1()
    data["options"]["objective"] = "balanced"  # type: ignore[index]
    assert run_from_json(json.dumps(data)).options["objective"] == "cycles_plus_dma"


def as_version_1(value: object) -> object:
    """Dataclasses and containers as version 1 wrote them: numbers of enumerations, fractions as text."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Fraction):
        return str(value)
    if is_dataclass(value):
        names = (field.name for field in fields(value))
        return {KEYS_THEN.get(name, name): as_version_1(getattr(value, name)) for name in names}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [as_version_1(item) for item in value]
    return VALUES_THEN.get(value, value) if isinstance(value, str) else value


KEYS_THEN = {"channel_packing": "packs", "greedy": "first", "one_step_a_tile": "stepwise", "untiled": "whole"}
VALUES_THEN = {"cycles_plus_dma": "balanced", "double_buffered": "behind_step"}
"""What words of today were called in version 1."""


def subject_of_version_1(machine: Hardware) -> dict[str, object]:
    hardware = {field.name: as_version_1(getattr(machine, field.name)) for field in fields(machine)}
    del hardware["document"]
    named = {"dataflows": list(machine.dataflow_names), "energy": machine.energy.name}
    network = version_1()["subject"]["network"]  # type: ignore[index]
    parts = {"dataflows": as_version_1(machine.dataflows), "energy": as_version_1(machine.energy)}
    return {"hardware": hardware | named, **parts, "network": network}


def is_of_version_1(machine: Hardware) -> bool:
    """Whether version 1 could say it: one array, one level of memories, no halos kept, no circuits, no pools in PEs."""
    alone = len(machine.level_names) == 1 and machine.array.instances == 1
    old = not machine.dma_keeps_halo and not machine.ops_on_array
    return alone and old and isinstance(machine.energy, EnergyTable)


def run_of_version_1(machine: Hardware) -> Run:
    data, subject = version_1(), subject_of_version_1(machine)
    data["subject"] = subject
    data["provenance"] = {f"{part}_sha256": fingerprint(content) for part, content in subject.items()}
    return run_from_json(json.dumps(data))


@pytest.mark.parametrize("name", [name for name in list_hardware() if is_of_version_1(load_hardware(name))])
def test_every_machine_of_a_run_of_version_1_is_read_as_it_was(name: str) -> None:
    machine = load_hardware(name)
    # All tensors lay tile by tile, ops were launched in no time, and there was no host.
    then = replace(machine, dram=replace(machine.dram, activations="tiled"), launch_cycles=0, host_ps=0)
    assert machine_of(run_of_version_1(machine)) == then


def test_a_machine_of_version_1_that_no_file_says_is_not_held() -> None:
    machine = load_hardware("flexible_168")
    odd = replace(machine, dram=replace(machine.dram, bytes_per_cycle=Fraction(127, 3)))
    run = run_of_version_1(odd)
    with pytest.raises(InputError, match="the run does not say what was simulated"):
        machine_of(run)


def test_plain_data_has_a_path_for_every_problem_but_no_line() -> None:
    document = dict(load_yaml(data_dir() / "flexible_168.yaml").data) | {"clock": 3, "vector": {"lanes": 0}}
    with pytest.raises(InputError) as caught:
        read_hardware(document)
    assert [(p.path, p.file, p.line) for p in caught.value.problems] == [
        ("clock", None, None),
        ("vector.lanes", None, None),
    ]


def test_a_hand_made_graph_has_the_stages_that_it_says() -> None:
    g = Graph("net")
    with g.stage("stem"):
        x = g.conv(g.input(3, 8, 8), 8, name="conv")
    g.relu(x)
    assert reread(g.build()) == g.build()
