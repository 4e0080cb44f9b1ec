"""Name a point by its content: machine, network, options, and the model that simulates them."""

import hashlib
import json
from functools import cache
from pathlib import Path

from analysis.drive.sweep.plan import Plan, Point, machine_document, machine_settings, options_of, spec_of
from simulator.caches import model_digest
from simulator.errors import InputError
from simulator.result.facts import fingerprint
from simulator.source import Document
from simulator.source.files import obstacle, read_bytes
from simulator.source.locate import locate
from simulator.source.parser import MAX_BYTES
from workloads.load import load_network


class Keys:
    """Works out the keys of a plan's points; what points share is read and hashed once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.model = model_digest()
        self.machine_digests: dict[tuple[int, ...], str] = {}
        self.network_digests: dict[str, str | InputError] = {}

    def key(self, point: Point) -> str:
        """Return the key of a point; raise InputError if its network cannot be built."""
        machine, network = self._machine(point), self._network(point)
        text = json.dumps([self.model, machine, network, *options_of(self.plan, point)])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _machine(self, point: Point) -> str:
        index = self.plan.machine_index(point)
        if index not in self.machine_digests:
            document = machine_document(self.plan, point.machine, machine_settings(self.plan, point))
            self.machine_digests[index] = machine_digest(document)
        return self.machine_digests[index]

    def _network(self, point: Point) -> str:
        spec = spec_of(self.plan, point)
        if spec not in self.network_digests:
            try:
                self.network_digests[spec] = fingerprint(load_network(spec))
            except InputError as error:
                self.network_digests[spec] = error
        found = self.network_digests[spec]
        if isinstance(found, InputError):
            raise found
        return found


def machine_digest(document: Document) -> str:
    """Hash what a machine's document says, order aside, and the files of dataflows and energy tables that axes name."""
    folder = Path(document.file).parent
    flows, energy = document.data.get("dataflows"), document.data.get("energy")
    names = [("dataflows", name) for name in (flows if isinstance(flows, list) else ())] + [("energy", energy)]
    files = [_file_digest(folder, kind, name) for kind, name in names if isinstance(name, str)]
    return hashlib.sha256(json.dumps([document.data, files], sort_keys=True).encode()).hexdigest()


@cache
def _file_digest(folder: Path, kind: str, name: str) -> str:
    """Hash a dataflow or energy table; a name that leads nowhere has no content, and fails when it is simulated."""
    try:
        beside = folder / name
        path = beside if name.endswith((".yaml", ".yml")) and obstacle(beside) is None else locate(name, kind, kind)
        return hashlib.sha256(read_bytes(path, MAX_BYTES)).hexdigest()
    except (InputError, OSError):
        return ""
