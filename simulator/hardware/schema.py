"""A machine as a user writes it, top to bottom like the block diagram of its paper.

Every check that needs one value or one block stands here as a validator, so that one pass finds all problems.
"""

from collections import Counter
from itertools import chain, count
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from simulator.energy.schema import WrittenTable
from simulator.energy.schema_circuits import WrittenCircuits
from simulator.errors import nearest
from simulator.hardware.dram_types import DRAM_TYPES
from simulator.hardware.layout import Layout
from simulator.hardware.model import OLD_OBJECTIVES, Objective
from simulator.hardware.named import written_dataflow, written_table
from simulator.hardware.schema_array import Array
from simulator.hardware.schema_layers import MOST_CORES, Layers, shares_dram
from simulator.mapping.schema import WrittenDataflow
from simulator.nest import OPERAND_NAMES
from simulator.network.ops import FREE_OPS, VECTOR_OPS
from simulator.source import Rejected
from simulator.source.fields import (
    ByteCount,
    BytesPerSecond,
    Count,
    CountOrZero,
    Hertz,
    Millivolts,
    Name,
    Nanometres,
    Picoseconds,
    Text,
    Written,
    given,
    renamed_values,
)

T = TypeVar("T")
MOST_DATAFLOWS = 64

FUSABLE = tuple(sorted({*(op.value for op in FREE_OPS), "batch_norm"}))
"""Kinds of op that may be fused into another op or cost nothing. Batch norm is folded into the weights in any case."""

OperandName = Literal["inputs", "weights", "outputs"]
WrittenObjective = Annotated[Objective, renamed_values(OLD_OBJECTIVES)]


def known(name: str, names: tuple[str, ...], what: str, *where: str) -> str:
    """Return the name if it is one of `names`; raise Rejected with the nearest one if not."""
    if name not in names:
        raise Rejected(f"unknown {what}", f"one of {', '.join(names)}", nearest(name, names), path=where)
    return name


def unique(names: list[T]) -> list[T]:
    """Return a list in which nothing comes twice; raise Rejected at the first that does."""
    for i, name in enumerate(names):
        if name in names[:i]:
            raise Rejected("given twice", "each name once", path=(i,))
    return names


def unique_names(dataflows: list[WrittenDataflow]) -> list[WrittenDataflow]:
    """Return dataflows in which a name that is taken already, as those of two files may be, bears a number."""
    taken: list[str] = []
    for flow in dataflows:
        numbered = (f"{flow.name}#{number}" for number in count(2))
        taken.append(next(name for name in chain((flow.name,), numbered) if name not in taken))
    return [flow.model_copy(update={"name": name}) for flow, name in zip(dataflows, taken, strict=True)]


def _given_once(value: object) -> object:
    """Refuse a dataflow that is given twice."""
    return unique(value) if isinstance(value, list) and len(value) <= MOST_DATAFLOWS else value


def _op(name: str) -> str:
    return known(name, FUSABLE, "kind of op")


def _vector_op(name: str) -> str:
    return known(name, tuple(sorted(op.value for op in VECTOR_OPS)), "kind of op of the vector unit")


Bits = Annotated[int, Field(ge=1, le=64)]
OpNames = Annotated[list[Annotated[str, AfterValidator(_op)]], AfterValidator(unique)]
VectorOpNames = Annotated[list[Annotated[str, AfterValidator(_vector_op)]], AfterValidator(unique)]
SHORT_BITS, ACCUMULATOR_BITS = 8, 32
"""Products of operands so short are summed in words so wide (TPU, Gemmini, NVDLA, Ethos)."""
OperandNames = Annotated[list[OperandName], Field(min_length=1), AfterValidator(unique)]


class Precision(Written):
    """Width of a word of each operand.

    Partial sums have 32 bits where inputs and weights have at most 8, as integer accumulators do, and else the width of
    outputs, unless said otherwise.
    """

    inputs: Bits
    weights: Bits
    outputs: Bits
    partial_sums: Bits | None = None

    @property
    def sum_bits(self) -> int:
        """Width of a partial sum, said or as usual."""
        usual = ACCUMULATOR_BITS if max(self.inputs, self.weights) <= SHORT_BITS else self.outputs
        return self.partial_sums or usual


class Buffer(Written):
    """One on-chip memory; without a bandwidth it is never the bottleneck.

    `below` names the memory from which it is filled, for machines of several levels; operands that it does not hold
    pass it by. `in_pe`: every PE has one. `double_buffered` is usual outside the PEs, and not inside.
    `streams`: operands that are replaced as they are consumed (outputs: that leave as they are completed), so that no
    second slot is needed, and weights that the array takes a single time need space for one fill of the array only.
    `tiles`: all that tiles may take of it. What they leave is for tensors kept on chip, and for inputs and weights that
    come whole before a layer's first tile: the smaller first, as long as they fit.
    `banks`: each a share of the capacity, which tables of circuits price. Conflicts between accesses to one bank are
    not modelled; bandwidths are of all together.
    """

    name: Name
    below: Name | None = None
    in_pe: bool = False
    holds: OperandNames
    capacity: ByteCount
    tiles: ByteCount | None = None
    banks: Count = 1
    read_bytes_per_cycle: Count | None = None
    write_bytes_per_cycle: Count | None = None
    double_buffered: Annotated[bool | None, given("true or false")] = None  # None: as usual
    streams: Annotated[list[OperandName], AfterValidator(unique)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _streams_what_it_holds(self) -> "Buffer":
        for i, operand in enumerate(self.streams):
            if operand not in self.holds:
                raise Rejected("cannot stream", "operands that the buffer holds", path=("streams", i))
        if self.in_pe and self.below is None:
            raise Rejected("a memory in each PE lies below another", "`below` with its name", path=("in_pe",))
        if self.streams and self.below is not None:
            raise Rejected("only the outermost memories stream", "no operands", path=("streams",))
        if self.tiles is not None and (self.below is not None or not {"inputs", "weights"} <= {*self.holds}):
            raise Rejected("has no tensors to hold whole", "an outermost buffer of inputs and weights", path=("tiles",))
        if self.tiles is not None and self.tiles > self.capacity:
            raise Rejected("more than the buffer", "at most its capacity", path=("tiles",))
        if self.in_pe and (self.read_bytes_per_cycle or self.write_bytes_per_cycle):
            raise Rejected("a memory in each PE keeps pace with it", "no bandwidth", path=("in_pe",))
        return self

    @property
    def has_second_slot(self) -> bool:
        """Whether it is double-buffered, said or as usual."""
        return not self.in_pe if self.double_buffered is None else self.double_buffered

    @model_serializer(mode="wrap")
    def _without_what_is_usual(self, serialize: SerializerFunctionWrapHandler) -> dict[str, object]:
        written: dict[str, object] = serialize(self)
        if self.has_second_slot is not self.in_pe:
            written.pop("double_buffered", None)
        return written


class Dma(Written):
    """Engines that move tiles between DRAM and buffers. `whole_rows`: they load what a stride would skip.

    `reuse: none`: a tile loads its inputs and weights even if the tile before had the same.
    `halo: kept`: where tiles follow one another along rows or columns in the innermost loop, one keeps what it shares
    with the next.
    `padding: moved`: maps lie in DRAM with their padding, which crosses the port like the rest.
    `outstanding`: bursts that may be on their way at a time; without it the engines never limit the bandwidth.
    `descriptor_cycles`: what an engine takes for each descriptor, of a contiguous run, while it moves the one before;
    with more `descriptor_dimensions` a descriptor repeats runs along so many less one.
    """

    channels: Annotated[int, Field(ge=1, le=64)] = 1
    whole_rows: bool = False
    padding: Literal["added", "moved"] = "added"
    reuse: Literal["tiles", "none"] = "tiles"
    halo: Literal["loaded", "kept"] = "loaded"
    outstanding: Annotated[int, Field(ge=1, le=65536)] | None = None
    descriptor_cycles: CountOrZero = 0
    descriptor_dimensions: Annotated[int, Field(ge=1, le=4)] = 1


class RunLength(Written):
    """Run-length coding of zeros: each value is stored with the number of zeros before it."""

    operands: OperandNames
    longest_run: Annotated[int, Field(ge=1, le=65535)]
    run_bits: Annotated[int, Field(ge=1, le=16)]


def _runs_fit(code: RunLength) -> RunLength:
    most = 2**code.run_bits - 1
    if code.longest_run > most:
        raise Rejected(
            "does not fit its field", f"at most {most}, as run_bits is {code.run_bits}", path=("longest_run",)
        )
    return code


class Winograd(Written):
    """A minimal filtering algorithm: outputs and filter taps of a tile, along either side."""

    outputs: Annotated[int, Field(ge=2, le=8)]
    taps: Annotated[int, Field(ge=2, le=8)]


class Compression(Written):
    """Coding of what travels to and from DRAM.

    `winograd_weights`: square filters of so many taps and stride 1 are stored transformed, as tiles of
    outputs + taps - 1 a side (Lavin and Gray, CVPR 2016).
    """

    run_length: Annotated[RunLength, AfterValidator(_runs_fit)] | None = None
    winograd_weights: Winograd | None = None


class Dram(Written):
    """The DRAM port. Each contiguous run of a transfer takes the bursts that it touches.

    The time from a request to its data is written in the machine's cycles or as `latency`. `efficiency`: the share of
    the bandwidth that is reached (refresh, row misses, turning the bus round). `type` is what a table of circuits
    prices. `weights_bandwidth`: what weights come at from a memory of their own, such as flash, behind the same port.
    `page_policy: open`: timelines play banks and rows of the `type`, rows left open, in place of the efficiency.
    `streams`: the bandwidth is that of one core's port, and so many times that is what the memory has for several.
    """

    type: Name = "LPDDR4"
    bandwidth: BytesPerSecond | Literal["unlimited"]
    weights_bandwidth: Annotated[BytesPerSecond | None, given("a bandwidth, like `400 MB/s`")] = None
    latency_cycles: Annotated[Annotated[int, Field(ge=0, le=10**6)] | None, given("a whole number of cycles")] = None
    latency: Picoseconds | None = None
    efficiency: Annotated[float, Field(gt=0, le=1)] = 1.0
    page_policy: Annotated[Literal["open"] | None, given("open")] = None
    burst: ByteCount
    streams: Count = 1
    layout: Layout = Layout()
    compression: Compression = Compression()

    @model_validator(mode="after")
    def _one_latency(self) -> "Dram":
        if self.latency_cycles is None and self.latency is None:
            raise Rejected("missing key", "a number of cycles, or `latency` with a time", path=("latency_cycles",))
        if self.latency_cycles is not None and self.latency is not None:
            raise Rejected("the latency is given twice", "`latency` or `latency_cycles`", path=("latency",))
        port = self.bandwidth
        if self.weights_bandwidth is not None and (isinstance(port, str) or self.weights_bandwidth > port):
            raise Rejected("more than the port's", "at most `bandwidth`", path=("weights_bandwidth",))
        return self

    @model_validator(mode="after")
    def _has_pages(self) -> "Dram":
        if self.page_policy is None:
            return self
        if isinstance(self.bandwidth, str):
            raise Rejected("a memory that takes no time has no pages", "a bandwidth", path=("bandwidth",))
        if self.weights_bandwidth is not None:
            raise Rejected("weights of a memory of their own", "one memory with pages", path=("weights_bandwidth",))
        known(self.type, tuple(DRAM_TYPES), "type of DRAM with pages", "type")
        return self


class Epilogue(Written):
    """What the vector unit does to each output of the array on its way out: it adds a bias, scales, rounds, clips.

    `array: waits`: where both share a memory, or a sequencer. Else it works on a tile's outputs while the array makes
    the next one's: what it takes longer than the layer counts, and the tile for which only one of both is at work.
    """

    operations: Count
    array: Literal["runs", "waits"] = "runs"


class DepthwiseEngine(Written):
    """A unit that filters what the array makes on its way out: a tap of so many channels and pixels a cycle.

    It runs depthwise layers that alone read what the array made, at the same time: what it takes longer counts. Their
    weights come once, with the first tile's. Other depthwise layers the array runs.
    """

    channels: Count
    pixels: Count


class Vector(Written):
    """The unit of everything that is not a MAC: elements a cycle.

    `on_array`: kinds of op, such as pools, that PEs run in its place: an operation a PE and cycle, priced as a MAC.
    """

    lanes: Count
    on_array: VectorOpNames = Field(default_factory=list)
    epilogue: Annotated[Epilogue | None, given("a number of operations")] = None
    depthwise: Annotated[DepthwiseEngine | None, given("channels and pixels")] = None


def _levels(buffers: list[Buffer]) -> list[Buffer]:
    """Check names, that each memory lies below an earlier one, and that each level holds an operand once at most."""
    names = [buffer.name for buffer in buffers]
    levels: dict[str, int] = {}
    held: Counter[tuple[int, str]] = Counter()
    for i, buffer in enumerate(buffers):
        if buffer.name in names[:i]:
            raise Rejected("given twice", "a name of its own for each buffer", path=(i, "name"))
        if buffer.below is not None and buffer.below not in levels:
            expected = f"a buffer above it: {', '.join(levels)}" if levels else "nothing: the first is the outermost"
            raise Rejected("no such buffer above", expected, nearest(buffer.below, levels), path=(i, "below"))
        levels[buffer.name] = 0 if buffer.below is None else levels[buffer.below] + 1
        held.update((levels[buffer.name], operand) for operand in buffer.holds)
    wrong = [f"{operand} {times} times" for (_, operand), times in held.items() if times > 1]
    wrong += [f"{operand} 0 times" for operand in OPERAND_NAMES if operand not in {name for _, name in held}]
    if wrong:
        raise Rejected(f"the buffers hold {', '.join(wrong)}", "each of inputs, weights and outputs in one buffer")
    return _inside_out(buffers, levels)


def _inside_out(buffers: list[Buffer], levels: dict[str, int]) -> list[Buffer]:
    """Check the number of levels, and that those in PEs lie within those outside; return the outermost first."""
    if max(levels.values()) >= MAX_LEVELS:
        raise Rejected(f"{max(levels.values()) + 1} levels of buffers", f"at most {MAX_LEVELS}")
    for i, buffer in enumerate(buffers):
        outside = [b.name for b in buffers if not b.in_pe and levels[b.name] >= levels[buffer.name]]
        if buffer.in_pe and outside:
            expected = f"a level below {', '.join(outside)}, which lies outside the PEs"
            raise Rejected("a memory in each PE", expected, path=(i, "below"))
    if len(buffers) > MAX_BUFFERS:
        raise Rejected(f"{len(buffers)} buffers", f"at most {MAX_BUFFERS}")
    return sorted(buffers, key=lambda buffer: levels[buffer.name])


MAX_LEVELS, MAX_BUFFERS = 4, 8
"""What the kernels' records can hold, see `simulator.cost.case`."""


class Process(Written):
    """What the chip is made in, for tables of circuits: theirs, and the node's usual voltage, unless said otherwise."""

    node: Annotated[Nanometres | None, given("a length, like `28 nm`")] = None
    voltage: Annotated[Annotated[Millivolts, Field(ge=300, le=2000)] | None, given("a voltage, like `0.9 V`")] = None


class Machine(Written):
    """A whole machine. Each of `dataflows`, and `energy`, is a bundled name, a file or what such a file holds.

    `host_time`: what driver and copies of the host add to every run. `cores`: so many of all that stands here but DRAM,
    whose bandwidth they share; areas and watts are of all of them.
    """

    name: Name
    source: Text
    clock: Hertz
    precision_bits: Precision
    array: Array
    buffers: Annotated[list[Buffer], Field(min_length=1), AfterValidator(_levels)]
    dma: Dma = Dma()
    dram: Dram
    vector: Vector
    fuses: OpNames = Field(default_factory=list)
    folds: OpNames = Field(default_factory=list)
    layers: Layers = Layers()
    cores: Annotated[int, Field(ge=1, le=MOST_CORES)] = 1
    dataflows: Annotated[
        list[Annotated[WrittenDataflow, BeforeValidator(written_dataflow)]],
        Field(min_length=1, max_length=MOST_DATAFLOWS),
        BeforeValidator(_given_once),
        AfterValidator(unique_names),
    ]
    host_time: Picoseconds | None = None
    objective: WrittenObjective = "cycles_then_energy"
    process: Process = Process()
    energy: Annotated[WrittenTable, BeforeValidator(written_table)]

    @model_validator(mode="after")
    def _has_its_circuits(self) -> "Machine":
        table = self.energy
        if isinstance(table, WrittenCircuits):
            known(self.dram.type, tuple(table.dram_per_bit), "type of DRAM", "dram", "type")
            outside = table.outside(self.process.node) if self.process.node else ""
            if outside:
                raise Rejected(f"{table.name} has no such node", outside, path=("process", "node"))
        shares_dram(self.cores, self.layers, self.dram.page_policy)
        return self
