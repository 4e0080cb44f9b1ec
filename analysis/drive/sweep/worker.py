"""A process that works for another: of a sweep, it takes points, simulates them, and hands back their figures."""

import signal
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Generic, Protocol, TypeVar

from analysis.drive.sweep.figures import fault_text, figures_of, figures_of_problem, to_json
from analysis.drive.sweep.plan import Plan, machine_document, machine_settings, options_of, point_of, spec_of
from simulator.engine.mapping_cache import MappingCache
from simulator.errors import InputError
from simulator.hardware.load import read_hardware
from simulator.hardware.model import Hardware
from simulator.network.ir import Network
from workloads.load import load_network

T = TypeVar("T")
F_co = TypeVar("F_co", covariant=True)

MOST_KEPT = 256  # machines and networks, each


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished point: its figures as JSON, of bad input too; or the fault of the simulator, which has no figures."""

    number: int
    figures: str
    fault: str = ""


class Workshop:
    """Simulates points of a plan; machines and networks are made once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.machines: _Kept[Hardware] = _Kept()
        self.networks: _Kept[Network] = _Kept()
        self.cache = MappingCache(settings=MOST_KEPT)

    def finish(self, number: int) -> Finished:
        """Simulate a point; a fault of the simulator is told and stops nothing."""
        try:
            return Finished(number, self._figures(number))
        except InputError as error:
            return Finished(number, to_json(figures_of_problem(error)))
        except Exception as error:
            return Finished(number, "", fault_text(error))

    def _figures(self, number: int) -> str:
        from simulator.engine import Options, simulate

        plan = self.plan
        point = point_of(plan, number)
        batch, dataflow, objective = options_of(plan, point)
        settings, spec = machine_settings(plan, point), spec_of(plan, point)
        machine = self.machines.get(
            plan.machine_index(point), lambda: read_hardware(machine_document(plan, point.machine, settings))
        )
        network = self.networks.get((spec, batch), lambda: load_network(spec, batch))
        run = simulate(machine, network, Options(dataflow, objective), cache=self.cache, threads=1)
        return to_json(figures_of(run, network))


class _Kept(Generic[T]):
    """Things made on demand, of which the latest are kept."""

    def __init__(self) -> None:
        self.things: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the thing of that key, made now if it is not there."""
        if key in self.things:
            self.things.move_to_end(key)
        else:
            self.things[key] = make()
            if len(self.things) > MOST_KEPT:
                self.things.popitem(last=False)
        return self.things[key]


class Shop(Protocol[F_co]):
    """What finishes tasks by their numbers."""

    def finish(self, number: int) -> F_co:
        """Finish a task."""


def serve(make: Callable[[], Shop[object]], connection: Connection) -> None:
    """Finish tasks as they come, until the parent closes the connection or is gone.

    Ctrl-C reaches every process of a terminal; the parent alone decides what follows.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    shop = make()
    with suppress(EOFError, OSError):
        while True:
            connection.send(shop.finish(connection.recv()))
