"""Groups of fused ops, and the tensors that hold what others alias."""

from dataclasses import replace
from fractions import Fraction

from simulator.hardware.load import load_hardware
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.schedule.fusion import fuse
from simulator.schedule.residency import residency, storage_of


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
    return replace(load_hardware("eyeriss_like"), fuses=fuses, folds=folds, keeps_activations=True, **changes)


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
