"""A machine and a network with the options of a run: what levers change and the public API simulates."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from simulator.energy.table import EnergyTable
from simulator.engine.mapping_cache import Memory
from simulator.errors import InputError, Problem
from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.network.ir import Network
from simulator.result.run import Run

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Design:
    """Everything that a simulation depends on; `dataflows` are those that the machine names, in its order."""

    hardware: Hardware
    dataflows: tuple[Dataflow, ...]
    energy: EnergyTable
    network: Network
    dataflow: str
    objective: str

    def with_hardware(self, **changes: object) -> "Design":
        """Return the design with other values in its machine."""
        return replace(self, hardware=replace(self.hardware, **changes))  # type: ignore[arg-type]

    def with_array(self, **changes: object) -> "Design":
        """Return the design with other values in its machine's array."""
        return self.with_hardware(array=replace(self.hardware.array, **changes))  # type: ignore[arg-type]

    def simulate(self, memory: Memory) -> Run:
        """Simulate the design; `memory` is handed what only this run knows: its own dataflows and energy table."""
        from simulator import simulate

        memory.dataflows.update(zip(self.hardware.dataflows, self.dataflows, strict=True))
        memory.tables[self.hardware.energy] = self.energy
        return simulate(
            self.hardware, self.network, dataflow=self.dataflow, objective=self.objective, memory=memory
        )  # fmt: skip


def design_of(run: Run) -> Design:
    """Return what a run was made of; raise InputError for one that does not tell."""
    if run.subject is None:
        expected = "a run that was saved by this version, which holds machine and network"
        raise InputError(Problem("the run does not say what was simulated", path="subject", expected=expected))
    subject, options = run.subject, run.options
    return Design(
        subject.hardware,
        subject.dataflows,
        subject.energy,
        subject.network,
        str(options.get("dataflow", "best")),
        str(options.get("objective", "cycles")),
    )


@dataclass(frozen=True, slots=True)
class Change:
    """A changed design: by which lever, where, and in words what was changed from what into what.

    `target` is the machine's, a stage's or a layer's name; several alike layers are told by the first of them.
    """

    lever: str
    target: str
    what: str
    design: Design


class CannotChange(Exception):
    """Why a network does not allow a change, in a few words."""
