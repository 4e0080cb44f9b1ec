"""The redesign loop on SqueezeNext: its way on the paper's machine, what beats v5, what other machines prefer."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench
from analysis.drive.codesign.redesign import Bounds, Figures, Redesign, Trial, redesign
from analysis.drive.codesign.report import Illustration, Part, Section, Table
from analysis.drive.codesign.squeezenext_moves import Design, figures_of, problem_on, published_design
from analysis.read import units
from analysis.read.layout import Row
from analysis.read.objective import ENERGY
from analysis.read.pictures import Picture
from analysis.read.units import change, kilo, listed, millions
from simulator.hardware.load import load_hardware

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MACHINE = "squeezenext_16x16"
OTHERS = ("squeezenext_8x8", "flexible_168", "systolic_32x32")
SHOWN = 8  # trials of a step, and designs that beat v5
ABOUT_RUNS = 80  # of one redesign

V1, V5 = published_design("v1"), published_design("v5")

Way = Redesign[Design]


def redesign_on(
    bench: Bench,
    machine: str,
    bounds: Bounds,
    least_kernel: int = 3,
    known: dict[Design, Figures] | None = None,
    most: int | None = None,
) -> Way:
    """Redesign v1 for a machine, with at `most` so many simulations if that is bounded."""
    bench.expect(most or ABOUT_RUNS)
    return redesign(problem_on(bench, load_hardware(machine), bounds, least_kernel, most), V1, known)


def bounds_of(v5: Figures) -> Bounds:
    """Bound designs by what v5 has."""
    return Bounds(v5.macs, v5.params)


def loop_section(way: Way, held: Way, v5: Figures) -> Section:
    """Show the way from v1, move by move; `held` is the way that keeps the first layer at 5x5 or more."""
    rules = (
        "Starting from v1, each step simulates every move that the profile suggests: a smaller window for the first"
        " layer; a block from a stage to one that uses the array better; nothing narrower than the array; another order"
        " of 3x1 and 1x3; squeezing what the shortcut has made or what the block is given. Moves that take MACs or"
        f" parameters beyond v5's ({v5.macs:,} and {v5.params:,}) are ruled out. The move that saves most cycles is"
        " taken; where none saves a thousandth, the best pair of moves, the first of which may also move a block back"
        " to where it needs fewer parameters; until nothing pays."
    )
    parts: list[Part] = [rules, Illustration(_waterfall_picture(way, v5), _waterfall_caption(way, v5))]
    parts += [_steps_table(way), _first_trials(way), _direction(way.end.design), _held_text(held, v5)]
    return Section("The redesign loop", tuple(parts))


def _waterfall_picture(way: Way, v5: Figures) -> Picture:
    rows: list[Row] = [
        {"step": 0, "move": "v1", "cycles": way.start.figures.cycles, "saved": 0, **_sizes(way.start.figures)}
    ]
    for number, step in enumerate(way.steps, start=1):
        figures = step.taken.figures
        saved = step.before.cycles - figures.cycles
        rows.append(
            {"step": number, "move": step.taken.text, "cycles": figures.cycles, "saved": saved, **_sizes(figures)}
        )
    return Picture("waterfall", rows, lambda: _draw_waterfall(rows, v5))


def _sizes(figures: Figures) -> dict[str, int | float]:
    return {"macs": figures.macs, "params": figures.params, "energy": figures.energy_pj}


def _draw_waterfall(rows: Sequence[Row], v5: Figures) -> "Figure":
    figure, (axes,) = charts.panels(1, height=3.6)
    steps = [
        (str(row["move"]).replace("; ", "\n").replace("a block from ", "block, "), -float(row["saved"]))
        for row in rows[1:]
    ]
    charts.waterfall(axes, ("v1", float(rows[0]["cycles"])), steps, units.tick)
    axes.set_xticks(
        axes.get_xticks(),
        ["v1", *(name for name, _ in steps), "result"],
        rotation=40,
        ha="right",
        rotation_mode="anchor",
    )
    charts.reference(axes, v5.cycles, f"v5: {units.count(v5.cycles, digits=4)}")
    axes.set_ylabel("cycles")
    return figure


def _waterfall_caption(way: Way, v5: Figures) -> str:
    before = way.start.figures.cycles
    count = units.counted(len(way.steps), "step")
    text = f"From v1 to the end of the loop on {MACHINE}: {count}, {way.saving:.1%} fewer cycles"
    return f"{text}; v5 has {1 - v5.cycles / before:.1%} fewer."


def _steps_table(way: Way) -> Table:
    rows = [
        (
            "",
            "v1",
            kilo(way.start.figures.cycles),
            "-",
            millions(way.start.figures.macs),
            millions(way.start.figures.params),
            "-",
        )
    ]
    for number, step in enumerate(way.steps, start=1):
        figures = step.taken.figures
        rows.append(
            (
                str(number),
                step.taken.text,
                kilo(figures.cycles),
                f"{1 - figures.cycles / step.before.cycles:.1%}",
                millions(figures.macs),
                millions(figures.params),
                str(len(step.trials)),
            )
        )
    return Table(("step", "move", "K cycles", "saves", "MACs, M", "params, M", "tried"), tuple(rows))


def _first_trials(way: Way) -> str:
    """Tell what else the first step tried."""
    if not way.steps:
        return "No move pays."
    step = way.steps[0]
    tried = [f"{trial.text} {change(trial.figures.cycles, step.before.cycles)}" for trial in step.trials[:SHOWN]]
    used = [f"{use.stage} {units.percent(use.utilization)}" for use in step.before.stages]
    return f"The profile of v1, use of the array: {listed(used)}. The first step tried: {listed(tried)} cycles."


def _direction(design: Design) -> str:
    """Compare the direction in which the loop went with that of the paper's authors."""
    early, late = design.blocks[0] < V1.blocks[0], design.blocks[2] > V1.blocks[2]
    ours, theirs = ",".join(map(str, design.blocks)), ",".join(map(str, V5.blocks))
    points = {
        "a smaller first layer": design.kernel < V1.kernel,
        "fewer blocks in the first stage": early,
        "more blocks in the third": late,
        "squeezing the shortcut": design.squeezes == V5.squeezes,
    }
    shared = listed([point for point, holds in points.items() if holds])
    missing = [point for point, holds in points.items() if not holds]
    text = f"The loop ends at {design} (blocks {ours}; v5 has {theirs}). It shares with v5: {shared}."
    return text + (f" It does not share: {listed(missing)}." if missing else "")


def _held_text(held: Way, v5: Figures) -> str:
    end = held.end
    text = f"With the first layer held at 5x5, as the authors left it, the loop ends at {end.design}:"
    text += f" {held.saving:.1%} fewer cycles than v1, {change(end.figures.cycles, v5.cycles)} than v5."
    return text + " What either does to accuracy, no simulator knows: bounds on MACs and parameters are a stand-in."


def better_section(ways: Sequence[Way], v5: Figures) -> Section:
    """Show the designs within the bounds that are faster than v5 on the paper's machine."""
    bounds = bounds_of(v5)
    visited = {design: figures for way in ways for design, figures in way.visited.items()}
    inside = {d: f for d, f in visited.items() if bounds.keep(f)}
    faster = sorted((f.cycles, f.energy_pj, str(d), d) for d, f in inside.items() if f.cycles < v5.cycles)
    both = [entry for entry in faster if entry[1] < v5.energy_pj]
    text = (
        f"Of {len(visited)} designs on the way, {len(inside)} are within v5's MACs and parameters,"
        f" {len(faster)} of these faster than v5, {len(both)} of these at less energy, too."
    )
    rows = []
    for _, _, name, design in faster[:SHOWN]:
        f = inside[design]
        costs = (change(f.cycles, v5.cycles), change(f.energy_pj, v5.energy_pj, "less"))
        rows.append((name, kilo(f.cycles), *costs, millions(f.macs), millions(f.params)))
    table = Table(("design", "K cycles", "cycles than v5", "energy than v5", "MACs, M", "params, M"), tuple(rows))
    data: list[Row] = [
        {"design": str(d), "cycles": f.cycles, "energy": f.energy_pj, "within_bounds": int(bounds.keep(f)), **_sizes(f)}
        for d, f in visited.items()
    ]
    picture = Picture("designs", data, lambda: _draw_designs(visited, ways[0].end.figures, v5))
    caption = f"All designs that the loop simulated on {MACHINE}; those within v5's MACs and parameters apart."
    return Section("Better than v5 on this machine", (text, table, Illustration(picture, caption)))


def _draw_designs(visited: dict[Design, Figures], end: Figures, v5: Figures) -> "Figure":
    figure, (axes,) = charts.panels(1, height=3.4)
    bounds = bounds_of(v5)
    inside = [(f.cycles, f.energy_pj, "") for f in visited.values() if bounds.keep(f)]
    outside = [(f.cycles, f.energy_pj, "") for f in visited.values() if not bounds.keep(f)]
    marks = [(f.cycles, f.energy_pj, name) for name, f in (("v1", visited[V1]), ("v5", v5), ("loop", end))]
    series = {"within v5's bounds": inside, "beyond them": outside, "named": marks}
    charts.points(axes, series, units.tick, ENERGY.tick)
    axes.set(xlabel="cycles", ylabel="energy")
    return figure


def ends_on(bench: Bench, way: Way, bounds: Bounds) -> dict[str, Trial[Design]]:
    """Redesign v1 for other machines; return what the loop ends at by machine, this one's way first."""
    return {MACHINE: way.end} | {name: redesign_on(bench, name, bounds).end for name in OTHERS}


def machines_section(bench: Bench, ends: dict[str, Trial[Design]]) -> Section:
    """Try each machine's design on all of them."""
    designs = {"v1": V1, "v5": V5} | {f"for {name}": trial.design for name, trial in ends.items()}
    bench.expect(len(designs) * len(ends))
    cycles = {
        (name, machine): figures_of(bench.run(machine, design.spec)).cycles
        for name, design in designs.items()
        for machine in ends
    }
    rows: list[Row] = [
        {"design": name, "spec": design.spec, **{machine: cycles[name, machine] for machine in ends}}
        for name, design in designs.items()
    ]
    picture = Picture("machines", rows, lambda: _draw_machines(list(designs), list(ends), cycles))
    caption = "Cycles of each design on each machine, relative to v1 there."
    table = Table(
        ("machine", "its design", "fewer cycles than v1", "v5"),
        tuple(
            (
                machine,
                str(trial.design),
                f"{1 - trial.figures.cycles / cycles['v1', machine]:.1%}",
                f"{1 - cycles['v5', machine] / cycles['v1', machine]:.1%}",
            )
            for machine, trial in ends.items()
        ),
    )
    return Section("What other machines prefer", (table, _preference_text(ends), Illustration(picture, caption)))


def _preference_text(ends: dict[str, Trial[Design]]) -> str:
    """Tell which machines choose as the paper's does, choice by choice."""
    choices: dict[str, Callable[[Design], object]] = {
        "blocks": lambda design: design.blocks,
        "first layer": lambda design: design.kernel,
        "input of squeezes": lambda design: design.squeezes,
        "order": lambda design: design.order,
    }
    here, others = ends[MACHINE].design, {name: trial.design for name, trial in ends.items() if name != MACHINE}
    same = [
        f"the same {what}: {listed([name for name, design in others.items() if choice(design) == choice(here)])}"
        for what, choice in choices.items()
    ]
    return f"Machines that choose as {MACHINE} does: {'; '.join(same)}."


def _draw_machines(designs: Sequence[str], machines: Sequence[str], cycles: dict[tuple[str, str], int]) -> "Figure":
    figure, (axes,) = charts.panels(1, height=3.0)
    values = [[cycles[design, machine] / cycles["v1", machine] for machine in machines] for design in designs]
    charts.field(axes, machines, designs, values, lambda value: f"{value:.3f}", neutral=1.0)
    axes.set_xlabel("machine")
    axes.set_ylabel("design")
    return figure
