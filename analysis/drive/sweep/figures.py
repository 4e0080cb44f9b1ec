"""What a sweep keeps of a simulation: the figures of a row."""

import json
from pathlib import Path
from traceback import extract_tb
from typing import TypeAlias

from analysis.read.objective import component_of, energy_by
from analysis.read.theme import COMPONENT_COLOURS
from simulator.errors import InputError
from simulator.network.ir import Network
from simulator.result.run import CYCLE_PARTS, Run

Figure: TypeAlias = int | float | str
Figures: TypeAlias = dict[str, Figure]

COLUMNS = (
    "cycles",
    "latency_s",
    "macs",
    "params",
    "utilization",
    "energy_pj",
    "energy_relative",
    "dram_bytes",
    "buffer_bytes",
    "peak_sram_bytes",
    "watts",
    "chip_watts",
    "peak_watts",
    "area_mm2",
    "pes",
    "buffer_capacity_bytes",
    "top1_percent",
    *(f"cycles_{part}" for part in CYCLE_PARTS),
    *(f"energy_{component}_pj" for component in COMPONENT_COLOURS),
    "problem",
)
"""The figures of a point in their order. `top1_percent` is the published accuracy of the network, where there is one;
`problem` says why a point could not be simulated, and then is all there is."""


def _column_of(part: str) -> str:
    """Component of an energy part; memories on chip of machines of several levels count as the buffer."""
    component = component_of(part)
    return component if component in COMPONENT_COLOURS else "buffer"


def figures_before(network: Network) -> Figures:
    """Return the figures that a network has before it is simulated."""
    figures: Figures = {"macs": network.macs, "params": network.params}
    if "top1_percent" in network.facts:
        figures["top1_percent"] = float(network.facts["top1_percent"])
    return figures


def figures_of(run: Run, network: Network) -> Figures:
    """Return the figures of a run."""
    total, machine = run.total, run.hardware
    energy = energy_by(_column_of, total.energy_parts)
    figures: Figures = {
        "cycles": total.cycles,
        "latency_s": total.latency_s,
        "utilization": total.utilization,
        "energy_pj": total.energy_pj,
        "watts": total.watts,
        "chip_watts": total.chip_watts,
        "peak_watts": machine.peak_watts,
        "dram_bytes": total.dram_bytes,
        "buffer_bytes": total.buffer_bytes,
        "peak_sram_bytes": total.peak_sram_bytes,
        "pes": machine.pes,
        "buffer_capacity_bytes": machine.buffer_bytes,
    }
    if machine.area_mm2 is not None:
        figures["area_mm2"] = machine.area_mm2
    if total.energy_relative is not None:
        figures["energy_relative"] = total.energy_relative
    figures |= figures_before(network) | {"macs": total.macs}
    figures |= {f"cycles_{part}": total.cycle_parts[part] for part in CYCLE_PARTS}
    return figures | {f"energy_{component}_pj": energy.get(component, 0.0) for component in COMPONENT_COLOURS}


def figures_of_problem(error: InputError) -> Figures:
    """Return why a point could not be simulated, in a line that knows nothing of files and places."""
    lines = []
    for problem in error.problems:
        head = ": ".join(part for part in (problem.path, problem.message) if part)
        details = [f"{name} {text}" for name, text in (("expected", problem.expected), ("got", problem.got)) if text]
        lines.append(f"{head} ({', '.join(details)})" if details else head)
    return {"problem": "; ".join(lines)}


def fault_text(error: Exception) -> str:
    """Return an error of the simulator itself, and where it came up, in a line.

    A fault is never a point's result: it tells nothing of the point, and goes with the bug.
    """
    message = "; ".join(str(error).splitlines())
    frames = extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{message and ': ' + message}{place}"


def to_json(figures: Figures) -> str:
    """Write figures so that reading them back yields the same bits."""
    return json.dumps(figures, separators=(",", ":"), allow_nan=False)


def from_json(text: str) -> Figures:
    """Read figures back; raise ValueError for what is none."""
    data = json.loads(text)
    if not isinstance(data, dict) or not ("cycles" in data or "problem" in data):
        raise ValueError("neither figures nor a problem")
    return data
