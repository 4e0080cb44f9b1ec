"""Mappings that were found, for simulations of similar things to share, by exactly what a search depends on."""

from collections import OrderedDict
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from simulator.cost.stored import Slices
from simulator.cost.vector import lanes_of
from simulator.engine.store import Rows, Store, key_of, user_store
from simulator.hardware.model import Array, Buffer, Dram, Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import LevelTile, Mapping
from simulator.nest import Dim, LoopNest, Operand
from simulator.network.ir import Layer
from simulator.schedule import PlannedOp, Schedule

if TYPE_CHECKING:
    from simulator.engine.array_ops import Played
    from simulator.engine.results import Cost

K = TypeVar("K")
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class MachineKey:
    """What a search reads of a machine.

    Not names, the vector unit, the clock (DRAM is counted by the cycle), what becomes of other ops, or whether the next
    weights are prefetched.
    """

    bits: tuple[int, int, int, int]  # of inputs, weights, outputs, partial sums
    array: Array
    buffers: tuple[Buffer, ...]
    dram: Dram
    dma_channels: int
    dma_whole_rows: bool
    dma_moves_padding: bool
    dma_reloads: bool
    dma_keeps_halo: bool
    descriptor_cycles: int
    descriptor_dimensions: int
    overlapped: bool


@dataclass(frozen=True, slots=True)
class EnergyKey:
    """What a search reads of an energy table on a machine: relative prices of what mappings differ in."""

    mac: float
    gated_mac_fraction: float
    levels_per_bit: tuple[tuple[float, float, float], ...]
    dram_per_bit: float
    per_cycle: float


@dataclass(frozen=True, slots=True)
class DataflowKey:
    """What a search reads of a dataflow; mappings bear its name."""

    name: str
    rows: tuple[Dim, ...]
    columns: tuple[Dim, ...]
    registers: tuple[Dim, ...]
    stationary: Operand | None
    lowered: bool
    order: tuple[Dim, ...]
    channel_packing: bool
    untiled: tuple[Dim, ...]
    one_step_a_tile: tuple[Dim, ...]
    greedy: tuple[Dim, ...]
    arrays: tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class SettingKey:
    """What searches of all ops of a network have in common."""

    machine: MachineKey
    energy: EnergyKey
    dataflows: tuple[DataflowKey, ...]  # a tie goes to the first
    objective: str
    proves: bool  # whether it goes on until nothing is better


@dataclass(frozen=True, slots=True)
class OpKey:
    """What a search reads of an op: its loops, the zeros it meets, and what stays on chip or comes to its outputs."""

    nest: LoopNest
    zero_inputs_fraction: float | None
    zero_weights_fraction: float | None
    zero_outputs_fraction: float | None
    zero_columns: bool
    resident: tuple[bool, bool, bool]
    reserved_bytes: int
    residuals: int
    stored: Fraction
    parameters: int
    slices: Slices


@dataclass(frozen=True, slots=True)
class VectorKey:
    """What the tiles of an op that does not use the array are cut by, besides the machine."""

    layer: Layer  # without names, with constants of fused ops
    lanes: int
    resident: tuple[bool, bool, bool]
    reserved_bytes: int


def vector_key(op: PlannedOp, hardware: Hardware) -> VectorKey:
    """Return the key of an op that does not use the array."""
    layer = replace(op.as_read, name="", inputs=("",) * len(op.layer.inputs), stage="")
    return VectorKey(layer, lanes_of(layer, hardware), op.resident, op.reserved_bytes)


def setting_key(
    hardware: Hardware, dataflows: tuple[Dataflow, ...], objective: str, proves: bool = False
) -> SettingKey:
    """Return the key of a machine whose mappings are searched under some dataflows."""
    flows = tuple(_dataflow_key(flow) for flow in dataflows)
    return SettingKey(machine_key(hardware), _energy_key(hardware), flows, objective, proves)


def machine_key(hardware: Hardware) -> MachineKey:
    """Return what a search, or the playing of a mapping, reads of a machine."""
    return MachineKey(
        bits=(hardware.input_bits, hardware.weight_bits, hardware.output_bits, hardware.partial_sum_bits),
        array=hardware.array,
        buffers=hardware.buffers,
        dram=hardware.dram,
        dma_channels=hardware.dma_channels,
        dma_whole_rows=hardware.dma_whole_rows,
        dma_moves_padding=hardware.dma_moves_padding,
        dma_reloads=hardware.dma_reloads,
        dma_keeps_halo=hardware.dma_keeps_halo,
        descriptor_cycles=hardware.descriptor_cycles,
        descriptor_dimensions=hardware.descriptor_dimensions,
        overlapped=hardware.layer_order == "overlapped",
    )


def _energy_key(hardware: Hardware) -> EnergyKey:
    prices = hardware.prices
    return EnergyKey(
        mac=prices.mac,
        gated_mac_fraction=hardware.energy.gated_mac_fraction,
        levels_per_bit=prices.levels_per_bit,
        dram_per_bit=prices.dram_per_bit,
        per_cycle=prices.per_cycle,
    )


def _dataflow_key(flow: Dataflow) -> DataflowKey:
    return DataflowKey(
        name=flow.name,
        rows=flow.rows,
        columns=flow.columns,
        registers=flow.registers,
        stationary=flow.stationary,
        lowered=flow.lowered,
        order=flow.order,
        channel_packing=flow.channel_packing,
        untiled=flow.untiled,
        one_step_a_tile=flow.one_step_a_tile,
        greedy=flow.greedy,
        arrays=flow.arrays,
    )


def op_key(op: PlannedOp) -> OpKey:
    """Return the key of an op that runs on the array: two ops with equal keys get equal mappings."""
    layer = op.layer
    assert layer.nest is not None
    return OpKey(
        nest=layer.nest,
        zero_inputs_fraction=layer.zero_inputs_fraction,
        zero_weights_fraction=layer.zero_weights_fraction,
        zero_outputs_fraction=layer.zero_outputs_fraction,
        zero_columns=layer.zero_columns,
        resident=op.resident,
        reserved_bytes=op.reserved_bytes,
        residuals=op.residuals,
        stored=op.stored,
        parameters=op.parameters,
        slices=op.slices,
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """A mapping that a search chose, with the fraction by which its objective may exceed the least there is.

    `cycles_gap` says so of cycles, where the objective is energy among the fastest.
    """

    mapping: Mapping
    gap: float
    cycles_gap: float | None = None


NAMES = frozenset({"name", "inputs", "stage"})
"""Fields of a layer that only name things."""
NAMES_OF_OPS = frozenset({"layer", "producer", "fused", "kept", "read_last_by", "in_stack"})
"""Those of a planned op, and what a key of it holds otherwise."""
_of_layer = attrgetter(*(each.name for each in fields(Layer) if each.name not in NAMES))
_of_op = attrgetter(*(each.name for each in fields(PlannedOp) if each.name not in NAMES_OF_OPS))


Turns = tuple[tuple[Choice | Mapping | None, int, int], ...]


@dataclass(frozen=True, slots=True)
class ResultKey:
    """All that the cost of an op depends on, besides the machine: the op but for its names, and how it was played.

    `turns` are the mapping, or the choice of it, the weights that had come before, and those that came meanwhile, in
    bytes. An op of a stack has no key: it is made of strips.
    """

    layer: tuple[object, ...]
    op: tuple[object, ...]
    tensors: tuple[int, int, int]  # that it reads, that are applied to what it makes, that it keeps
    turns: Turns


def result_key(op: PlannedOp, turns: Turns) -> ResultKey:
    """Return the key of what an op costs that is played in those ways."""
    tensors = len(op.layer.inputs), len(op.fused), op.kept is not None
    return ResultKey(_of_layer(op.layer), _of_op(op), tensors, turns)


@dataclass(frozen=True, slots=True)
class PlayKey:
    """What playing the mapping of an op depends on, besides what a search reads of the machine."""

    op: OpKey
    mapping: Mapping
    come: int
    wanted: int


MappingsByOp = dict[OpKey, Choice]


@dataclass(slots=True)
class MappingCache:
    """Give one to several calls of `simulate`, and mappings that they have in common are searched once.

    So are what playing them leaves, what ops cost that obeyed the laws, and schedules. Those of the last `settings`
    keys are kept here, and all that is found in the `store`, for other processes.
    """

    settings: int = 64
    found: OrderedDict[SettingKey, MappingsByOp] = field(default_factory=OrderedDict)
    store: Store = field(default_factory=user_store)
    plays: "OrderedDict[MachineKey, dict[PlayKey, Played]]" = field(default_factory=OrderedDict)
    costs: "OrderedDict[Hardware, dict[ResultKey, Cost]]" = field(default_factory=OrderedDict)
    schedules: OrderedDict[bytes, tuple[Schedule | None, ...]] = field(default_factory=OrderedDict)

    def mappings_of(self, setting: SettingKey) -> MappingsByOp:
        """Return the mappings found under a setting, for the caller to read and to add to."""
        return self._latest(self.found, setting)

    def plays_of(self, hardware: Hardware) -> "dict[PlayKey, Played]":
        """Return what played mappings left on machines that a search cannot tell apart, to read and to add to."""
        return self._latest(self.plays, machine_key(hardware))

    def costs_of(self, hardware: Hardware) -> "dict[ResultKey, Cost]":
        """Return what ops cost on a machine and obeyed the laws, to read and to add to."""
        return self._latest(self.costs, hardware)

    def _latest(self, families: OrderedDict[K, dict[A, B]], key: K) -> dict[A, B]:
        found = families.setdefault(key, {})
        families.move_to_end(key)
        if len(families) > self.settings:
            families.popitem(last=False)
        return found


class Known:
    """The mappings known under a setting: those of this process, then those of the store."""

    def __init__(self, setting: SettingKey, mappings: MappingsByOp, rows: Rows) -> None:
        self.setting, self.mappings, self.rows = key_of(setting), mappings, rows

    def get(self, op: OpKey) -> Choice | None:
        """Return the choice for an op, if it is known."""
        choice = self.mappings.get(op)
        if choice is None and (row := self.rows.get(self._key(op))) is not None:
            choice = self.mappings[op] = Choice(mapping_of(row["mapping"]), row["gap"], row["cycles_gap"])
        return choice

    def add(self, op: OpKey, choice: Choice) -> None:
        """Know a choice from now on, whatever becomes of those still to be found."""
        self.mappings[op] = choice
        row = {"mapping": mapping_data(choice.mapping), "gap": choice.gap, "cycles_gap": choice.cycles_gap}
        self.rows.put(self._key(op), row)
        self.rows.keep()

    def _key(self, op: OpKey) -> bytes:
        return key_of("mapping", self.setting, op)


def mapping_data(mapping: Mapping) -> dict[str, object]:
    """Return a mapping as the store holds it, field by field."""
    inner = [[level.tile, level.order] for level in mapping.inner]
    return {each.name: getattr(mapping, each.name) for each in fields(mapping)} | {"inner": inner}


def mapping_of(data: dict[str, Any]) -> Mapping:
    """Return the mapping that the store holds."""
    extents = {name: tuple(data[name]) for name in ("tile", "rows", "columns", "registers", "arrays")}
    orders = {name: _dims(data[name]) for name in ("dram_order", "buffer_order", "registers_order")}
    inner = tuple(LevelTile(tuple(tile), _dims(order)) for tile, order in data["inner"])
    stationary = None if data["stationary"] is None else Operand(data["stationary"])
    return Mapping(**(data | extents | orders | {"inner": inner, "stationary": stationary}))


def _dims(numbers: list[int]) -> tuple[Dim, ...]:
    return tuple(map(Dim, numbers))
