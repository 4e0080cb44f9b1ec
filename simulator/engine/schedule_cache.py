"""Schedules that were found, for simulations of similar machines to share, by exactly what choosing them depends on."""

from dataclasses import astuple, dataclass
from typing import Any

from simulator.engine.mapping_cache import MappingCache
from simulator.engine.store import Rows, key_of
from simulator.hardware.model import Hardware
from simulator.network.ir import Network
from simulator.schedule import Schedule, Stack, schedules

Schedules = tuple[Schedule | None, ...]


@dataclass(frozen=True, slots=True)
class ScheduleKey:
    """What the choice of a schedule reads of a machine: which ops fuse, and what tensors and tiles take of the buffer.

    Not how fast anything is.
    """

    bits: tuple[int, int, int, int]  # of inputs, weights, outputs, partial sums
    edges: tuple[int, int]  # rows and columns of the array
    capacity_bytes: int
    double_buffered: bool
    holds: tuple[int, ...]  # operands
    fuses: tuple[str, ...]
    folds: tuple[str, ...]
    filters_behind: bool  # whether an engine runs depthwise layers behind the array
    strip_overlap: str


def schedule_key(hardware: Hardware) -> ScheduleKey:
    """Return the key of a machine that runs stacks."""
    buffer, array = hardware.activation_buffer, hardware.array
    return ScheduleKey(
        bits=(hardware.input_bits, hardware.weight_bits, hardware.output_bits, hardware.partial_sum_bits),
        edges=(array.rows, array.columns),
        capacity_bytes=buffer.capacity_bytes,
        double_buffered=buffer.double_buffered,
        holds=buffer.holds,
        fuses=tuple(sorted(hardware.fuses)),
        folds=tuple(sorted(hardware.folds)),
        filters_behind=hardware.depthwise is not None,
        strip_overlap=hardware.strip_overlap,
    )


def known_schedules(network: Network, hardware: Hardware, cache: MappingCache, rows: Rows) -> Schedules:
    """Return the schedules that a machine has to choose from, found once; see `simulator.schedule.schedules`."""
    if not hardware.runs_stacks:
        return (None,)
    key = key_of("schedules", schedule_key(hardware), network.inputs, network.outputs, network.layers)
    known = cache.schedules
    if key not in known:
        found = rows.recall(key, lambda: [_data(each) for each in schedules(network, hardware)])
        known[key] = tuple(_schedule(each) for each in found)
    known.move_to_end(key)
    if len(known) > cache.settings:
        known.popitem(last=False)
    return known[key]


def _data(schedule: Schedule | None) -> dict[str, Any] | None:
    """Return a schedule as the store holds it."""
    if schedule is None:
        return None
    stacks = [astuple(each) for each in schedule.stacks]
    return {"stacks": stacks, "addresses": [[*place, address] for place, address in schedule.addresses.items()]}


def _schedule(data: dict[str, Any] | None) -> Schedule | None:
    """Return the schedule that the store holds."""
    if data is None:
        return None
    stacks = tuple(Stack(tuple(ops), *others) for ops, *others in data["stacks"])
    return Schedule(stacks, {(name, part): address for name, part, address in data["addresses"]})
