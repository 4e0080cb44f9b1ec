"""What experiments simulate with: machines varied from bundled ones, and runs that share what they have in common."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

from analysis.drive.sweep.axes import replaced
from simulator.engine import simulate
from simulator.engine.mapping_cache import Memory
from simulator.hardware.load import read_hardware
from simulator.hardware.model import Hardware
from simulator.network.ir import Network
from simulator.result.run import Run
from simulator.source import load_yaml
from simulator.source.locate import locate
from simulator.source.parser import Value

Progress = Callable[[int, int, str], None]


class Bench:
    """Runs simulations one after the other and tells a progress bar of each."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress or (lambda done, total, what: None)
        self._memory = Memory(settings=256)
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
        run = simulate(hardware, network, batch=batch, dataflow=dataflow, objective=objective, memory=self._memory)
        self._done += 1
        self._progress(self._done, max(self._done, self._expected), f"{run.network.name} on {run.hardware.name}")
        return run


def varied(name: str, settings: Mapping[str, Value]) -> Hardware:
    """Return a bundled machine with other values at dotted paths of its file.

    >>> varied("squeezenext_16x16", {"array.rows": 32}).array.pes
    512
    """
    document = load_yaml(locate(name, "", "machine"))
    for path, value in settings.items():
        parts = tuple(int(part) if part.isdecimal() else part for part in path.split("."))
        document = replace(document, data=cast("dict[str, Value]", replaced(document.data, parts, value)))
    return read_hardware(document)
