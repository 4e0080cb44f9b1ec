"""What is known of a plan's points before any is simulated: their keys, and which of them need no simulation."""

from dataclasses import dataclass, field

from analysis.drive.estimate.command import NoAccuracy
from analysis.drive.sweep.columns import accuracy_of, ruled_out
from analysis.drive.sweep.figures import Figures, fault_text, figures_before, figures_of_problem
from analysis.drive.sweep.keys import Keys
from analysis.drive.sweep.plan import Plan, Point, machine_document, machine_settings, options_of, point_of, spec_of
from simulator.errors import InputError
from simulator.hardware.load import read_hardware
from simulator.result.facts import machine_facts
from workloads.load import load_network


@dataclass(frozen=True, slots=True)
class Census:
    """Points by number: keys, "" where there is nothing to simulate.

    `unbuilt` are those whose network cannot be built, `excluded` those that cannot meet a constraint, and in `faults`
    the simulator itself failed.
    """

    keys: tuple[str, ...]
    unbuilt: dict[int, Figures] = field(default_factory=dict)
    excluded: dict[int, str] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)


class Counter:
    """Tells of one point after the other; what points share is worked out once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.namer = Keys(plan)
        self.machines: dict[tuple[int, ...], Figures] = {}
        self.networks: dict[tuple[str, int], Figures] = {}

    def key(self, point: Point) -> str:
        """Return the key of a point; raise InputError if its network cannot be built."""
        return self.namer.key(point)

    def before(self, point: Point) -> Figures:
        """Return the figures that a point has without being simulated; of a machine that is none, there are none."""
        index, network = self.plan.machine_index(point), (spec_of(self.plan, point), options_of(self.plan, point)[0])
        if network not in self.networks:
            self.networks[network] = figures_before(load_network(*network))
        if index not in self.machines:
            self.machines[index] = self._machine(point)
        return self.machines[index] | self.networks[network] if self.machines[index] else {}

    def _machine(self, point: Point) -> Figures:
        settings = machine_settings(self.plan, point)
        try:
            facts = machine_facts(read_hardware(machine_document(self.plan, point.machine, settings)))
        except InputError:
            return {}
        figures: Figures = {
            "pes": facts.pes,
            "buffer_capacity_bytes": facts.buffer_bytes,
            "peak_watts": facts.peak_watts,
        }
        return figures if facts.area_mm2 is None else figures | {"area_mm2": facts.area_mm2}

    def excluded(self, point: Point) -> str:
        """Return the constraints that a point cannot meet; "" if none is known."""
        known = self.before(point) if self.plan.constraints else {}
        return ruled_out(self.plan, point, known) if known else ""


def take_census(plan: Plan) -> Census:
    """Look at every point of a plan."""
    counter = Counter(plan)
    keys = [""] * plan.points
    census = Census(())
    for number in range(plan.points):
        point = point_of(plan, number)
        try:
            reason = counter.excluded(point)
            if reason:
                census.excluded[number] = reason
            else:
                keys[number] = counter.key(point)
                accuracy_of(plan, point)  # a command that fails does so before anything is simulated
        except NoAccuracy:
            raise
        except InputError as error:
            census.unbuilt[number] = figures_of_problem(error)
        except Exception as error:
            census.faults[number] = fault_text(error)
    return Census(tuple(keys), census.unbuilt, census.excluded, census.faults)
