"""The table of a network's layers, before anything is simulated."""

from collections import Counter
from collections.abc import Iterator

from analysis.read import units
from analysis.read.layout import Column, printable
from analysis.read.tables import shape_text
from simulator.network.ir import Layer, Network
from simulator.network.ops import WINDOWED_OPS

MOST_INPUTS = 4  # that are named


def _kernel(layer: Layer) -> str:
    return pair(layer.kernel) if layer.op in WINDOWED_OPS else "-"


def pair(sizes: tuple[int, int]) -> str:
    """Write vertical and horizontal size, once if they are equal in a stride.

    >>> pair((3, 1))
    '3x1'
    """
    return f"{sizes[0]}x{sizes[1]}"


def _stride(layer: Layer) -> str:
    vertical, horizontal = layer.stride
    return "-" if _kernel(layer) == "-" else str(vertical) if vertical == horizontal else pair(layer.stride)


def _padding(layer: Layer) -> str:
    """Write top, left, bottom, right, as shortly as they allow."""
    top, left, bottom, right = layer.padding
    if _kernel(layer) == "-":
        return "-"
    if (top, left) != (bottom, right):
        return ",".join(str(size) for size in layer.padding)
    return str(top) if top == left else f"{top},{left}"


COLUMNS: tuple[Column[Layer], ...] = (
    Column("layer", 0, lambda layer: layer.name, is_number=False),
    Column("op", 1, lambda layer: layer.op.value, is_number=False),
    Column("inputs", 4, lambda layer: "+".join(shape_text(shape) for shape in layer.input_shapes)),
    Column("output", 2, lambda layer: shape_text(layer.output_shape)),
    Column("kernel", 3, _kernel),
    Column("stride", 7, _stride),
    Column("pad", 8, _padding),
    Column("groups", 9, lambda layer: str(layer.groups) if layer.groups > 1 else "-"),
    Column("MACs", 5, lambda layer: units.count(layer.macs, digits=4) if layer.macs else "-"),
    Column("params", 6, lambda layer: units.count(layer.params, digits=4) if layer.params else "-"),
)


def network_lines(network: Network) -> Iterator[str]:
    """Yield labelled lines with the totals of a network and what is published about it."""
    named = [f"{name} {shape_text(shape)}" for name, shape in network.inputs.items()]
    more = [f"{len(named) - MOST_INPUTS} more"] if len(named) > MOST_INPUTS else []
    inputs = ", ".join(named[:MOST_INPUTS] + more)
    kinds = Counter(layer.op.value for layer in network.layers)
    lines = {
        "network": f"{network.name}, input {inputs}",
        "layers": f"{len(network.layers)}: " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()),
        "MACs": f"{network.macs:,}",
        "params": f"{network.params:,}",
        **{f"published {key}": value for key, value in network.facts.items() if key != "warning"},
    }
    width = max(len(label) for label in lines)
    for label, text in lines.items():
        yield printable(f"{label:<{width}}  {text}")
