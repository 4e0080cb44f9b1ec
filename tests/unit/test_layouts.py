"""Layouts of tensors in DRAM: what a machine says, what folded ops make of them, what a run tells."""

from dataclasses import replace

import pytest

from simulator import load_hardware, simulate
from simulator.cost.stored import Slices
from simulator.errors import InputError
from simulator.hardware.load import read_hardware
from simulator.hardware.model import Hardware
from simulator.hardware.vary import vary
from simulator.network.graph import Graph
from simulator.network.ir import Network, Op
from simulator.result.laws import broken_laws
from simulator.schedule import plan

MACHINE = load_hardware("systolic_32x32")


def laid(activations: str, **changes: object) -> Hardware:
    machine = replace(MACHINE, keeps_activations=False, layer_order="serial", **changes)  # type: ignore[arg-type]
    return replace(machine, dram=replace(machine.dram, activations=activations))  # type: ignore[arg-type]


def branches() -> Network:
    """A concat of two convolutions that a third reads; a split of it, dealt out, for a fourth."""
    g = Graph("branches")
    x = g.input(16, 8, 8)
    joined = g.concat(g.conv(x, 24, 1, name="left"), g.conv(x, 40, 1, name="right"), name="joined")
    g.conv(joined, 16, 1, name="whole")
    part, _ = g.split(g.shuffle(joined, 2), 32, 32)
    g.conv(part, 16, 1, name="part")
    return g.build()


def slices_of(machine: Hardware) -> dict[str, Slices]:
    return {op.layer.name: op.slices for op in plan(branches(), machine) if op.layer.op is Op.CONV}


def test_a_layer_beside_a_folded_concat_writes_channels_of_the_whole_and_one_after_a_split_reads_some() -> None:
    folds = frozenset({Op.CONCAT, Op.SPLIT, Op.SHUFFLE})
    slices = slices_of(laid("nhwc", folds=folds))
    assert slices["left"] == slices["right"] == Slices(output_channels=64)
    assert slices["whole"] == Slices()
    assert slices["part"] == Slices(input_channels=64, scattered=True)


def test_ops_that_move_data_leave_tensors_whole() -> None:
    assert set(slices_of(laid("nhwc", folds=frozenset())).values()) == {Slices()}


def test_a_folded_concat_of_channels_costs_runs_where_channels_lie_innermost_only() -> None:
    folds = frozenset({Op.CONCAT, Op.SPLIT})
    runs = {
        layout: next(r.dma_runs for r in simulate(laid(layout, folds=folds), branches()).layers if r.name == "left")
        for layout in ("nchw", "nhwc")
    }
    assert runs["nchw"] < 64 <= runs["nhwc"]  # a run for each pixel


def test_no_layout_beats_tiles_that_lie_in_one_piece() -> None:
    network = branches()
    best = simulate(laid("tiled"), network).total
    for layout in ("nchw", "nhwc"):
        total = simulate(laid(layout), network).total
        assert total.cycles >= best.cycles and total.dram_bytes >= best.dram_bytes


def test_descriptors_cost_cycles_and_fewer_where_each_takes_more_dimensions() -> None:
    network, cycles = branches(), []
    for each, dimensions in ((0, 1), (200, 4), (200, 1)):
        machine = laid("nhwc", descriptor_cycles=each, descriptor_dimensions=dimensions, folds=frozenset({Op.CONCAT}))
        cycles.append(simulate(machine, network).total.cycles)
    assert cycles[0] < cycles[1] < cycles[2]


def test_a_machine_says_its_layout_and_descriptors() -> None:
    document = dict(MACHINE.document or {})
    assert isinstance(document["dram"], dict) and isinstance(document["dma"], dict)
    document["dram"] = document["dram"] | {"layout": {"activations": "nchw", "atom_channels": 16, "weights": "krsc"}}
    document["dma"] = document["dma"] | {"descriptor_cycles": 3, "descriptor_dimensions": 2}
    machine = read_hardware(document)
    assert (machine.dram.activations, machine.dram.atom_channels, machine.dram.weights) == ("nchw", 16, "krsc")
    assert (machine.descriptor_cycles, machine.descriptor_dimensions) == (3, 2)
    assert read_hardware(machine.document or {}) == machine


def test_activations_lie_map_by_map_and_weights_tile_by_tile_unless_a_machine_says_otherwise() -> None:
    document = dict(MACHINE.document or {})
    assert isinstance(document["dram"], dict)
    document["dram"] = {key: value for key, value in document["dram"].items() if key != "layout"}
    dram = read_hardware(document).dram
    assert (dram.activations, dram.atom_channels, dram.weights) == ("nchw", 1, "tiled")


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(InputError, match="activations"):
        vary(MACHINE, {"dram.layout.activations": "hwcn"})


def test_dma_transactions_that_take_less_than_their_bytes_break_a_law() -> None:
    run = simulate(laid("nhwc"), branches())
    layer = replace(run.layers[0], dma_cycles=1)
    broken = broken_laws(replace(run, layers=(layer, *run.layers[1:])))
    assert [law.law for law in broken] == ["DMA cycles >= bytes / bandwidth"]
