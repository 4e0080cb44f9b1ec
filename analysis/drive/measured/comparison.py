"""Simulate what was measured, and put ours beside each figure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from analysis.drive.accuracy.bounds import deviation
from analysis.drive.measured.measurements import CYCLE, Measurement
from simulator import simulate
from simulator.engine.mapping_cache import MappingCache
from simulator.errors import InputError, Problem, nearest
from simulator.hardware.model import Hardware
from simulator.network.ir import Network
from simulator.result.run import LayerResult, Run
from workloads.load import load_network

Progress = Callable[[int, int, str], None]
JOINS = "+"
PICOSECONDS = 10**12


@dataclass(frozen=True, slots=True)
class Pair:
    """A measured figure and ours in the same unit; `layers` are those that it is of."""

    measured: Measurement
    run: Run
    layers: tuple[LayerResult, ...]

    @property
    def per_unit(self) -> float:
        """What one of the measurement's unit is of what our layers have: of cycles, bytes or picojoules."""
        own = self.measured
        in_time = own.quantity.name == "time" and own.unit != CYCLE
        return own.quantity.units[own.unit] * (self.run.hardware.clock_hz / PICOSECONDS if in_time else 1)

    @property
    def ours(self) -> float:
        """Our figure: the sum over the layers, and what the host takes of a whole network's time."""
        own = self.measured
        found = fsum(own.quantity.measure.of_layer(layer) for layer in self.layers)
        if own.quantity.name == "time" and not own.layer:
            found += self.run.hardware.host_s * self.run.hardware.clock_hz
        return found / self.per_unit

    @property
    def deviation(self) -> float:
        """Ours against what was measured, as a fraction of it."""
        return deviation(self.measured.value, self.ours)

    @property
    def name(self) -> str:
        """What was measured, layer or network."""
        return f"{self.measured.subject} {self.measured.layer}".rstrip()


def compare_measured(
    hardware: Hardware, measurements: Sequence[Measurement], progress: Progress | None = None
) -> tuple[Pair, ...]:
    """Simulate every network that was measured, once for each batch; raise InputError for layers it does not have."""
    networks, cache = measured_networks(measurements), MappingCache()

    def run_of(subject: str, at: int) -> Run:
        if progress:
            progress(at, len(networks), subject)
        return simulate(hardware, networks[subject], cache=cache)

    return paired(measurements, {subject: run_of(subject, at) for at, subject in enumerate(networks)})


def measured_networks(measurements: Sequence[Measurement]) -> dict[str, Network]:
    """Return what was measured, by subject."""
    subjects = {own.subject: own for own in measurements}
    return {subject: load_network(own.network, own.batch) for subject, own in subjects.items()}


def paired(measurements: Sequence[Measurement], runs: Mapping[str, Run]) -> tuple[Pair, ...]:
    """Put ours, of the run of each subject, beside each figure; raise InputError for layers that are not there."""
    problems: list[Problem] = []
    pairs = [Pair(own, runs[own.subject], tuple(_layers(own, runs[own.subject], problems))) for own in measurements]
    if problems:
        raise InputError(*dict.fromkeys(problems))
    return tuple(pairs)


def _layers(own: Measurement, run: Run, problems: list[Problem]) -> Iterator[LayerResult]:
    """Yield the layers that a measurement is of, and add those that the network does not have to the problems."""
    known = {layer.name: layer for layer in run.layers}
    if not own.layer:
        yield from run.layers
        return
    names = [own.layer] if own.layer in known else [name.strip() for name in own.layer.split(JOINS)]
    for name in names:
        if name in known:
            yield known[name]
        else:
            expected = f"a layer of {run.network.name}, as `simulate show {own.network}` lists them"
            problems.append(own.problem("no such layer", expected, name, nearest(name, known)))
    if all(name in known and not known[name].cycles for name in names):
        producer = run.producer_of().get(names[0])
        message = f"the layer is fused into {producer}" if producer else "the layer takes no time of its own"
        expected = f"one figure for {producer or 'its neighbour'}{JOINS}{own.layer}"
        problems.append(own.problem(message, expected, own.layer))
