"""Find residual blocks that keep the shape of their input, take one out, or repeat one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from simulator.network.ir import Layer, Network, Op


@dataclass(frozen=True, slots=True)
class Block:
    """The layers between a tensor and the addition that adds it again, with the activation behind the sum."""

    entry: str  # the tensor that comes in
    exit: str  # the tensor that goes out, of the same shape
    layers: tuple[Layer, ...]
    stage: str


def residual_blocks(network: Network) -> tuple[Block, ...]:
    """Return the residual blocks in order: everything inside reads the entry only, and only the exit is read outside.

    An activation behind the addition belongs to the block.
    """
    layers = {layer.name: layer for layer in network.layers}
    readers = _readers(network)
    found = []
    for add in network.layers:
        if add.op is Op.ADD and len(add.inputs) == 2:
            for entry in add.inputs:
                block = _block(entry, add, layers, readers)
                if block:
                    found.append(block)
                    break
    return tuple(found)


def _readers(network: Network) -> dict[str, list[str]]:
    readers: dict[str, list[str]] = {name: [] for name in network.inputs}
    readers.update({layer.name: [] for layer in network.layers})
    for layer in network.layers:
        for name in layer.inputs:
            readers[name].append(layer.name)
    for name in network.outputs:
        readers[name].append("")
    return readers


def _block(entry: str, add: Layer, layers: Mapping[str, Layer], readers: Mapping[str, list[str]]) -> Block | None:
    """Return the block from a tensor to the addition, or None if the other operand does not come of it alone."""
    inside = {add.name}
    waiting = [name for name in add.inputs if name != entry]
    while waiting:
        name = waiting.pop()
        if name == entry or name in inside:
            continue
        if name not in layers:
            return None
        inside.add(name)
        waiting += layers[name].inputs
    last = _after(add, layers, readers)
    inside.add(last)
    closed = all(set(readers[name]) <= inside for name in inside - {last, add.name})
    shape = layers[entry].output_shape if entry in layers else None
    if not closed or (last != add.name and readers[add.name] != [last]) or shape != add.output_shape:
        return None
    return Block(entry, last, tuple(layer for layer in layers.values() if layer.name in inside), add.stage)


def _after(add: Layer, layers: Mapping[str, Layer], readers: Mapping[str, list[str]]) -> str:
    """Return the activation that alone reads the sum, or the sum."""
    following = readers[add.name]
    is_alone = len(following) == 1 and following[0] in layers and layers[following[0]].op is Op.ACTIVATION
    return following[0] if is_alone else add.name


def without_block(network: Network, block: Block) -> Network:
    """Return the network with what reads a block's exit reading its entry instead."""
    gone = {layer.name for layer in block.layers}
    layers = tuple(_renamed(layer, {block.exit: block.entry}) for layer in network.layers if layer.name not in gone)
    outputs = tuple(block.entry if name == block.exit else name for name in network.outputs)
    return replace(network, layers=layers, outputs=outputs)


def with_block_again(network: Network, block: Block) -> Network:
    """Return the network with a copy of a block behind it; the copy's layers bear a number."""
    taken = {layer.name for layer in network.layers} | set(network.inputs)
    number = next(n for n in range(2, 2**31) if not taken & {f"{layer.name}_copy{n}" for layer in block.layers})
    names = {layer.name: f"{layer.name}_copy{number}" for layer in block.layers}
    inner = {block.entry: block.exit, **names}
    copies = [replace(_renamed(layer, inner), name=names[layer.name]) for layer in block.layers]
    layers: list[Layer] = []
    seen = False
    for layer in network.layers:
        layers.append(_renamed(layer, {block.exit: names[block.exit]}) if seen else layer)
        if layer.name == block.exit:
            layers += copies
            seen = True
    outputs = tuple(names[block.exit] if name == block.exit else name for name in network.outputs)
    return replace(network, layers=tuple(layers), outputs=outputs)


def _renamed(layer: Layer, names: Mapping[str, str]) -> Layer:
    inputs = tuple(names.get(name, name) for name in layer.inputs)
    return layer if inputs == layer.inputs else replace(layer, inputs=inputs)
