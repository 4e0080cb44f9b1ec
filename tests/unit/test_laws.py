"""Every law, on a run small enough to count by hand: at its edge it holds, a step further it is told, and no other is.

The machine has 2 x 4 PEs, a memory `glb`, and weights in each PE. The layer does 48 MACs in 6 of its 10 cycles.
"""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from simulator.network.ir import Op
from simulator.result.laws import LawViolation, assert_laws, broken_laws
from simulator.result.run import CYCLE_PARTS, LayerResult, MachineFacts, Run, Traffic, total_of
from tests.builders import MACHINE, free_result, run_of

BYTE_PRICES = {
    "dram": {"inputs": 100.0, "weights": 101.0, "outputs": 102.0},
    "glb": {"inputs": 6.0, "weights": 6.5, "outputs": 7.0},
    "spad": {"weights": 2.0},
    "rf": {"inputs": 1.0, "weights": 1.25, "outputs": 1.5},
}
SMALL = replace(
    MACHINE,
    rows=2,
    columns=4,
    clock_hz=1000,
    burst_bytes=4,
    levels=("dram", "glb", "spad", "array", "rf"),
    levels_in_pe=("spad",),
    energy_pj_per_byte=BYTE_PRICES,
    energy_pj_per_action={"mac": 3.0, "vector": 1.0, "leakage": 0.5},
)
FREE_MACS = {"mac": 0.0, "vector": 1.0, "leakage": 0.5}
ENERGY = {
    "mac": 144.0,  # 48 MACs
    "leakage": 4.5,  # 9 cycles, without the one of configuration
    "dram.inputs": 1600.0,
    "dram.weights": 1212.0,
    "dram.outputs": 816.0,
    "glb.inputs": 288.0,
    "glb.outputs": 112.0,
    "spad.weights": 48.0,
    "rf.inputs": 48.0,
}
TRAFFIC = {
    "dram": {"inputs": Traffic(16, 0), "weights": Traffic(12, 0), "outputs": Traffic(0, 8)},
    "glb": {"inputs": Traffic(32, 16), "outputs": Traffic(8, 8)},
    "spad": {"weights": Traffic(12, 12)},
    "rf": {"inputs": Traffic(48, 0)},
}
LAYER = replace(
    free_result("a", Op.CONV),
    macs=48,
    effective_macs=48,
    mapped_pes=8,
    params=12,
    cycles=10,
    cycle_parts=dict.fromkeys(CYCLE_PARTS, 0) | {"compute": 6, "dram": 3, "configuration": 1},
    utilization=0.6,
    energy_pj=4272.5,
    energy_parts=ENERGY,
    traffic=TRAFFIC,
    footprint_bytes={"inputs": 16, "weights": 12, "outputs": 8},
    bounds={"array": 10, "dram": 10},
    bottleneck="compute",
    tiles=2,
)


def told(layer: LayerResult, machine: MachineFacts = SMALL, *others: LayerResult) -> list[tuple[str, str, str]]:
    """Where, which field and what figures: of every law that a run of the layer breaks."""
    return [(law.where, law.field, law.figures) for law in broken_laws(run_of(layer, *others, machine=machine))]


def moved(level: str, operand: str, read: int, written: int) -> dict[str, object]:
    """Other traffic, and the energy that it takes."""
    traffic = TRAFFIC | {level: TRAFFIC[level] | {operand: Traffic(read, written)}}
    return {"traffic": traffic} | spent({f"{level}.{operand}": (read + written) * BYTE_PRICES[level][operand]})


def spent(parts: Mapping[str, float]) -> dict[str, object]:
    """Other energy that adds up."""
    energy = ENERGY | parts
    return {"energy_parts": energy, "energy_pj": sum(energy.values())}


def without(part: str) -> dict[str, object]:
    """All energy but that of a part."""
    energy = {name: pj for name, pj in ENERGY.items() if name != part}
    return {"energy_parts": energy, "energy_pj": sum(energy.values())}


def summing(read: int) -> dict[str, object]:
    """So many bytes of sums read from registers, which nothing is said to cost."""
    return {"traffic": TRAFFIC | {"rf": TRAFFIC["rf"] | {"outputs": Traffic(read, 0)}}}


def took(**parts: int) -> dict[str, object]:
    """Other cycles that add up, with the leakage and the utilization that come of them."""
    cycle_parts = LAYER.cycle_parts | parts
    cycles = sum(cycle_parts.values())
    share = {"utilization": 48 / (8 * cycles) if cycles else 0.0, "cycles": cycles, "cycle_parts": cycle_parts}
    return share | spent({"leakage": 0.5 * (cycles - cycle_parts["configuration"])}) | {"bounds": {}}


def skipping(effective: int, **changes: object) -> dict[str, object]:
    """Fewer MACs executed, with the energy and the utilization that come of them."""
    return {"effective_macs": effective, "utilization": effective / 80, **spent({"mac": 3.0 * effective}), **changes}


WITHIN: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "as it is": ({}, {}),
    "no time at all": (
        took(compute=0, dram=0, configuration=0) | {"macs": 0, "bottleneck": ""}
        | skipping(0, **spent({"mac": 0, "leakage": 0})), {}),
    "no PE is told": ({"mapped_pes": 0}, {}),
    "all zero weights skipped": (skipping(0), {}),
    "a gated MAC costs less": (spent({"mac": 0.0}), {}),
    "PEs of several MACs a cycle": (
        took(compute=1, dram=0) | {"utilization": 0.5, "bottleneck": "configuration"}, {"macs_per_cycle": 6}),
    "a part is nothing": (spent({"vector": 0.0}), {}),
    "a part of nothing that did not move": (spent({"array.inputs": 0.0}), {}),
    "a last burst of which one byte is wanted, in each of two tiles": (moved("dram", "inputs", 23, 0), {}),
    "one transfer, though no tile is told": ({"tiles": 0} | moved("dram", "inputs", 19, 0), {}),
    "runs of which both ends lie within a burst": (
        {"dma_runs": 2, "dma_cycles": 9} | moved("dram", "inputs", 16 + 2 * 2 * 3, 0), {}),
    "compressed inputs": (moved("dram", "inputs", 1, 0), {"compressed": ("inputs",)}),
    "what goes past all memories to one in the PEs": (moved("spad", "weights", 12, 3), {}),
    "reads as many as it touches": (moved("glb", "inputs", 16, 16), {}),
    "zero weights are not read": (skipping(47) | moved("rf", "inputs", 1, 0) | spent({"mac": 141, "rf.inputs": 1}), {}),
    "nothing is read where nothing is touched": ({"footprint_bytes": {}} | moved("glb", "inputs", 0, 16), {}),
    "outputs need not be read": (moved("glb", "outputs", 0, 16), {}),
    "no prices are told": (spent({"mac": 10**9}), {"energy_pj_per_byte": {}}),
    "what registers of gated PEs cost is unknown where MACs cost nothing": (
        spent({"mac": 0.0, "rf.weights": 7.0, "rf.outputs": 5.0}), {"energy_pj_per_action": FREE_MACS}),
    "no cycles of configuration are told": (
        {"cycle_parts": {"compute": 6, "dram": 4}, **spent({"leakage": 5.0})}, {}),
    "half of what MACs cost, and so of their sums in registers": (
        summing(10) | spent({"mac": 72.0, "rf.outputs": 7.5}), {}),
    "no MACs' energy, nor that of their sums": (summing(10) | without("mac"), {}),
    "cycles of a clock": (spent({"clock": 2.25}), {"energy_pj_per_action": FREE_MACS | {"mac": 3.0, "clock": 0.25}}),
    "words that end within a byte, at both ends of two runs": (
        {"dma_runs": 2, "dma_cycles": 9} | moved("dram", "inputs", 16 + 2 * 2, 0),
        {"burst_bytes": 1, "whole_bytes": False}),
    "DMA at the rate of the port": (
        {"dma_runs": 2, "dma_cycles": 3} | moved("dram", "inputs", 48 - 20, 0), {}),
    "DMA of what came ahead": ({"dma_runs": 2, "dma_cycles": 2}, {"layer_order": "prefetch_weights"}),
    "DMA that takes no time": ({"dma_runs": 2, "dma_cycles": 0}, {"dram_bytes_per_cycle": None}),
    "wide residuals": (moved("dram", "inputs", 2 * 16 + 7, 0), {"residual_width": 2.0}),
    "narrow residuals": (moved("dram", "inputs", 8, 0), {"residual_width": 0.5}),
    "one channel of three that move together": (moved("dram", "inputs", 3 * 16 + 7, 0), {"atom_channels": 3}),
    "tiles that fill the memory": ({"dataflow": "rows", "tile_bytes": 4}, {"activation_bytes": 4}),
    "tiles of an op that streams": ({"tile_bytes": 9}, {"activation_bytes": 4}),
    "energy in units of a MAC": (
        {"energy_relative": 2136.25}, {"energy_unit": "MAC", "energy_unit_pj": 2.0}),
    "float products": (spent({"mac": 144.0 * (1 + 5e-10)}), {}),
    "float sums": ({"energy_pj": 4272.5 * (1 + 1e-10)}, {}),
}  # fmt: skip


@pytest.mark.parametrize("case", WITHIN)
def test_within_the_laws_nothing_is_told(case: str) -> None:
    layer, machine = WITHIN[case]
    assert told(replace(LAYER, **layer), replace(SMALL, **machine)) == []  # type: ignore[arg-type]


BEYOND: dict[str, tuple[dict[str, object], dict[str, object], str, str]] = {
    "an unknown part": ({"cycle_parts": LAYER.cycle_parts | {"naps": 0}}, {}, "cycle_parts", "naps"),
    "cycles below nothing": (took(skew=-1, dram=4) | {"bottleneck": "dram"}, {}, "cycle_parts", "skew = -1"),
    "energy below nothing": (spent({"vector": -1.0}), {}, "energy_parts", "vector = -1.0"),
    "cycles that are no sum": (
        {"cycle_parts": LAYER.cycle_parts | {"dram": 4}}, {}, "cycles", "11 != 10"),
    "energy that is no sum": ({"energy_pj": 4272.5 * (1 + 3e-9)}, {}, "energy_pj", "4272.5 != 4272.5000128175"),
    "more PEs than there are": ({"mapped_pes": 9}, {}, "mapped_pes", "9 of 8"),
    "busy PEs that are not mapped": ({"mapped_pes": 7}, {}, "mapped_pes", "48 > 42"),
    "MACs in no time of compute": ({"cycle_parts": {"dram": 9, "configuration": 1}}, {}, "mapped_pes", "48 > 0"),
    "another utilization": ({"utilization": 0.600001}, {}, "utilization", "0.600001 != 0.6"),
    "a bound": ({"bounds": {"array": 11}}, {}, "bounds.array", "10 < 11"),
    "a bound where layers overlap": (
        {"bounds": {"array": 11}}, {"layer_order": "prefetch_weights"}, "bounds.array", "10 < 11"),
    "less from DRAM than enters": (
        moved("dram", "inputs", 15, 0), {}, "traffic.dram.inputs", "15 != 16, in 2 runs"),
    "a burst too much": (moved("dram", "inputs", 24, 0), {}, "traffic.dram.inputs", "24 != 16, in 2 runs"),
    "a byte more than both ends of two runs": (
        {"dma_runs": 2, "dma_cycles": 9} | moved("dram", "inputs", 17 + 2 * 2 * 3, 0), {}, "traffic.dram.inputs",
        "29 != 16, in 2 runs"),
    "more MACs than the layer has": (skipping(49, mapped_pes=0), {}, "effective_macs", "49 of 48"),
    "one transfer": (
        {"tiles": 0} | moved("dram", "inputs", 20, 0), {}, "traffic.dram.inputs", "20 != 16, in 1 runs"),
    "no bursts": (
        moved("dram", "inputs", 17, 0), {"burst_bytes": 0}, "traffic.dram.inputs", "17 != 16, in 2 runs"),
    "fewer reads than it touches": (moved("glb", "inputs", 15, 16), {}, "traffic.glb.inputs", "15 < 16"),
    "fewer reads within PEs": (moved("spad", "weights", 11, 13), {}, "traffic.spad.weights", "11 < 12"),
    "fewer reads in registers": (moved("rf", "inputs", 15, 0), {}, "traffic.rf.inputs", "15 < 16"),
    "fewer reads where zeros are skipped": (
        skipping(47) | moved("glb", "inputs", 15, 16) | spent({"mac": 141, "glb.inputs": 186}), {},
        "traffic.glb.inputs", "15 < 16"),
    "another price of a byte": (spent({"dram.inputs": 1601.0}), {}, "energy_parts.dram.inputs", "1601.0 != 1600.0"),
    "energy of what did not move": (spent({"array.inputs": 1.0}), {}, "energy_parts.array.inputs", "1.0 != 0.0"),
    "leakage of configuration": (spent({"leakage": 5.0}), {}, "energy_parts.leakage", "5.0 != 4.5"),
    "dear MACs": (spent({"mac": 145.0}), {}, "energy_parts.mac", "145.0 > 144.0"),
    "sums of MACs that cost half": (
        summing(10) | spent({"mac": 72.0, "rf.outputs": 15.0}), {}, "energy_parts.rf.outputs", "15.0 != 7.5"),
    "words that cost nothing": (without("rf.inputs"), {}, "energy_parts.rf.inputs", "0.0 != 48.0"),
    "registers of weights": (spent({"rf.weights": 1.0}), {}, "energy_parts.rf.weights", "1.0 != 0.0"),
    "registers of inputs where MACs cost nothing": (
        spent({"mac": 0.0, "rf.inputs": 49.0}), {"energy_pj_per_action": FREE_MACS}, "energy_parts.rf.inputs",
        "49.0 != 48.0"),
    "a cycle of a clock too much": (
        spent({"clock": 2.5}), {"energy_pj_per_action": FREE_MACS | {"mac": 3.0, "clock": 0.25}},
        "energy_parts.clock", "2.5 != 2.25"),
    "a byte more than two runs": (
        {"dma_runs": 2, "dma_cycles": 9} | moved("dram", "inputs", 17, 0), {"burst_bytes": 1}, "traffic.dram.inputs",
        "17 != 16, in 2 runs"),
    "a byte more than words that end within one": (
        {"dma_runs": 2, "dma_cycles": 9} | moved("dram", "inputs", 17 + 2 * 2, 0),
        {"burst_bytes": 1, "whole_bytes": False}, "traffic.dram.inputs", "21 != 16, in 2 runs"),
    "DMA in less time than the port takes": ({"dma_runs": 2, "dma_cycles": 2}, {}, "dma_cycles", "2 < 2.25"),
    "wider residuals than they are": (
        moved("dram", "inputs", 2 * 16 + 8, 0), {"residual_width": 2.0}, "traffic.dram.inputs", "40 != 16, in 2 runs"),
    "narrower residuals than they are": (
        moved("dram", "inputs", 7, 0), {"residual_width": 0.5}, "traffic.dram.inputs", "7 != 16, in 2 runs"),
    "a byte more than of channels that move together": (
        moved("dram", "inputs", 3 * 16 + 8, 0), {"atom_channels": 3}, "traffic.dram.inputs", "56 != 16, in 2 runs"),
    "tiles larger than the memory": (
        {"dataflow": "rows", "tile_bytes": 5}, {"activation_bytes": 4}, "tile_bytes", "5 > 4"),
    "tensors that stay in more than the memory": ({"alive_bytes": 5}, {"activation_bytes": 4}, "tile_bytes", "5 > 4"),
    "other energy in units of a MAC": (
        {"energy_relative": 2136.0}, {"energy_unit": "MAC", "energy_unit_pj": 2.0}, "energy_relative",
        "2136.0 != 2136.25"),
    "fused into a layer that is none": ({"fused": ("b",)}, {}, "fused", "b"),
}  # fmt: skip


@pytest.mark.parametrize("case", BEYOND)
def test_a_step_beyond_a_law_that_law_alone_is_told(case: str) -> None:
    layer, machine, field, figures = BEYOND[case]
    found = told(replace(LAYER, **layer), replace(SMALL, **machine))  # type: ignore[arg-type]
    assert found == [("a", field, figures)]


def test_more_macs_than_the_array_has_time_for_are_told_of_array_and_of_mapped_pes() -> None:
    hurried = replace(LAYER, **took(compute=5, dram=0, configuration=0), mapped_pes=0)  # type: ignore[arg-type]
    assert told(hurried) == [("a", "effective_macs", "48 > 40"), ("a", "utilization", "1.2")]
    assert told(replace(hurried, mapped_pes=8))[1] == ("a", "mapped_pes", "48 > 40")


def test_a_layer_that_is_known_to_be_lawful_is_not_looked_at() -> None:
    unlawful = replace(LAYER, mapped_pes=9)
    run = run_of(unlawful, replace(unlawful, name="b"), machine=SMALL)
    assert [law.where for law in broken_laws(run, {"a"})] == ["b"]


def test_fewer_mapped_pes_than_none_are_told() -> None:
    assert told(replace(LAYER, mapped_pes=-1)) == [("a", "mapped_pes", "-1 of 8"), ("a", "mapped_pes", "48 > -6")]


def test_several_macs_a_cycle_fill_twice_the_capacity_and_no_more() -> None:
    machine = replace(SMALL, macs_per_cycle=2)
    three, two = (replace(LAYER, **took(compute=c, dram=0, configuration=0)) for c in (3, 2))  # type: ignore[arg-type]
    assert told(replace(three, utilization=1.0), machine) == []
    assert [(field, figures) for _, field, figures in told(replace(two, utilization=1.5), machine)] == [
        ("effective_macs", "48 > 32"),
        ("mapped_pes", "48 > 32"),
        ("utilization", "1.5"),
    ]


def test_fewer_macs_than_none_are_told() -> None:
    layer = replace(LAYER, **skipping(-1, **spent({"mac": 0.0})))  # type: ignore[arg-type]
    found = told(layer, replace(SMALL, energy_pj_per_byte={}))
    assert found == [("a", "effective_macs", "-1 of 48"), ("a", "utilization", "-0.0125")]


def test_utilization_below_nothing_is_told() -> None:
    backwards = replace(LAYER, macs=-48, effective_macs=-48, utilization=-0.6, **spent({"mac": -144.0}))  # type: ignore[arg-type]
    assert ("a", "utilization", "-0.6") in told(backwards)


def test_a_dram_bound_is_of_the_whole_network_where_layers_overlap() -> None:
    machine = replace(SMALL, layer_order="overlapped")
    late = replace(LAYER, bounds={"dram": 11}, bottleneck="dram")
    free = replace(LAYER, name="c", bounds={"dram": 9}, bottleneck="dram")
    assert told(late) == [("a", "bounds.dram", "10 < 11"), ("total", "cycles", "10 < 11")]
    assert told(late, machine) == [("total", "cycles", "10 < 11")]
    assert told(late, machine, free) == []


def joined(read: int, inputs: int) -> list[tuple[str, str, str]]:
    """What is told of a layer to whose outputs a tensor of each of some operands is added."""
    shapes = ((1, 1, 1, 8),) * inputs
    layer = replace(LAYER, fused=("sum",), tiles=1, **moved("dram", "inputs", read, 0))  # type: ignore[arg-type]
    return told(layer, SMALL, replace(free_result("sum", Op.ADD), input_shapes=shapes))


@pytest.mark.parametrize(("inputs", "transfers"), [(1, 2), (2, 2), (3, 3)])
def test_each_residual_operand_is_a_transfer_of_its_own(inputs: int, transfers: int) -> None:
    most = 16 + 4 * transfers - 1
    assert joined(most, inputs) == []
    assert joined(most + 1, inputs) == [("a", "traffic.dram.inputs", f"{most + 1} != 16, in {transfers} runs")]


COSTS = {
    "cycles": {"cycles": 1, "cycle_parts": {"vector": 1}, "bottleneck": "vector"},
    "energy": {"energy_pj": 1.0, "energy_parts": {"vector": 1.0}},
    "traffic": {"traffic": {"glb": {"outputs": Traffic(0, 0)}}},
}


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("folded", [True, False])
def test_a_layer_that_is_folded_or_fused_costs_nothing(cost: str, folded: bool) -> None:
    costly = replace(free_result("b", Op.CONCAT, folded=folded), **COSTS[cost])  # type: ignore[arg-type]
    machine = replace(SMALL, energy_pj_per_byte={})
    layer = LAYER if folded else replace(LAYER, fused=("b",))
    free = [where for where, field, _ in told(layer, machine, costly) if field == "cycles"]
    assert free == ["b"]
    assert told(LAYER, machine, replace(costly, folded=False)) == []


TOTALS = {
    "cycles": 1, "macs": 1, "dram_bytes": 1, "buffer_bytes": 1, "latency_s": 1e-9, "utilization": 1e-7,
    "energy_pj": 1e-3,
}  # fmt: skip


@pytest.mark.parametrize("field", TOTALS)
def test_a_total_that_is_no_sum_is_told(field: str) -> None:
    run = run_of(LAYER, machine=SMALL)
    other = replace(run.total, **{field: getattr(run.total, field) + TOTALS[field]})
    assert [(law.where, law.field) for law in broken_laws(replace(run, total=other))] == [("total", field)]


@pytest.mark.parametrize("parts", [ENERGY | {"mac": 145.0}, ENERGY | {"vector": 0.0}, {"mac": 144.0}])
def test_energy_parts_of_the_total_are_sums(parts: dict[str, float]) -> None:
    run = run_of(LAYER, machine=SMALL)
    changed = replace(run, total=replace(run.total, energy_parts=parts))
    assert [(law.where, law.field) for law in broken_laws(changed)] == [("total", "energy_parts")]


@pytest.mark.parametrize("field", ["macs", "params"])
def test_layers_account_for_all_of_the_network(field: str) -> None:
    run = run_of(LAYER, machine=SMALL)
    counted = getattr(run.network, field)
    grown = replace(run, network=replace(run.network, **{field: counted + 1}))
    found = [(law.where, law.field, law.figures) for law in broken_laws(grown)]
    assert found == [("network", field, f"{counted} != {counted + 1}")]


def test_totals_are_what_a_hand_adds_up() -> None:
    """Bytes of memories on chip are those of `glb` and `spad`: not of DRAM, the array's networks or registers."""
    second = replace(LAYER, name="c", traffic=TRAFFIC | {"array": {"inputs": Traffic(500, 0)}})
    total = total_of((LAYER, second), SMALL)
    assert (total.cycles, total.latency_s, total.macs, total.utilization) == (20, 0.02, 96, 0.6)
    assert (total.dram_bytes, total.buffer_bytes) == (2 * 36, 2 * (48 + 16 + 24))
    assert (total.energy_pj, total.energy_parts["mac"]) == (8545.0, 288.0)
    assert total.cycle_parts == {
        "compute": 12, "delivery": 0, "preload": 0, "skew": 0, "dram": 6, "vector": 0, "configuration": 2,
    }  # fmt: skip


def test_a_run_that_does_not_tell_has_one_array_and_no_more_than_it_tells() -> None:
    silent = free_result("b", Op.ADD)
    assert (silent.mapped_pes, silent.dma_cycles, silent.dma_runs, silent.prefetched_bytes) == (0, 0, 0, 0)
    assert (silent.kept_bytes, silent.alive_bytes, silent.tile_bytes, MACHINE.activation_bytes) == (0, 0, 0, 0)
    assert (MACHINE.arrays, MACHINE.atom_channels) == (1, 1)


def test_pes_are_those_of_all_arrays() -> None:
    assert replace(SMALL, arrays=3).pes == 24


def broken_run(count: int) -> Run:
    return run_of(*(replace(LAYER, name=f"a{i}", mapped_pes=9) for i in range(count)), machine=SMALL)


@pytest.mark.parametrize(("count", "lines"), [(1, 2), (10, 11), (11, 12)])
def test_an_error_tells_ten_violations_and_how_many_more_there_are(count: int, lines: int) -> None:
    with pytest.raises(LawViolation) as caught:
        assert_laws(broken_run(count))
    text = str(caught.value).splitlines()
    assert len(text) == lines and len(caught.value.violations) == count
    assert (text[-1] == "... and 1 more") == (count > 10)
    assert text[1] == "a0: mapped_pes: mapped PEs are within the array: 9 of 8"
