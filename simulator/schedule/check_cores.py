"""Whether a machine's cores can run a network as a schedule says: every reason why not."""

from collections.abc import Iterator
from itertools import pairwise

from simulator.errors import nearest
from simulator.hardware.model import Hardware
from simulator.network.ir import Network
from simulator.schedule.check import Fault
from simulator.schedule.choice import Schedule, Split
from simulator.schedule.split import OpOfCores, most_slices, ops_of_cores


def faults_of_cores(schedule: Schedule, network: Network, hardware: Hardware) -> Iterator[Fault]:
    """Yield every reason why the cores of a machine cannot do what a schedule says."""
    keys = [("cores", schedule.together != "split"), ("split", schedule.splits), ("pipeline", schedule.pipeline)]
    used = [key for key, there in keys if there]
    if not used:
        return
    if hardware.cores == 1:
        yield Fault((used[0],), f"{hardware.name} has one core", "`cores: 2` or more in its file")
        return
    for key, way in (("split", "split"), ("pipeline", "pipelined")):
        if key in used and schedule.together != way:
            yield Fault((key,), f"goes with `cores: {way}`", f"`cores: {way}`", f"`cores: {schedule.together}`")
    ops = {op.planned.layer.name: op for op in ops_of_cores(network, hardware)}
    for name, split in schedule.splits.items():
        yield from _of_split(name, split, ops, hardware)
    if schedule.together == "pipelined":
        yield from _of_pipeline(schedule.pipeline, list(ops), hardware)


def _of_split(name: str, split: Split, ops: dict[str, OpOfCores], hardware: Hardware) -> Iterator[Fault]:
    path = ("split", name)
    if name not in ops:
        yield Fault(path, "no op of the network that runs by itself", None, name, nearest(name, ops), of_key=True)
        return
    most = most_slices(ops[name])
    if most.get(split.by, 1) == 1:
        able = ", ".join(by for by, units in most.items() if units > 1) or "no way: it runs on one core"
        yield Fault(path, f"{name} cannot be cut by {split.by}", able, split.by)
    elif not 2 <= split.cores <= min(hardware.cores, most[split.by]):
        least, limit = 2, min(hardware.cores, most[split.by])
        expected = f"{least} to {limit}: cores of the machine, and {split.by} of the op"
        yield Fault(path, "cut over too many cores, or none", expected, str(split.cores))


def _of_pipeline(first: tuple[str, ...], running: list[str], hardware: Hardware) -> Iterator[Fault]:
    place = {name: at for at, name in enumerate(running)}
    for at, name in enumerate(first):
        if name not in place:
            message = "no op of the network that runs by itself"
            yield Fault(("pipeline", at), message, None, name, nearest(name, running))
            return
    if not 0 < len(first) <= hardware.cores:
        yield Fault(("pipeline",), "a range of ops for each core", f"1 to {hardware.cores} ops", str(len(first)))
    elif first[0] != running[0]:
        yield Fault(("pipeline", 0), "the first core begins with the first op", running[0], first[0])
    for at, (before, name) in enumerate(pairwise(first), 1):
        if place[name] <= place[before]:
            yield Fault(("pipeline", at), "ranges follow one another as ops do", f"an op behind {before}", name)
