"""Turn machine, layer, energy table and mapping into the records that kernels read."""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

import numpy as np

from simulator.cost.case import (
    BLOCKS,
    CROSSED,
    DESTINATIONS,
    FIXED_POINT,
    LAYER,
    MACHINE,
    MAPPING,
    MARK,
    MAX_LEVELS,
    MAX_MEMORIES,
    MAX_VARIANTS,
    MOVED,
    NO_OPERAND,
    PIPE,
    PORT,
    PRICES,
    REUSE,
    TILES,
    TOTALS,
    UNLIMITED,
    VARIANT,
    WORK,
    Marks,
    Record,
    Scratch,
)
from simulator.cost.compulsory import fills_energy, words_energy
from simulator.cost.sparsity import (
    compression_ratio,
    mac_share,
    skip_ratio,
    skips_zeros,
    winograd_ratio,
    word_bits,
    zero_fractions,
)
from simulator.cost.stored import WHOLE_TENSORS, Slices, layout_fields
from simulator.hardware.model import Buffer, Hardware
from simulator.mapping.mapping import Mapping
from simulator.nest import Dim, LoopNest, Operand
from simulator.network.ir import Layer

LOOPS = len(Dim)
"""DRAM loops that a mapping can have."""

PRELOADS = ("hidden", "exposed", "double_buffered")


def record(dtype: np.dtype[np.void], **values: object) -> Record:
    """Make one record with the given fields, others zero."""
    array = np.zeros(1, dtype)
    for name, value in values.items():
        array[name][0] = value
    element: Record = array[0]
    return element


def machine_record(hardware: Hardware, reserved_bytes: int = 0) -> Record:
    """Describe the machine; `reserved_bytes` of the buffer that holds inputs are taken by tensors kept on chip."""
    array, dram = hardware.array, hardware.dram
    slots = [hardware.slots_of(operand) for operand in (Operand.INPUTS, Operand.WEIGHTS)]
    return record(
        MACHINE,
        macs_per_cycle=array.macs_per_cycle,
        step_cycles=array.step_cycles,
        tile_setup_cycles=array.tile_setup_cycles,
        arrays=array.instances,
        unicast=[d.network == "unicast" for d in array.delivery],
        preload=[PRELOADS.index(d.preload) for d in array.delivery],
        shift_cycles=[array.rows if d.network == "systolic" else 0 for d in array.delivery],
        words_per_cycle=[d.words_per_cycle for d in array.delivery],
        forwarding=array.delivery[Operand.INPUTS].forwarding,
        windows_apart=array.delivery[Operand.INPUTS].windows_apart,
        initial_sums=array.delivery[Operand.OUTPUTS].initial_sums,
        concurrent=array.delivery[Operand.OUTPUTS].concurrent,
        skew_cycles=array.rows + array.columns - 2 if array.skewed else 0,
        skew_over_used=array.skewed and array.skew_over_used,
        bits=word_bits(hardware),
        dram_numerator=dram.bytes_per_cycle.numerator if dram.bytes_per_cycle else 0,
        dram_denominator=dram.bytes_per_cycle.denominator if dram.bytes_per_cycle else 1,
        weights_ratio=floor(dram.weights_ratio * FIXED_POINT),
        burst_bytes=dram.burst_bytes,
        descriptor_cycles=hardware.descriptor_cycles,
        descriptor_dimensions=hardware.descriptor_dimensions,
        overlapped=hardware.layer_order == "overlapped",
        whole_rows=hardware.dma_whole_rows,
        reloads=hardware.dma_reloads,
        keeps_halo=hardware.dma_keeps_halo,
        deeper_operand=NO_OPERAND if slots[0] == slots[1] else slots.index(max(slots)),
        **memory_fields(hardware, reserved_bytes),
    )


def memory_fields(hardware: Hardware, reserved_bytes: int) -> dict[str, object]:
    """Return the fields of `MACHINE` that describe memories and their levels."""
    buffers, levels, chip = hardware.buffers, len(hardware.level_names), hardware.levels_outside
    holding = [[_memory_at(buffers, level, operand) for operand in Operand] for level in range(levels)]
    outermost = [next(level for level in range(levels) if holding[level][o] >= 0) for o in Operand]
    capacity, of_inputs = [b.capacity_bytes for b in buffers], holding[outermost[Operand.INPUTS]][Operand.INPUTS]
    capacity[of_inputs] -= reserved_bytes
    for_tiles = [
        left if b.tile_bytes is None else min(left, b.tile_bytes) for left, b in zip(capacity, buffers, strict=True)
    ]
    pad = [0] * (MAX_MEMORIES - len(buffers))
    keeps = [[memory >= 0 for memory in row] for row in holding] + [[True] * 3]
    keeps += [[False] * 3] * (DESTINATIONS - len(keeps))
    return {
        "levels": levels,
        "chip_levels": chip,
        "memory_of": holding + [[-1, -1, -1]] * (MAX_LEVELS - levels),
        "outermost": outermost,
        "array_level": [next((x for x in range(chip, levels) if holding[x][o] >= 0), levels) for o in Operand],
        "keeps": keeps,
        "source": [[_source(keeps, to, o) for o in Operand] for to in range(DESTINATIONS)],
        "whole_bytes": capacity[of_inputs] - for_tiles[of_inputs],
        "streams": [o in buffers[holding[outermost[o]][o]].streams for o in Operand],
        "memories": len(buffers),
        "level_of": [b.level for b in buffers] + pad,
        "capacity_bytes": for_tiles + pad,
        "double_buffered": [b.double_buffered for b in buffers] + pad,
        "read_bytes_per_cycle": [b.read_bytes_per_cycle or 0 for b in buffers] + pad,
        "write_bytes_per_cycle": [b.write_bytes_per_cycle or 0 for b in buffers] + pad,
    }


def _source(keeps: Sequence[Sequence[bool]], to: int, operand: Operand) -> int:
    """Level from which a destination takes an operand: the next one outwards that keeps it; -1 is DRAM."""
    return next((level for level in range(to - 1, -1, -1) if keeps[level][operand]), -1)


def _memory_at(buffers: Sequence[Buffer], level: int, operand: Operand) -> int:
    """Index of the memory of a level that holds an operand, or -1."""
    return next((i for i, b in enumerate(buffers) if b.level == level and operand in b.holds), -1)


def port_record(hardware: Hardware) -> Record:
    """Describe the way between DRAM and the outermost memories."""
    slots = [hardware.slots_of(operand) for operand in (Operand.INPUTS, Operand.WEIGHTS)]
    return record(
        PORT,
        deeper_slots=max(slots),
        slots=min(slots),
        out_slots=hardware.slots_of(Operand.OUTPUTS),
        channels=hardware.dma_channels,
        latency_cycles=hardware.dram.latency_cycles,
    )


def layer_record(
    hardware: Hardware,
    layer: Layer,
    nest: LoopNest,
    resident: Sequence[bool] = (False, False, False),
    residuals: int = 0,
    stored: Fraction = Fraction(1),
    slices: Slices = WHOLE_TENSORS,
) -> Record:
    """Describe a layer on a machine; of its outputs, a fused pool leaves the fraction `stored`."""
    zeros = zero_fractions(hardware, layer)
    ratios = [compression_ratio(hardware, o, z) for o, z in zip(Operand, zeros, strict=True)]
    ratios[Operand.WEIGHTS] *= winograd_ratio(hardware, nest)
    compression = [round(FIXED_POINT * ratio) for ratio in ratios]
    whole_outputs = compression[Operand.OUTPUTS]
    compression[Operand.OUTPUTS] = floor(
        whole_outputs * stored
    )  # rounded up, a byte more would be stored than there is
    top, left, bottom, right = nest.padding
    height, width = nest.input_size
    moved = hardware.dma_moves_padding  # then a padded map is one without padding
    size = (top + height + bottom, left + width + right) if moved else nest.input_size
    return record(
        LAYER,
        bounds=nest.bounds,
        macs=nest.macs,
        stride=nest.stride,
        dilation=nest.dilation,
        pad=(0, 0) if moved else (top, left),
        input_size=size,
        skip=skip_ratio(hardware, layer, nest),
        compression=compression,
        resident=resident,
        residuals=residuals,
        residual_compression=whole_outputs,
        **layout_fields(hardware, nest, size, (*compression, whole_outputs), slices),
    )


def price_record(hardware: Hardware, layer: Layer) -> Record:
    """Price a machine's actions on a layer, in its table's unit.

    A gated MAC stops its PE: what it would read of weights and sums, and write, costs the same share as the MAC.
    """
    prices, share = hardware.prices, mac_share(hardware, layer)
    inputs, weights, _, sums = word_bits(hardware)
    bits = (inputs, weights, sums)
    words = [[pj * b for pj, b in zip(level, bits, strict=True)] for level in prices.levels_per_bit]
    words[-1] = [pj if o == Operand.INPUTS else pj * share for o, pj in enumerate(words[-1])]
    assert layer.nest is not None
    once = words_energy(hardware, layer.nest, words)
    return record(
        PRICES,
        least_words_pj=(once, once + fills_energy(layer.nest, words)),
        mac_pj=prices.mac * share,
        word_pj=words + [[0.0] * 3] * (MAX_LEVELS + 2 - len(words)),
        dram_pj_per_byte=prices.dram_per_bit * 8,
        leakage_pj_per_cycle=prices.per_cycle,
    )


def complete_order(order: Sequence[Dim]) -> list[int]:
    """All eight dimensions, those not named outermost."""
    return [d for d in Dim if d not in order] + [int(d) for d in order]


def mapping_record(hardware: Hardware, mapping: Mapping) -> Record:
    """Describe a mapping on a machine."""
    spatial = mapping.spatial
    inner = [[1] * 8, *(level.tile for level in mapping.inner)]
    orders = [complete_order(order) for order in (mapping.buffer_order, *(level.order for level in mapping.inner))]
    return record(
        MAPPING,
        tile=mapping.tile,
        dram_order=complete_order(mapping.dram_order),
        inner_tile=inner + [[1] * 8] * (MAX_LEVELS - len(inner)),
        orders=orders + [list(range(8))] * (MAX_LEVELS - len(orders)),
        spatial=spatial,
        rows=mapping.rows,
        arrays=mapping.arrays,
        registers=mapping.registers,
        lowered=mapping.lowered,
        retains=mapping.retains,
        stationary=NO_OPERAND if mapping.stationary is None else mapping.stationary,
        skips=skips_zeros(hardware, mapping, spatial),
        channel_packing=mapping.channel_packing,
    )


def make_scratch() -> Scratch:
    """Allocate what an evaluation writes into; one a thread."""
    return Scratch(
        reuse=record(REUSE),
        blocks=record(BLOCKS),
        lead=record(BLOCKS),
        tiles=record(TILES),
        pipe=record(PIPE),
        variants=np.zeros(MAX_VARIANTS, VARIANT),
        spare=record(VARIANT),
        totals=record(TOTALS),
        moved=record(MOVED),
        marks=Marks(
            np.zeros(LOOPS, MARK),
            np.zeros(LOOPS, PIPE),
            np.zeros(LOOPS, CROSSED),
        ),
        work=record(WORK, left=UNLIMITED),
    )
