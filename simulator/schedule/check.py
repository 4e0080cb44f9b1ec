"""Whether a machine can run a network by a schedule: every reason why not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise

from simulator.errors import nearest
from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import Network, Op
from simulator.network.lifetimes import Lifetime
from simulator.schedule.choice import Schedule
from simulator.schedule.fusion import fuse
from simulator.schedule.keeping import rounded
from simulator.schedule.placement import Block
from simulator.schedule.room import strip_bytes
from simulator.schedule.stacks import Flow, Place, Stack, blocks_of, flow_of, stacked_layers, weight_bytes
from simulator.schedule.tensors import Storage, candidates, occupancy, storage_of


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a schedule, at a path of its file."""

    path: tuple[str | int, ...]
    message: str
    expected: str | None = None
    got: str | None = None
    suggestion: str | None = None
    of_key: bool = False


def faults(schedule: Schedule, network: Network, hardware: Hardware) -> Iterator[Fault]:
    """Yield every reason why a machine cannot run a network by a schedule, what comes first before what follows."""
    fusion = fuse(network, hardware)
    storage = storage_of(network, fusion)
    flow = flow_of(network, fusion, storage)
    found = [fault for at in range(len(schedule.stacks)) for fault in _of_stack(schedule, at, flow, hardware)]
    found += [*_of_keeping(schedule, flow, network, hardware), *_of_frames(schedule, flow, hardware)]
    if found:
        yield from found
        return
    blocks: dict[Place, Block] = {
        (name, "whole"): block for name, block in candidates(network, hardware, fusion, storage).items()
    }
    needed = {place: blocks[place] for place in schedule.addresses if place in blocks}
    for stack in schedule.stacks:
        needed |= blocks_of(flow, stack, hardware)
    always = Lifetime(0, len(network.layers) - 1)
    frames = {name: weight_bytes(flow.groups[flow.place[name]], hardware) for name in schedule.frame_weights}
    needed |= {(name, "frames"): Block(always, size) for name, size in frames.items()}
    found = [*_of_addresses(schedule, needed, network, hardware)]
    yield from found or [*_of_readers(schedule, flow, storage, network), *_of_room(schedule, needed, flow, hardware)]


def _of_stack(schedule: Schedule, number: int, flow: Flow, hardware: Hardware) -> Iterator[Fault]:
    stack = schedule.stacks[number]
    path = ("stacks", number)
    if not hardware.runs_stacks:
        expected = "layers.stacks: depth_first, layers.keep_activations: true and no layout nchw in its file"
        yield Fault(path, f"{hardware.name} runs no stacks", expected)
        return
    unknown = [at for at, name in enumerate(stack.ops) if name not in flow.place]
    for at in unknown:
        message, name = "no op of the network that runs by itself", stack.ops[at]
        yield Fault((*path, "ops", at), message, None, name, nearest(name, flow.place))
    if unknown:
        return
    earlier = {name for each in schedule.stacks[:number] for name in each.ops}
    for at, name in enumerate(stack.ops):
        if name in earlier or name in stack.ops[:at]:
            yield Fault((*path, "ops", at), "the op is in a stack already", "each op in one stack", name)
            return
    yield from _of_flow(stack, path, flow)
    height = flow.height(flow.place[stack.ops[-1]])
    if not 1 <= stack.strip_rows <= height:
        expected = f"1 to {height} rows, which {stack.ops[-1]} makes"
        yield Fault((*path, "strip_rows"), "out of range", expected, str(stack.strip_rows))
    if stack.overlap not in hardware.overlaps:
        message = f"{hardware.name} does something else with rows that strips share"
        expected = f"{hardware.strip_overlap}, or layers.strip_overlap: either in its file"
        yield Fault((*path, "overlap"), message, expected, stack.overlap)
    if stack.weights == "held" and Operand.WEIGHTS not in hardware.activation_buffer.holds:
        message = f"{hardware.activation_buffer.name} holds no weights"
        yield Fault((*path, "weights"), message, "reloaded", "held")


def _of_flow(stack: Stack, path: tuple[str | int, ...], flow: Flow) -> Iterator[Fault]:
    """Yield why ops cannot go strip by strip together."""
    places = [flow.place[name] for name in stack.ops]
    for at, (before, place) in enumerate(pairwise(places), 1):
        if place != before + 1:
            expected = flow.name(before + 1) if before + 1 < len(flow.groups) else "the end of the stack"
            yield Fault((*path, "ops", at), "not the next op of the network", expected, stack.ops[at])
            return
    for at, place in enumerate(places):
        if not flow.stackable[place]:
            message = "the op does not go row by row"
            yield Fault(
                (*path, "ops", at), message, "convolutions, pools and what goes element by element", stack.ops[at]
            )
        elif place != places[-1] and not flow.inner(place, places[-1]):
            message = "what the op makes is read behind the stack"
            yield Fault((*path, "ops", at), message, "inner tensors that only the stack reads", stack.ops[at])
        elif flow.splits(place, places[0]):
            message = "the op reads tensors of the stack, and others"
            yield Fault((*path, "ops", at), message, "all of its inputs from within, or none", stack.ops[at])


def _of_keeping(schedule: Schedule, flow: Flow, network: Network, hardware: Hardware) -> Iterator[Fault]:
    """Yield tensors that cannot stay whole: of no op, inner ones of a stack, or of a machine that keeps none."""
    inner = stacked_layers(schedule.stacks)
    stay = [name for name, part in schedule.addresses if part == "whole"]
    if stay and not hardware.keeps_activations:
        yield Fault(("kept",), f"{hardware.name} keeps no tensors", "layers.keep_activations: true in its file")
        return
    fusion = fuse(network, hardware)
    able = candidates(network, hardware, fusion, storage_of(network, fusion))
    for name in stay:
        if name in inner:
            message = "the tensor is alive twice: it is an inner one of a stack"
            yield Fault(("kept", name), message, "whole, or in parts", of_key=True)
        elif name not in able:
            message = "no tensor that can stay" if name in flow.place else "no op of the network that runs by itself"
            expected = "what an op makes where another reads it"
            yield Fault(("kept", name), message, expected, suggestion=nearest(name, able), of_key=True)


def _of_frames(schedule: Schedule, flow: Flow, hardware: Hardware) -> Iterator[Fault]:
    """Yield weights that cannot stay from frame to frame: of no op that has some, or of a machine that keeps none."""
    names = schedule.frame_weights
    if names and not (hardware.keeps_activations and Operand.WEIGHTS in hardware.activation_buffer.holds):
        expected = "layers.keep_activations: true in its file, and a buffer that holds weights as well"
        yield Fault(("weights",), f"{hardware.name} keeps no weights beside tensors", expected)
        return
    loaded = [
        group.producer.name
        for group in flow.groups
        if group.producer.nest is not None and group.producer.op is not Op.MATMUL
    ]
    for name in names:
        if name not in loaded:
            message = "no op of the network that loads weights"
            yield Fault(("weights", name), message, suggestion=nearest(name, loaded), of_key=True)


def _of_addresses(
    schedule: Schedule, needed: dict[Place, Block], network: Network, hardware: Hardware
) -> Iterator[Fault]:
    """Yield blocks without an address, addresses without a block, and bytes that are beyond the memory or taken."""
    capacity, given = hardware.activation_buffer.capacity_bytes, schedule.addresses
    for name, part in sorted(given.keys() - needed.keys()):
        yield Fault(("parts", name), f"the stack has no such part: {part}", "the parts that it has", of_key=True)
    for name, part in sorted(needed.keys() - given.keys()):
        yield Fault(("parts", name, part), "the address is missing", f"where {needed[name, part].size_bytes} bytes lie")
    placed = {place: needed[place] for place in needed.keys() & given.keys()}
    for place, block in sorted(placed.items()):
        end = given[place] + block.size_bytes
        if end > capacity:
            expected = f"at most {capacity - block.size_bytes}: it has {block.size_bytes} of {capacity} bytes"
            yield Fault(_path(place), f"beyond {hardware.activation_buffer.name}", expected, str(given[place]))
    ends = {place: given[place] + block.size_bytes for place, block in placed.items()}
    for place, other in _in_the_way(placed, given):
        message = "bytes that are taken: both are alive at a time"
        yield Fault(_path(place), message, f"{ends[other]} or more, behind {' '.join(other)}", str(given[place]))


def _in_the_way(placed: Mapping[Place, Block], given: Mapping[Place, int]) -> Iterator[tuple[Place, Place]]:
    """Yield blocks that share bytes with others, each with one of these: those first that share with most."""
    shares: dict[Place, set[Place]] = {place: set() for place in placed}
    for first, second in combinations(sorted(placed, key=lambda place: (given[place], place)), 2):
        if given[first] + placed[first].size_bytes > given[second] and placed[first].meets(placed[second]):
            shares[first].add(second)
            shares[second].add(first)
    while any(shares.values()):
        worst = max(shares, key=lambda place: (len(shares[place]), given[place], place))
        yield worst, min(shares[worst], key=lambda place: (given[place], place))
        for other in shares.pop(worst):
            shares[other].discard(worst)


def _path(place: Place) -> tuple[str | int, ...]:
    name, part = place
    return ("kept", name) if part == "whole" else ("weights", name) if part == "frames" else ("parts", name, part)


def _of_readers(schedule: Schedule, flow: Flow, storage: Storage, network: Network) -> Iterator[Fault]:
    """Yield ops that find some of their inputs on chip and others not."""
    here = stacked_layers(schedule.stacks) | {name for name, part in schedule.addresses if part == "whole"}
    for at, group in enumerate(flow.groups):
        layer = group.producer
        reads = [storage[name] for name in layer.inputs] if layer.op is Op.MATMUL else [flow.own[at]]
        for read in reads:
            away = sorted(read - here)
            if read & here and away:
                message = f"{layer.name} finds some of its inputs on chip, others not"
                stays = sorted(read & here)[0]
                path = ("kept", stays) if (stays, "whole") in schedule.addresses else ("stacks",)
                yield Fault(path, message, f"all or none of {', '.join(sorted(read))}", of_key=len(path) == 2)


def _of_room(schedule: Schedule, blocks: dict[Place, Block], flow: Flow, hardware: Hardware) -> Iterator[Fault]:
    """Yield ops without room for a strip of their own tiles beside what is there."""
    capacity = hardware.activation_buffer.capacity_bytes
    alive = occupancy(
        [block for (_, part), block in blocks.items() if part != "frames"], max(flow.index, default=-1) + 1
    )
    here = stacked_layers(schedule.stacks) | {name for name, part in schedule.addresses if part == "whole"}
    for at, group in enumerate(flow.groups):
        layer, taken = group.producer, alive[flow.index[at]]
        strip = strip_bytes(layer, hardware, flow.own[at] <= here, layer.name in here)
        if taken and rounded(taken, capacity) + strip > capacity:
            message = f"over capacity in {layer.name}: {rounded(taken, capacity)} bytes stay, in sixteenths"
            yield Fault(("kept",), message, f"room for {strip} bytes of its tiles in {capacity}")
