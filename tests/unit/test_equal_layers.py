"""Layers of a saved run that are equal but for names are looked at once, and none is taken for another."""

import json
from dataclasses import replace

import pytest

from simulator.errors import InputError
from simulator.network.ir import Op
from simulator.result.json_io import run_from_json, run_to_json
from simulator.result.json_layers import LONGEST_LINE, layers_in
from simulator.result.run import LayerResult, Run, total_of
from simulator.result.stacked import KeptTensor
from tests.builders import conv_result, free_result, run_of, small_run


def equal(names: str = "abc") -> list[LayerResult]:
    """Convolutions that read another, each in a stage of its own."""
    return [replace(conv_result(name, stage=name.upper()), inputs=(f"from {name}",)) for name in names]


def kinds(text: str) -> list[int]:
    """The place of the first layer of each layer's kind."""
    found = layers_in(text)
    assert found is not None
    return found.kinds


def told(text: str) -> list[tuple[str | None, str | None]]:
    with pytest.raises(InputError) as caught:
        run_from_json(text)
    return [(problem.path, problem.got) for problem in caught.value.problems]


def altered(run: Run, **layers: dict[str, object]) -> str:
    """The text of a run with other values in some of its layers, by name."""
    data = json.loads(run_to_json(run))
    for layer in data["layers"]:
        layer |= layers.get(layer["name"], {})
    return json.dumps(data)


def test_layers_that_differ_in_names_alone_are_of_one_kind_and_share_what_they_hold() -> None:
    run = run_of(*equal(), conv_result("d", kernel=(1, 1)), conv_result("e", stage="E"), free_result("f", Op.CONCAT))
    text = run_to_json(run)
    assert kinds(text) == [0, 0, 0, 3, 0, 5]
    read = run_from_json(text)
    assert read == run and run_to_json(read) == text
    assert read.layers[2].traffic is read.layers[0].traffic
    assert [layer.inputs for layer in read.layers[:3]] == [("from a",), ("from b",), ("from c",)]


@pytest.mark.parametrize("indent", [None, 1, "\t"])
def test_it_does_not_matter_how_a_file_is_laid_out(indent: int | str | None) -> None:
    run = run_of(*equal(), *small_run().layers)
    text = json.dumps(json.loads(run_to_json(run)), indent=indent, ensure_ascii=False)
    assert kinds(text) == kinds(run_to_json(run))
    assert run_from_json(f" {text} ") == run


@pytest.mark.parametrize("name", ['q"t', "back\\slash", "line\nbreak", '"name": "b"', "é", "a]", "a, b", ""])
def test_any_name_is_read_as_it_was_written(name: str) -> None:
    named = replace(conv_result(name, stage=name, fused=()), inputs=(name, name))
    run = run_of(*equal("ab"), named, *equal("c"))
    assert [layer.name for layer in run_from_json(run_to_json(run)).layers] == ["a", "b", name, "c"]
    assert run_from_json(run_to_json(run)) == run


def test_names_within_a_layer_that_are_not_its_own_keep_it_from_being_taken_for_another() -> None:
    first, second = (replace(layer, mapping={"name": layer.name}) for layer in equal("ab"))
    assert kinds(run_to_json(run_of(first, second))) == [0, 1]
    hidden = '"n\\u0061me": "z"'  # the key of a name, and its place is taken by another
    text = run_to_json(run_of(*equal("ab"))).replace('"name": "a"', hidden).replace('"name": "b"', hidden)
    text = text.replace('"mapping": null', '"mapping": {"name": "m"}', 1)
    text = text.replace('"mapping": null', '"mapping": {"name": "n"}', 1)
    assert kinds(text) == [0, 1]
    assert [layer.name for layer in run_from_json(text).layers] == ["z", "z"]


def test_who_reads_a_tensor_last_is_a_name_like_others() -> None:
    kept = [replace(layer, kept=KeptTensor(0, 64, f"by {layer.name}")) for layer in equal()]
    text = run_to_json(run_of(*kept, *equal("d")))
    assert kinds(text) == [0, 0, 0, 3]
    found = layers_in(text)
    assert found is not None
    made, wrong, below = found.read(None)
    assert made == [*kept, *equal("d")] and (wrong, below) == ([], [])


def test_what_is_wrong_with_a_kind_is_told_of_every_layer_of_it() -> None:
    run = run_of(*equal())
    assert told(altered(run, b={"tiles": "many"})) == [("layers.1.tiles", "'many'")]
    both = altered(run, b={"tiles": "many"}, c={"tiles": "many"})
    assert told(both) == [("layers.1.tiles", "'many'"), ("layers.2.tiles", "'many'")]
    assert told(altered(run, b={"tiles": -1}, c={"tiles": -1})) == [("layers.1.tiles", "-1"), ("layers.2.tiles", "-1")]
    assert told(altered(run, c={"name": 3, "fused": [4]})) == [("layers.2.name", "3"), ("layers.2.fused.0", "4")]
    assert told(altered(run, a={"stage": ["x"]})) == [("layers.0.stage", "['x']")]


@pytest.mark.parametrize("number", ["NaN", "1e999", "Infinity", "1" * 31])
def test_numbers_that_are_none_are_refused_in_any_layer(number: str) -> None:
    head, mark, tail = run_to_json(run_of(*equal())).rpartition('"tiles": ')
    with pytest.raises(InputError, match="is not a number of a run"):
        run_from_json(f"{head}{mark}{number}{tail.lstrip('0123456789')}")


def test_laws_are_looked_at_for_every_kind_and_told_of_every_layer() -> None:
    layers = [replace(layer, utilization=0.5) for layer in equal()]
    run = run_of(*layers[:1], *equal("xy"), *layers[1:])
    text = run_to_json(replace(run, total=total_of(run.layers, run.hardware)))
    assert [path for path, _ in told(text)] == ["a.utilization", "b.utilization", "c.utilization"]


def test_layers_of_one_name_do_not_speak_for_each_other() -> None:
    wrong = replace(equal("a")[0], utilization=0.5)
    run = run_of(*equal("ab"), replace(wrong, name="b"))
    assert [path for path, _ in told(run_to_json(run))] == ["b.utilization"]


@pytest.mark.parametrize("more", ['"layers": [], "layers": []', '"layers": 3', '"other": []'])
def test_a_text_whose_layers_cannot_be_told_apart_is_read_whole(more: str) -> None:
    text = run_to_json(run_of()).replace('"layers": []', more)
    assert layers_in(text) is None
    if more.count("layers") == 2:
        assert run_from_json(text) == run_of()
    else:
        assert [path for path, _ in told(text)] == ["layers"]


def test_a_layer_of_any_length_is_read() -> None:
    long = [replace(layer, note="x" * LONGEST_LINE) for layer in equal("ab")]
    run = run_of(*long, *equal("c"))
    assert kinds(run_to_json(run)) == [0, 0, 2]
    assert run_from_json(run_to_json(run)) == run
