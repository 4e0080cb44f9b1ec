"""Mappings are shared by exactly those searches that would find the same."""

from dataclasses import fields, is_dataclass, replace
from fractions import Fraction

import pytest

from simulator import load_hardware
from simulator.cost.search import Request, search_layer
from simulator.cost.stored import Slices
from simulator.energy.table import EnergyTable
from simulator.engine.array_ops import play_mapping
from simulator.engine.mapping_cache import OpKey, SettingKey, VectorKey, machine_key, op_key, setting_key, vector_key
from simulator.engine.store import key_of
from simulator.engine.vector_ops import fastest, stream
from simulator.hardware.model import Array, Buffer, Delivery, DepthwiseEngine, Dram, Epilogue, Hardware, ZeroWeights
from simulator.mapping.dataflow import Dataflow
from simulator.nest import Dim, Operand
from simulator.network.ir import Layer, Op
from simulator.network.lifetimes import Lifetime
from simulator.schedule import InStack, PlannedOp, Stack
from simulator.schedule.tensors import Kept

MACHINE = load_hardware("flexible_168")
FLOW = MACHINE.dataflows[0]
LAYER = Layer("conv", Op.CONV, ("data",), ((1, 4, 9, 9),), (1, 8, 7, 7), kernel=(3, 3), stage="conv")
STEP = PlannedOp(LAYER)

READ_OF_MACHINE: dict[str, object] = {
    "input_bits": 4,
    "weight_bits": 4,
    "output_bits": 4,
    "partial_sum_bits": 64,
    "array": replace(MACHINE.array, rows=3),
    "buffers": (replace(MACHINE.buffers[0], capacity_bytes=1000), *MACHINE.buffers[1:]),
    "dma_channels": 7,
    "dram": replace(MACHINE.dram, latency_cycles=7),
    "layer_order": "overlapped",
    "dma_whole_rows": not MACHINE.dma_whole_rows,
    "dma_moves_padding": not MACHINE.dma_moves_padding,
    "dma_reloads": not MACHINE.dma_reloads,
    "dma_keeps_halo": True,
    "descriptor_cycles": 7,
    "descriptor_dimensions": 3,
    "energy": replace(MACHINE.energy, mac_pj=7.0),
}
NOT_READ_OF_MACHINE: dict[str, object] = {
    "name": "other",
    "source": "another",
    "clock_hz": 1,
    "vector_lanes": 77,
    "ops_on_array": frozenset({"pool"}),
    "epilogue": Epilogue(7, True),
    "depthwise": DepthwiseEngine(16, 4),
    "pages": "others",  # of timelines alone
    "kept_weight_bytes": 7,
    "fuses": frozenset({"add"}),
    "folds": frozenset({"add"}),
    "keeps_activations": not MACHINE.keeps_activations,
    "configuration_cycles": 7,
    "launch_cycles": 7,
    "host_ps": 7,
    "dataflows": (),  # those to search are a part of their own
    "objective": "energy",  # likewise
    "node_nm": 7,  # of circuits alone, whose prices are part of a key
    "voltage": 0.7,  # likewise
    "stacks": "depth_first",
    "strip_overlap": "either",
    "cores": 2,  # one is searched on
    "dram_streams": 2,
    "across_cores": "frames",
}
READ_OF_ARRAY: dict[str, object] = {
    "rows": 3,
    "columns": 3,
    "macs_per_cycle": 3,
    "registers_words": (3, 3, 3),
    "delivery": (replace(MACHINE.array.delivery[0], words_per_cycle=33), *MACHINE.array.delivery[1:]),
    "reduce_rows": not MACHINE.array.reduce_rows,
    "reduce_columns": not MACHINE.array.reduce_columns,
    "skewed": not MACHINE.array.skewed,
    "skew_over_used": not MACHINE.array.skew_over_used,
    "zero_weights": ZeroWeights(0.25, 3),
    "zero_inputs_fraction": 0.125,
    "gates_zero_inputs": not MACHINE.array.gates_zero_inputs,
    "skipped_in_pes": (0, 1),
    "step_cycles": 33,
    "tile_setup_cycles": 33,
    "instances": 2,
}
READ_OF_DELIVERY: dict[str, object] = {
    "network": "systolic",
    "words_per_cycle": 33,
    "preload": "double_buffered",
    "forwarding": not MACHINE.array.delivery[0].forwarding,
    "windows_apart": not MACHINE.array.delivery[0].windows_apart,
    "concurrent": not MACHINE.array.delivery[0].concurrent,
    "initial_sums": not MACHINE.array.delivery[0].initial_sums,
}
READ_OF_BUFFER: dict[str, object] = {
    "holds": (0, 1),
    "capacity_bytes": 1000,
    "read_bytes_per_cycle": 3,
    "write_bytes_per_cycle": 3,
    "double_buffered": not MACHINE.buffers[0].double_buffered,
    "streams": (0,),
    "tile_bytes": 500,
}
READ_OF_DRAM: dict[str, object] = {
    "bytes_per_cycle": Fraction(1, 7),
    "latency_cycles": 7,
    "weights_ratio": Fraction(7, 3),
    "burst_bytes": 7,
    "activations": "nhwc",
    "atom_channels": 7,
    "weights": "rsck",
    "run_length": (0,),
    "run_length_max": 7,
    "run_length_bits": 7,
    "winograd": (2, 3),
    "type": "DDR3",
}
READ_OF_ENERGY: dict[str, object] = {
    "mac_pj": 7.0,
    "gated_mac_fraction": 0.875,
    "rf_pj_per_bit": (7.0, 7.0, 7.0),
    "array_pj_per_bit": 7.0,
    "buffer_points": ((7, 7.0),),
    "dram_pj_per_bit": 7.0,
    "leakage_pj_per_cycle": 7.0,
}
NOT_READ_OF_ENERGY: dict[str, object] = {
    "name": "other",
    "source": "another",
    "unit": "J",
    "vector_op_pj": 7.0,
    "mac_picojoules": 7.0,
}
READ_OF_DATAFLOW: dict[str, object] = {
    "name": "other",
    "rows": (Dim.K,),
    "columns": (Dim.C,),
    "registers": (Dim.Q,),
    "stationary": None,
    "lowered": not FLOW.lowered,
    "order": tuple(reversed(FLOW.order)),
    "channel_packing": not FLOW.channel_packing,
    "untiled": (Dim.C,),
    "one_step_a_tile": (Dim.C,),
    "arrays": (Dim.K,),
    "greedy": (Dim.C,),
}
NOT_READ_OF_DATAFLOW: dict[str, object] = {"source": "another"}
READ_OF_LAYER: dict[str, object] = {
    "input_shapes": ((1, 4, 9, 10),),
    "output_shape": (1, 16, 7, 7),
    "kernel": (3, 1),
    "stride": (2, 2),
    "padding": (1, 0, 0, 0),
    "dilation": (2, 2),
    "groups": 2,
    "zero_inputs_fraction": 0.5,
    "zero_weights_fraction": 0.5,
    "zero_outputs_fraction": 0.5,
    "zero_columns": True,
}
NOT_READ_OF_LAYER: dict[str, object] = {
    "name": "other",
    "op": Op.LINEAR,
    "inputs": ("other",),
    "bias": True,
    "variant": "odd",
    "ceil": True,
    "window": 3,
    "constant_elements": 7,
    "stage": "other",
}
READ_OF_OP: dict[str, object] = {
    "layer": replace(LAYER, stride=(2, 2)),
    "residuals": 7,
    "parameters": 11,
    "resident": (True, False, False),
    "reserved_bytes": 7,
    "stored": Fraction(1, 7),
    "slices": Slices(input_channels=7),
}
NOT_READ_OF_OP: dict[str, object] = {
    "producer": "other",
    "folded": True,
    "fused": ("other",),
    "added": 7,
    "filtering": (LAYER.nest,),
    "alive_bytes": 7,
    "kept": Kept(Lifetime(0, 1), 7, 7),
    "read_last_by": "other",
    "in_stack": InStack(Stack(("op",), 1), (), (), 0),
}

WHOLE = {
    Array: READ_OF_ARRAY,
    Delivery: READ_OF_DELIVERY,
    Dram: READ_OF_DRAM,
    Hardware: READ_OF_MACHINE | NOT_READ_OF_MACHINE,
    EnergyTable: READ_OF_ENERGY | NOT_READ_OF_ENERGY,
    Dataflow: READ_OF_DATAFLOW | NOT_READ_OF_DATAFLOW,
    Layer: READ_OF_LAYER | NOT_READ_OF_LAYER,
    PlannedOp: READ_OF_OP | NOT_READ_OF_OP,
}


def key(machine: Hardware = MACHINE, flow: Dataflow = FLOW, objective: str = "cycles") -> bytes:
    """The key by which results are kept on disk: keys of equal content that are told apart here, are so in memory."""
    return key_of(setting_key(machine, (flow,), objective))


def digest(op: PlannedOp) -> bytes:
    return key_of(op_key(op))


def with_array(**changes: object) -> Hardware:
    return replace(MACHINE, array=replace(MACHINE.array, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", WHOLE, ids=lambda kind: kind.__name__)
def test_every_field_is_either_read_by_a_search_or_not(kind: type) -> None:
    assert {field.name for field in fields(kind) if field.init} == set(WHOLE[kind])


@pytest.mark.parametrize("field", READ_OF_MACHINE)
def test_machines_that_a_search_tells_apart_have_different_keys(field: str) -> None:
    assert key(replace(MACHINE, **{field: READ_OF_MACHINE[field]})) != key()  # type: ignore[arg-type]


@pytest.mark.parametrize("field", READ_OF_ARRAY)
def test_arrays_that_a_search_tells_apart_have_different_keys(field: str) -> None:
    assert key(with_array(**{field: READ_OF_ARRAY[field]})) != key()


@pytest.mark.parametrize("field", READ_OF_DELIVERY)
def test_networks_that_a_search_tells_apart_have_different_keys(field: str) -> None:
    first, *others = MACHINE.array.delivery
    other = replace(first, **{field: READ_OF_DELIVERY[field]})  # type: ignore[arg-type]
    assert other != first
    assert key(with_array(delivery=(other, *others))) != key()


@pytest.mark.parametrize("field", READ_OF_BUFFER)
def test_buffers_that_a_search_tells_apart_have_different_keys(field: str) -> None:
    first, *others = MACHINE.buffers
    buffer: Buffer = replace(first, **{field: READ_OF_BUFFER[field]})  # type: ignore[arg-type]
    assert buffer != first
    assert key(replace(MACHINE, buffers=(buffer, *others))) != key()


@pytest.mark.parametrize("field", READ_OF_DRAM)
def test_drams_that_a_search_tells_apart_have_different_keys(field: str) -> None:
    dram = replace(MACHINE.dram, **{field: READ_OF_DRAM[field]})  # type: ignore[arg-type]
    assert dram != MACHINE.dram
    assert key(replace(MACHINE, dram=dram)) != key()


@pytest.mark.parametrize("field", READ_OF_ENERGY)
def test_energy_tables_that_a_search_tells_apart_have_different_keys(field: str) -> None:
    table = replace(MACHINE.energy, **{field: READ_OF_ENERGY[field]})  # type: ignore[arg-type]
    assert key(replace(MACHINE, energy=table)) != key()


@pytest.mark.parametrize("field", READ_OF_DATAFLOW)
def test_dataflows_that_a_search_tells_apart_have_different_keys(field: str) -> None:
    assert key(flow=replace(FLOW, **{field: READ_OF_DATAFLOW[field]})) != key()  # type: ignore[arg-type]


def test_other_dataflows_in_another_order_and_other_objectives_have_different_keys() -> None:
    flows = MACHINE.dataflows[:2]
    keys = {setting_key(MACHINE, chosen, "cycles") for chosen in (flows, flows[::-1], flows[:1], flows[1:])}
    assert len(keys) == 4
    assert key(objective="energy") != key()
    assert key_of(setting_key(MACHINE, (FLOW,), "cycles", proves=True)) != key()


@pytest.mark.parametrize("field", READ_OF_LAYER)
def test_layers_that_a_search_tells_apart_have_different_keys(field: str) -> None:
    layer = replace(LAYER, **{field: READ_OF_LAYER[field]})  # type: ignore[arg-type]
    assert digest(replace(STEP, layer=layer)) != digest(STEP)


@pytest.mark.parametrize("field", READ_OF_OP)
def test_ops_that_a_search_tells_apart_have_different_keys(field: str) -> None:
    assert digest(replace(STEP, **{field: READ_OF_OP[field]})) != digest(STEP)  # type: ignore[arg-type]


def test_every_field_of_an_ops_key_counts_by_itself() -> None:
    base = op_key(STEP)
    zeros = {f"zero_{operand}_fraction": 0.5 for operand in ("inputs", "weights", "outputs")}
    layer = replace(LAYER, stride=(2, 2), zero_columns=True, **zeros)  # type: ignore[arg-type]
    others = op_key(replace(STEP, **(READ_OF_OP | {"layer": layer})))  # type: ignore[arg-type]
    for field in fields(OpKey):
        changed = replace(base, **{field.name: getattr(others, field.name)})  # type: ignore[arg-type]
        assert changed != base and hash(changed) != hash(base) and key_of(changed) != key_of(base), field.name


def classes_in(value: object) -> set[type]:
    """The dataclasses that a key is made of."""
    if isinstance(value, tuple):
        return set().union(*map(classes_in, value))
    inner = [classes_in(getattr(value, each.name)) for each in fields(value)] if is_dataclass(value) else []  # type: ignore[arg-type]
    return {type(value)}.union(*inner) if is_dataclass(value) else set()


def test_no_field_of_a_key_hides_from_its_digest_or_from_comparison() -> None:
    found = classes_in((setting_key(MACHINE, (FLOW,), "cycles"), op_key(STEP), vector_key(STEP, MACHINE)))
    assert {SettingKey, OpKey, VectorKey, Layer, Array, Buffer, Delivery, Dram, Slices} <= found
    for kind in found:
        assert "__repr__" in vars(kind) and all(each.repr and each.compare for each in fields(kind)), kind


@pytest.mark.parametrize("field", [each.name for each in fields(Layer)])
def test_every_field_of_a_layer_but_names_is_read_by_ops_that_do_not_use_the_array(field: str) -> None:
    changes = READ_OF_LAYER | NOT_READ_OF_LAYER
    other = vector_key(replace(STEP, layer=replace(LAYER, **{field: changes[field]})), MACHINE)  # type: ignore[arg-type]
    assert (key_of(other) == key_of(vector_key(STEP, MACHINE))) == (field in ("name", "inputs", "stage"))


@pytest.mark.parametrize("field", NOT_READ_OF_MACHINE)
def test_machines_that_a_search_cannot_tell_apart_share_a_key(field: str) -> None:
    assert key(replace(MACHINE, **{field: NOT_READ_OF_MACHINE[field]})) == key()  # type: ignore[arg-type]


@pytest.mark.parametrize("field", NOT_READ_OF_ENERGY)
def test_energy_tables_that_a_search_cannot_tell_apart_share_a_key(field: str) -> None:
    table = replace(MACHINE.energy, **{field: NOT_READ_OF_ENERGY[field]})  # type: ignore[arg-type]
    assert key(replace(MACHINE, energy=table)) == key()


@pytest.mark.parametrize("order", ["serial", "prefetch_weights"])
def test_prefetching_the_next_weights_does_not_change_a_key(order: str) -> None:
    assert key(replace(MACHINE, layer_order=order)) == key()  # type: ignore[arg-type]


@pytest.mark.parametrize("field", NOT_READ_OF_LAYER)
def test_layers_of_the_same_loops_share_a_key(field: str) -> None:
    layer = replace(LAYER, **{field: NOT_READ_OF_LAYER[field]})  # type: ignore[arg-type]
    if layer.op is Op.CONV:
        assert digest(replace(STEP, layer=layer)) == digest(STEP)


class Untouchable:
    """A value that nothing may read; its hash is its identity, by which what is made of a machine may be kept."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"a search reads {name} of what is not in its key")

    __bool__ = __eq__ = __iter__ = __len__ = __float__ = __int__ = None  # type: ignore[assignment]
    __hash__ = object.__hash__


@pytest.mark.parametrize("objective", ["cycles_plus_dma", "cycles", "energy"])
def test_a_search_reads_nothing_that_is_not_in_its_key(objective: str) -> None:
    nothing = Untouchable()
    table = replace(MACHINE.energy, **dict.fromkeys(NOT_READ_OF_ENERGY, nothing))  # type: ignore[arg-type]
    bare = replace(MACHINE, **dict.fromkeys(NOT_READ_OF_MACHINE, nothing), energy=table)  # type: ignore[arg-type]
    flows = [replace(flow, **NOT_READ_OF_DATAFLOW) for flow in MACHINE.dataflows]  # type: ignore[arg-type]
    left_out = {name: nothing for name in NOT_READ_OF_LAYER if name != "op"}
    layer = replace(LAYER, **left_out)  # type: ignore[arg-type]
    found = search_layer(Request(bare, layer, objective), flows)
    assert found == search_layer(Request(MACHINE, LAYER, objective), MACHINE.dataflows)
    assert found is not None and found.mapping.dataflow in MACHINE.dataflow_names


def test_playing_a_mapping_reads_nothing_that_is_not_in_its_key() -> None:
    nothing, found = Untouchable(), search_layer(Request(MACHINE, LAYER, "cycles"), [FLOW])
    assert found is not None
    bare = replace(MACHINE, **dict.fromkeys([*NOT_READ_OF_MACHINE, "energy"], nothing))  # type: ignore[arg-type]
    left_out = {name: nothing for name in NOT_READ_OF_LAYER if name not in ("op", "name")}
    op = replace(STEP, layer=replace(LAYER, **left_out), **dict.fromkeys(NOT_READ_OF_OP, nothing))  # type: ignore[arg-type]
    assert play_mapping(op, found.mapping, bare, 7, 9) == play_mapping(STEP, found.mapping, MACHINE, 7, 9)
    assert key_of(machine_key(bare)) == key_of(machine_key(MACHINE))


@pytest.mark.parametrize("kind", [Op.POOL, Op.ADD, Op.SOFTMAX])
def test_streaming_tiles_reads_nothing_that_is_not_in_its_key(kind: Op) -> None:
    nothing = Untouchable()
    unread = [name for name in NOT_READ_OF_MACHINE if name not in ("vector_lanes", "ops_on_array")]
    bare = replace(MACHINE, **dict.fromkeys([*unread, "energy"], nothing))  # type: ignore[arg-type]
    layer = Layer("op", kind, ("data",), ((1, 4, 9, 9),), (1, 4, 7, 7) if kind is Op.POOL else (1, 4, 9, 9), (3, 3))
    nameless = replace(layer, name=nothing, inputs=(nothing,), stage=nothing)  # type: ignore[arg-type]
    left_out = dict.fromkeys([*NOT_READ_OF_OP, "residuals", "stored", "slices"], nothing)
    op = PlannedOp(nameless, **left_out)  # type: ignore[arg-type]
    known = PlannedOp(layer)
    assert stream(op, fastest(op, bare), bare, 64) == stream(known, fastest(known, MACHINE), MACHINE, 64)


def test_operands_of_the_resident_flags_are_told_apart() -> None:
    flags = [tuple(o is operand for o in Operand) for operand in Operand]
    assert len({op_key(replace(STEP, resident=flag)) for flag in flags}) == 3  # type: ignore[arg-type]
