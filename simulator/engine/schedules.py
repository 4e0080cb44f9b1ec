"""The schedule of a run, as data to replay."""

from collections.abc import Sequence
from dataclasses import replace

from simulator.result.cores import CoresResult
from simulator.result.ledger import parts_of
from simulator.result.run import Run
from simulator.result.stacked import StackedResult
from simulator.schedule import Schedule, Stack
from simulator.schedule.choice import Split
from simulator.schedule.stacks import Place


def schedule_of(run: Run) -> Schedule | None:
    """Return the schedule of a run; None for a run of an older version, which does not tell where tensors stay."""
    inner = {layer.name for layer in run.layers if layer.stacked and layer.stacked.last != layer.name}
    stays = {layer.name for layer in run.layers if "outputs" in layer.on_chip}
    if stays - inner - {layer.name for layer in run.layers if layer.kept}:
        return None
    stacks: dict[tuple[str, str], list[str]] = {}
    for layer in run.layers:
        if layer.stacked:
            stacks.setdefault((layer.stacked.first, layer.stacked.last), []).append(layer.name)
    told = {layer.name: layer.stacked for layer in run.layers if layer.stacked}
    addresses: dict[Place, int] = {
        (layer.name, part.part): part.address for layer in run.layers for part in parts_of(layer)
    }
    if run.steady:
        addresses |= {(name, "frames"): weights.address for name, weights in run.steady.weights.items()}
    found = Schedule(tuple(_stack(ops, told[ops[0]]) for ops in stacks.values()), addresses)
    return _of_cores(found, run.cores) if run.cores else found


def _of_cores(schedule: Schedule, cores: CoresResult) -> Schedule:
    """Say what several cores do together."""
    splits = {name: Split(each.by, len(each.parts)) for name, each in cores.splits.items()}
    first = tuple(each.first for each in cores.ranges) if cores.together == "pipelined" else ()
    return replace(schedule, together=cores.together, splits=splits, pipeline=first)


def _stack(ops: Sequence[str], told: StackedResult) -> Stack:
    return Stack(tuple(ops), told.strip_rows, told.weights, told.overlap)
