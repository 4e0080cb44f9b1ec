"""What experiments simulate with: machines varied from bundled ones, and runs that share what they have in common."""

from collections.abc import Callable, Mapping

from simulator import simulate
from simulator.engine.mapping_cache import MappingCache
from simulator.hardware.load import load_hardware
from simulator.hardware.model import Hardware
from simulator.hardware.vary import vary
from simulator.network.ir import Network
from simulator.result.run import Run
from simulator.source.parser import Value

Progress = Callable[[int, int, str], None]


class Bench:
    """Runs simulations one after the other and tells a progress bar of each."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress or (lambda done, total, what: None)
        self._cache = MappingCache(settings=256)
        self._done = self._expected = 0

    def expect(self, runs: int) -> None:
        """Tell how many more runs are to come."""
        self._expected += runs

    def run(
        self,
        hardware: str | Hardware,
        network: str | Network,
        *,
        batch: int = 1,
        dataflow: str = "best",
        objective: str | None = None,
    ) -> Run:
        """Simulate a network on a machine."""
        run = simulate(hardware, network, batch=batch, dataflow=dataflow, objective=objective, cache=self._cache)
        self._done += 1
        self._progress(self._done, max(self._done, self._expected), f"{run.network.name} on {run.hardware.name}")
        return run


def varied(name: str, settings: Mapping[str, Value]) -> Hardware:
    """Return a bundled machine with other values at dotted paths of its file.

    >>> varied("squeezenext_16x16", {"array.rows": 32}).array.pes
    512
    """
    return vary(load_hardware(name), settings)
