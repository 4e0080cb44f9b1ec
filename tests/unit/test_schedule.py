"""Groups of fused ops, and the tensors that hold what others alias."""

from dataclasses import replace
from fractions import Fraction

from simulator.hardware.load import load_hardware
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.schedule.fusion import fuse
from simulator.schedule.plan import plan
from simulator.schedule.residency import residency, storage_of, strip_bytes


def network() -> Network:
    """A residual block whose sum is pooled, beside a branch, both joined."""
    g = Graph("net")
    x = g.conv(g.input(4, 8, 8), 8, name="stem")
    y = g.conv(x, 8, 3, padding=1, name="body")
    y = g.max_pool(g.relu(g.add(x, y, name="sum"), name="relu"), 2, stride=2, name="pool")
    z = g.conv(x, 4, stride=2, name="branch")
    g.conv(g.concat(y, z, name="joined"), 8, name="head")
    return g.build()


def machine(**changes):
    fuses, folds = frozenset({"activation", "add", "pool"}), frozenset({"concat"})
    return replace(load_hardware("flexible_168"), fuses=fuses, folds=folds, keeps_activations=True, **changes)


def test_ops_that_follow_each_other_are_one_group_with_the_shortcut_as_residual_operand():
    fusion = fuse(network(), machine())
    group = fusion.groups["body"]
    assert [layer.name for layer in group.fused] == ["sum", "relu", "pool"]
    assert group.residuals == ("stem",)
    assert group.stored == Fraction(1, 4)  # a pool of 2 x 2
    assert dict(fusion.producer_of) == {"sum": "body", "relu": "body", "pool": "body"}
    assert fusion.folded == {"joined"}
    assert set(fusion.groups) == {"stem", "body", "branch", "head"}


def test_a_fused_ops_tensor_is_its_producers_and_a_folded_ops_are_those_it_joins():
    storage = storage_of(network(), fuse(network(), machine()))
    assert storage["data"] == {"data"}
    assert storage["relu"] == storage["pool"] == {"body"}
    assert storage["joined"] == {"body", "branch"}


def test_what_one_op_joins_stays_on_chip_as_a_whole_or_not_at_all():
    net = network()
    for capacity_bytes in range(256, 8192, 256):
        (buffer,) = machine().buffers
        small = machine(buffers=(replace(buffer, capacity_bytes=capacity_bytes),))
        places = residency(net, small, fuse(net, small))
        assert len({"body", "branch"} & places.kept.keys()) in (0, 2)
        assert max(places.reserved_bytes) <= capacity_bytes
        assert places.on_chip(["joined"]) == ({"body", "branch"} <= places.kept.keys())


def test_a_tensor_that_leaves_the_network_does_not_stay():
    net = network()
    places = residency(net, machine(), fuse(net, machine()))
    assert "head" not in places.kept
    assert {"stem", "body", "branch"} <= places.kept.keys()


def test_a_strip_is_a_row_of_outputs_with_what_it_is_made_of_and_a_weight_for_each_pe():
    g = Graph("strips")
    x = g.conv(g.input(4, 9, 8, batch=2), 8, 3, padding="same", groups=2, name="conv")
    x = g.max_pool(x, 3, 2, name="pool")
    g.activation(x, "relu", name="relu")
    conv, pool, relu = g.build().layers
    wide = machine(partial_sum_bits=32)  # a buffer with two slots; other words have 2 bytes
    inputs, sums, weights = 2 * 3 * 8 * 2, 4 * 8 * 4, 12 * 14 * 2
    assert strip_bytes(conv, wide, False, False) == 2 * (inputs + sums + weights)
    assert strip_bytes(conv, wide, True, False) == 2 * (sums + weights)
    assert strip_bytes(conv, wide, False, True) == 2 * (inputs + weights) + sums
    assert strip_bytes(conv, wide, True, True) == sums + 2 * weights
    rows, row = 2 * 8 * 3 * 8 * 2, 2 * 8 * pool.output_shape[3] * 2
    assert strip_bytes(pool, wide, False, False) == 2 * (rows + row)
    assert strip_bytes(pool, wide, True, True) == 0 == strip_bytes(relu, wide, False, False)
    (buffer,) = wide.buffers
    single = replace(wide, buffers=(replace(buffer, double_buffered=False),))
    assert strip_bytes(conv, single, False, False) == inputs + sums + weights


def test_zeros_that_a_reader_knows_of_are_those_of_what_it_reads_alone():
    g = Graph("zeros")
    x, y = (g.conv(g.input(4, 4, 4, name), 4, name=f"from_{name}") for name in "ab")
    g.conv(g.concat(x, y, name="joined"), 4, name="both", zero_inputs_fraction=0.5)
    g.conv(x, 4, name="alone", zero_inputs_fraction=0.25)
    g.conv(y, 4, name="unknown")
    ops = {op.layer.name: op.layer for op in plan(g.build(), machine())}
    assert (ops["from_a"].zero_outputs_fraction, ops["from_b"].zero_outputs_fraction) == (0.25, None)
