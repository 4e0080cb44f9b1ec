"""Laws that every run obeys, whatever the machine, network and mapping.

They guard against a model that loses or invents cycles, energy or bytes; a violation is a bug of the simulator (or a
tampered file), never of the user's input.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import isclose

from simulator.result.causes import bottleneck
from simulator.result.cores import broken_cores, busy_pe_cycles
from simulator.result.ledger import broken_ledger
from simulator.result.run import (
    CYCLE_PARTS,
    NO_BUFFERS,
    LayerResult,
    MachineFacts,
    Run,
    relative_energy,
    shared,
    total_of,
    utilization,
)
from simulator.result.stacked import dense_macs
from simulator.result.steady import broken_steady

RELATIVE_TOLERANCE = 1e-9  # of float sums


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken law: where (a layer's name, or "total"), which field, and the figures."""

    where: str
    field: str
    law: str
    figures: str

    def __str__(self) -> str:
        """Tell the violation in one line."""
        return f"{self.where}: {self.field}: {self.law}: {self.figures}"


class LawViolation(AssertionError):
    """At least one law is broken; `violations` lists them all."""

    def __init__(self, violations: list[Violation]) -> None:
        """Keep every violation; the message shows the first ten."""
        self.violations = violations
        shown = [str(violation) for violation in violations[:10]]
        more = [f"... and {len(violations) - 10} more"] if len(violations) > 10 else []
        super().__init__("\n".join(["a conservation law is broken", *shown, *more]))


def assert_laws(run: Run, lawful: Collection[str] = ()) -> None:
    """Raise `LawViolation` unless the run obeys every law; see `broken_laws`."""
    violations = list(broken_laws(run, lawful))
    if violations:
        raise LawViolation(violations)


def broken_laws(run: Run, lawful: Collection[str] = ()) -> Iterator[Violation]:
    """Find every broken law of a run.

    Layers named `lawful` are known to be equal, but for names, to some that obeyed those of a layer on the same
    machine: only what they have to do with others is looked at.
    """
    operands = {layer.name: len(layer.input_shapes) for layer in run.layers}
    for layer in run.layers:
        if layer.name in lawful:
            continue
        yield from _parts(layer, run.hardware)
        yield from _work(layer, run)
        yield from _time(layer, run)
        residuals = sum(max(1, operands.get(name, 1) - 1) for name in layer.fused)
        yield from _bytes(layer, run, max(layer.dma_runs, max(1, layer.tiles) * (1 + residuals)))
        yield from _prices(layer, run)
        yield from _room(layer, run.hardware)
    yield from _fused(run)
    yield from (Violation(*broken) for broken in broken_ledger(run))
    yield from (Violation(*broken) for broken in broken_steady(run))
    yield from (Violation(*broken) for broken in broken_cores(run))
    yield from _totals(run)


def _parts(layer: LayerResult, machine: MachineFacts) -> Iterator[Violation]:
    """Parts are known, never negative, and add up."""
    name = layer.name
    unknown = sorted(set(layer.cycle_parts) - set(CYCLE_PARTS))
    if unknown:
        yield Violation(name, "cycle_parts", "parts are known", ", ".join(unknown))
    for field, parts in (("cycle_parts", layer.cycle_parts), ("energy_parts", layer.energy_parts)):
        negative = [f"{key} = {value}" for key, value in parts.items() if value < 0]
        if negative:
            yield Violation(name, field, "no part is negative", ", ".join(negative))
    cycles = sum(layer.cycle_parts.values())
    if cycles != layer.cycles:
        yield Violation(name, "cycles", "sum of cycle parts = cycles", f"{cycles} != {layer.cycles}")
    energy = sum(layer.energy_parts.values())
    if not _equal(energy, layer.energy_pj):
        yield Violation(name, "energy_pj", "sum of energy parts = energy", f"{energy} != {layer.energy_pj}")
    relative = relative_energy(layer.energy_pj, machine.energy_unit, machine.energy_unit_pj)
    if not _equal(relative or 0.0, layer.energy_relative or 0.0):
        figures = f"{layer.energy_relative} != {relative}"
        yield Violation(name, "energy_relative", "relative energy x its unit = energy", figures)


def _work(layer: LayerResult, run: Run) -> Iterator[Violation]:
    """PEs do no more MACs than the layer has, nor than they have time for; so utilization is at most 1.

    Only rows that are computed again add to them.
    """
    pes, own, most = run.hardware.pes, layer.stacked, dense_macs(layer)
    if own and own.again_rows and own.overlap == "kept":
        figures = f"{own.again_rows} rows"
        yield Violation(layer.name, "stacked.again_rows", "no row is made twice that is kept", figures)
    if not 0 <= layer.effective_macs <= most:
        figures = f"{layer.effective_macs} of {most}"
        yield Violation(layer.name, "effective_macs", "effective MACs are 0 to all of the layer's", figures)
    peak = run.hardware.peak_macs_per_cycle
    capacity = layer.cycles * peak
    if layer.effective_macs > capacity:
        figures = f"{layer.effective_macs} > {capacity}"
        yield Violation(layer.name, "effective_macs", "busy PE-cycles <= cycles x PEs", figures)
    if not 0 <= layer.mapped_pes <= pes:
        yield Violation(layer.name, "mapped_pes", "mapped PEs are within the array", f"{layer.mapped_pes} of {pes}")
    busy = busy_pe_cycles(layer, run) * run.hardware.macs_per_cycle
    if layer.mapped_pes and layer.effective_macs > busy:
        figures = f"{layer.effective_macs} > {busy}"
        yield Violation(layer.name, "mapped_pes", "busy PE-cycles <= MAC cycles x mapped PEs", figures)
    expected = utilization(layer.effective_macs, layer.cycles, peak)
    if not _equal(layer.utilization, expected):
        figures = f"{layer.utilization} != {expected}"
        yield Violation(layer.name, "utilization", "utilization = MACs executed / (cycles x peak)", figures)
    if not 0 <= layer.utilization <= 1:
        yield Violation(layer.name, "utilization", "utilization is within [0, 1]", str(layer.utilization))


def _time(layer: LayerResult, run: Run) -> Iterator[Violation]:
    """A layer takes at least each of its bounds, and what needs most of its time bounds it; DMA takes what bytes take.

    Its DRAM traffic may be paid earlier where weights are prefetched.
    """
    most = bottleneck(layer.cycle_parts, layer.bounds)
    if layer.bottleneck != most:
        yield Violation(layer.name, "bottleneck", "what needs most of the time bounds", f"{layer.bottleneck} != {most}")
    for resource, bound in sorted(layer.bounds.items()):
        overlapped = resource == "dram" and run.hardware.layer_order != "serial"
        if layer.cycles < bound and not overlapped:
            yield Violation(layer.name, f"bounds.{resource}", "cycles >= bound", f"{layer.cycles} < {bound}")
    rate = run.hardware.dram_bytes_per_cycle
    if rate and layer.dma_runs and run.hardware.layer_order != "prefetch_weights":
        least = layer.bytes_at("dram") / rate
        if layer.dma_cycles < least * (1 - RELATIVE_TOLERANCE):
            yield Violation(
                layer.name, "dma_cycles", "DMA cycles >= bytes / bandwidth", f"{layer.dma_cycles} < {least}"
            )


def _bytes(layer: LayerResult, run: Run, runs: int) -> Iterator[Violation]:
    """What leaves DRAM enters the memory next to it, and each level delivers at least what the layer touches.

    Zero weights that are skipped are not read in registers, nor is what strips without registers multiply.
    DRAM moves whole bursts: of each of so many contiguous runs (of each tile one at least, and one of each residual
    operand), less than one burst at either end is not wanted; of atoms of channels, one channel is. Residual operands
    come in words of outputs and count as words of inputs. What goes past all memories outside the PEs is shared out on
    the way.
    """
    dram = layer.traffic.get("dram", {})
    for operand in sorted(set(dram) - {"outputs", *run.hardware.compressed}):
        home = home_of(layer, operand, run)
        if home is None or home in run.hardware.levels_in_pe:
            continue
        left, entered = dram[operand].read_bytes, layer.traffic[home][operand].write_bytes
        least, most = sorted((1.0, run.hardware.residual_width))
        most *= run.hardware.atom_channels
        burst = run.hardware.burst_bytes  # of a run of addresses, both ends may lie within one, or within a byte
        end = max(burst, 1 if run.hardware.whole_bytes else 2) - 1
        spare = 2 * runs * end if layer.dma_runs else max(1, runs * burst) - 1
        if not entered * least <= left <= entered * most + spare:
            figures = f"{left} != {entered}, in {runs} runs"
            yield Violation(layer.name, f"traffic.dram.{operand}", "bytes out of DRAM = bytes into the buffer", figures)
    for level in run.hardware.levels[1:]:
        for operand, traffic in sorted(layer.traffic.get(level, {}).items()):
            footprint = layer.footprint_bytes.get(operand, 0)
            skipped = level == "rf" and (layer.effective_macs < dense_macs(layer) or _passes_registers(layer, run))
            if operand != "outputs" and not skipped and traffic.read_bytes < footprint:
                figures = f"{traffic.read_bytes} < {footprint}"
                yield Violation(layer.name, f"traffic.{level}.{operand}", "reads >= footprint", figures)


def _passes_registers(layer: LayerResult, run: Run) -> bool:
    """Whether some strips or slices of a layer keep operands in registers and others do not, as their dataflows say."""
    mappings = [each.mapping for each in layer.stacked.shapes] if layer.stacked else []
    if run.cores and layer.name in run.cores.splits:
        mappings = [part.mapping for part in run.cores.splits[layer.name].parts]
    return len({mapping.get("retains", True) for mapping in mappings if mapping}) > 1


def _room(layer: LayerResult, machine: MachineFacts) -> Iterator[Violation]:
    """What stays and the tiles beside it have room; an op that no cut makes small enough streams as finely as any."""
    taken = layer.sram_bytes if layer.dataflow else layer.alive_bytes
    if taken > machine.activation_bytes:
        yield Violation(
            layer.name, "tile_bytes", "bytes on chip <= capacity", f"{layer.sram_bytes} > {machine.activation_bytes}"
        )


def home_of(layer: LayerResult, operand: str, run: Run) -> str | None:
    """Return the outermost memory on chip that holds an operand, or None where the layer has none."""
    memories = (level for level in run.hardware.levels[1:] if level not in NO_BUFFERS)
    return next((level for level in memories if operand in layer.traffic.get(level, {})), None)


def _prices(layer: LayerResult, run: Run) -> Iterator[Violation]:
    """Energy is traffic x price at every level and operand, and actions x price besides.

    A gated MAC costs less than a full one, and so do its registers; what is set up between layers does not leak.
    """
    machine, parts = run.hardware, layer.energy_parts
    if not machine.energy_pj_per_byte:
        return
    most = layer.effective_macs * machine.energy_pj_per_action["mac"]
    share = parts.get("mac", 0.0) / most if most else 1.0
    expected = {
        f"{level}.{operand}": traffic.total_bytes
        * machine.energy_pj_per_byte[level][operand]
        * shared(level, operand, share)
        for level, operands in layer.traffic.items()
        for operand, traffic in operands.items()
    }
    running = layer.cycles - layer.cycle_parts.get("configuration", 0)
    for each in ("leakage", "clock"):
        expected[each] = running * machine.energy_pj_per_action.get(each, 0.0)
    for part in sorted(expected.keys() | {name for name in parts if "." in name}):
        unknown_share = not most and part in ("rf.weights", "rf.outputs")
        if not unknown_share and not _equal(parts.get(part, 0.0), expected.get(part, 0.0)):
            figures = f"{parts.get(part, 0.0)} != {expected.get(part, 0.0)}"
            yield Violation(layer.name, f"energy_parts.{part}", "energy = traffic x price", figures)
    if parts.get("mac", 0.0) > most * (1 + RELATIVE_TOLERANCE):
        figures = f"{parts['mac']} > {most}"
        yield Violation(layer.name, "energy_parts.mac", "energy of MACs <= MACs x price", figures)


def _fused(run: Run) -> Iterator[Violation]:
    """A layer that is fused into another, or folded away, costs nothing of its own."""
    producers, names = run.producer_of(), {layer.name for layer in run.layers}
    for missing in sorted(set(producers) - names):
        yield Violation(producers[missing], "fused", "fused layers are layers of the network", missing)
    for layer in run.layers:
        free = layer.folded or layer.name in producers
        if free and (layer.cycles or layer.energy_pj or layer.traffic):
            figures = f"{layer.cycles} cycles, {layer.energy_pj} pJ"
            yield Violation(layer.name, "cycles", "a folded or fused layer costs nothing", figures)


def _totals(run: Run) -> Iterator[Violation]:
    """Totals are the sums over layers, and the network's MACs are all there."""
    expected, total = total_of(run.layers, run.hardware), run.total
    for field in (
        "cycles",
        "macs",
        "effective_macs",
        "dram_bytes",
        "buffer_bytes",
        "cycle_parts",
        "peak_sram_bytes",
        "peak_sram_layer",
    ):
        got, want = getattr(total, field), getattr(expected, field)
        if got != want:
            yield Violation("total", field, "total = sum over layers", f"{got} != {want}")
    for field in ("latency_s", "utilization", "dense_speedup", "energy_pj", "energy_relative"):
        got, want = getattr(total, field), getattr(expected, field)
        if not _equal(got or 0.0, want or 0.0):
            yield Violation("total", field, "total = sum over layers", f"{got} != {want}")
    same_keys = total.energy_parts.keys() == expected.energy_parts.keys()
    if not same_keys or not all(_equal(value, expected.energy_parts[key]) for key, value in total.energy_parts.items()):
        figures = f"{total.energy_parts} != {expected.energy_parts}"
        yield Violation("total", "energy_parts", "total = sum over layers", figures)
    for field in ("macs", "params"):
        counted = sum(getattr(layer, field) for layer in run.layers)
        if counted != getattr(run.network, field):
            figures = f"{counted} != {getattr(run.network, field)}"
            yield Violation("network", field, "layers account for all of the network's", figures)
    dram_bound = sum(layer.bounds.get("dram", 0) for layer in run.layers)
    if run.total.cycles < dram_bound:
        yield Violation("total", "cycles", "cycles >= DRAM bound", f"{run.total.cycles} < {dram_bound}")


def _equal(left: float, right: float) -> bool:
    return isclose(left, right, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12)
