"""What bounds a layer, in figures and in a sentence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from analysis.read import units
from analysis.read.losses import PeCycles, pe_cycles
from simulator.result.causes import CAUSES, NETWORKS
from simulator.result.run import LayerResult, Run
from simulator.result.stacked import dense_macs

WELL_USED = 0.75  # of the PE-cycles
REPEATED = 1.05  # times its footprint: from here on an operand is told to be loaded again
STALLS = tuple(cause for cause in CAUSES if cause != "compute")
"""Causes of cycles in which no PE multiplies."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What bounds a layer: a cause, the verdict in words, and the evidence, a sentence each."""

    bound_by: str
    verdict: str
    evidence: tuple[str, ...]
    use: PeCycles


def verdict_of(layer: LayerResult, run: Run) -> Verdict:
    """Judge a layer by its run."""
    use = pe_cycles(layer, run)
    if not layer.cycles:
        return Verdict("", "costs nothing: it is fused into its producer or folded into addressing", (), use)
    sentences = [*_time(layer, run), *EVIDENCE[layer.bottleneck](layer, run)]
    if layer.macs:
        sentences += [*_array(layer, run), _use_text(use)]
    return Verdict(layer.bottleneck, _judgement(layer, run, use), tuple(sentences), use)


def _judgement(layer: LayerResult, run: Run, use: PeCycles) -> str:
    """Name the largest loss of PE-cycles, or say that there is little to lose."""
    if not layer.macs:
        return f"no MACs: the time is that of {CAUSES[layer.bottleneck]}"
    if use.fraction("executed") >= WELL_USED:
        return f"the array is well used ({units.percent(use.fraction('executed'))}): only less work saves time"
    stalls = {cause: layer.cycle_parts.get(cause, 0) / layer.cycles for cause in STALLS}
    cause = max(stalls, key=lambda name: stalls[name])
    if stalls[cause] >= max(use.fraction("spatial"), use.fraction("temporal")):
        return _stall_text(cause, stalls[cause], layer, run)
    if use.spatial >= use.temporal:
        left = f"{run.hardware.pes - layer.mapped_pes} of {run.hardware.pes} PEs are left out"
        return f"{left}: {_channels(layer)} on a {run.hardware.rows}x{run.hardware.columns} array"
    return f"edges: loops do not divide by the array, {units.percent(use.fraction('temporal'))} of the PE-cycles idle"


def _stall_text(cause: str, share: float, layer: LayerResult, run: Run) -> str:
    waits = f"PEs wait {units.percent(share)} of the time for {CAUSES[cause]}"
    if cause != "dram" or run.hardware.dram_bytes_per_cycle is None:
        return waits
    best = layer.effective_macs / max(1, sum(layer.footprint_bytes.values()))
    if best < _ridge(run):
        return f"{waits}: {_few_macs(layer)}"
    return f"{waits}: more bytes move than the layer has, or too late"


def _few_macs(layer: LayerResult) -> str:
    """Say why even bytes that move once make few MACs: weights serve few outputs, or channels are few."""
    if layer.footprint_bytes.get("weights", 0) > sum(layer.footprint_bytes.values()) / 2:
        uses = layer.macs // max(1, layer.params)
        return f"most bytes are weights, and each is used {f'{uses} times' if uses > 1 else 'once'}"
    return f"{_channels(layer)} make too few MACs of a byte"


def _channels(layer: LayerResult) -> str:
    channels, filters = layer.input_shapes[0][1] // layer.groups, layer.output_shape[1] // layer.groups
    each = f", in each of {layer.groups} groups" if layer.groups > 1 else ""
    return f"{units.counted(channels, 'channel')} in and {filters} out{each}"


def _ridge(run: Run) -> float:
    """MACs a byte at which DRAM feeds all PEs."""
    rate = run.hardware.dram_bytes_per_cycle
    return run.hardware.peak_macs_per_cycle / rate if rate else 0.0


def _time(layer: LayerResult, run: Run) -> Iterator[str]:
    share = units.percent(layer.cycles / run.total.cycles)
    macs = f" for {units.percent(layer.macs / run.total.macs)} of the MACs" if layer.macs else ""
    yield f"{layer.cycles:,} cycles, {share} of the network's{macs}"
    needs = sorted(layer.bounds.items(), key=lambda item: -item[1])
    if needs:
        yield "alone, each would need at least " + ", ".join(f"{name} {cycles:,}" for name, cycles in needs) + " cycles"


def _array(layer: LayerResult, run: Run) -> Iterator[str]:
    """Tell what lies on the array: dimensions and bounds of rows and columns."""
    mapping = layer.mapping or {}
    axes = []
    for axis, length in (("rows", run.hardware.rows), ("columns", run.hardware.columns)):
        loops = mapping.get(axis)
        axes.append(f"{' x '.join(loops) if isinstance(loops, list) and loops else 'nothing'} on {length} {axis}")
    if mapping and layer.mapped_pes:
        yield f"{layer.dataflow}: {' and '.join(axes)}: {layer.mapped_pes} of {run.hardware.pes} PEs"


def _use_text(use: PeCycles) -> str:
    parts = [f"{name} {units.percent(use.fraction(name))}" for name in ("executed", "spatial", "temporal", "stall")]
    return "of the PE-cycles: " + ", ".join(parts)


def _dram(layer: LayerResult, run: Run) -> Iterator[str]:
    """Tell intensity and ridge, and what moves more than once."""
    moved = layer.bytes_at("dram")
    peak = f"; from {_ridge(run):.3g} on, DRAM could feed all PEs" if layer.macs else ""
    yield f"DRAM moves {units.size(moved)}, {layer.effective_macs / max(1, moved):.3g} MACs a byte{peak}"
    if layer.macs:
        least = sum(layer.footprint_bytes.values())
        yield f"moved once, its {units.size(least)} would give {layer.effective_macs / max(1, least):.3g} MACs a byte"
    for operand, traffic in layer.traffic.get("dram", {}).items():
        footprint = layer.footprint_bytes.get(operand, 0)
        if footprint and traffic.total_bytes > REPEATED * footprint:
            times = traffic.total_bytes / footprint
            yield f"{operand} cross {times:.3g} times their {units.size(footprint)}: {_size_of_buffers(run)}"


def _size_of_buffers(run: Run) -> str:
    return f"buffers hold {units.size(run.hardware.buffer_bytes)}"


def _compute(layer: LayerResult, run: Run) -> Iterator[str]:
    """Tell how long PEs multiply."""
    compute = layer.cycle_parts.get("compute", 0)
    yield f"PEs multiply in {compute:,} cycles, {units.percent(compute / layer.cycles)} of the time"
    if layer.effective_macs < (dense := dense_macs(layer)):
        yield f"{units.percent(1 - layer.effective_macs / dense)} of the MACs are skipped zero weights"
    if dense > layer.macs:
        yield f"{units.percent(dense / layer.macs - 1)} more MACs than the layer has: strips compute rows again"


def _network(layer: LayerResult, run: Run) -> Iterator[str]:
    """Tell what the slowest network carries."""
    operand = max(NETWORKS, key=lambda name: layer.bounds.get(name, 0))
    rate = run.hardware.network_bytes_per_cycle.get(operand)
    cycles = layer.bounds.get(operand, 0)
    if rate:
        yield f"the network of {operand} carries {units.size(int(rate * cycles))} at {rate:g} bytes a cycle"


def _vector(layer: LayerResult, run: Run) -> Iterator[str]:
    """Tell how long the vector unit works."""
    busy = layer.cycle_parts.get("vector", 0)
    yield f"the vector unit works {busy:,} cycles, {units.percent(busy / layer.cycles)} of the time"


def _part(layer: LayerResult, run: Run) -> Iterator[str]:
    """Tell how many of the cycles went to what bounds the layer."""
    cycles = layer.cycle_parts.get(layer.bottleneck, 0)
    yield f"{CAUSES[layer.bottleneck]} takes {cycles:,} cycles, {units.percent(cycles / layer.cycles)} of the time"


EVIDENCE: dict[str, Callable[[LayerResult, Run], Iterator[str]]] = {
    "compute": _compute,
    "configuration": _part,
    "delivery": _network,
    "dram": _dram,
    "preload": _part,
    "skew": _part,
    "vector": _vector,
}
"""Cause that bounds a layer -> a function that yields sentences of evidence."""
