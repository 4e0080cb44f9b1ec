"""Timelines on off-chip memory with banks and rows: what tiles move of which tensor, when they end, what is told."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from simulator import load_hardware, simulate
from simulator.cli.exits import run
from simulator.door import timeline
from simulator.engine.mapping_cache import MappingCache
from simulator.errors import InputError
from simulator.hardware.dram_types import DRAM_TYPES
from simulator.hardware.model import Pages
from simulator.hardware.vary import vary
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.timing.dram import share_of_peak
from simulator.timing.timeline import Timeline
from workloads.exporters.yaml_layers import yaml_text

BASE = load_hardware("systolic_32x32")
IDEAL = vary(BASE, {"dram.efficiency": 1.0})


def paged(**changes: object):
    return vary(BASE, {"dram.page_policy": "open", **{f"dram.{key}": value for key, value in changes.items()}})


def small() -> Network:
    g = Graph("small")
    x = g.conv(g.input(16, 28, 28), 64, 3, padding=1, name="wide", activation="relu")
    y = g.add(x, g.conv(x, 64, name="pointwise"))
    g.linear(g.global_pool(g.max_pool(y, 3, 2)), 1000, name="scores")
    return g.build()


def played(network: object, **changes: object) -> Timeline:
    return timeline(simulate(paged(**changes), network))


def test_stretches_of_tensors_are_the_bytes_of_tiles() -> None:
    for tile in (tile for op in played(small()).ops for tile in op.runs):
        told = [sum(each.size_bytes for each in part) for part in (tile.load, tile.store, tile.deeper)]
        assert told == [tile.load_bytes, tile.store_bytes, tile.deeper_bytes]


def test_every_transaction_takes_at_least_what_its_bytes_take() -> None:
    rate = paged().pages.bytes_per_cycle  # type: ignore[union-attr]
    port = [each for each in played(small()).intervals if each.block == "dram port"]
    assert port
    assert all(each.cycles >= each.size_bytes / rate for each in port)


SMALLER = "squeezenext:resolution=64", "mobilenet_v2:resolution=64"
WHOLE = (pytest.param(name, marks=pytest.mark.slow) for name in ("squeezenext", "mobilenet_v2", "resnet:depth=50"))


@pytest.mark.parametrize("network", [*SMALLER, *WHOLE])
def test_a_network_never_ends_earlier_than_with_an_ideal_channel(network: str) -> None:
    found = MappingCache()
    ideal, own = (timeline(simulate(each, network, cache=found)) for each in (IDEAL, paged()))
    assert own.end_cycle >= ideal.end_cycle
    assert all(mine[1] - mine[0] >= its[1] - its[0] for mine, its in zip(own.spans, ideal.spans, strict=True))


@pytest.mark.parametrize("order", ["serial", "prefetch_weights", "overlapped"])
def test_layers_in_any_order_end_no_earlier(order: str) -> None:
    ideal, own = (vary(each, {"layers.order": order}) for each in (IDEAL, paged()))
    assert timeline(simulate(own, small())).end_cycle >= timeline(simulate(ideal, small())).end_cycle


def test_the_run_is_as_it_was_and_the_bandwidth_that_came_out_is_told() -> None:
    made, before = simulate(paged(), small()), simulate(BASE, small())
    assert made.total == before.total
    use = timeline(made).dram
    assert use is not None
    assert use.size_bytes == made.total.dram_bytes
    assert 0.3 < use.bytes_per_s / use.peak_bytes_per_s < 1
    assert str(use).startswith("LPDDR4, 2 channels, open pages: ")


def test_channels_are_as_many_as_the_bandwidth_fills() -> None:
    asked = {"6.1 GB/s": 1, "6.4 GB/s": 1, "12.5 GB/s": 2, "17 GB/s": 2, "25.6 GB/s": 4}
    assert {rate: paged(bandwidth=rate).pages.channels for rate in asked} == asked  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"type": "LPDDR9"}, "dram.type"),
        ({"bandwidth": "unlimited"}, "dram.bandwidth"),
        ({"weights_bandwidth": "400 MB/s"}, "dram.weights_bandwidth"),
        ({"page_policy": "closed"}, "dram.page_policy"),
    ],
)
def test_pages_that_cannot_be_played_are_refused_in_one_line(changes: dict[str, object], path: str) -> None:
    with pytest.raises(InputError) as caught:
        paged(**changes)
    assert [problem.path for problem in caught.value.problems] == [path]


def test_the_command_says_what_bandwidth_came_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.yaml").write_text(yaml_text(small()))
    words = ["--hw", "squeezenext_16x16", "--net", str(tmp_path / "net.yaml"), "--set", "dram.page_policy=open"]
    assert run([*words, "--set", "dram.type=DDR3", "--timeline", str(tmp_path / "trace.json")]) == 0
    told = capsys.readouterr().err
    about = json.loads((tmp_path / "trace.json").read_text())["otherData"]
    assert told.startswith("DDR3, 1 channel, open pages: ")
    assert about["dram"] in told
    assert f"ends after {about['end_cycle']:,} cycles, the run after {about['cycles']:,}" in told


def test_the_page_of_off_chip_memory_says_what_comes_out() -> None:
    page = (Path(__file__).parents[2] / "docs" / "dram.md").read_text()
    head = next(line for line in page.splitlines() if line.startswith("| type | 32 B"))
    sizes = [int(number) * UNITS[unit] for number, unit in (cell.split() for cell in head.strip("| ").split(" | ")[1:])]
    for name in ("DDR4", "LPDDR4"):
        shown = next(line for line in page.splitlines() if line.startswith(f"| {name} |")).strip("| ").split(" | ")[1:]
        kind = DRAM_TYPES[name]
        alone = Pages(name, kind, kind.bandwidth, Fraction(1))
        assert shown == [f"{share_of_peak(alone, size):.0%}" for size in sizes]


UNITS = {"B": 1, "KiB": 2**10}
