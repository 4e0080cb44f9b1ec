"""Turn machine, layer, energy table and mapping into the records that kernels read."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from simulator.cost.case import ENERGY, FIXED_POINT, LAYER, MACHINE, MAPPING, PROGRAM, WALK, Ints, Record
from simulator.cost.evaluate import KIND_FIGURES, TOTALS
from simulator.cost.pipeline import HEAD
from simulator.cost.tiles import MAX_KINDS
from simulator.energy.table import EnergyTable
from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import Mapping
from simulator.nest import REDUCTION, RELEVANT, Dim, LoopNest, Operand
from simulator.network.ir import Layer

NO_OPERAND = 3
PRELOADS = ("hidden", "exposed", "behind_step")


def geometric_run(zero_fraction: float, limit: int) -> float:
    """Expected elements consumed by a step that swallows zeros until a non-zero one, but at most `limit` elements.

    Zeros come independently with probability z: the step goes beyond k elements if the first k are zero, so the
    expectation is the sum of z**k for k < limit, (1 - z**limit) / (1 - z). It describes a front end that inspects
    `limit` weights a cycle as well as a run-length code whose runs hold limit - 1 zeros.

    >>> round(geometric_run(0.4, 2), 3)
    1.4
    """
    if zero_fraction >= 1.0:
        return float(limit)
    return (1.0 - zero_fraction**limit) / (1.0 - zero_fraction)


def skip_steps(weights: int, zero_fraction: float, window: int) -> float:
    """Expected cycles to issue a sequence of weights, skipping zeros within a window that ends with the sequence.

    From a position with n weights left, a cycle consumes j < min(window, n) of them with probability z**(j-1) (1-z)
    and min(window, n) with the rest; E(n) = 1 + sum of probability * E(n - consumed). A filter's taps on one input
    channel are a sequence: the inputs of the next channel have yet to come.

    >>> round(skip_steps(25, 0.4, 2), 2)
    18.06
    """
    z = zero_fraction
    expected = [0.0]
    for n in range(1, weights + 1):
        reach = min(window, n)
        ahead = sum(z ** (j - 1) * (1 - z) * expected[n - j] for j in range(1, reach))
        expected.append(1.0 + ahead + z ** (reach - 1) * expected[n - reach])
    return expected[weights]


def compression_ratio(hardware: Hardware, operand: Operand, zero_fraction: float) -> float:
    """DRAM bits per raw bit of a run-length code that stores, for each value, the run of zeros before it.

    A stored pair takes run bits + word bits and covers `geometric_run` elements (Eyeriss, JSSC 2017, section V-B). What
    the code would lengthen, such as an image, is stored as it is.
    """
    dram, bits = hardware.dram, word_bits(hardware)[operand]
    if operand not in dram.run_length:
        return 1.0
    covered = geometric_run(zero_fraction, dram.run_length_max + 1)
    return min(1.0, (dram.run_length_bits + bits) / bits / covered)


def winograd_ratio(hardware: Hardware, nest: LoopNest) -> float:
    """DRAM words per weight where filters are stored transformed for F(m x m, r x r): (m + r - 1)^2 for each r^2.

    The transform is for square filters of r taps that move by one (Lavin and Gray, CVPR 2016, section 4).
    """
    if hardware.dram.winograd is None:
        return 1.0
    outputs, taps = hardware.dram.winograd
    plain = nest.stride == (1, 1) and nest.dilation == (1, 1)
    fits = nest.bounds[Dim.R] == nest.bounds[Dim.S] == taps and plain
    return ((outputs + taps - 1) / taps) ** 2 if fits else 1.0


def word_bits(hardware: Hardware) -> tuple[int, int, int, int]:
    """Bits of inputs, weights, outputs and partial sums."""
    return (hardware.input_bits, hardware.weight_bits, hardware.output_bits, hardware.partial_sum_bits)


def record(dtype: np.dtype[np.void], **values: object) -> Record:
    """Make one record with the given fields, others zero."""
    array = np.zeros(1, dtype)
    for name, value in values.items():
        array[name][0] = value
    element: Record = array[0]
    return element


def machine_record(hardware: Hardware, reserved_bytes: int = 0) -> Record:
    """Describe the machine; `reserved_bytes` of the buffer that holds inputs are taken by tensors kept on chip."""
    array, dram, buffers = hardware.array, hardware.dram, hardware.buffers
    buffer_of = [next(i for i, b in enumerate(buffers) if o in b.holds) for o in Operand]
    capacity = [b.capacity_bytes for b in buffers]
    capacity[buffer_of[Operand.INPUTS]] -= reserved_bytes
    pad = [0] * (3 - len(buffers))
    slots = [hardware.slots_of(operand) for operand in (Operand.INPUTS, Operand.WEIGHTS)]
    return record(
        MACHINE,
        macs_per_cycle=array.macs_per_cycle,
        step_cycles=array.step_cycles,
        unicast=[d.network == "unicast" for d in array.delivery],
        exposed=[PRELOADS.index(d.preload) for d in array.delivery],
        shift_cycles=[array.rows if d.network == "systolic" else 0 for d in array.delivery],
        words_per_cycle=[d.words_per_cycle for d in array.delivery],
        forwarding=array.delivery[Operand.INPUTS].forwarding,
        initial_sums=array.delivery[Operand.OUTPUTS].initial_sums,
        concurrent=array.delivery[Operand.OUTPUTS].concurrent,
        skew_cycles=array.rows + array.columns - 2 if array.skewed else 0,
        bits=word_bits(hardware),
        dram_numerator=dram.bytes_per_cycle.numerator if dram.bytes_per_cycle else 0,
        dram_denominator=dram.bytes_per_cycle.denominator if dram.bytes_per_cycle else 1,
        latency_cycles=dram.latency_cycles,
        burst_bytes=dram.burst_bytes,
        channels=hardware.dma_channels,
        overlapped=hardware.layer_order == "overlapped",
        whole_rows=hardware.dma_whole_rows,
        reloads=hardware.dma_reloads,
        slots=min(slots),
        early=NO_OPERAND if slots[0] == slots[1] else slots.index(max(slots)),
        early_slots=max(slots),
        out_slots=hardware.slots_of(Operand.OUTPUTS),
        buffers=len(buffers),
        buffer_of=buffer_of,
        streams=[o in buffers[b].streams for o, b in zip(Operand, buffer_of, strict=True)],
        capacity_bytes=capacity + pad,
        double_buffered=[b.double_buffered for b in buffers] + pad,
        read_bytes_per_cycle=[b.read_bytes_per_cycle or 0 for b in buffers] + pad,
        write_bytes_per_cycle=[b.write_bytes_per_cycle or 0 for b in buffers] + pad,
    )


def zero_fractions(hardware: Hardware, layer: Layer) -> tuple[float, float, float]:
    """Shares of zeros in the layer's inputs, weights and outputs: its own where known, the machine's otherwise."""
    activations, weights = hardware.array.zero_inputs_fraction, hardware.array.zero_weights.fraction
    known = (layer.zero_inputs_fraction, layer.zero_weights_fraction, layer.zero_outputs_fraction)
    defaults = (activations, weights, activations)
    inputs, weights, outputs = (d if k is None else k for k, d in zip(known, defaults, strict=True))
    return inputs, weights, outputs


def skip_ratio(hardware: Hardware, layer: Layer, nest: LoopNest) -> int:
    """Cycles a MAC where zero weights are skipped, in units of 1 / FIXED_POINT.

    Columns of zeros, channels of which a filter reads nothing, are known beforehand: their steps are left out.
    """
    if layer.zero_columns:
        return round(FIXED_POINT * (1 - zero_fractions(hardware, layer)[1]))
    taps = nest.bounds[Dim.R] * nest.bounds[Dim.S]
    window = hardware.array.zero_weights.skip_window
    return round(FIXED_POINT * skip_steps(taps, zero_fractions(hardware, layer)[1], window) / taps)


def layer_record(
    hardware: Hardware,
    layer: Layer,
    nest: LoopNest,
    resident: Sequence[bool] = (False, False, False),
    addends: int = 0,
    prefetched_bytes: int = 0,
    prefetch_bytes: int = 0,
    stored: Fraction = Fraction(1),
) -> Record:
    """Describe a layer on a machine; of its outputs, a pool on their way out leaves the fraction `stored`."""
    zeros = zero_fractions(hardware, layer)
    ratios = [compression_ratio(hardware, o, z) for o, z in zip(Operand, zeros, strict=True)]
    ratios[Operand.WEIGHTS] *= winograd_ratio(hardware, nest)
    whole_outputs = ratios[Operand.OUTPUTS]
    ratios[Operand.OUTPUTS] *= float(stored)
    top, left, bottom, right = nest.padding
    height, width = nest.input_size
    moved = hardware.dma_moves_padding  # then a padded map is one without padding
    return record(
        LAYER,
        bounds=nest.bounds,
        macs=nest.macs,
        stride=nest.stride,
        dilation=nest.dilation,
        pad=(0, 0) if moved else (top, left),
        size=(top + height + bottom, left + width + right) if moved else nest.input_size,
        skip=skip_ratio(hardware, layer, nest),
        compression=[round(FIXED_POINT * ratio) for ratio in ratios],
        resident=resident,
        addends=addends,
        addends_compression=round(FIXED_POINT * whole_outputs),
        prefetched_bytes=prefetched_bytes,
        prefetch_bytes=prefetch_bytes,
    )


def energy_record(hardware: Hardware, table: EnergyTable, layer: Layer) -> Record:
    """Price a machine's actions on a layer; a gated MAC (zero input) costs the table's fraction of a full one."""
    gated = zero_fractions(hardware, layer)[0] if hardware.array.gates_zero_inputs else 0.0
    inputs, weights, _, sums = word_bits(hardware)
    bits = (inputs, weights, sums)
    owner = [next(b for b in hardware.buffers if o in b.holds) for o in Operand]
    return record(
        ENERGY,
        mac_pj=table.mac_pj * (1.0 - gated * (1.0 - table.gated_mac_fraction)),
        rf_pj=[pj * b for pj, b in zip(table.rf_pj_per_bit, bits, strict=True)],
        array_pj=[table.array_pj_per_bit * b for b in bits],
        buffer_pj=[table.buffer_pj_per_bit(o.capacity_bytes) * b for o, b in zip(owner, bits, strict=True)],
        dram_pj_per_byte=table.dram_pj_per_bit * 8,
        leakage_pj_per_cycle=table.leakage_pj_per_cycle,
    )


def complete_order(order: Sequence[Dim]) -> list[int]:
    """All eight dimensions, those not named outermost."""
    return [d for d in Dim if d not in order] + [int(d) for d in order]


def mapping_record(hardware: Hardware, mapping: Mapping) -> Record:
    """Describe a mapping on a machine."""
    spatial = [r * c for r, c in zip(mapping.rows, mapping.columns, strict=True)]
    return record(
        MAPPING,
        tile=mapping.tile,
        dram_order=complete_order(mapping.dram_order),
        buffer_order=complete_order(mapping.buffer_order),
        spatial=spatial,
        registers=mapping.registers,
        lowered=mapping.lowered,
        retains=mapping.retains,
        stationary=NO_OPERAND if mapping.stationary is None else mapping.stationary,
        skips=skips_zeros(hardware, mapping, spatial),
        packs=mapping.packs,
    )


def skips_zeros(hardware: Hardware, mapping: Mapping | Dataflow, spatial: Sequence[int]) -> bool:
    """Zero weights can be skipped by a front end that sends one weight to all PEs, so no weight index is unrolled."""
    shared = all(spatial[d] == 1 for d in RELEVANT[Operand.WEIGHTS])
    return hardware.array.zero_weights.skip_window > 1 and shared and not mapping.lowered


@dataclass(frozen=True, slots=True)
class Scratch:
    """Memory that `evaluate` writes into; one per thread."""

    program: Record
    walk: Record
    state: Ints
    kinds: Ints
    totals: Ints


def make_scratch(hardware: Hardware) -> Scratch:
    """Allocate scratch memory for a machine."""
    ring = max(hardware.slots_of(operand) for operand in Operand)
    return Scratch(
        program=record(PROGRAM),
        walk=record(WALK),
        state=np.zeros(HEAD + 2 * (hardware.dma_channels + ring), np.int64),
        kinds=np.zeros((MAX_KINDS, KIND_FIGURES), np.int64),
        totals=np.zeros(TOTALS, np.int64),
    )


def array_bounds(nest: LoopNest, lowered: bool) -> tuple[int, ...]:
    """Bounds as the array sees the whole layer: lowered to a matrix product or its own."""
    n, g, k, c, p, q, r, s = nest.bounds
    return (1, g, k, c * r * s, n * p * q, 1, 1, 1) if lowered else nest.bounds


def unrolls_reduction(spatial: Sequence[int]) -> bool:
    """Whether partial sums of one output lie in several PEs."""
    return any(spatial[d] > 1 for d in REDUCTION)
