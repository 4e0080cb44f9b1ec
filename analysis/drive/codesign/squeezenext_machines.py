"""SqueezeNext redesigned for every bundled machine, each within a budget of simulations, beside v5."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench
from analysis.drive.codesign.redesign import Bounds, Trial
from analysis.drive.codesign.report import Illustration, Section, Table
from analysis.drive.codesign.squeezenext_moves import Design, figures_of
from analysis.drive.codesign.squeezenext_redesign import V1, V5, redesign_on
from analysis.read.layout import Row
from analysis.read.pictures import Picture
from analysis.read.units import listed
from simulator.errors import InputError
from simulator.hardware.load import list_hardware

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DESIGNS = 50
"""That are simulated for a machine: all of them in some minutes on two cores, with most single moves and some pairs."""


@dataclass(frozen=True, slots=True)
class OnMachine:
    """Cycles of v1, v5 and the design at which the loop ends on a machine."""

    machine: str
    v1: int
    v5: int
    end: Trial[Design]

    @property
    def cycles(self) -> tuple[float, float]:
        """Cycles of v5, and of the loop's design, relative to v1's."""
        return self.v5 / self.v1, self.end.figures.cycles / self.v1

    @property
    def choices(self) -> str:
        """What the design shares with v5 that v1 does not have."""
        design = self.end.design
        shared = {
            "first layer": design.kernel <= V5.kernel,
            "early blocks": design.blocks[0] < V1.blocks[0],
            "late blocks": design.blocks[2] > V1.blocks[2],
            "shortcut": design.squeezes == V5.squeezes,
        }
        return ", ".join(choice for choice, holds in shared.items() if holds) or "-"


def every_section(bench: Bench, bounds: Bounds, ends: Mapping[str, Trial[Design]]) -> tuple[Section, str]:
    """Redesign v1 for every bundled machine, and say in a sentence what that shows.

    `ends` are those of machines for which that is done without a budget.
    """
    found, unable = [], []
    for machine in list_hardware():
        try:
            v1, v5 = (figures_of(bench.run(machine, design.spec)).cycles for design in (V1, V5))
            end = ends.get(machine) or redesign_on(bench, machine, bounds, most=MOST_DESIGNS).end
            found.append(OnMachine(machine, v1, v5, end))
        except InputError:
            unable.append(machine)
    found.sort(key=lambda each: each.cycles[1])
    rules = (
        f"The same loop from v1 on each machine that is bundled, within v5's MACs and parameters: at most"
        f" {MOST_DESIGNS} designs are simulated for each, but for {listed(sorted(ends))}, which have no such bound."
    )
    rules += f" Not on {listed(unable)}, which cannot run it." if unable else ""
    rows: list[Row] = [
        {"machine": x.machine, "v1": x.v1, "v5": x.v5, "loop": x.end.figures.cycles, "spec": x.end.design.spec}
        for x in found
    ]
    picture = Picture("every_machine", rows, lambda: _draw(found))
    caption = "Cycles of v5, and of the loop's design for each machine, relative to v1 there."
    told = summary(found)
    return Section("On every machine", (rules, told, Illustration(picture, caption), _table(found))), told


def summary(found: Sequence[OnMachine]) -> str:
    """Say on how many machines the loop finds what v5's authors did, and what gains more."""
    beaten = [each for each in found if each.cycles[1] < each.cycles[0]]
    better = [each for each in found if each.cycles[0] < 1]
    text = f"On {len(better)} of {len(found)} machines v5 takes fewer cycles than v1;"
    text += f" on {len(beaten)} the loop from v1 ends with fewer than v5."
    rest = [each.machine for each in found if each not in beaten]
    return text + (f" Not on {listed(rest)}." if rest else "")


def _table(found: Sequence[OnMachine]) -> Table:
    rows = tuple(
        (
            each.machine,
            *(f"{1 - cycles:.1%}" for cycles in each.cycles),
            "yes" if each.cycles[1] < each.cycles[0] else "**no**",
            str(each.end.design),
            each.choices,
        )
        for each in found
    )
    return Table(("machine", "v5 saves", "the loop saves", "v5 beaten", "its design", "shared with v5"), rows)


def _draw(found: Sequence[OnMachine]) -> "Figure":
    figure, (axes,) = charts.panels(1, height=0.4 + 0.2 * len(found))
    names = [each.machine for each in found]
    charts.field(axes, ("v5", "the loop's design"), names, [each.cycles for each in found], "{:.3f}".format, neutral=1)
    axes.set_ylabel("machine")
    return figure
