"""Layers in the text of a run, one by one: which are alike, what they share, and what is looked at how often."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from simulator.network.ir import Op
from simulator.result import json_layers
from simulator.result.json_io import run_to_json
from simulator.result.json_layers import LONGEST_LINE, LayerTexts, layers_in
from simulator.result.run import LayerResult
from simulator.result.stacked import KeptTensor
from tests.builders import conv_result, run_of


def named(name: str, **changes: object) -> LayerResult:
    """A convolution with names of its own, and no number that is not told at a glance."""
    layer = replace(conv_result(name, stage=f"{name}{name}"), inputs=(f"in {name}", "x"), fused=(f"{name} f", "y"))
    return replace(layer, utilization=0.5, **changes)  # type: ignore[arg-type]


def text_of(*layers: LayerResult) -> str:
    return run_to_json(run_of(*layers))


def found(text: str, file: str | None = None) -> LayerTexts:
    texts = layers_in(text, file)
    assert texts is not None
    return texts


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[tuple[object, ...]]:
    """Return where the arguments go with which a function of the module is called from now on."""
    told: list[tuple[object, ...]] = []
    real: Callable[..., object] = getattr(json_layers, name)
    monkeypatch.setattr(json_layers, name, lambda *given: [told.append(given), real(*given)][1])
    return told


VARIANTS: dict[str, dict[str, object]] = {
    "before all other names": {"op": Op.POOL},
    "behind them": {"tiles": 9},
    "between them": {"folded": True},
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_layers_that_differ_in_a_word_are_of_two_kinds_and_keep_it(changes: dict[str, object]) -> None:
    layers = [named("a"), named("b", **changes), named("c"), named("d", **changes), named("e"), named("f", **changes)]
    texts = found(text_of(*layers))
    assert texts.kinds == [0, 1, 0, 1, 0, 1]
    assert texts.layers == layers and texts.read(None) == (layers, [], [])


def test_kinds_that_share_all_but_what_stands_at_one_end_are_told_apart() -> None:
    taken = (7, 7, 9, 8, 9, 7)  # bytes, which are told behind all names
    layers = [named(name, tile_bytes=each) for name, each in zip("abcdef", taken, strict=True)]
    texts = found(text_of(*layers))
    assert texts.kinds == [0, 0, 2, 3, 2, 0] and texts.layers == layers


def test_a_name_is_not_taken_for_a_list_of_names() -> None:
    text = text_of(named("a"), named("b"), named("c"))
    other = text.replace('"stage": "cc"', '"stage": ["cc"]')
    texts = found(other)
    assert texts.kinds == [0, 0, 2] and texts.layers[:2] == [named("a"), named("b")]
    assert isinstance(texts.layers[2], str) and '"stage": ["cc"]' in texts.layers[2]


def test_a_tensor_that_stays_has_its_own_last_reader() -> None:
    layers = [named(name, kept=KeptTensor(0, 64, f"by {name}")) for name in "abc"] + [named("d"), named("e")]
    texts = found(text_of(*layers))
    assert texts.kinds == [0, 0, 0, 3, 3] and texts.layers == layers


def test_layers_that_tell_of_no_inputs_are_of_a_kind_each() -> None:
    """Else the inputs that a mapping speaks of would be theirs."""
    silent = [replace(named(name), inputs=(), mapping={"inputs": [name]}) for name in "abc"]
    text = text_of(*silent).replace('"inputs": [], ', "")
    texts = found(text)
    assert texts.kinds == [0, 1, 2] and texts.layers == silent
    assert found(text_of(*(replace(named(name), inputs=()) for name in "ab"))).kinds == [0, 1]


def test_a_layer_with_a_name_too_many_is_of_a_kind_of_its_own() -> None:
    layers = [named(name, mapping={"stage": name}) for name in "ab"]
    texts = found(text_of(*layers))
    assert texts.kinds == [0, 1] and texts.layers == layers


def test_layers_of_two_kinds_share_equal_parts_and_no_others() -> None:
    a, b, c = found(text_of(named("a"), named("b", tiles=9), named("c", tiles=8, bounds={"array": 1}))).layers
    assert isinstance(a, LayerResult) and isinstance(b, LayerResult) and isinstance(c, LayerResult)
    assert all(getattr(a, part) is getattr(b, part) for part in json_layers.PARTS)
    assert c.bounds is not a.bounds and c.bounds == {"array": 1} and c.cycle_parts is a.cycle_parts


def test_a_kind_is_looked_at_twice_at_most_while_it_comes_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    parted = counted(monkeypatch, "_parted")
    layers = [named(f"{name}{at}", tiles=ord(name)) for at in range(4) for name in "ABC"]
    assert found(text_of(*layers)).kinds == [0, 1, 2] * 4
    assert len(parted) == 3 * 3  # the first of each, the second, and the first once more


def test_a_layer_on_a_line_of_its_own_is_read_by_the_model_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it stands: the text here is longer than `LONGEST_LINE`."""
    assert LONGEST_LINE == 65_536
    layers = [named(f"{at}", note=f"{at}", tiles=at) for at in range(60)]
    text = text_of(*layers)
    assert len(text) > LONGEST_LINE
    decoder, places = json.JSONDecoder(), list[int]()
    plain = counted(monkeypatch, "_plain")

    class Told:
        def raw_decode(self, text: str, at: int) -> tuple[object, int]:
            places.append(at)
            return decoder.raw_decode(text, at)

    monkeypatch.setattr(json_layers, "_DECODER", Told())
    parsed = counted(monkeypatch, "parse")
    assert found(text).layers == layers and len(plain) == 60
    assert not [part for part, _ in parsed if '"op": ' in str(part)]
    start = text.index('"layers"')
    assert not [at for at in places if at > start]


def test_layers_on_one_line_or_on_several_are_read_as_well() -> None:
    layers = [named("a"), named("b"), named("c", tiles=9)]
    data = json.loads(text_of(*layers))
    for text in (json.dumps(data), json.dumps(data, indent=2), json.dumps(data, separators=(",", ":"))):
        assert found(text).kinds == [0, 0, 2] and found(text).layers == layers


def test_what_is_no_layer_and_numbers_below_zero_are_told_with_their_place() -> None:
    text = text_of(named("a"), named("b"), named("c"))
    head, other, tail = text.partition('{"name": "b"')
    made, wrong, below = found(f"{head}3,\n    {other}{tail}", "f").read("f")
    assert made == [named("a"), named("b"), named("c")] and below == []
    assert [(each.path, each.file, each.got) for each in wrong] == [("layers.1", "f", "3")]
    made, wrong, below = found(text.replace('"tiles": 4', '"tiles": -1', 2)).read("f")
    assert [layer.tiles for layer in made] == [-1, -1, 4] and wrong == []
    assert [(each.path, each.file, each.got) for each in below] == [
        ("layers.0.tiles", "f", "-1"),
        ("layers.1.tiles", "f", "-1"),
    ]
    made, wrong, below = found(text.replace('"tiles": 4', '"tiles": "-1"', 1)).read("f")
    assert made == [named("b"), named("c")] and below == []
    assert [(each.path, each.file, each.got) for each in wrong] == [("layers.0.tiles", "f", "'-1'")]


def test_a_dash_in_a_name_or_an_exponent_is_no_number_below_zero() -> None:
    layers = [named("a-1", energy_pj=1e-7), named("b-1", energy_pj=1e-7)]
    texts = found(text_of(*layers))
    assert texts.kinds == [0, 0] and texts.layers == layers


def test_what_stands_around_the_layers_is_kept_as_text_and_as_data() -> None:
    texts = found('{"a": 1.5, "layers": [], "b": {"c": [2, "-"]}}')
    assert texts.around == '{"a": 1.5, "layers": [], "b": {"c": [2, "-"]}}'
    assert texts.data == {"a": 1.5, "layers": [], "b": {"c": [2, "-"]}} and not texts.signed
    assert texts.layers == texts.kinds == []
    assert found('{"layers": [], "b": [-2]}').signed and found('{"a": -0.5, "layers": [], "b": "-"}').signed
    text = text_of(named("a"))
    head, around = text[: text.index('"layers"')], found(text).around
    assert around.startswith(f'{head}"layers": []') and json.loads(around) == json.loads(text) | {"layers": []}
    assert found(f" {text} ").data.keys() == json.loads(text).keys()


WRONG = {
    "empty": "",
    "no object": "[]",
    "open": "{",
    "no layers": '{"a": 1}',
    "layers twice": '{"layers": [], "layers": []}',
    "layers that are none": '{"layers": 3}',
    "a key that is no text": '{3: 1, "layers": []}',
    "no colon": '{"layers" []}',
    "no comma": '{"layers": [] "a": 1}',
    "no value": '{"a": , "layers": []}',
    "more behind": '{"layers": []} {}',
    "a list that goes on": '{"layers": [',
    "two commas": '{"layers": [{},,{}]}',
    "a comma at the end": '{"layers": [{},]}',
    "a comma at the start": '{"layers": [,{}]}',
    "a wrong bracket": '{"layers": [{}}}',
    "nested too deeply": '{"a": ' + "[" * 100_000 + ', "layers": []}',
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_text_that_is_no_run_is_left_to_be_read_whole(text: str) -> None:
    assert layers_in(text) is None


def test_of_a_list_with_space_in_it_nothing_is_left_out() -> None:
    for text in ('{"layers":[]}', '{ "layers" : [ ] }', ' {"layers"\t:\r\n[\n] , "a":1 }\n'):
        assert found(text).layers == [] and found(text).around
    three = found(' { "layers" : [ 1 , 2 ,3 ] , "a" : 1 } ')
    assert three.layers == ["1", "2", "3"] and three.around == ' { "layers" : [], "a" : 1 } '
