"""Blocks of a network by its structure alone: what branches and joins again, and depthwise layers with their pointwise.

After a layer whose output is all that later layers read of what was made so far, the network can be cut. Between two
cuts lies one layer, or what branches and joins: a residual block, an inception module, squeeze-and-excite. A depthwise
layer makes a block with the pointwise layers before and behind it, and with what joins between them; branches that a
concat joins do with a pointwise layer before them, as in a fire module.
"""

from collections.abc import Iterator, Sequence

from simulator.network.ir import MAC_OPS, Layer, Op

LARGEST_SHARE = 2  # of all layers, one in so many may be in one block that branches
MOST_LEVELS = 16  # of such blocks that are cut, one inside the other
Span = tuple[int, int]  # first layer and the one behind the last


def blocks_of(layers: Sequence[Layer]) -> dict[str, str]:
    """Return `block1`, `block2`, ... for the layers of a network, in their order, that are in a block.

    Layers of a chain are in none, nor are pools and activations behind a block, which go with what they read.
    """
    blocks = [span for span in _joined(layers) if sum(layer.op in MAC_OPS for layer in layers[slice(*span)]) > 1]
    return {layer.name: f"block{number}" for number, span in enumerate(blocks, 1) for layer in layers[slice(*span)]}


def _joined(layers: Sequence[Layer]) -> Iterator[Span]:
    """Join each depthwise layer of a chain with the pointwise layers beside it; what branches stands for itself."""
    start: int | None = None  # of the block of a depthwise layer that no pointwise one has ended
    before: int | None = None  # pointwise layer that no block has, and behind which no product came
    for first, end in _segments(layers):
        last = layers[end - 1]
        if end - first > 1 and last.op is not Op.MUL:
            yield (before if last.op is Op.CONCAT and before is not None else first), end
            start = before = None
        elif start is not None and _is_pointwise(layers[first]):
            yield start, end
            start = before = None
        elif start is None and last.op is Op.DEPTHWISE:
            start = first if before is None else before
        elif last.op in MAC_OPS or last.op is Op.POOL:
            before = first if _is_pointwise(last) else None


def _is_pointwise(layer: Layer) -> bool:
    return layer.op is Op.CONV and layer.kernel == (1, 1) and layer.groups == 1


def _segments(layers: Sequence[Layer]) -> list[Span]:
    """Cut the layers wherever one tensor alone goes on.

    What branches over more than its share, such as a network whose last layers read its first, is cut as if its
    longest reads, those over more than half of it, were not there; and what is left of it again, some times.
    """
    places = {layer.name: at for at, layer in enumerate(layers)}
    reads = [(places[x], at) for at, layer in enumerate(layers) for x in layer.inputs if x in places]
    before: list[Span] = []
    behind: list[Span] = []
    spans = list(_cut(0, len(layers), reads))
    for _ in range(MOST_LEVELS):
        large = max(spans, key=lambda span: span[1] - span[0])
        size = large[1] - large[0]
        reads = _within(*large, reads)
        shorter = [(made, read) for made, read in reads if 2 * (read - made) <= size]
        if LARGEST_SHARE * size <= len(layers) or len(shorter) == len(reads):
            break
        at = spans.index(large)
        before, behind = before + spans[:at], spans[at + 1 :] + behind
        reads, spans = shorter, list(_cut(*large, shorter))
    return before + spans + behind


def _within(first: int, end: int, reads: Sequence[Span]) -> list[Span]:
    """Return the reads inside a span, with those of the one tensor that it begins with."""
    return [(made, read) for made, read in reads if first - 1 <= made and first <= read < end]


def _cut(first: int, end: int, reads: Sequence[Span]) -> Iterator[Span]:
    """Cut layers behind each one before which nothing is made that is read later."""
    last = dict.fromkeys(range(first - 1, end), first)
    for made, read in reads:
        last[made] = max(last[made], read)
    start, reach = first, last[first - 1]
    for at in range(first, end):
        if reach <= at:
            yield start, at + 1
            start = at + 1
        reach = max(reach, last[at])
