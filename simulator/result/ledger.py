"""Laws of the tensors of a run: from where each op reads, and that it was written there.

a tensor that stays on chip       costs no DRAM, where it is made and where it is read
a tensor that does not            is written to DRAM whole, and whoever reads it reads all that it touches
weights and constants             come from DRAM, also those of fused ops, unless they stay there from run to run
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from simulator.network.ir import MAC_OPS, Op
from simulator.result.run import LayerResult, Run
from simulator.result.stacked import StackPart

Broken = tuple[str, str, str, str]
"""Where, which field, the law, the figures."""


def broken_ledger(run: Run) -> Iterator[Broken]:
    """Find what is read where nobody wrote it; nothing in a run that does not tell what its ops read."""
    if not all(layer.inputs for layer in run.layers):
        return
    yield from _alive(run)
    layers, stored = {layer.name: layer for layer in run.layers}, stored_tensors(run)
    producers = run.producer_of()
    for layer in run.layers:
        if not layer.folded and layer.name not in producers:
            yield from _read(layer, layers, stored, run)
            yield from _written(layer, layers, run)


def _alive(run: Run) -> Iterator[Broken]:
    """Compare what is alive on chip while each op runs with the tensors that stay meanwhile, and these with another.

    Each has its place in the memory, and shares no byte of it.
    """
    for layer, alive in zip(run.layers, alive_blocks(run), strict=True):
        blocks = sorted((block.address, block.size_bytes, block.name) for block in alive)
        if (expected := sum(size for _, size, _ in blocks)) != layer.alive_bytes:
            figures = f"{layer.alive_bytes} != {expected}"
            yield layer.name, "alive_bytes", "bytes alive = those of tensors that stay", figures
        for (start, size, name), (following, _, other) in pairwise(blocks):
            if start + size > following:
                yield name, "kept.address", "tensors alive together lie apart", f"{start} + {size}, {other} {following}"
        if blocks and (top := max(start + size for start, size, _ in blocks)) > run.hardware.activation_bytes:
            figures = f"{top} > {run.hardware.activation_bytes}"
            yield layer.name, "kept.address", "bytes on chip <= capacity", figures


@dataclass(frozen=True, slots=True)
class AliveBlock:
    """Bytes in the activations' memory: the tensor of an op, whole, or a part that a stack has of it or its weights."""

    name: str
    part: str
    address: int
    size_bytes: int


def alive_blocks(run: Run) -> list[list[AliveBlock]]:
    """Return for each layer what stays on chip while it runs, in the order of the network."""
    place = {layer.name: at for at, layer in enumerate(run.layers)}
    alive: list[list[AliveBlock]] = [[] for _ in run.layers]
    for layer in run.layers:
        for part in parts_of(layer):
            for at in range(place.get(part.made_by, 0), place.get(part.read_last_by, -1) + 1):
                alive[at].append(AliveBlock(layer.name, part.part, part.address, part.size_bytes))
    return alive


def parts_of(layer: LayerResult) -> tuple[StackPart, ...]:
    """What stays of an op: its tensor, whole, or parts that a stack has."""
    if layer.kept:
        whole = StackPart("whole", layer.kept.address, layer.kept.size_bytes, layer.name, layer.kept.read_last_by)
        return (whole, *(layer.stacked.parts if layer.stacked else ()))
    return layer.stacked.parts if layer.stacked else ()


def stored_tensors(run: Run) -> dict[str, frozenset[str]]:
    """Return for each tensor those stored ones that hold it: its producer's, or all that a folded op joins."""
    producers = run.producer_of()
    stored: dict[str, frozenset[str]] = {}
    for layer in run.layers:
        own = frozenset({producers.get(layer.name, layer.name)})
        parts = [stored.get(name, frozenset({name})) for name in layer.inputs]
        stored[layer.name] = frozenset().union(*parts) if layer.folded else own
    return stored


def factors(layer: LayerResult) -> dict[str, tuple[str, ...]]:
    """Return the tensors that ops made, by the operand as which a layer reads them."""
    if layer.op is Op.MATMUL:
        return {"inputs": layer.inputs[:1], "weights": layer.inputs[1:]}
    return {"inputs": layer.inputs}


def _read(
    layer: LayerResult, layers: Mapping[str, LayerResult], stored: Mapping[str, frozenset[str]], run: Run
) -> Iterator[Broken]:
    dram, own = layer.traffic.get("dram", {}), [layers[name] for name in layer.fused]
    for operand, names in factors(layer).items():
        here, read = operand in layer.on_chip, dram[operand].read_bytes if operand in dram else 0
        elsewhere = {tensor for name in names for tensor in stored.get(name, (name,)) if _stays(tensor, layers) != here}
        for tensor in sorted(elsewhere):
            figures = f"{tensor} {'is in DRAM' if here else 'stays on chip'}"
            yield layer.name, f"on_chip.{operand}", "a tensor is read where it was written", figures
        if here and read and not _brought(layer, own, operand):
            yield layer.name, f"traffic.dram.{operand}", "a tensor on chip costs no DRAM", f"{read} bytes read"
    for operand in ("inputs", "weights"):
        if operand not in dram or operand in layer.on_chip or operand in run.hardware.compressed:
            continue
        read, touched = dram[operand].read_bytes, layer.footprint_bytes.get(operand, 0)
        if read < touched:
            yield layer.name, f"traffic.dram.{operand}", "bytes read >= bytes touched", f"{read} < {touched}"
    yield from _parameters(layer, own, run)


def _stays(tensor: str, layers: Mapping[str, LayerResult]) -> bool:
    return tensor in layers and "outputs" in layers[tensor].on_chip


def _brought(layer: LayerResult, fused: Sequence[LayerResult], operand: str) -> bool:
    """Whether something may come from DRAM as an operand beside a tensor that is on chip."""
    if operand == "weights":
        return any(op.parameter_bytes for op in fused)
    others = any(op.params or op.parameter_bytes for op in (layer, *fused) if op.op not in MAC_OPS)
    return others or any(len(op.inputs) > 1 for op in fused)


def _parameters(layer: LayerResult, fused: Sequence[LayerResult], run: Run) -> Iterator[Broken]:
    """Compare what an op reads with what it touches, and besides the weights and constants of ops fused into it.

    Whether these are inputs or weights is the machine's affair. Those that stay on chip from run to run go along with
    the weights of the op.
    """
    dram, multiplies = layer.traffic.get("dram", {}), layer.op in MAC_OPS
    if multiplies and layer.op is not Op.MATMUL and "weights" in layer.on_chip:
        return
    coming = {"inputs", "weights"} - {*layer.on_chip, *run.hardware.compressed}
    beside = sum(op.parameter_bytes for op in fused)
    beside += 0 if multiplies or "inputs" in coming else layer.parameter_bytes
    if not beside:
        return
    read = sum(dram[operand].read_bytes for operand in ("inputs", "weights") if operand in dram)
    least = sum(layer.footprint_bytes.get(operand, 0) for operand in coming) + beside
    if read < least:
        yield layer.name, "traffic.dram", "weights and constants are read, of fused ops, too", f"{read} < {least}"


def _written(layer: LayerResult, layers: Mapping[str, LayerResult], run: Run) -> Iterator[Broken]:
    dram, place = layer.traffic.get("dram", {}), "traffic.dram.outputs"
    moved = dram["outputs"].write_bytes if "outputs" in dram else 0
    if "outputs" in layer.on_chip:
        if moved or ("outputs" in dram and dram["outputs"].read_bytes):
            yield layer.name, place, "a tensor on chip costs no DRAM", f"{dram['outputs'].total_bytes} bytes"
    elif "outputs" not in run.hardware.compressed:
        last = layers[layer.fused[-1]] if layer.fused else layer
        made = layer.footprint_bytes.get("outputs", 0) * prod(last.output_shape) // prod(layer.output_shape)
        if moved < made:
            yield layer.name, place, "bytes written >= bytes made", f"{moved} < {made}"
