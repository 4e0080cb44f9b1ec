"""What the searching experiments build, draw and reward."""

from random import Random

import pytest

from analysis.drive.codesign import codesign, depthwise, mnasnet, mobilenet_v3
from analysis.drive.codesign.bench import Bench
from analysis.drive.codesign.redesign import Bounds
from analysis.drive.codesign.squeezenext_moves import published_design
from simulator import load_network
from simulator.hardware.peak import area_mm2


@pytest.mark.parametrize("size", ["large", "small"])
def test_mobilenet_v3_as_published_is_the_bundled_one(size: mobilenet_v3.Size) -> None:
    built, bundled = mobilenet_v3.build(size, mobilenet_v3.Form()), load_network(f"mobilenet_v3:size={size}")
    assert [layer.nest for layer in built.layers] == [layer.nest for layer in bundled.layers]
    assert built.params == bundled.params


def test_the_original_last_stage_has_about_30_million_macs_more_as_the_paper_says() -> None:
    first, last = (mobilenet_v3.build("large", mobilenet_v3.Form(original_end=end)) for end in (False, True))
    assert last.macs - first.macs == pytest.approx(30e6, abs=mobilenet_v3.DIGIT)


def test_shrinking_leaves_fewer_filters_and_a_network_that_fits_together() -> None:
    net = load_network("mnasnet:variant=small")
    for what, changed in mobilenet_v3.shrunk(net):
        shapes = dict(changed.inputs) | {layer.name: layer.output_shape for layer in changed.layers}
        assert changed.macs < net.macs, what
        assert all(tuple(shapes[name] for name in layer.inputs) == layer.input_shapes for layer in changed.layers)


def test_mobilenet_v2_is_the_depthwise_network_and_the_start_of_the_factorized_space() -> None:
    net = load_network("mobilenet_v2")
    assert depthwise.build("depthwise", 6.0).macs == net.macs
    chosen = mnasnet._start()
    keys = ("op", "kernel", "se", "skip", "width", "depth")
    blocks = tuple(mnasnet.Block(**{key: chosen[f"{key}{number}"] for key in keys}) for number in range(1, 8))
    assert mnasnet.build(blocks).macs == net.macs


@pytest.mark.parametrize("kind", depthwise.REPLACEMENTS)
def test_replacements_of_depthwise_layers_have_equal_macs(kind: str) -> None:
    macs = load_network("mobilenet_v2").macs
    assert depthwise.of_equal_macs(kind, macs).macs == pytest.approx(macs, rel=depthwise.TOLERATED)


def test_the_hard_reward_forgives_nothing_beyond_the_target_and_gives_nothing_below_it() -> None:
    assert mnasnet.reward_of(75.0, 0.5, 1.0, "hard") == 75.0
    assert mnasnet.reward_of(75.0, 2.0, 1.0, "hard") == pytest.approx(37.5)
    assert mnasnet.reward_of(75.0, 2.0, 1.0, "soft") == pytest.approx(75.0 * 2**-0.07)


def test_pairs_of_the_joint_search_keep_area_and_size() -> None:
    area, v5 = area_mm2(codesign.machine_of(codesign.Build())), published_design("v5")
    net = load_network(v5.spec)
    assert area is not None
    arena = codesign.Arena(Bench(), area, Bounds(net.macs, net.params))
    draw, pair = Random(1), codesign.Pair(codesign.Build(), v5)
    drawn = [codesign.other_both(pair, draw) for _ in range(40)]
    machines = [found for one in drawn if (found := arena.machine(one.build))]
    assert machines and all((area_mm2(machine) or 0) <= area * 1.000001 for machine in machines)
    assert all(sum(one.design.blocks) == 21 and min(one.design.blocks) > 0 for one in drawn)
    assert len({one.build for one in drawn}) > 5 and len({one.design for one in drawn}) > 5
