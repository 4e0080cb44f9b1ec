"""What stays on chip, byte by byte, and what goes along with what: networks of four words a tensor."""

from dataclasses import replace
from fractions import Fraction

import pytest

from simulator.hardware.load import load_hardware
from simulator.hardware.model import Hardware
from simulator.network.graph import Graph
from simulator.network.ir import Layer, Network, Op
from simulator.network.lifetimes import Lifetime
from simulator.schedule.fusion import fuse
from simulator.schedule.plan import PlannedOp, plan
from simulator.schedule.residency import residency, storage_of, strip_bytes

CHIP = load_hardware("flexible_168")


def machine(capacity: int = 10**6, **changes: object) -> Hardware:
    """One PE, words of a byte, one slot in a buffer of everything: a strip of four pixels is four bytes."""
    buffer = replace(CHIP.buffers[0], capacity_bytes=capacity, double_buffered=False, streams=())
    bits = {"input_bits": 8, "weight_bits": 8, "output_bits": 8, "partial_sum_bits": 8}
    made = replace(
        CHIP, buffers=(buffer,), array=replace(CHIP.array, rows=1, columns=1), keeps_activations=True, **bits
    )
    return replace(made, **{"fuses": frozenset(), "folds": frozenset(), **changes})


def chain() -> Network:
    g = Graph("chain")
    g.conv(g.conv(g.conv(g.input(1, 1, 4), 1, name="a"), 1, name="b"), 1, name="c")
    return g.build()


def places(network: Network, on: Hardware):
    return residency(network, on, fuse(network, on))


def test_tensors_stay_where_strips_of_all_ops_meanwhile_still_fit_and_not_a_byte_below() -> None:
    """While `b` runs, what it reads and makes stays: 8 bytes, a weight and 4 bytes of sums."""
    assert places(chain(), machine(13)).kept.keys() == {"a", "b"}
    assert places(chain(), machine(12)).kept.keys() == set()
    found = places(chain(), machine(13))
    assert found.reserved_bytes == (4, 8, 4)
    assert {name: (kept.lifetime, kept.size_bytes) for name, kept in found.kept.items()} == {
        "a": (Lifetime(0, 1), 4),
        "b": (Lifetime(1, 2), 4),
    }
    assert places(chain(), replace(machine(13), keeps_activations=False)).kept == {}


def test_where_a_buffer_has_two_slots_what_crosses_the_port_takes_both() -> None:
    """While `a` runs, the 4 bytes it makes stay, beside as many sums, and 4 bytes of inputs and a weight, twice."""
    (one,) = machine().buffers
    for capacity, kept in ((18, {"a", "b"}), (17, set())):
        two = replace(one, capacity_bytes=capacity, double_buffered=True)
        assert places(chain(), machine(buffers=(two,))).kept.keys() == kept


def test_a_fully_connected_layer_has_a_strip_of_one_row() -> None:
    g = Graph("full")
    g.linear(g.input(6, 1, 1), 5, name="full")
    (layer,) = g.build().layers
    assert strip_bytes(layer, machine(), False, False) == 6 + 1 + 5


def test_what_stays_is_rounded_up_to_sixteenths_of_the_buffer() -> None:
    for capacity, reserved in ((31, (4, 8, 4)), (32, (4, 8, 4)), (48, (6, 9, 6)), (63, (6, 9, 6)), (160, (10, 10, 10))):
        assert places(chain(), machine(capacity)).reserved_bytes == reserved


def test_words_of_other_widths_take_other_room() -> None:
    """Outputs of 16 bits stay as 8 bytes; `b` needs 16 of them, a weight, and 4 sums of 24 bits."""
    wide = {"output_bits": 16, "partial_sum_bits": 24}
    assert places(chain(), machine(29, **wide)).kept.keys() == {"a", "b"}
    assert "b" not in places(chain(), machine(28, **wide)).kept


def test_a_machine_whose_outputs_lie_elsewhere_keeps_nothing() -> None:
    inputs, outputs = (
        replace(machine().buffers[0], name=name, holds=holds) for name, holds in (("i", (0, 1)), ("o", (2,)))
    )
    assert places(chain(), machine(buffers=(inputs, outputs))).kept == {}
    maps, weights = (
        replace(machine().buffers[0], name=name, holds=holds) for name, holds in (("w", (1,)), ("m", (0, 2)))
    )
    assert places(chain(), machine(buffers=(maps, weights))).kept.keys() == {"a", "b"}


def test_where_weights_lie_elsewhere_strips_have_none() -> None:
    (one,) = machine(12).buffers
    apart = (replace(one, name="m", holds=(0, 2)), replace(one, name="w", holds=(1,)))
    assert places(chain(), machine(buffers=apart)).kept.keys() == {"a", "b"}
    less = (replace(apart[0], capacity_bytes=11), apart[1])
    assert places(chain(), machine(buffers=less)).kept.keys() == set()


def shortcut() -> Network:
    """`x` is read by `y` and by the sum; its tensor outlives two ops."""
    g = Graph("shortcut")
    x = g.conv(g.input(1, 1, 4), 1, name="x")
    y = g.conv(x, 1, name="y")
    g.conv(g.add(x, y, name="sum"), 1, name="end")
    return g.build()


def test_a_tensor_takes_room_until_its_last_reader() -> None:
    found = places(shortcut(), machine())
    sixteenth = 10**6 // 16
    assert found.reserved_bytes == (sixteenth,) * 4
    assert places(shortcut(), machine(20)).reserved_bytes == (4, 8, 12, 4)
    assert found.kept["x"].lifetime == Lifetime(0, 2)


def test_what_one_op_reads_stays_together_or_not_at_all() -> None:
    """The sum would have to keep 12 bytes; with fewer, `x` alone could stay, but is read beside what does not."""
    kept = {size: places(shortcut(), machine(size)).kept.keys() for size in range(10, 24)}
    assert all(("x" in names) == ("y" in names) for names in kept.values())
    assert {"x", "y"} <= kept[17]
    assert kept[10] == {"sum"}


def test_of_a_network_input_nothing_stays() -> None:
    g = Graph("two")
    x = g.input(1, 1, 4)
    g.conv(g.add(x, g.conv(x, 1, name="a"), name="sum"), 1, name="end")
    found = places(g.build(), machine())
    assert found.kept.keys() == {"sum"}
    assert not found.on_chip(["data"]) and found.on_chip(["sum"]) and not found.on_chip(["sum", "a"])
    assert found.stored_in(["a", "sum"]) == {"a", "sum"}


def product(split: bool) -> Hardware:
    (one,) = machine().buffers
    apart = (replace(one, name="m", holds=(0, 2)), replace(one, name="w", holds=(1,)))
    return machine(buffers=apart if split else (one,))


def test_a_second_factor_stays_where_weights_lie_with_activations() -> None:
    g, shape = Graph("product"), (1, 4, 1, 2)
    x = g.input(4, 1, 2)
    g.conv(g.conv(g.add(g.conv(x, 4, name="left"), g.conv(x, 4, name="right")), 2, name="product"), 1, name="end")
    plain = g.build()
    told = Layer("product", Op.MATMUL, ("left", "right"), (shape, shape), (1, 2, 1, 2))
    layers = {layer.name: layer for layer in plain.layers if layer.op is not Op.ADD} | {"product": told}
    network = replace(plain, layers=tuple(layers.values()))
    assert places(network, product(split=False)).kept.keys() == {"left", "right", "product"}
    assert places(network, product(split=True)).kept.keys() == {"left", "product"}
    ops = {op.layer.name: op.resident for op in plan(network, product(split=True))}
    assert (ops["left"], ops["right"], ops["product"]) == (
        (False, False, True), (False, False, False), (True, False, True)
    )  # fmt: skip
    assert {op.layer.name: op.resident for op in plan(network, product(split=False))}["product"] == (True, True, True)


def test_a_folded_op_keeps_alive_what_it_joins_and_a_fused_one_what_its_producer_makes() -> None:
    g = Graph("joined")
    x = g.input(1, 1, 4)
    a, b = g.conv(x, 1, activation="relu", name="a"), g.conv(x, 1, name="b")
    g.conv(g.relu(g.concat(a, b, name="both"), name="after"), 1, name="end")
    network = g.build()
    on = machine(fuses=frozenset({"activation"}), folds=frozenset({"concat"}))
    fusion = fuse(network, on)
    assert storage_of(network, fusion) == {
        "data": {"data"}, "a": {"a"}, "a_relu": {"a"}, "b": {"b"}, "both": {"a", "b"}, "after": {"after"},
        "end": {"end"},
    }  # fmt: skip
    found = places(network, on)
    assert {name: kept.lifetime for name, kept in found.kept.items()} == {
        "a": Lifetime(0, 4), "b": Lifetime(2, 4), "after": Lifetime(4, 5)
    }  # fmt: skip


def along(network: Network, **changes: object) -> dict[str, tuple[str, ...]]:
    """The ops that go along with each that runs."""
    fusion = fuse(network, machine(**changes))
    return {name: tuple(layer.name for layer in group.fused) for name, group in fusion.groups.items()}


ALL = {"fuses": frozenset({"activation", "add", "pool", "mul"})}


def test_a_sum_goes_along_with_what_is_made_last_if_all_shapes_are_its_own() -> None:
    g = Graph("sums")
    x = g.input(2, 4, 4)
    early, late = g.conv(x, 2, name="early"), g.conv(x, 2, name="late")
    g.add(late, early, name="sum")
    assert along(g.build(), **ALL) == {"early": (), "late": ("sum",)}
    fused = fuse(g.build(), machine(**ALL)).groups["late"]
    assert (fused.residuals, fused.stored) == (("early",), 1)
    h = Graph("stretched")
    y = h.conv(h.input(2, 4, 4), 2, name="conv")
    h.add(h.global_pool(y, name="pooled"), h.conv(h.input(2, 4, 4, name="z"), 2, name="other"), name="sum")
    assert "sum" in along(h.build(), **ALL)


def test_a_product_of_tensors_goes_along_with_nothing() -> None:
    g = Graph("products")
    x = g.input(2, 4, 4)
    g.mul(g.conv(x, 2, name="a"), g.conv(x, 2, name="b"), name="mul")
    assert along(g.build(), **ALL) == {"a": (), "b": (), "mul": ()}


def test_a_pool_goes_along_with_the_array_and_an_activation_with_anything_that_runs() -> None:
    g = Graph("pools")
    x = g.max_pool(g.conv(g.input(2, 8, 8), 2, name="conv"), 2, 2, name="first")
    x = g.softmax(x, name="softmax")
    g.relu(g.max_pool(x, 2, 2, name="second"), name="relu")
    assert along(g.build(), **ALL) == {"conv": ("first",), "softmax": (), "second": ("relu",)}
    assert fuse(g.build(), machine(**ALL)).groups["conv"].stored == Fraction(1, 4)


def test_a_sum_goes_along_with_no_op_of_the_vector_unit() -> None:
    g = Graph("vector")
    x, y = g.input(2, 4, 4, name="x"), g.input(2, 4, 4, name="y")
    g.add(y, g.softmax(x, name="softmax"), name="sum")
    assert along(g.build(), **ALL) == {"softmax": (), "sum": ()}


def test_what_leaves_the_network_is_read_by_the_world() -> None:
    g = Graph("leaves")
    x = g.conv(g.input(2, 4, 4), 2, name="conv")
    y = g.relu(x, name="relu")
    assert along(g.build(y), **ALL) == {"conv": ("relu",)}
    assert along(g.build(x, y), **ALL) == {"conv": (), "relu": ()}


def test_an_op_that_may_be_both_is_free() -> None:
    g = Graph("free")
    g.relu(g.conv(g.input(2, 4, 4), 2, name="conv"), name="relu")
    fusion = fuse(g.build(), machine(fuses=frozenset({"activation"}), folds=frozenset({"activation"})))
    assert (fusion.folded, dict(fusion.producer_of)) == ({"relu"}, {})


def test_planned_ops_tell_who_runs_and_what_must_be_fetched() -> None:
    ops = {op.layer.name: op for op in plan(shortcut(), machine(20, fuses=frozenset({"add"})))}
    assert {name: (op.runs, op.producer, op.folded, op.fused, op.residuals) for name, op in ops.items()} == {
        "x": (True, None, False, (), 0),
        "y": (True, None, False, ("sum",), 0),
        "sum": (False, "y", False, (), 0),
        "end": (True, None, False, (), 0),
    }
    away = {
        op.layer.name: op for op in plan(shortcut(), machine(20, keeps_activations=False, fuses=frozenset({"add"})))
    }
    assert (away["y"].residuals, away["y"].resident, away["y"].reserved_bytes) == (1, (False, False, False), 0)
    assert not PlannedOp(away["x"].layer, folded=True).runs


def test_a_reader_tells_zeros_of_what_it_reads_directly() -> None:
    g = Graph("zeros")
    x = g.conv(g.input(1, 1, 4), 1, name="x")
    y = g.conv(x, 1, name="y", zero_inputs_fraction=0.0)
    g.conv(y, 1, name="z")
    network = g.build()
    told = tuple(
        replace(layer, zero_outputs_fraction=share)
        for layer, share in zip(network.layers, (0.125, 0.5, None), strict=True)
    )
    zeros = {op.layer.name: op.layer.zero_outputs_fraction for op in plan(replace(network, layers=told), machine())}
    assert zeros == {"x": 0.0, "y": 0.5, "z": None}


@pytest.mark.parametrize("weights", [True, False])
def test_a_strip_of_windows_is_as_many_rows_as_the_window_reaches_and_the_map_has(weights: bool) -> None:
    """A 3 x 1 window with a hole reaches 5 rows, of which a map of 4 has 4: 4 x 2 bytes beside 2 sums."""
    g = Graph("windows")
    x = g.conv(g.input(1, 4, 2), 1, name="a")
    x = g.conv(x, 1, (3, 1), padding=(2, 0), dilation=(2, 1), name="b")
    g.conv(x, 1, name="c")
    holds = (0, 1, 2) if weights else (0, 2)
    need = 8 + 8 + 2 + (1 if weights else 0)
    buffers = {
        size: (replace(machine(size).buffers[0], holds=holds), replace(machine().buffers[0], name="w", holds=(1,)))
        for size in (need, need - 1)
    }
    both = [places(g.build(), machine(buffers=buffers[size])).kept.keys() == {"a", "b"} for size in (need, need - 1)]
    assert both == [True, False]
