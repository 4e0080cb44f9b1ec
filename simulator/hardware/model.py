"""The machine as the model sees it: frozen, typed, every quantity in the unit its name carries."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal, get_args

from simulator.energy.chip import Chip, Memory
from simulator.energy.prices import Prices
from simulator.energy.table import AnyEnergy
from simulator.hardware.dram_types import DramType
from simulator.mapping.dataflow import Dataflow
from simulator.nest import Operand
from simulator.source.parser import Value

Network = Literal["multicast", "systolic", "unicast"]
Preload = Literal["hidden", "exposed", "double_buffered"]
OrderOfLayers = Literal["serial", "prefetch_weights", "overlapped"]
Overlap = Literal["kept", "recomputed"]
ActivationLayout = Literal["nchw", "nhwc", "tiled"]
WeightLayout = Literal["kcrs", "krsc", "rsck", "tiled"]
AcrossCores = Literal["split", "pipelined", "frames", "either"]
Objective = Literal["cycles", "energy", "edp", "dram", "cycles_plus_dma", "cycles_then_energy"]
OBJECTIVES: tuple[str, ...] = get_args(Objective)
"""What mappings minimize; cycles_plus_dma: cycles plus those of all DMA transactions, latency included."""
KERNEL_OBJECTIVES = tuple(name for name in OBJECTIVES if name != "cycles_then_energy")
"""What a search minimizes at a time; `cycles_then_energy` is energy among the fastest."""
GAP = 0.01
"""A search ends when what it has may exceed the least there is by no more than this fraction."""
BAND = 0.01
"""Mappings whose cycles exceed the least found by no more than this fraction count as fast, to `cycles_then_energy`."""
OLD_OBJECTIVES = {"balanced": "cycles_plus_dma"}
"""Objectives by the names they had before."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The network between buffer and PEs that carries one operand.

    `multicast`: a word needed by several PEs is one buffer read. `systolic`: likewise, but the word enters at the
    edge and hops from PE to PE, so that a pass is skewed. `unicast`: each PE's copy is a buffer read of its own.
    `preload`: whether (re)loading an operand that then stays in the registers delays the MACs (`exposed`), or only by
    what it takes longer than a step of the array (`double_buffered`).
    `forwarding`: PEs hand inputs to their neighbours, so that what the array already holds is not read again.
    `windows_apart`: of inputs, PEs that take equal windows share a buffer read, but windows that merely overlap are
    read apart; and one keeps what it shares with the next only where the innermost loop outside the PEs moves it.
    For outputs, `concurrent` tells whether partial sums travel in and out at the same time, and `initial_sums` whether
    they are read from the buffer the first time, too.
    """

    network: Network
    words_per_cycle: int
    preload: Preload = "hidden"
    forwarding: bool = False
    windows_apart: bool = False
    concurrent: bool = True
    initial_sums: bool = False


@dataclass(frozen=True, slots=True)
class ZeroWeights:
    """Zero weights: their share, and how many consecutive weights the front end inspects a cycle (1: no skipping)."""

    fraction: float
    skip_window: int


@dataclass(frozen=True, slots=True)
class Array:
    """The PE array. `registers_words` is per PE and operand (inputs, weights, outputs), likewise `delivery`.

    `reduce_rows` / `reduce_columns`: partial sums of PEs along that axis are added on their way, inside the array.
    `step_cycles`: what a step takes at least, however few MACs a PE has in it; 1 sets no limit, so that steps share the
    cycles of PEs that do several MACs in one. `tile_setup_cycles`: what comes before each tile.
    `skewed`: operands move as a wave front, so rows + columns - 2 cycles of fill and drain come to every pass whose
    preload is exposed, and to every tile where passes follow without a gap. With `skew_over_used`, of those rows and
    columns alone to which the first step of a tile gives work.
    """

    rows: int
    columns: int
    macs_per_cycle: int
    registers_words: tuple[int, int, int]
    delivery: tuple[Delivery, Delivery, Delivery]
    reduce_rows: bool
    reduce_columns: bool
    skewed: bool
    zero_weights: ZeroWeights
    zero_inputs_fraction: float
    gates_zero_inputs: bool
    step_cycles: int = 1
    tile_setup_cycles: int = 0
    skew_over_used: bool = False
    skipped_in_pes: tuple[int, ...] = ()  # operand indices: each PE leaves out products with their zeros
    instances: int = 1  # arrays like this one under the same memories, each with its own edge and skew

    @property
    def pes(self) -> int:
        """Processing elements, of all arrays."""
        return self.instances * self.rows * self.columns

    @property
    def peak_macs_per_cycle(self) -> int:
        """MACs that all PEs execute in a cycle at best; a run keeps it as `MachineFacts.peak_macs_per_cycle`."""
        return self.pes * self.macs_per_cycle


@dataclass(frozen=True, slots=True)
class Buffer:
    """One on-chip memory. `holds` lists operand indices that share it; bandwidths are None where unlimited.

    `level` counts from 0, the outermost. Memories of a level lie beside one another. With `in_pe` every PE has one.
    `tile_bytes`: all that tiles may take of it, None for as much as they can; the rest is for tensors that are whole.
    """

    name: str
    holds: tuple[int, ...]
    capacity_bytes: int
    banks: int  # for the record: conflicts are not modelled
    read_bytes_per_cycle: int | None
    write_bytes_per_cycle: int | None
    double_buffered: bool  # one tile is used while the next one comes
    streams: tuple[int, ...] = ()  # operand indices: what is consumed or completed makes room at once
    level: int = 0
    in_pe: bool = False
    tile_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Dram:
    """The DRAM port. `bytes_per_cycle` is exact, None where memory takes no time at all.

    `run_length` lists compressed operands. `activations` and `weights` tell the order in which words lie, outermost
    axis first, or that they lie tile by tile; so many channels of activations as make an atom lie together.
    """

    bytes_per_cycle: Fraction | None
    latency_cycles: int
    burst_bytes: int
    activations: ActivationLayout
    atom_channels: int
    weights: WeightLayout
    run_length: tuple[int, ...]
    run_length_max: int
    run_length_bits: int  # of the run field that is stored with each value
    winograd: tuple[int, int] | None = None  # outputs and taps a side, of weights that are stored transformed
    type: str = "LPDDR4"  # a table of circuits prices it by this name
    weights_ratio: Fraction = Fraction(1)  # time of a byte of weights at the port, by that of any other


@dataclass(frozen=True, slots=True)
class Pages:
    """Banks and rows of the off-chip memory, which timelines play; rows stay open.

    Enough channels of its type as the bandwidth asks for share that evenly. `bytes_per_cycle` is what crosses the port
    at most, whatever the banks do.
    """

    type: str
    kind: DramType
    bandwidth: int  # bytes a second
    bytes_per_cycle: Fraction

    @property
    def channels(self) -> int:
        """Channels that the bandwidth fills at the type's usual speed, or at a little less; each is faster then."""
        return max(1, 21 * self.bandwidth // (20 * self.kind.bandwidth))


@dataclass(frozen=True, slots=True)
class Epilogue:
    """Operations of the vector unit on each output of the array, and whether the array waits meanwhile."""

    operations: int = 0
    array_waits: bool = False


@dataclass(frozen=True, slots=True)
class DepthwiseEngine:
    """A unit behind the array: a tap of so many channels and pixels of a row a cycle."""

    channels: int
    pixels: int


@dataclass(frozen=True, slots=True)
class Hardware:
    """A complete machine, its dataflows and energy table included; see hw_configs/*.yaml for how a user writes it.

    No two of its dataflows have the same name. `document` is the machine as such a file says it, in plain data with
    dataflows and energy table inline: reading it gives an equal machine. A machine changed by `dataclasses.replace` has
    none; `simulator.hardware.vary` changes both. `by_default`: keys that its file left open, with what holds instead.
    `extends`: names of the machines that its file extends, one by way of the other.
    """

    name: str
    source: str
    clock_hz: int
    input_bits: int
    weight_bits: int
    output_bits: int
    partial_sum_bits: int
    array: Array
    buffers: tuple[Buffer, ...]
    dma_channels: int
    dram: Dram
    vector_lanes: int  # elements a cycle
    fuses: frozenset[str]  # op kinds that are fused into the layer that makes their input
    folds: frozenset[str]  # op kinds that are free: addressing, or not part of the machine's published figures
    layer_order: OrderOfLayers
    keeps_activations: bool
    configuration_cycles: int  # before each layer of the array
    dataflows: tuple[Dataflow, ...]
    energy: AnyEnergy
    dma_whole_rows: bool = False  # inputs that a stride skips are loaded all the same
    dma_moves_padding: bool = False  # maps lie in DRAM with their padding
    objective: Objective = "cycles_then_energy"  # that the machine's compiler minimizes
    ops_on_array: frozenset[str] = frozenset()  # op kinds that PEs run in place of the vector unit
    epilogue: Epilogue = Epilogue()
    depthwise: DepthwiseEngine | None = None  # that runs depthwise layers behind the array
    pages: Pages | None = None  # of the off-chip memory, for timelines
    kept_weight_bytes: int = 0  # that stay on chip from run to run
    dma_reloads: bool = False  # a tile loads its inputs and weights even if the tile before had the same
    launch_cycles: int = 0  # before each op that runs on its own
    host_ps: int = 0  # that the host adds to every run
    node_nm: int | None = None  # of its process; None: that of its table of circuits
    voltage: float | None = None  # None: the usual one of the node
    document: dict[str, Value] | None = field(default=None, init=False, compare=False, repr=False)
    by_default: dict[str, str] = field(default_factory=dict, init=False, compare=False, repr=False)
    extends: tuple[str, ...] = field(default=(), init=False, compare=False, repr=False)

    def __str__(self) -> str:
        """Name the machine and its size; all of it would fill a screen."""
        memories = ", ".join(f"{buffer.name} {buffer.capacity_bytes:,} bytes" for buffer in self.buffers)
        flows = ", ".join(self.dataflow_names)
        cores = f"{self.cores} cores of " if self.cores > 1 else ""
        return f"{self.name}: {cores}{self.array.pes:,} PEs at {self.clock_hz / 1e6:g} MHz; {memories}; {flows}"

    @property
    def runs_stacks(self) -> bool:
        """Whether ops may run strip by strip: where maps stay on chip at all, and rows lie together in DRAM."""
        return self.keeps_activations and self.stacks == "depth_first" and self.dram.activations != "nchw"

    @property
    def overlaps(self) -> tuple[Overlap, ...]:
        """What strips may do with rows that two of them share; the first is what the machine rather does."""
        return ("kept", "recomputed") if self.strip_overlap == "either" else (self.strip_overlap,)

    @property
    def dataflow_names(self) -> tuple[str, ...]:
        """Names of the dataflows, in order."""
        return tuple(flow.name for flow in self.dataflows)

    dma_keeps_halo: bool = False  # a tile next to the one before loads only what that one did not hold
    descriptor_cycles: int = 0  # of the DMA for each descriptor
    descriptor_dimensions: int = 1  # of what one describes
    stacks: Literal["none", "depth_first"] = "none"  # of ops that may run strip by strip
    strip_overlap: Overlap | Literal["either"] = "kept"
    cores: int = 1  # machines like this one behind the same DRAM port
    dram_streams: int = 1  # cores that this serves at a time, each at its bandwidth
    across_cores: AcrossCores = "split"  # what several cores do with the ops of a network

    @property
    def core(self) -> "Hardware":
        """One of its cores, with the DRAM port to itself."""
        return replace(self, cores=1, dram_streams=1) if self.cores > 1 else self

    def core_among(self, cores: int) -> "Hardware":
        """One of its cores, with an even share of the DRAM port's bandwidth, as where so many load."""
        dram, rate = self.dram, self.dram.bytes_per_cycle
        share = None if rate is None else rate * min(cores, self.dram_streams) / cores
        return replace(self.core, dram=replace(dram, bytes_per_cycle=share))

    @property
    def dram_bytes_per_cycle(self) -> Fraction | None:
        """What crosses the DRAM port of all cores, None where memory takes no time at all."""
        rate = self.dram.bytes_per_cycle
        return None if rate is None else rate * min(self.cores, self.dram_streams)

    @property
    def peak_macs_per_cycle(self) -> int:
        """MACs that the PEs of all cores execute in a cycle at best."""
        return self.cores * self.array.peak_macs_per_cycle

    @property
    def chip(self) -> Chip:
        """What energy and area follow from, of one core."""
        words, networks = self.array.registers_words, self.array.delivery
        memories = (Memory(b.level, b.holds, b.capacity_bytes, b.banks, b.in_pe) for b in self.buffers)
        return Chip(
            clock_hz=self.clock_hz,
            pes=self.array.pes,
            macs_per_pe=self.array.macs_per_cycle,
            bits=(self.input_bits, self.weight_bits, self.partial_sum_bits),
            registers_words=words,
            unicast=(
                networks[0].network == "unicast",
                networks[1].network == "unicast",
                networks[2].network == "unicast",
            ),
            memories=tuple(memories),
            dram_type=self.dram.type,
            node_nm=self.node_nm,
            voltage=self.voltage,
        )

    @property
    def prices(self) -> Prices:
        """What actions of one core cost."""
        return self.energy.prices(self.chip)

    @property
    def level_names(self) -> tuple[str, ...]:
        """Names of the memory levels, outermost first: "buffer" if there is one, else those of their memories."""
        levels = 1 + max(buffer.level for buffer in self.buffers)
        names = ["+".join(b.name for b in self.buffers if b.level == level) for level in range(levels)]
        return ("buffer",) if levels == 1 else tuple(names)

    @property
    def levels_outside(self) -> int:
        """How many memory levels lie outside the PEs."""
        return 1 + max(buffer.level for buffer in self.buffers if not buffer.in_pe)

    @property
    def activation_buffer(self) -> Buffer:
        """The outermost memory that holds inputs: tensors that stay on chip lie there, and the vector unit's tiles."""
        return next(buffer for buffer in self.buffers if Operand.INPUTS in buffer.holds)

    def instances_of(self, buffer: Buffer) -> int:
        """How many there are of a memory: one, or one in each PE."""
        return self.array.pes if buffer.in_pe else 1

    def level_of(self, operand: int) -> str:
        """Name of the outermost memory level that holds an operand."""
        return self.level_names[next(b.level for b in self.buffers if operand in b.holds)]

    def slots_of(self, operand: int) -> int:
        """Tiles of an operand that may be on their way or in use at a time: 2 where one comes while one is used."""
        buffer = next(b for b in self.buffers if operand in b.holds)
        return 2 if buffer.double_buffered or operand in buffer.streams else 1
