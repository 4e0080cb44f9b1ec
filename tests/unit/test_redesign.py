"""The redesign of any network: what is allowed, what pays, and steps that are kept."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.drive.codesign.bench import Bench
from analysis.drive.codesign.report import write_report
from analysis.drive.redesign import told
from analysis.drive.redesign.limits import read_limits, size_of
from analysis.drive.redesign.loop import Workshop
from analysis.drive.redesign.run import redesigned
from analysis.drive.redesign.state import NAME, kept_way, network_of, save_way
from simulator import load_hardware, load_network, simulate
from simulator.errors import InputError
from simulator.network.graph import Graph
from simulator.network.ir import Network

MACHINE = "squeezenext_16x16"
BENCH = Bench()  # which keeps the mappings that tests have in common


def network() -> Network:
    """Two stages of residual blocks; the first is too narrow for the array."""
    g = Graph("little")
    x = g.conv(g.input(3, 16, 16), 8, 5, stride=1, padding="same", activation="relu", name="conv1")
    for stage, filters in (("early", 8), ("late", 32)):
        with g.stage(stage):
            x = g.conv(x, filters, 3, stride=2, padding="same", name=f"head_{stage}")
            for index in range(2):
                y = g.conv(x, filters, 3, padding="same", activation="relu", name=f"{stage}{index}_a")
                x = g.add(x, g.conv(y, filters, 3, padding="same", name=f"{stage}{index}_b"), name=f"{stage}{index}")
    g.linear(g.global_pool(x), 10, name="classifier")
    return g.build()


def test_limits_are_read_with_their_suffixes_and_are_the_networks_own_unless_given() -> None:
    net = network()
    limits = read_limits("macs=225M, params=0.5K,sram=96KiB", net, 0.5)
    assert (limits.most_macs, limits.most_params, limits.most_sram) == (225_000_000, 500, 96 * 1024)
    assert (limits.least.macs, limits.least.params) == (net.macs // 2, 250)
    own = read_limits("", net, 1.0)
    assert (own.most_macs, own.most_params, own.most_sram) == (net.macs, net.params, None)
    assert not own.allow(replace(size_of(net), macs=net.macs + 1), size_of(net))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mac=3", ("nothing that --within limits", 'did you mean "macs"')),
        ("macs=few", ("not a limit", "--within macs", "225M")),
        ("sram=3 apples", ("not a limit", "96KiB")),
        ("macs=1,macs=2", ("given twice",)),
        ("params=0", ("not a limit",)),
    ],
)
def test_a_limit_that_is_none_is_told_with_what_is(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        read_limits(text, network(), 0.9)
    assert all(word in str(error.value) for word in words)


def test_no_move_takes_spatial_mixing_away_or_more_than_half_of_a_layers_filters() -> None:
    net = network()
    shop = Workshop(BENCH, load_hardware(MACHINE), read_limits("", net, 0.0))
    moves = shop.moves_from(shop.start(net))
    before = {layer.name: layer for layer in net.layers}
    assert {"block_moved", "filters_halved"} <= {move.lever for move in moves}
    for move in moves:
        assert move.network is not None
        size = size_of(move.network)
        assert size.over_rows >= size_of(net).over_rows and size.over_columns >= size_of(net).over_columns, move.what
        for layer in move.network.layers:
            assert not layer.macs or 2 * layer.output_shape[1] >= before.get(layer.name, layer).output_shape[1]


def test_a_redesign_saves_cycles_within_its_limits_and_is_what_its_network_file_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, machine = network(), load_hardware(MACHINE)
    way, limits = redesigned(BENCH, machine, net, steps=2)
    assert way.end.cycles < way.start.cycles == simulate(machine, net).total.cycles
    assert 0.9 * net.macs <= way.end.macs <= net.macs and 0.9 * net.params <= way.end.params <= net.params
    last = network_of(way.end)
    assert (last.macs, last.params) == (way.end.macs, way.end.params)
    assert simulate(machine, last).total.cycles == way.end.cycles
    assert all(later.cost < earlier.cost for earlier, later in zip(way.stages, way.stages[1:], strict=False))
    monkeypatch.setattr(told, "accuracy_text", lambda way: "Not estimated.")
    write_report(told.report_of(way, limits, "little", MACHINE), tmp_path, ("svg",))
    assert (tmp_path / "waterfall.svg").stat().st_size
    assert f"{way.saving:.1%} fewer cycles" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_a_redesign_that_was_interrupted_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    net, machine = network(), load_hardware(MACHINE)
    whole, _ = redesigned(BENCH, machine, net, steps=2)
    redesigned(BENCH, machine, net, steps=1, folder=tmp_path)
    resumed, _ = redesigned(BENCH, machine, net, steps=2, folder=tmp_path)
    assert resumed == whole == kept_way(tmp_path, whole.key)
    first, _ = redesigned(BENCH, machine, net, steps=1, folder=tmp_path)
    assert first.stages == whole.stages[:2]


def test_steps_of_another_redesign_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    way, _ = redesigned(BENCH, load_hardware(MACHINE), network(), steps=0)
    save_way(way, tmp_path)
    with pytest.raises(InputError, match="another redesign"):
        kept_way(tmp_path, "other")
    (tmp_path / NAME).write_text("{}")
    with pytest.raises(InputError, match="not the steps"):
        kept_way(tmp_path, way.key)


def test_limits_that_the_start_breaks_are_told_where_no_step_leads_within() -> None:
    way, limits = redesigned(BENCH, load_hardware(MACHINE), network(), "params=1", steps=1)
    assert "not within the limits" in " ".join(told.findings_of(way, limits))


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["edge_npu_like", "nvdla_256"])
def test_mobilenet_v2_takes_a_twentieth_fewer_cycles_within_its_own_macs_and_parameters(machine: str) -> None:
    net = load_network("mobilenet_v2")
    way, limits = redesigned(Bench(), load_hardware(machine), net, steps=1)
    assert way.saving >= 0.05
    assert way.end.macs <= net.macs and way.end.params <= net.params
    assert limits.keep_layers(network_of(way.end))


@pytest.mark.slow
def test_squeezenext_gains_more_over_v1_than_v5_does_within_the_size_of_v5() -> None:
    v1, v5 = (load_network(f"squeezenext:variant={variant}") for variant in ("v1", "v5"))
    machine = load_hardware(MACHINE)
    way, _ = redesigned(Bench(), machine, v1, f"macs={v5.macs},params={v5.params}", steps=4)
    assert way.end.macs <= v5.macs and way.end.params <= v5.params
    assert way.end.cycles < simulate(machine, v5).total.cycles
