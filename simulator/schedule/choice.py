"""Choose what stays on chip and what runs in stacks: what saves most DRAM bytes and finds room and addresses."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal, NamedTuple, TypeAlias

from simulator.hardware.model import Hardware
from simulator.network.ir import Network, Op
from simulator.network.shapes import tensor_bytes
from simulator.schedule.fusion import Fusion
from simulator.schedule.keeping import Bundle, Option, Step, schedule
from simulator.schedule.placement import Block, place
from simulator.schedule.room import strip_bytes
from simulator.schedule.stacks import Place, Stack, StackChoice, blocks_of, choices, flow_of
from simulator.schedule.tensors import KeptTensors, Storage, candidates

SplitBy: TypeAlias = Literal["filters", "rows", "samples"]
"""What is cut of an op that several cores run together."""
Together: TypeAlias = Literal["split", "pipelined", "frames"]
"""What several cores do: parts of one op, ops of their own, or frames of their own."""


class Split(NamedTuple):
    """How an op is cut, and over how many cores."""

    by: SplitBy
    cores: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """What runs in stacks, and where in the activations' buffer lies what stays there.

    That are tensors, parts of stacks, and weights from frame to frame.

    Of several cores, it says what they do `together`: each op in `splits` is cut that way, others run on one; or each
    core has ops of its own, of which those in `pipeline` are the first; or `frames`.
    """

    stacks: tuple[Stack, ...] = ()
    addresses: Mapping[Place, int] = field(default_factory=dict)
    together: Together = "split"
    splits: Mapping[str, Split] = field(default_factory=dict)
    pipeline: tuple[str, ...] = ()

    @property
    def frame_weights(self) -> dict[str, int]:
        """Where weights lie that stay from frame to frame, by op."""
        return {name: address for (name, part), address in self.addresses.items() if part == "frames"}


def choose_schedule(
    network: Network, hardware: Hardware, fusion: Fusion, storage: Storage, offered: Sequence[StackChoice] = ()
) -> Schedule:
    """Choose the tensors that stay in the buffer, and stacks: those that save most DRAM bytes; see `keeping.schedule`.

    Stacks are among those `offered`; of equal ones the first.

    All that stay leave room for a strip of the op that runs, see `strip_bytes`. An op finds all of its inputs there or
    none of them; a product, each factor. A tensor that finds no address does not stay, nor do those read with it; a
    stack without one for each of its parts does not run as one.
    """
    capacity, found = hardware.activation_buffer.capacity_bytes, candidates(network, hardware, fusion, storage)
    saved, flow = saved_bytes(hardware, fusion, storage, found), flow_of(network, fusion, storage)
    fused = fusion.producer_of.keys() if offered else ()
    together = _together(network, storage, found, fused) if hardware.keeps_activations else []
    stacks = list(offered)
    while True:
        bundles = [_bundle(names, found, saved) for names in together]
        steps = _steps(network, hardware, fusion, storage, together)
        numbers = {name: number for number, names in enumerate(together) for name in names}
        kept, chosen = schedule(bundles, steps, capacity, [_option(stack, numbers) for stack in stacks])
        blocks: dict[Place, Block] = {(name, "whole"): found[name] for number in kept for name in together[number]}
        for number in chosen:
            blocks |= blocks_of(flow, stacks[number].stack, hardware)
        addresses = place(blocks, capacity)
        if len(addresses) == len(blocks):
            return Schedule(tuple(stacks[number].stack for number in chosen), addresses)
        lost = blocks.keys() - addresses.keys()
        together = [names for names in together if not lost & {(name, "whole") for name in names}]
        of_stacks = {name for name, part in lost if part != "whole"}
        without = [stacks[number] for number in chosen if of_stacks & {*stacks[number].stack.ops}]
        stacks = [stack for stack in stacks if stack not in without]


def stacks_to_choose(
    network: Network, hardware: Hardware, fusion: Fusion, storage: Storage
) -> list[tuple[StackChoice, ...]]:
    """Return the stacks that a machine has to choose from, by what it does with rows that strips share; last, all."""
    flow, found = flow_of(network, fusion, storage), candidates(network, hardware, fusion, storage)
    saved = saved_bytes(hardware, fusion, storage, found)
    kinds = [tuple(choices(flow, hardware, saved, overlap)) for overlap in hardware.overlaps]
    return kinds if len(kinds) == 1 else [*kinds, tuple(chain(*kinds))]


def _option(choice: StackChoice, numbers: Mapping[str, int]) -> Option:
    inner = frozenset(numbers[name] for name in choice.inner if name in numbers)
    figures = choice.saved_bytes, choice.strips, choice.taken_bytes, choice.tile_bytes
    return Option(choice.index, *figures, inner)


def _together(network: Network, storage: Storage, found: KeptTensors, fused: Collection[str]) -> list[tuple[str, ...]]:
    """Tensors that stay together or not at all, as some op reads them together; those read with what cannot stay go.

    Factors of a product are read apart, and so is what `fused` ops add to the outputs of others.
    """
    read_with: dict[str, set[str]] = {}
    for layer in network.layers:
        if layer.op is not Op.MATMUL and layer.name not in fused:
            joined = set().union(*(storage[name] for name in layer.inputs))
            joined = joined.union(*(read_with.get(name, set()) for name in joined))
            read_with |= dict.fromkeys(joined, joined)
    bundles = (tuple(other for other in found if other in read_with.get(name, {name})) for name in found)
    whole = (names for names in bundles if read_with.get(names[0], {*names}) == {*names})
    return list(dict.fromkeys(whole))


def saved_bytes(hardware: Hardware, fusion: Fusion, storage: Storage, found: KeptTensors) -> dict[str, int]:
    """Bytes that need not cross the DRAM port if a tensor stays: where it is made, and for each op that reads of it."""
    saved = {name: tensor.size_bytes for name, tensor in found.items()}
    for group in fusion.groups.values():
        layer = group.producer
        read = [*zip(layer.inputs, layer.input_shapes, strict=True)]
        read += [(name, layer.output_shape) for name in group.residuals]
        for name, shape in read:
            for stored in storage[name] & found.keys():
                saved[stored] += min(found[stored].size_bytes, tensor_bytes(shape, hardware.input_bits))
    return saved


def _bundle(names: tuple[str, ...], found: KeptTensors, saved: Mapping[str, int]) -> Bundle:
    alive = Counter[int]()
    for name in names:
        life = found[name].lifetime
        alive.update(dict.fromkeys(range(life.made, life.last_read + 1), found[name].size_bytes))
    return Bundle(sum(saved[name] for name in names), alive)


def _steps(
    network: Network, hardware: Hardware, fusion: Fusion, storage: Storage, together: list[tuple[str, ...]]
) -> list[Step]:
    number = {name: at for at, names in enumerate(together) for name in names}
    steps = []
    for layer in network.layers:
        read = frozenset().union(*(storage[name] for name in layer.inputs))
        reads = frozenset(number[name] for name in read) if read <= number.keys() else None
        strips = (
            [strip_bytes(layer, hardware, here, stay) for here in (False, True) for stay in (False, True)]
            if layer.name in fusion.groups
            else [0] * 4
        )
        steps.append(Step(reads, number.get(layer.name), (strips[0], strips[1], strips[2], strips[3])))
    return steps
