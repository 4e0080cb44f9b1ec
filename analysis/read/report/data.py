"""All that a page shows of a run, as one tree of plain data: its scripts draw from it and know no formula."""

from analysis.read.objective import component_of, objective_of, operand_of
from analysis.read.plots.roofline import Level, levels_of, rows
from analysis.read.report.cards import cards
from analysis.read.report.layers import Data, column_data, energy_names, layer_data, short
from analysis.read.report.times import memory_data, spans_of, stack_data, timeline_data
from analysis.read.summary import frames_tell, summary_lines
from analysis.read.theme import (
    CATEGORIES,
    COMPONENT_LABELS,
    CYCLE_COLOURS,
    OPERAND_COLOURS,
    USE_COLOURS,
    USE_LABELS,
    component_colours,
)
from simulator.nest import OPERAND_NAMES
from simulator.result.causes import CAUSES
from simulator.result.run import CYCLE_PARTS, Run


def run_data(run: Run) -> Data:
    """Return everything that the page of a run shows; figures of layers are in the order of the parts named here."""
    return {
        "title": title_of(run),
        "about": about(run),
        "cards": cards(run, steady=frames_tell(run)),
        "summary": summary_lines(run),
        "columns": column_data(),
        "machine": machine_data(run),
        "causes": [{"name": CAUSES[part], "colour": CYCLE_COLOURS[part]} for part in CYCLE_PARTS],
        "uses": [{"name": USE_LABELS[name], "colour": colour} for name, colour in USE_COLOURS.items()],
        "operands": [{"name": name, "colour": OPERAND_COLOURS[name]} for name in OPERAND_NAMES],
        "levels": [COMPONENT_LABELS.get(level, level) for level in run.hardware.levels],
        "energy": energy_parts(run),
        "layers": layer_data(run),
        "rooflines": [roofline_data(level, run) for level in levels_of(run)],
        "stacks": stack_data(run),
        "spans": [span for name, span in spans_of(run).items() if span[1] > span[0]],
        "timeline": timeline_data(run),
        "memory": memory_data(run),
    }


def title_of(run: Run) -> str:
    """Name a run by what was simulated on what."""
    return f"{run.network.name} on {run.hardware.name}"


def about(run: Run) -> str:
    """Tell the options that figures depend on, and what made them."""
    options, version = run.options, run.provenance.get("squeezesim", "")
    choice = "mapped by file" if options.get("mapping") else f"{options.get('dataflow', 'best')} dataflow"
    return f"batch {options.get('batch', 1)}, {choice}, for {objective_of(run)}; squeezesim {version}".rstrip("; ")


def machine_data(run: Run) -> Data:
    """Return the size of the array and the clock."""
    machine = run.hardware
    return {
        "rows": machine.rows,
        "columns": machine.columns,
        "arrays": machine.arrays,
        "pes": machine.pes,
        "clock": machine.clock_hz,
    }


def energy_parts(run: Run) -> list[Data]:
    """Return for each part of the energy its component and its operand, each with its colour."""
    colours = component_colours(run.hardware.levels)
    return [
        {
            "component": COMPONENT_LABELS.get(component_of(part), component_of(part)),
            "component_colour": colours.get(component_of(part), CATEGORIES[-1]),
            "operand": operand_of(part),
            "operand_colour": OPERAND_COLOURS.get(operand_of(part), CATEGORIES[-1]),
        }
        for part in energy_names(run)
    ]


def roofline_data(level: Level, run: Run) -> Data:
    """Return the roof of a level, in MACs and bytes a cycle, and MACs a byte and a cycle of each layer below it."""
    title = "networks to the PEs" if level.networks else COMPONENT_LABELS.get(level.name, level.name)
    points = [
        [row["layer"], short(float(row["macs_per_byte"])), short(float(row["macs_per_cycle"]))]
        for row in rows(run)
        if row["level"] == level.name
    ]
    peak = run.hardware.peak_macs_per_cycle
    return {"title": title, "peak": peak, "bytes_per_cycle": level.bytes_per_cycle, "points": points}
