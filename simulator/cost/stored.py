"""How the tensors of a layer lie in DRAM, as the fields of its record."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import gcd
from operator import mul

from simulator.hardware.model import Hardware
from simulator.nest import LoopNest

AXES = {"nchw": "wrcd", "nhwc": "cwrd", "kcrs": "wrdc", "krsc": "dwrc", "rsck": "cdwr", "tiled": "wrcd"}
"""Axes of a layout, innermost first: of weights, filters are the channels, and input channels lie deep."""


@dataclass(frozen=True, slots=True)
class Slices:
    """What ops that are folded into addressing make of a layer's tensors.

    Its inputs are channels of a stored tensor of `input_channels`, its outputs become channels of one of
    `output_channels` (0: they are a tensor of their own); of `scattered` inputs, consecutive channels lie apart.
    """

    input_channels: int = 0
    output_channels: int = 0
    scattered: bool = False


WHOLE_TENSORS = Slices()


def layout_fields(
    hardware: Hardware, nest: LoopNest, size: Sequence[int], compression: Sequence[int], slices: Slices
) -> dict[str, object]:
    """Return the fields of `LAYER` that tell how tensors lie: inputs, weights, outputs and what is added to these.

    `size` is that of the inputs; `compression` of the four kinds: what is coded has no addresses of its words.
    """
    from simulator.cost.case import FIXED_POINT, KINDS

    n, g, k, c, p, q, r, s = nest.bounds
    activations, weights = hardware.dram.activations, hardware.dram.weights
    bits = (hardware.input_bits, hardware.weight_bits, hardware.output_bits, hardware.output_bits)
    atom = hardware.dram.atom_channels
    shapes = (
        (n, slices.input_channels or g * c, *size),
        (c, g * k, r, s),
        (n, slices.output_channels or g * k, p, q),
        (n, g * k, p, q),
    )
    layouts = (activations, weights, activations, activations)
    atoms = (atom, 1, atom, atom)
    rows = [
        tensor_fields(layout, shape, a, a * b, hardware.dram.burst_bytes)
        for layout, shape, a, b in zip(layouts, shapes, atoms, bits, strict=True)
    ]
    pairs = zip(layouts, compression, strict=True)
    return {
        "tiled": [layout == "tiled" or ratio != FIXED_POINT for layout, ratio in pairs],
        "atom": atoms,
        "scattered": [slices.scattered] + [False] * (KINDS - 1),
        "word_bits": [a * b for a, b in zip(atoms, bits, strict=True)],
    } | {name: [row[name] for row in rows] for name in rows[0]}


def tensor_fields(layout: str, shape: Sequence[int], atom: int, word_bits: int, burst_bytes: int) -> dict[str, object]:
    """Return axes, extents, pitches and granules of a tensor's places; its last atoms are filled up.

    A granule divides a burst and the pitches of all places outside, so that it divides the addresses of runs that
    repeat there, modulo a burst.
    """
    from simulator.cost.case import CHANNELS

    axis = ["dcrw".index(letter) for letter in AXES[layout]]
    whole = [-(-shape[a] // atom) if a == CHANNELS else shape[a] for a in axis]
    pitch, burst = list(accumulate(whole[:-1], mul, initial=word_bits)), 8 * burst_bytes
    repeated = [bits if extent > 1 else 0 for bits, extent in zip(pitch, whole, strict=True)]
    granule = list(accumulate(reversed(repeated[1:]), gcd, initial=burst))
    return {"axis": axis, "whole": whole, "pitch_bits": pitch, "granule_bits": [*reversed(granule), burst]}
