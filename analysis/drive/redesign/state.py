"""The steps of a redesign as a file: what was found so far, from which the same command goes on."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import TypeAdapter

from analysis.drive.redesign.limits import Limits
from analysis.drive.redesign.loop import Step, Trial
from simulator.caches import model_digest
from simulator.errors import InputError, Problem
from simulator.hardware.model import Hardware
from simulator.network.ir import Network
from simulator.result.facts import fingerprint
from simulator.source.files import read_text, write_atomically
from workloads.exporters import text_of
from workloads.load import load_network

NAME = "steps.json"
MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Stage:
    """A network on the way: the moves that led to it, what it costs, what else was tried, and itself as YAML."""

    moves: tuple[str, ...]
    levers: tuple[str, ...]
    cost: float
    cycles: int
    energy_pj: float
    macs: int
    params: int
    sram: int
    simulated: int
    others: tuple[tuple[str, float], ...]  # trials that were not taken, and their costs
    network: str


@dataclass(frozen=True, slots=True)
class Way:
    """All stages, the start first; `key` tells what was asked for."""

    key: str
    stages: tuple[Stage, ...]
    finished: bool = False

    @property
    def start(self) -> Stage:
        """The network as given."""
        return self.stages[0]

    @property
    def end(self) -> Stage:
        """The network that was arrived at."""
        return self.stages[-1]

    @property
    def saving(self) -> float:
        """Share of the cycles that the last network does without."""
        return 1 - self.end.cycles / self.start.cycles


OTHERS = 6  # trials that are kept of a step


def stage_of(trial: Trial, step: Step | None = None) -> Stage:
    """Return a stage as it is kept."""
    others = [each for each in (step.trials if step else ()) if each is not trial][:OTHERS]
    total = trial.run.total
    return Stage(
        moves=tuple(move.what for move in trial.moves),
        levers=tuple(move.lever for move in trial.moves),
        cost=trial.cost,
        cycles=total.cycles,
        energy_pj=total.energy_pj,
        macs=trial.size.macs,
        params=trial.size.params,
        sram=total.peak_sram_bytes,
        simulated=step.simulated if step else 1,
        others=tuple((each.text, each.cost) for each in others),
        network=text_of(trial.network, "yaml"),
    )


def key_of(machine: Hardware, network: Network, limits: Limits, objective: str | None) -> str:
    """Name what is asked for: machine, network, limits, objective, and the model."""
    return fingerprint([model_digest(), machine.document, text_of(network, "yaml"), asdict(limits), objective])


def save_way(way: Way, folder: Path) -> None:
    """Keep the steps."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / NAME, json.dumps(asdict(way), indent=1))


def kept_way(folder: Path, key: str) -> Way | None:
    """Return the steps kept in a folder, if any; raise InputError if they are those of another task."""
    file = folder / NAME
    if not file.exists():
        return None
    try:
        way = TypeAdapter(Way).validate_json(read_text(file, MOST_BYTES))
        if not way.stages:
            raise ValueError("no stages")
    except ValueError as error:
        raise InputError(Problem("not the steps of a redesign", str(file), expected="the file as it was")) from error
    if way.key != key:
        message = "holds the steps of another redesign: other machine, network, limits or version"
        raise InputError(Problem(message, str(file), expected="another folder, or this file removed"))
    return way


def network_of(stage: Stage) -> Network:
    """Return the network of a stage."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "network.yaml"
        write_atomically(file, stage.network)
        return load_network(str(file))
