"""The saved result of one simulation: everything that tables, plots and reports read.

Field names are the keys of the JSON file. Counts, bytes and cycles are integers; energy, seconds and ratios are floats.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import fsum
from typing import TYPE_CHECKING

from simulator.network.ir import Op, Shape
from simulator.result.causes import CAUSES
from simulator.result.cores import CoresResult, mappings_of
from simulator.result.stacked import KeptTensor, StackedResult
from simulator.result.steady import Steady
from simulator.result.sums import collected, once_each

if TYPE_CHECKING:
    import pandas
    import polars

    from simulator.source.cells import Cell

NO_BUFFERS = ("dram", "array", "rf")
"""Levels of traffic that are no memories on chip: what crosses the DRAM port or the array's networks, and registers."""

SCHEMA_VERSION = 3

CYCLE_PARTS = tuple(CAUSES)
"""Where a layer's cycles went, each cycle counted once: the array's steps, as long as the MACs of the most-loaded PE or
as the machine's shortest step; an operand's network (partial sums included) beyond these; loading the stationary
operand; fill and drain of a skewed array; waiting for DRAM; the vector unit; setting up the layer. What bounds a layer
is told in the same words (`simulator.result.causes`)."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes of one operand read from and written to one level."""

    read_bytes: int
    write_bytes: int

    @property
    def total_bytes(self) -> int:
        """Bytes that moved, in either direction."""
        return self.read_bytes + self.write_bytes


def bytes_at(traffic: Mapping[str, Mapping[str, Traffic]], level: str) -> int:
    """Bytes read and written at a level, all operands."""
    return sum([moved.total_bytes for moved in traffic.get(level, {}).values()])


def bytes_in_buffers(traffic: Mapping[str, Mapping[str, Traffic]]) -> int:
    """Bytes read and written in memories on chip, of all levels but the registers of the last."""
    return sum([bytes_at(traffic, level) for level in traffic if level not in NO_BUFFERS])


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What a report needs to know of the machine.

    `compressed` names the operands that DRAM holds in other bytes than the buffer. `buffer_bytes_per_cycle` is what
    all buffers together read at best, None where unlimited. `network_bytes_per_cycle` is what the network of each
    operand carries between buffer and PEs, partial sums in one direction: a layer's bound of that name, in cycles,
    times this is what the layer moves there. `levels` are those of traffic, outermost first; memories in each PE are
    those of `levels_in_pe`. Prices are empty in runs that do not tell them.
    """

    name: str
    clock_hz: int
    rows: int
    columns: int
    macs_per_cycle: int  # of one PE
    dram_bytes_per_cycle: float | None  # None where memory takes no time
    burst_bytes: int  # a contiguous run of addresses takes the bursts that it touches
    buffer_bytes: int
    buffer_bytes_per_cycle: int | None
    compressed: tuple[str, ...]
    layer_order: str
    energy_table: str
    energy_unit: str  # of the energy table: "pJ", or what a relative one counts in ("MAC")
    network_bytes_per_cycle: dict[str, float] = field(default_factory=dict)
    arrays: int = 1
    levels: tuple[str, ...] = ("dram", "buffer", "array", "rf")
    levels_in_pe: tuple[str, ...] = ()
    energy_pj_per_byte: dict[str, dict[str, float]] = field(default_factory=dict)  # level -> operand
    atom_channels: int = 1  # of activations in DRAM, that move together
    residual_width: float = 1.0  # of a word of outputs, as fused adds fetch them, in words of inputs
    energy_pj_per_action: dict[str, float] = field(default_factory=dict)  # "leakage", "clock": of a cycle
    energy_unit_pj: float = 1.0  # of the table's unit
    area_mm2: float | None = None  # None where the energy table knows none
    peak_watts: float = 0.0  # of the chip; 0 in runs that do not tell
    host_s: float = 0.0  # that the host adds to every run
    whole_bytes: bool = True  # no word of inputs or weights ends within a byte
    activation_bytes: int = 0  # of the memory where activations lie; 0 in runs that do not tell

    @property
    def pes(self) -> int:
        """Processing elements, of all arrays."""
        return self.arrays * self.rows * self.columns

    @property
    def peak_macs_per_cycle(self) -> int:
        """MACs that all PEs execute in a cycle at best: those of a PE, at the machine's one precision, by PEs.

        No mapping does more: packed channels fill lanes that would idle, and skipped MACs are not executed.
        """
        return self.pes * self.macs_per_cycle


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What was simulated; `macs` are of the whole batch.

    From `full_residency_bytes` of the activations' memory on, all tensors between two ops stay there; 0 where the
    machine keeps none.
    """

    name: str
    macs: int
    params: int
    full_residency_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LayerResult:
    """One op and what it cost.

    A layer that is folded into addressing, or fused into another (`Run.producer_of`), costs nothing of its own:
    no cycles, no energy, no traffic. A level missing from `traffic` is one the layer does not use.
    """

    name: str
    op: Op
    stage: str
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    kernel: tuple[int, int]
    stride: tuple[int, int]
    groups: int
    fused: tuple[str, ...]  # layers applied to this one's outputs on their way out
    folded: bool
    dataflow: str  # "" where the array does nothing
    macs: int  # dense
    effective_macs: int  # what the PEs did once zero weights are skipped
    params: int
    cycles: int
    cycle_parts: dict[str, int]  # keys of CYCLE_PARTS
    utilization: float  # MACs executed / (cycles x MACs a cycle at peak)
    energy_pj: float
    energy_parts: dict[str, float]  # picojoules: "mac", "vector", "leakage", "clock" and "LEVEL.OPERAND"
    traffic: dict[str, dict[str, Traffic]]  # level -> operand
    footprint_bytes: dict[str, int]  # operand -> distinct bytes the layer touches, uncompressed
    bottleneck: str  # a key of `cycle_parts`; "" for a layer without cycles
    bounds: dict[str, int]  # "array", "dram", "vector", "inputs", "weights", "outputs" -> least cycles it must take
    tiles: int
    mapping: Mapping[str, object] | None  # as a mapping file holds it
    note: str = ""
    mapped_pes: int = 0  # PEs to which a full step of the mapping gives work
    dram_parts: dict[str, int] = field(default_factory=dict)  # of cycle_parts["dram"]: "fill", "wait" and "drain"
    dma_cycles: int = 0  # of all DMA transactions, latency included, as if one followed the other
    prefetched_bytes: int = 0  # of DRAM's weights: what came while the op before ran
    dma_runs: int = 0  # contiguous runs of addresses that those move; 0 in runs that do not tell
    inputs: tuple[str, ...] = ()  # tensors that it reads; () in runs that do not tell
    on_chip: tuple[str, ...] = ()  # operands whose whole tensor is there already, or stays there
    kept_bytes: int = 0  # of the activations' memory that tensors take which stay there meanwhile, in sixteenths of it
    alive_bytes: int = 0  # the same, to the byte
    tile_bytes: int = 0  # of that memory that its own tiles take: what is loaded ahead and unfinished sums included
    kept: KeptTensor | None = None  # of what it makes
    stacked: StackedResult | None = None  # where it ran strip by strip; then `mapping` is None
    energy_relative: float | None = None  # in units of a relative table
    parameter_bytes: int = 0  # of weights and constants at least, all of which come from DRAM; 0 where none is told
    # Fraction by which the objective may exceed the least there is, None where nothing was searched; and likewise of
    # cycles, where the objective is energy among the fastest. How a mapping was found makes no other run of it.
    gap: float | None = field(default=None, compare=False)
    cycles_gap: float | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """Name the layer, what it took and what bounds it."""
        bound = f", bound by {self.bottleneck}" if self.bottleneck else ""
        return f"{self.name} ({self.op.value}): {self.cycles:,} cycles{bound}"

    def bytes_at(self, level: str) -> int:
        """Bytes read and written at a level, all operands."""
        return bytes_at(self.traffic, level)

    @property
    def sram_bytes(self) -> int:
        """Bytes of the activations' memory that are taken while it runs: by tensors that stay, and by its tiles."""
        return self.alive_bytes + self.tile_bytes

    @property
    def buffer_bytes(self) -> int:
        """Bytes read and written in memories on chip, of all levels but the registers of the last."""
        return bytes_in_buffers(self.traffic)


@dataclass(frozen=True, slots=True)
class Total:
    """The sums over all layers; `latency_s` is that of the cycles, and the host's time.

    The peak is the most that any layer takes of the activations' memory, and the first that does.
    """

    cycles: int
    latency_s: float
    macs: int
    utilization: float
    energy_pj: float
    dram_bytes: int
    buffer_bytes: int
    cycle_parts: dict[str, int]
    energy_parts: dict[str, float]
    effective_macs: int = 0  # what the PEs did once zero weights are skipped
    dense_speedup: float = 1.0  # dense MACs / those: what skipping gains, told apart from utilization
    energy_relative: float | None = None
    peak_sram_bytes: int = 0  # 0 in runs that do not tell
    peak_sram_layer: str = ""

    @property
    def joules(self) -> float:
        """Energy of the run."""
        return self.energy_pj / 1e12

    @property
    def watts(self) -> float:
        """Mean power, DRAM included: energy over latency; 0 where no time passed."""
        return self.joules / self.latency_s if self.latency_s else 0.0

    @property
    def chip_watts(self) -> float:
        """Mean power of the chip alone, without DRAM."""
        dram = fsum(energy for part, energy in self.energy_parts.items() if part.startswith("dram."))
        return (self.energy_pj - dram) / 1e12 / self.latency_s if self.latency_s else 0.0


@dataclass(frozen=True, slots=True)
class Documents:
    """What was simulated, whole, as data of the very schemas in which a user writes it: enough to simulate it again.

    `hardware` is a machine's YAML with dataflows and energy table inline, `network` a layer list; see
    `simulator.hardware.schema` and `workloads.importers.yaml_layers`. None where no file can say it.
    """

    hardware: dict[str, object] | None
    network: dict[str, object] | None


@dataclass(frozen=True, slots=True, repr=False)
class Run:
    """One network simulated on one machine; `documents` hold both whole, for simulating them again."""

    hardware: MachineFacts
    network: NetworkFacts
    options: Mapping[str, object]
    provenance: dict[str, str]
    total: Total
    layers: tuple[LayerResult, ...]
    schema_version: int = SCHEMA_VERSION
    documents: Documents | None = None
    steady: Steady | None = None  # None where a frame among many takes what one on its own does
    cores: CoresResult | None = None  # None where there is one

    def __repr__(self) -> str:
        """Name the run; its content would fill screens."""
        title = f"{self.network.name} on {self.hardware.name}"
        return f"<Run of {title}: {len(self.layers)} layers, {self.total.cycles} cycles>"

    def _repr_html_(self) -> str:
        """Show the run in a notebook: totals, and a table of layers that folds away."""
        from simulator.result.html import run_html

        return run_html(self)

    def to_rows(self) -> list[dict[str, "Cell"]]:
        """Return a row for every layer, fused ones included, with the columns of `layers.csv`.

        >>> from simulator import simulate
        >>> row = simulate("squeezenext_16x16", "squeezenext").to_rows()[0]
        >>> row["layer"], row["op"], row["output"]
        ('conv1', 'conv', '64x111x111')
        """
        from simulator.result.rows import layer_rows

        return layer_rows(self)

    def to_polars(self) -> "polars.DataFrame":
        """Return the rows as a data frame of polars, what is empty as null; needs the extra `frames`."""
        from simulator.result.frames import polars_frame

        return polars_frame(self.to_rows())

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the rows as a data frame of pandas, what is empty as missing; needs the extra `frames`."""
        from simulator.result.frames import pandas_frame

        return pandas_frame(self.to_rows())

    @property
    def batch(self) -> int:
        """Inputs processed together."""
        batch = self.options.get("batch")
        return batch if isinstance(batch, int) else 1

    @property
    def frames_per_s(self) -> float:
        """Inputs of the batch over latency: inferences a second; 0 where no time passed."""
        return self.batch / self.total.latency_s if self.total.latency_s else 0.0

    @property
    def steady_frames_per_s(self) -> float:
        """Inferences a second where frames follow one behind the other, weights that find room on chip meanwhile."""
        period_s = self.steady.period_s if self.steady else self.total.latency_s
        return self.batch / period_s if period_s else 0.0

    @property
    def frames_per_joule(self) -> float:
        """Inputs of the batch over energy; 0 where none was spent."""
        return self.batch / self.total.joules if self.total.joules else 0.0

    @property
    def top_bytes(self) -> int:
        """Where the highest of what stays on chip while ops run ends in the activations' memory."""
        tops = [layer.kept.address + layer.kept.size_bytes for layer in self.layers if layer.kept]
        parts = [part for layer in self.layers if layer.stacked for part in layer.stacked.parts]
        tops += [part.address + part.size_bytes for part in parts]
        return max(tops, default=0)

    @property
    def fragmentation_bytes(self) -> int:
        """Bytes by which the highest address of a tensor that stays exceeds what is alive at most."""
        return self.top_bytes - max((layer.alive_bytes for layer in self.layers), default=0)

    def mappings(self) -> dict[str, Mapping[str, object]]:
        """Return the mapping of every op, shape of strips, and slice on a core that has one, as mapping files do."""
        found = {layer.name: layer.mapping for layer in self.layers} | mappings_of(self.cores)
        found |= {each.name: each.mapping for layer in self.layers if layer.stacked for each in layer.stacked.shapes}
        return {name: mapping for name, mapping in found.items() if mapping is not None}

    def producer_of(self) -> dict[str, str]:
        """Map each fused layer to the layer that it is fused into."""
        return {fused: layer.name for layer in self.layers for fused in layer.fused}


def utilization(executed_macs: int, cycles: int, peak_macs_per_cycle: int) -> float:
    """MACs executed / (cycles x MACs a cycle at peak), within [0, 1]; 0 where no time passed.

    MACs that are gated count, as they take their cycle; MACs that are skipped do not (`dense_speedup` tells of them).
    """
    return executed_macs / (cycles * peak_macs_per_cycle) if cycles else 0.0


def dense_speedup(macs: int, executed_macs: int) -> float:
    """Dense-equivalent speed-up: dense MACs for each that is executed, 1 where none is skipped.

    Dense MACs a cycle are this times those executed a cycle: what an array without skipping would need of each PE.
    """
    return macs / executed_macs if executed_macs else 1.0


def relative_energy(energy_pj: float, unit: str, unit_pj: float) -> float | None:
    """Return an energy in a relative table's unit; None where the table is in picojoules."""
    return None if unit == "pJ" else energy_pj / unit_pj


def shared(level: str, operand: str, mac_share: float) -> float:
    """Return what an access costs of a full one where MACs cost `mac_share`: gating stops the PE behind its inputs."""
    return mac_share if level == "rf" and operand != "inputs" else 1.0


def total_of(layers: Iterable[LayerResult], machine: MachineFacts) -> Total:
    """Sum the layers, keeping the order of parts and correctly rounded floats so that the bytes never differ."""
    layers = tuple(layers)
    cycles = sum(layer.cycles for layer in layers)
    macs, executed = sum(layer.macs for layer in layers), sum(layer.effective_macs for layer in layers)
    energy = fsum(layer.energy_pj for layer in layers)
    cycle_parts = collected(layer.cycle_parts for layer in layers)
    energy_parts = collected(layer.energy_parts for layer in layers)
    moved = once_each(layer.traffic for layer in layers)
    peak = max(layers, key=lambda layer: layer.sram_bytes, default=None)
    return Total(
        cycles=cycles,
        latency_s=cycles / machine.clock_hz + machine.host_s,
        macs=macs,
        utilization=utilization(executed, cycles, machine.peak_macs_per_cycle),
        energy_pj=energy,
        dram_bytes=sum(times * bytes_at(traffic, "dram") for traffic, times in moved),
        buffer_bytes=sum(times * bytes_in_buffers(traffic) for traffic, times in moved),
        cycle_parts={key: sum(cycle_parts.get(key, ())) for key in CYCLE_PARTS},
        energy_parts={key: fsum(energy_parts[key]) for key in sorted(energy_parts)},
        effective_macs=executed,
        dense_speedup=dense_speedup(macs, executed),
        energy_relative=relative_energy(energy, machine.energy_unit, machine.energy_unit_pj),
        peak_sram_bytes=peak.sram_bytes if peak else 0,
        peak_sram_layer=peak.name if peak and peak.sram_bytes else "",
    )
