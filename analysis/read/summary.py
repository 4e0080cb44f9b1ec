"""The few lines below a table: how long, how well used, where cycles and energy went."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from analysis.read import units
from analysis.read.layout import printable
from analysis.read.objective import component_of, energy_by, objective_of
from analysis.read.tables import cores_text, hidden_activations, stacks_text
from simulator.hardware.model import GAP
from simulator.mapping.dataflow import initials
from simulator.result.causes import parts_by_bottleneck
from simulator.result.run import Run
from simulator.result.stacked import dense_macs
from simulator.result.steady import spared_by_frames

SMALLEST_SHARE = 0.0005  # smaller shares are summed up as "other"
WITHIN = GAP + 1e-4  # a gap that needs no word
LEAST_SPARED = 0.01  # by frames one behind the other, likewise


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, in its own unit and as a fraction."""

    name: str
    value: float
    fraction: float


def shares(parts: Mapping[str, float]) -> list[Share]:
    """Return the parts, largest first (equal ones by name), with their fractions; nothing where all are zero."""
    whole = sum(parts.values())
    ordered = sorted(parts.items(), key=lambda part: (-part[1], part[0]))
    return [Share(name, value, value / whole) for name, value in ordered if value]


def cycles_by_bottleneck(run: Run) -> dict[str, int]:
    """Sum the cycles of layers by what bounds each."""
    return {cause: sum(parts.values()) for cause, parts in parts_by_bottleneck(run.layers).items()}


def cycles_by_op(run: Run) -> dict[str, int]:
    """Sum the cycles of layers by kind of op."""
    return _cycles_by(run, {layer.name: layer.op.value for layer in run.layers})


def cycles_by_dataflow(run: Run) -> dict[str, int]:
    """Sum the cycles of layers by the dataflow that each took."""
    return _cycles_by(run, {layer.name: layer.dataflow for layer in run.layers if layer.dataflow})


def summary_lines(run: Run) -> list[tuple[str, str]]:
    """Return label and text of each line of the summary."""
    total = run.total
    lines = [
        ("run", _run_text(run)),
        (
            "latency",
            f"{units.seconds(total.latency_s)}: {total.cycles:,} cycles at {units.clock(run.hardware.clock_hz)}"
            + (f", and {units.seconds(run.hardware.host_s)} of the host" if run.hardware.host_s else ""),
        ),
        ("MACs", f"{_macs_text(run)} on {run.hardware.pes} PEs, utilization {units.percent(total.utilization)}"),
        ("traffic", f"DRAM {units.size(total.dram_bytes)}, buffer {units.size(total.buffer_bytes)}"),
        ("memory", _memory_text(run)),
        ("stacks", stacks_text(run)),
        ("cores", cores_text(run)),
        ("energy", f"{_energy_text(run)}: {_shares_text(energy_by(component_of, total.energy_parts))}"),
        ("power", _power_text(run)),
        ("frames", _frames_text(run)),
        ("cycles", _shares_text(total.cycle_parts)),
        ("bound by", _bounds_text(run)),
        ("ops", _shares_text(cycles_by_op(run))),
        ("dataflows", _shares_text(cycles_by_dataflow(run), spell=True)),
        ("search", _search_text(run)),
        ("not shown", _hidden_text(run)),
    ]
    return [(label, text) for label, text in lines if text]


def _cycles_by(run: Run, kinds: Mapping[str, str]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for layer in run.layers:
        if layer.name in kinds:
            sums[kinds[layer.name]] += layer.cycles
    return dict(sums)


def _shares_text(parts: Mapping[str, float], *, spell: bool = False) -> str:
    """Write shares as "dram 62.0%, compute 38.0%", the smallest summed up; `spell` adds the initials."""
    found = shares(parts)
    shown = [share for share in found if share.fraction >= SMALLEST_SHARE]
    rest = sum(share.fraction for share in found[len(shown) :])
    named = [
        f"{share.name} ({initials(share.name)}) {units.percent(share.fraction)}"
        if spell
        else f"{share.name} {units.percent(share.fraction)}"
        for share in shown
    ]
    return ", ".join([*named, f"other {units.percent(rest)}"] if rest >= SMALLEST_SHARE else named)


def _bounds_text(run: Run) -> str:
    """Write what bounds how much of the time, and in parentheses what of that went to other causes.

    As in "compute 73.7% (3.4% dram), dram 20.8% (11.0% compute)": added up by cause this is the line of cycles.
    """
    split, whole = parts_by_bottleneck(run.layers), run.total.cycles
    texts = []
    for bound in shares(cycles_by_bottleneck(run)):
        others = [part for part in shares(split[bound.name]) if part.name != bound.name]
        told = [f"{units.percent(x.value / whole)} {x.name}" for x in others if x.value / whole >= SMALLEST_SHARE]
        more = f" ({', '.join(told)})" if told else ""
        texts.append(f"{bound.name} {units.percent(bound.fraction)}{more}")
    return ", ".join(texts)


def _macs_text(run: Run) -> str:
    executed = run.total.effective_macs
    gain = f"dense-equivalent speed-up {run.total.dense_speedup:.2f}"
    again = sum(dense_macs(layer) for layer in run.layers) - run.total.macs
    skipped = f", zero weights skipped: {gain}" if executed < run.total.macs + again else ""
    repeated = f", {units.count(again)} of them again in strips" if again else ""
    told = f" ({units.count(executed)} executed{repeated}{skipped})" if again or skipped else ""
    return f"{run.total.macs:,}{told}"


def _memory_text(run: Run) -> str:
    """Write how much of the activations' memory is taken at most, by which op, and what would keep every tensor."""
    total, full = run.total, run.network.full_residency_bytes
    if not total.peak_sram_bytes:
        return ""
    peak = f"peak SRAM {units.size(total.peak_sram_bytes)} of {units.size(run.hardware.activation_bytes)}"
    wholly = f"; all tensors between ops stay on chip from {units.size(full)}" if full else ""
    lost = f", {units.size(run.fragmentation_bytes)} lost between tensors" if run.fragmentation_bytes else ""
    return printable(f"{peak}, in {total.peak_sram_layer}{lost}{wholly}")


def _energy_text(run: Run) -> str:
    """Write joules, and what a relative table counts in."""
    amount, relative = units.energy(run.total.energy_pj), run.total.energy_relative
    if relative is None:
        return amount
    return printable(f"{amount}, {units.count(relative)} times that of a {run.hardware.energy_unit}")


def _power_text(run: Run) -> str:
    """Write watts, and frames, of which a batch holds several, a second and a joule."""
    total = run.total
    if not total.latency_s or not total.energy_pj:
        return ""
    rates = f"{units.count(run.frames_per_s)} frames/s, {units.count(run.frames_per_joule)} frames/J"
    if run.batch > 1:
        rates += f", {units.energy(total.energy_pj / run.batch)} a frame"
    return f"{units.power(total.watts)}, {units.power(total.chip_watts)} without DRAM; {rates}"


def frames_tell(run: Run) -> bool:
    """Whether frames one behind the other spare enough to be told of."""
    return spared_by_frames(run) >= LEAST_SPARED


def _frames_text(run: Run) -> str:
    """Write what frames take one behind the other, where that is a percent less than one takes on its own, or more."""
    steady = run.steady
    if steady is None or not (frames_tell(run) or run.cores):
        return ""
    rate = f"{units.count(run.steady_frames_per_s)} a second one behind the other"
    stay = f"; {units.size(steady.weight_bytes)} of weights stay meanwhile" if steady.weights else ""
    return f"{rate}: {steady.cycles:,} cycles, DRAM {units.size(steady.dram_bytes)}{stay}"


def _run_text(run: Run) -> str:
    options = run.options
    choice = "mapped by file" if options.get("mapping") else f"{options.get('dataflow')} dataflow"
    named = f"{run.network.name} on {run.hardware.name}, batch {options.get('batch')}"
    return printable(f"{named}, {choice} for {objective_of(run)}")


def _search_text(run: Run) -> str:
    """Write how many layers may be mapped better by more than a percent than they are, and which one by most."""
    gaps = {layer.name: layer.gap if layer.cycles_gap is None else layer.cycles_gap for layer in run.layers}
    searched = {name: gap for name, gap in gaps.items() if gap is not None}
    loose = {name: gap for name, gap in searched.items() if gap > WITHIN}
    if not loose:
        return ""
    worst = max(loose, key=lambda name: loose[name])
    proven = f"{len(searched) - len(loose)} of {units.counted(len(searched), 'mapping')} proven within 1% of the best"
    return printable(f"{proven}; {worst} takes {units.percent(loose[worst])} more than its bound (--prove goes on)")


def _hidden_text(run: Run) -> str:
    hidden = hidden_activations(run)
    return f"{units.counted(hidden, 'activation')} at no cost, fused or folded" if hidden else ""
