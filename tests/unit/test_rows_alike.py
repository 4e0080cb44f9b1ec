"""Rows of a layer list that differ in names alone: their layers are those that each row makes by itself."""

from collections import Counter

import pytest

from simulator.errors import InputError
from simulator.network.ir import Layer, Network
from simulator.source import plain_document
from simulator.source.changed import changed
from simulator.source.parser import Value
from workloads.importers import layer_list
from workloads.importers.assembly import Assembly
from workloads.importers.layer_list import network_of
from workloads.importers.layer_table import add_row

ROWS: list[dict[str, Value]] = [
    {"op": "conv", "filters": 8, "kernel": 3, "padding": "same", "output": [8, 6, 6]},
    {"op": "conv", "filters": 8, "kernel": 3, "padding": "same"},
    {"op": "conv", "filters": 8, "kernel": 3, "padding": 1, "zero_weights_fraction": 0.5},
    {"op": "conv", "filters": 8, "groups": 8},
    {"op": "depthwise", "kernel": 3, "padding": 1},
    {"op": "conv", "filters": 8, "activation": "relu"},
    {"op": "activation", "variant": "relu"},
    {"op": "activation", "variant": "layer_norm"},
    {"op": "layer_norm"},
    {"op": "max_pool", "kernel": 1},
    {"op": "shuffle", "groups": 2},
    {"op": "nobody_knows"},
]


def listed(rows: list[dict[str, Value]]) -> Network:
    data: dict[str, Value] = {"inputs": {"x": [8, 6, 6]}, "layers": list(rows)}
    return network_of(plain_document(data), "n", skip_unknown=True)


def each_twice() -> list[dict[str, Value]]:
    """Each row twice with a stage and without, once with none, and once without a name."""
    named = [
        row | {"name": f"{kind}{at}"} | stage
        for at, row in enumerate(ROWS)
        for kind, stage in (("a", {"stage": "s"}), ("b", {"stage": "t"}), ("c", {}), ("d", {}), ("e", {"stage": ""}))
    ]
    return [*named, *ROWS]


@pytest.mark.filterwarnings("ignore")
def test_layers_of_rows_that_are_alike_are_those_of_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    again = Counter[str]()
    real = Assembly.again

    def told(g: Assembly, layer: Layer, name: str, inputs: tuple[str, ...], stage: str) -> object:
        again[layer.op] += 1
        return real(g, layer, name, inputs, stage)

    monkeypatch.setattr(Assembly, "again", told)
    fast = listed(each_twice())
    monkeypatch.setattr(layer_list, "_layer_of", lambda g, row, xs, known: add_row(g, row, xs))
    assert fast == listed(each_twice())
    assert again["activation"] == again["pool"] == again["shuffle"] == 2 and again["conv"] >= 6
    assert "nobody_knows" in fast.facts["warning"]


def test_a_name_that_is_taken_and_a_layer_too_many_are_told_of_rows_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    row: dict[str, Value] = {"op": "conv", "filters": 8}
    with pytest.raises(InputError, match="the name is taken"):
        listed([row | {"name": name} for name in ("a", "b", "a")])
    monkeypatch.setattr("workloads.importers.assembly.MOST_LAYERS", 2)
    with pytest.raises(InputError, match="too many layers"):
        listed([row | {"name": name} for name in "abc"])


def test_a_changed_record_is_another_with_all_other_values() -> None:
    layer = listed([{"op": "conv", "filters": 8, "name": "a"}]).layers[0]
    other = changed(layer, {"name": "b", "stage": "s"})
    assert (other.name, other.stage, other.output_shape) == ("b", "s", (1, 8, 6, 6)) and layer.name == "a"
    assert changed(other, {"name": "a", "stage": "a"}) == layer
    with pytest.raises(KeyError):
        changed(layer, {"no field": 1})
