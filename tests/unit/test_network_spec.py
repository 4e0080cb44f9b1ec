"""What a user writes after --net: names, parameters, and the answers to wrong ones."""

import json

import pytest

from simulator.errors import InputError, Problem
from simulator.network.describe import network_to_dict
from workloads.load import load_builder, load_network
from workloads.published import facts_of
from workloads.registry import BUILDERS
from workloads.spec import parameters_of


def problems(spec: str) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        load_network(spec)
    return caught.value.problems


def test_the_registry_is_alphabetical_and_each_entry_loads() -> None:
    assert list(BUILDERS) == sorted(BUILDERS)
    assert all(callable(load_builder(name)) for name in BUILDERS)


@pytest.mark.parametrize("name", BUILDERS)
def test_the_bare_name_builds_and_takes_the_papers_parameters(name: str) -> None:
    network = load_network(name)
    assert network.name == name
    assert network.macs > 0
    assert parameters_of(load_builder(name))
    names = [*network.inputs, *(layer.name for layer in network.layers)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", BUILDERS)
def test_each_layer_finds_its_inputs_made_with_the_shapes_it_reads(name: str) -> None:
    network = load_network(name)
    made = dict(network.inputs)
    for layer in network.layers:
        assert layer.input_shapes == tuple(made[tensor] for tensor in layer.inputs)
        made[layer.name] = layer.output_shape
    assert set(network.outputs) <= set(made)


@pytest.mark.parametrize("name", BUILDERS)
def test_every_layer_belongs_to_a_stage(name: str) -> None:
    assert not [layer.name for layer in load_network(name).layers if not layer.stage]


def test_the_bare_squeezenext_is_its_first_variant_at_width_one() -> None:
    assert load_network("squeezenext").layers == load_network("squeezenext:width=1,depth=23,variant=v1").layers


def test_a_suffix_may_be_written() -> None:
    assert load_network("squeezenext.py:variant=v5").name == "squeezenext:variant=v5"


def test_a_batch_multiplies_the_work() -> None:
    assert load_network("alexnet", batch=4).macs == 4 * load_network("alexnet").macs


def test_an_unknown_network_is_answered_with_the_nearest() -> None:
    (problem,) = problems("squeezenxt")
    assert problem.suggestion == "squeezenext"
    assert problem.got == "squeezenxt"


def test_every_wrong_parameter_is_reported_at_once() -> None:
    unknown, value, number = problems("squeezenext:widht=1.0,variant=v9,resolution=big")
    assert (unknown.path, unknown.suggestion) == ("squeezenext.widht", "width")
    assert value.expected == "one of v1, v2, v3, v4, v5"
    assert (number.expected, number.got) == ("a whole number, 32 to 4096", "big")


@pytest.mark.parametrize(
    "text", ["width=nan", "width=-1", "width=inf", "resolution=0", "groups=1.5", "depth=24", "resolution=1e3"]
)
def test_numbers_out_of_bounds_are_refused(text: str) -> None:
    (problem,) = problems(f"squeezenext:{text}")
    assert problem.message == "not an allowed value"


@pytest.mark.parametrize("spec", ["squeezenext:", "squeezenext:width", "squeezenext:=1", "squeezenext:width=1,"])
def test_what_is_not_key_and_value_is_refused(spec: str) -> None:
    (problem,) = problems(spec)
    assert problem.expected == "key=value"


def test_a_parameter_given_twice_is_refused() -> None:
    (problem,) = problems("squeezenext:width=1,width=2")
    assert problem.message == "given twice"


def test_parameters_that_do_not_go_together_are_refused() -> None:
    (problem,) = problems("squeezenext:depth=34,variant=v5")
    assert problem.path == "variant"


def test_published_figures_come_with_their_source_however_the_spec_is_written() -> None:
    facts = load_network("squeezenext:variant=v5,width=1").facts
    assert facts["top1_percent"] == "59.24"
    assert "1803.10615" in facts["source"]
    assert load_network("squeezenext:width=3").facts == {}


def test_a_network_as_data_survives_json_and_says_what_each_layer_is() -> None:
    network = load_network("squeezenet", batch=2)
    data = json.loads(json.dumps(network_to_dict(network)))
    assert (data["macs"], data["params"]) == (network.macs, network.params)
    assert sum(layer["macs"] for layer in data["layers"]) == network.macs
    fire = next(layer for layer in data["layers"] if layer["name"] == "fire2/expand3x3")
    assert fire["input_shapes"] == [[2, 16, 55, 55]]
    assert fire["output_shape"] == [2, 64, 55, 55]
    assert (fire["kernel"], fire["padding"], fire["inputs"]) == ([3, 3], [1, 1, 1, 1], ["fire2/squeeze1x1_relu"])
    assert data["layers"][0]["op"] == "conv"


def test_facts_number_the_second_source_of_a_figure() -> None:
    name = "squeezenext"
    assert facts_of(name, load_builder(name), {"depth": 44})["params_m"] == "1.2"
