"""Execute mappings on integer tensors and compare with plain convolution, exactly."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from simulator.mapping.mapping import Mapping
from simulator.nest import LoopNest
from simulator.network.ir import Layer

Tensor = NDArray[np.int8]
Ints = NDArray[np.int64]

VALUES = (-8, 8)
"""Range of the random integers; sums of their products stay far within 64 bits."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What executing a mapping leaves behind.

    `outputs` is [N, G, K, P, Q]. `array_cycles` counts the cycles in which any PE worked, at one MAC a cycle; `busy`
    [rows, columns] counts the MACs of each PE, the dimensions that share an axis numbered as a mixed radix, N first;
    the rows of several arrays follow one another.
    """

    outputs: Ints
    macs: int
    array_cycles: int
    busy: Ints


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """One layer's verdict. `macs` were executed, `expected_macs` are the layer's; `mismatches` counts wrong outputs."""

    name: str
    macs: int
    expected_macs: int
    array_cycles: int
    outputs: int
    mismatches: int

    @property
    def passed(self) -> bool:
        """Whether every MAC was done once and every output is right."""
        return self.mismatches == 0 and self.macs == self.expected_macs


def random_tensors(nest: LoopNest, seed: int) -> tuple[Tensor, Tensor]:
    """Return seeded inputs [N, G, C, H, W] and weights [G, K, C, R, S] of a nest."""
    n, g, k, c, _, _, r, s = nest.bounds
    generator = np.random.default_rng(seed)
    inputs = generator.integers(*VALUES, size=(n, g, c, *nest.input_size), dtype=np.int8)
    weights = generator.integers(*VALUES, size=(g, k, c, r, s), dtype=np.int8)
    return inputs, weights


def convolve(nest: LoopNest, inputs: Tensor, weights: Tensor) -> Ints:
    """Return the plain convolution, [N, G, K, P, Q]."""
    from simulator.verify.functional import direct_convolution

    outputs = _empty_outputs(nest)
    direct_convolution(inputs, weights, outputs, _ints(nest.stride), _ints(nest.dilation), _ints(nest.padding))
    return outputs


def execute(nest: LoopNest, mapping: Mapping, inputs: Tensor, weights: Tensor, outside: int = 1) -> Execution:
    """Execute the nest as the mapping orders it, every MAC on its PE; `outside` memory levels lie outside the PEs.

    A mapping that does not cover the nest executes too: its MACs are then too few, its outputs wrong. ValueError if
    the mapping cannot be executed at all.
    """
    from simulator.verify.functional import Tensors, execute_mapping
    from simulator.verify.nest import make_tables, nest_record

    _check(mapping)
    padded, outputs = pad_inputs(nest, inputs), _empty_outputs(nest)
    busy = np.zeros((prod(mapping.arrays) * prod(mapping.rows), prod(mapping.columns)), np.int64)
    loops = nest_record(nest, mapping, outside, (padded.shape, weights.shape, outputs.shape))
    tensors = Tensors(padded.ravel(), weights.ravel(), outputs.ravel(), busy.ravel())
    macs, cycles = execute_mapping(loops, tensors, make_tables(nest, mapping))
    return Execution(outputs, int(macs), int(cycles), busy)


def verify_layer(layer: Layer, mapping: Mapping, seed: int = 0, outside: int = 1) -> VerifyResult:
    """Execute a layer's mapping on random integers and count the outputs that differ from plain convolution.

    `outside` is how many of the machine's memory levels lie outside its PEs.
    """
    nest = layer.nest
    if nest is None:
        raise ValueError(f"{layer.name} multiplies nothing: there is no mapping to verify")
    inputs, weights = random_tensors(nest, seed)
    executed = execute(nest, mapping, inputs, weights, outside)
    mismatches = int(np.count_nonzero(executed.outputs != convolve(nest, inputs, weights)))
    return VerifyResult(layer.name, executed.macs, nest.macs, executed.array_cycles, executed.outputs.size, mismatches)


def verify_network(pairs: Iterable[tuple[Layer, Mapping]], seed: int = 0, outside: int = 1) -> Iterator[VerifyResult]:
    """Yield a verdict per (layer, mapping); pairs of equal nest and mapping are executed once."""
    known: dict[tuple[LoopNest | None, Mapping], VerifyResult] = {}
    for layer, mapping in pairs:
        key = (layer.nest, mapping)
        if key not in known:
            known[key] = verify_layer(layer, mapping, seed, outside)
        yield replace(known[key], name=layer.name)


def pad_inputs(nest: LoopNest, inputs: Tensor) -> Tensor:
    """Return inputs with zeros around them, just as far as the nest's windows reach."""
    n, g, _, c, p, q, r, s = nest.bounds
    height = (p - 1) * nest.stride[0] + (r - 1) * nest.dilation[0] + 1
    width = (q - 1) * nest.stride[1] + (s - 1) * nest.dilation[1] + 1
    top, left = nest.padding[:2]
    padded = np.zeros((n, g, c, height, width), np.int8)
    inside = padded[..., top : top + inputs.shape[3], left : left + inputs.shape[4]]
    inside[...] = inputs[..., : inside.shape[3], : inside.shape[4]]
    return padded


def _empty_outputs(nest: LoopNest) -> Ints:
    return np.zeros(nest.bounds[:3] + nest.bounds[4:6], np.int64)


def _check(mapping: Mapping) -> None:
    """Refuse bounds below one and loops listed twice, which no machine can step through."""
    bounds = {name: getattr(mapping, name) for name in ("tile", "rows", "columns", "registers", "arrays")}
    orders = {name: getattr(mapping, name) for name in ("dram_order", "buffer_order", "registers_order")}
    for number, level in enumerate(mapping.inner, start=1):
        bounds[f"tile of level {number}"], orders[f"order of level {number}"] = level.tile, level.order
    for name, extents in bounds.items():
        if len(extents) != 8 or min(extents) < 1:
            raise ValueError(f"{name} must hold eight bounds of at least 1, not {extents}")
    for name, order in orders.items():
        if len(set(order)) != len(order):
            raise ValueError(f"{name} lists a dimension twice: {order}")


def _ints(values: Iterable[int]) -> Ints:
    return np.array([int(value) for value in values], np.int64)
