"""What zeros save: skipped MACs, shorter DRAM transfers, gated PEs; and Winograd weights, which lengthen them."""

from collections.abc import Sequence
from math import prod

from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import Mapping
from simulator.nest import RELEVANT, Dim, LoopNest, Operand
from simulator.network.ir import Layer


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


def zero_fractions(hardware: Hardware, layer: Layer) -> tuple[float, float, float]:
    """Shares of zeros in the layer's inputs, weights and outputs: its own where known, the machine's otherwise."""
    activations, weights = hardware.array.zero_inputs_fraction, hardware.array.zero_weights.fraction
    known = (layer.zero_inputs_fraction, layer.zero_weights_fraction, layer.zero_outputs_fraction)
    defaults = (activations, weights, activations)
    inputs, weights, outputs = (d if k is None else k for k, d in zip(known, defaults, strict=True))
    return inputs, weights, outputs


def skip_ratio(hardware: Hardware, layer: Layer, nest: LoopNest) -> int:
    """Cycles a MAC where zeros are skipped, in units of 1 / FIXED_POINT.

    Columns of zeros, channels of which a filter reads nothing, are known beforehand: their steps are left out. PEs that
    skip zeros of inputs and weights, each by itself, execute (1 - zero inputs) (1 - zero weights) of the products.
    """
    from simulator.cost.case import FIXED_POINT

    zeros = zero_fractions(hardware, layer)
    if hardware.array.skipped_in_pes:
        return round(FIXED_POINT * prod(1 - zeros[operand] for operand in hardware.array.skipped_in_pes))
    if layer.zero_columns:
        return round(FIXED_POINT * (1 - zeros[Operand.WEIGHTS]))
    taps = nest.bounds[Dim.R] * nest.bounds[Dim.S]
    window = hardware.array.zero_weights.skip_window
    return round(FIXED_POINT * skip_steps(taps, zeros[Operand.WEIGHTS], window) / taps)


def skips_zeros(hardware: Hardware, mapping: Mapping | Dataflow, spatial: Sequence[int]) -> bool:
    """Whether zeros are skipped: by each PE, or by a front end that sends one weight to all, if none is unrolled."""
    if hardware.array.skipped_in_pes:
        return True
    shared = all(spatial[d] == 1 for d in RELEVANT[Operand.WEIGHTS])
    return hardware.array.zero_weights.skip_window > 1 and shared and not mapping.lowered


def mac_share(hardware: Hardware, layer: Layer) -> float:
    """Mean energy of a MAC as a fraction of a full one: gated ones, of zero inputs, take the table's fraction."""
    array = hardware.array
    gates = array.gates_zero_inputs and Operand.INPUTS not in array.skipped_in_pes
    gated = zero_fractions(hardware, layer)[Operand.INPUTS] if gates else 0.0
    return 1.0 - gated * (1.0 - hardware.energy.gated_mac_fraction)
