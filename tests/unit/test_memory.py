"""Memory on chip: what is alive and what tiles take, the peak, and what would keep every tensor."""

from dataclasses import replace

import pytest

from analysis.drive.codesign.materialized import inner_tensors, materialized
from analysis.drive.codesign.memory import COMPARED, claims
from analysis.drive.explain.machine_levers import buffer_for_all_tensors
from analysis.read.plots.registry import PLOTS
from simulator import simulate
from simulator.hardware.load import load_hardware
from simulator.hardware.vary import vary
from simulator.network.graph import Graph
from simulator.network.lifetimes import words_alive
from simulator.result.json_io import run_from_json, run_to_json
from simulator.result.laws import broken_laws
from simulator.schedule import full_residency_bytes, plan
from simulator.schedule.fusion import fuse
from simulator.schedule.residency import residency
from workloads.load import load_network

CHIP = "systolic_32x32"
"""Keeps activations, and maps in no time."""


def block():
    """A residual block of 16 channels at 8 x 8, and what follows."""
    g = Graph("block")
    x = g.conv(g.input(3, 8, 8), 16, name="stem")
    y = g.conv(g.conv(x, 32, name="expand"), 16, name="project")
    g.conv(g.add(x, y, name="sum"), 8, name="head")
    return g.build()


def test_the_peak_is_what_is_alive_beside_the_largest_tiles():
    run = simulate(CHIP, block())
    layers = {layer.name: layer for layer in run.layers}
    word = load_hardware(CHIP).output_bits // 8
    stem, expand, project = 16 * 64 * word, 32 * 64 * word, 16 * 64 * word
    assert layers["stem"].alive_bytes == stem
    assert layers["expand"].alive_bytes == stem + expand
    assert layers["project"].alive_bytes == stem + expand + project
    assert (layers["stem"].kept.size_bytes, layers["expand"].kept.read_last_by) == (stem, "project")
    assert layers["head"].kept is None
    assert all(layer.tile_bytes > 0 for layer in run.layers if layer.mapping)
    most = max(run.layers, key=lambda layer: layer.sram_bytes)
    assert (run.total.peak_sram_bytes, run.total.peak_sram_layer) == (most.sram_bytes, most.name)
    assert run.total.peak_sram_bytes <= run.hardware.activation_bytes


def test_a_machine_that_keeps_nothing_has_a_peak_of_tiles_alone():
    run = simulate(vary(load_hardware(CHIP), {"layers.keep_activations": False}), block())
    assert all(layer.alive_bytes == 0 and layer.kept is None for layer in run.layers)
    assert run.total.peak_sram_bytes == max(layer.tile_bytes for layer in run.layers) > 0
    assert run.network.full_residency_bytes == 0


@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenext", "resnet:depth=50", "shufflenet_v2"])
def test_from_full_residency_on_every_tensor_between_ops_stays(name):
    network, machine = load_network(name), load_hardware("edge_npu_like")
    (buffer,) = machine.buffers
    enough = full_residency_bytes(network, machine)
    for capacity, wholly in ((enough, True), (enough * 9 // 10, False)):
        on = replace(machine, buffers=(replace(buffer, capacity_bytes=capacity),))
        running = [op for op in plan(network, on) if op.runs]
        assert all(op.resident[2] for op in running[:-1]) == wholly
        assert max(residency(network, on, fuse(network, on)).alive_bytes) <= capacity


def test_a_run_of_before_that_tells_nothing_of_memory_still_loads():
    run = simulate(CHIP, block())
    silent = replace(run.total, peak_sram_bytes=0, peak_sram_layer="")
    layers = tuple(replace(layer, alive_bytes=0, tile_bytes=0, kept=None) for layer in run.layers)
    facts = replace(run.hardware, activation_bytes=0)
    told = run_to_json(replace(run, layers=layers, total=silent, hardware=facts, steady=None))
    for key in ("alive_bytes", "tile_bytes", "peak_sram_bytes", "activation_bytes"):
        told = told.replace(f', "{key}": 0', "")
    told = told.replace(', "kept": null', "").replace(', "peak_sram_layer": ""', "")
    assert "peak_sram" not in told and '"kept"' not in told
    assert run_from_json(told).total == silent
    assert run_from_json(run_to_json(run)) == run


def test_what_is_lost_between_tensors_is_counted():
    run = simulate(CHIP, block())
    top = max(layer.kept.address + layer.kept.size_bytes for layer in run.layers if layer.kept)
    assert run.fragmentation_bytes == top - max(layer.alive_bytes for layer in run.layers)
    assert replace(run, layers=()).fragmentation_bytes == 0


def test_the_picture_has_a_row_for_the_tiles_of_each_layer_and_for_each_tensor_meanwhile():
    run = simulate(CHIP, block())
    rows = PLOTS["memory"].rows(run)
    assert all(sum(r["bytes"] for r in rows if r["layer"] == x.name) == x.sram_bytes for x in run.layers if x.cycles)
    stem = {row["layer"]: row["address"] for row in rows if row["tensor"] == "stem"}
    assert set(stem) >= {"stem", "expand", "project"} and set(stem.values()) == {run.layers[0].kept.address}


def inverted(g, x, name, widened=32, narrowed=8):
    """An inverted residual: inner tensors of many channels."""
    x = g.relu(g.conv(x, widened, name=f"{name}/expand"), name=f"{name}/relu")
    x = g.depthwise(x, 3, padding=1, name=f"{name}/depthwise")
    return g.conv(x, narrowed, name=f"{name}/project")


def test_inner_tensors_of_an_inverted_residual_are_never_whole():
    g = Graph("inverted")
    x = g.conv(g.input(3, 8, 8), 8, name="stem")
    g.conv(g.add(x, inverted(g, x, "block"), name="sum"), 4, 3, 2, name="head")
    run = simulate("flexible_168", g.build())
    assert set(inner_tensors(run)) == {"block/expand", "block/depthwise"}
    assert materialized(run) == {8: 8 * 64, 3: 4 * 9}


def test_a_depthwise_layer_between_others_needs_its_tensors_whole():
    """Nothing is narrower behind it; and what something else reads, too, is whole."""
    g = Graph("separable")
    x = inverted(g, g.input(3, 8, 8), "wide", 16, 32)
    y = g.conv(x, 64, name="y")
    z = g.conv(g.depthwise(y, 3, padding=1, name="z"), 32, name="narrow")
    g.conv(g.concat(y, z, name="all"), 4, name="head")
    run = simulate("flexible_168", g.build())
    assert list(inner_tensors(run)) == []
    assert max(materialized(run).values()) >= 64 * 64


def test_what_must_be_whole_is_what_the_paper_of_mobilenet_v2_says():
    facts = {name: materialized(simulate(CHIP, spec)) for name, spec in COMPARED.items() if "Mobile" in name}
    assert facts["MobileNetV1"][112] == 112 * 112 * 64
    assert facts["MobileNetV2"][112] == 112 * 112 * 16
    assert all(claim.agrees for claim in claims(facts | {"ShuffleNet 2x, g=3": {28: 300_000}}))


def test_a_lever_gives_the_memory_from_which_on_all_tensors_stay():
    network, machine = load_network("mobilenet_v2"), load_hardware("edge_npu_like")
    ((what, changes),) = buffer_for_all_tensors(machine, network)
    assert what == "buffers.sram.capacity: 1MiB -> 1.53MiB, where all stays"
    assert list(buffer_for_all_tensors(vary(machine, changes), network)) == []
    ((what, changes),) = buffer_for_all_tensors(load_hardware("flexible_168"), network)
    assert what.endswith("where all stays, layers.keep_activations: true") and changes["layers.keep_activations"]


def changed(run, name, **fields):
    """The run with a layer that tells something else."""
    layers = tuple(replace(layer, **fields) if layer.name == name else layer for layer in run.layers)
    return [(law.where, law.field) for law in broken_laws(replace(run, layers=layers))]


def test_what_is_alive_is_what_stays_and_all_of_it_has_room():
    run = simulate(CHIP, block())
    assert ("expand", "alive_bytes") in changed(run, "expand", alive_bytes=1)
    assert ("expand", "alive_bytes") in changed(run, "stem", kept=None)
    stem, expand = (layer.kept for layer in run.layers[:2])
    low, high = sorted((stem, expand), key=lambda kept: kept.address)
    name = "stem" if high is stem else "expand"
    assert {field for _, field in changed(run, name, kept=replace(high, address=low.address))} == {"kept.address"}
    far = replace(high, address=run.hardware.activation_bytes)
    assert ("expand", "kept.address") in changed(run, name, kept=far)
    assert ("expand", "tile_bytes") in changed(run, "expand", tile_bytes=run.hardware.activation_bytes)
    assert ("total", "peak_sram_bytes") in changed(run, "head", tile_bytes=run.hardware.activation_bytes)


def test_of_a_network_alone_words_are_alive_from_maker_to_last_reader():
    """An activation takes the place of what it reads, unless somebody else reads that, too."""
    g = Graph("words")
    x = g.relu(g.conv(g.input(3, 8, 8), 16, name="conv"), name="relu")
    y = g.relu(g.conv(x, 16, name="body"), name="twice")
    g.add(g.relu(x, name="apart"), y, name="sum")
    tensor = 16 * 64
    assert words_alive(g.build()) == [3 * 64 + tensor, tensor, 2 * tensor, 2 * tensor, 3 * tensor, 3 * tensor]
