"""Frames one behind the other: which weights stay on chip meanwhile, and what a frame takes then."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from simulator.engine.player import Player
from simulator.engine.run_choice import best_run
from simulator.engine.schedules import schedule_of
from simulator.errors import InputError, Problem
from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import Network, Op
from simulator.result.run import LayerResult, Run, total_of
from simulator.result.steady import KeptWeights, Steady
from simulator.schedule import PlannedOp, Schedule, plan
from simulator.schedule.fusion import fuse
from simulator.schedule.stacks import weight_bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """A run of one frame, its ops, and who played them."""

    run: Run
    ops: tuple[PlannedOp, ...]
    player: Player


def with_steady(frame: Frame, network: Network, hardware: Hardware, given: Schedule | None) -> Run:
    """Return a run with what a frame takes among many, if that is better by the run's objective.

    Weights that stay are those of a schedule that is given; else, on machines that plan what stays on chip, those that
    find room beside all tensors that stay and the tiles of every op, as it is mapped.
    """
    run, able = frame.run, _able(frame.ops, network, hardware)
    told, schedule = given.frame_weights if given else {}, given or schedule_of(frame.run)
    plans_memory = hardware.keeps_activations and Operand.WEIGHTS in hardware.activation_buffer.holds
    wanted = [name for name in told if name in able] if given else [*able] if plans_memory else []
    if not wanted and hardware.layer_order != "prefetch_weights":
        return run
    ops = plan(network, hardware, schedule, frozenset(wanted)) if wanted else frame.ops
    layers = frame.player.again(0).play(ops) if wanted else run.layers
    stay = wanted if given else _that_fit(run, layers, {name: able[name] for name in wanted})
    ops = tuple(own if own.layer.name in stay else op for op, own in zip(frame.ops, ops, strict=True))
    size = sum(able[name] for name in stay)
    layers = frame.player.again(size).play(ops, frames=True)
    steady = replace(run, layers=tuple(layers), total=total_of(layers, run.hardware))
    addresses = told if given else _addresses(run.hardware.activation_bytes - size, stay, able)
    if given and stay:
        _check_room(layers, size, hardware)
    elif best_run([run, steady], str(run.options["objective"])) is run:
        return run
    weights = {name: KeptWeights(addresses[name], able[name]) for name in stay}
    total = steady.total
    peak = total.peak_sram_bytes + size
    return replace(run, steady=Steady(total.cycles, total.latency_s, total.energy_pj, total.dram_bytes, peak, weights))


def _able(ops: Sequence[PlannedOp], network: Network, hardware: Hardware) -> dict[str, int]:
    """Bytes of weights by op, and of what is fused into it, of those that are loaded in every frame."""
    groups = fuse(network, hardware).groups
    return {
        op.layer.name: weight_bytes(groups[op.layer.name], hardware)
        for op in ops
        if op.runs and op.layer.nest is not None and op.layer.op is not Op.MATMUL and not op.resident[Operand.WEIGHTS]
    }


def _that_fit(run: Run, there: Sequence[LayerResult], able: Mapping[str, int]) -> list[str]:
    """Choose the weights that stay: those first that cross DRAM most often, as long as every op has its room.

    An op whose own weights stay has no tiles of them (`there`, where all do). As that may be what leaves others no
    room, all are tried until none more fits.
    """
    taken = {layer.name: layer.kept_bytes + layer.tile_bytes for layer in run.layers}
    own = {layer.name: layer.kept_bytes + layer.tile_bytes for layer in there}
    dram = {layer.name: layer.traffic.get("dram", {}).get("weights") for layer in run.layers if layer.name in able}
    often = {name: moved.read_bytes / able[name] for name, moved in dram.items() if moved}
    room, stay, before = run.hardware.activation_bytes, dict[str, int](), -1
    while len(stay) > before:
        before = len(stay)
        for name in sorted((name for name in often if name not in stay), key=lambda name: -often[name]):
            tried = stay | {name: able[name]}
            size, peak = sum(tried.values()), max(own[n] if n in tried else taken[n] for n in taken)
            if size + max(peak, run.top_bytes) <= room:
                stay = tried
    return [*stay]


def _addresses(begin: int, stay: Collection[str], able: Mapping[str, int]) -> dict[str, int]:
    """Put weights one behind the other into the end of the memory."""
    addresses = {}
    for name in stay:
        addresses[name] = begin
        begin += able[name]
    return addresses


def _check_room(layers: Sequence[LayerResult], size: int, hardware: Hardware) -> None:
    """Refuse weights of a schedule file that leave an op no room for its tiles."""
    capacity = hardware.activation_buffer.capacity_bytes
    most = max(layers, key=lambda layer: layer.kept_bytes + layer.tile_bytes)
    taken = most.kept_bytes + most.tile_bytes
    if size + taken > capacity:
        message = f"over capacity in {most.name}: weights that stay from frame to frame leave no room for its tiles"
        raise InputError(Problem(message, path="weights", expected=f"at most {capacity - taken} bytes", got=str(size)))
