"""ONNX ops over volumes [N, C, D, H, W]: each output slice is an image of all input slices that it is made of.

MACs are exact: N D' K (C / groups) kd R S P Q, padding included as in two dimensions. A slice that several output
slices read is read for each of them, so inputs are at most kd D' / D times those of the volume; slices of padding count
as those beside them. With one slice of the kernel, or with as many as the volume has, inputs are exact, too.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from workloads.importers import lowering
from workloads.importers.from_onnx.context import Context
from workloads.importers.from_onnx.model import Attribute, Dims, Node
from workloads.importers.views import View, transposed

AXES = 3
DEPTH = 2  # of [N, C, D, H, W]
SWAPPED = (0, 2, 1, 3, 4)  # slices before channels, or back


def is_volume(view: View) -> bool:
    """Return whether an array has one axis more than images."""
    return len(view.axes) == AXES + 2


def unfolded(c: Context, node: Node, kernel: Dims) -> tuple[View, Node]:
    """Return images [N D', kd C, H, W] of all slices that an output slice reads, and the node as one over images."""
    view, name = c.view(node), f"{c.title(node)}_volume"
    n, channels, depth, height, width = view.dims
    steps, dilations, pads = _triples(c, node, kernel)
    reach = (kernel[0] - 1) * dilations[0] + 1
    count = (depth + pads[0] + pads[AXES] - reach) // steps[0] + 1
    span = (count - 1) * steps[0] + 1
    if count < 1 or span > depth:
        raise c.wrong(node, "padding of the depth is too large", f"output slices within {depth}", str(count))
    starts = [min(max(0, tap * dilations[0] - pads[0]), depth - span) for tap in range(kernel[0])]
    taps = [lowering.take(c.g, view, DEPTH, start, count, f"{name}_slice", steps[0]) for start in starts]
    turned = [transposed(tap, SWAPPED, name) for tap in taps]
    whole = turned[0] if len(turned) == 1 else lowering.concat(c.g, turned, 2, (), c.g.unique(f"{name}_slices"))
    images = lowering.reshape(c.g, whole, (n * count, kernel[0] * channels, height, width), name)
    flat = {key: value for key, value in node.attributes.items() if key != "auto_pad"} | {
        "kernel_shape": kernel[1:],
        "strides": steps[1:],
        "dilations": dilations[1:],
        "pads": (*pads[1:AXES], *pads[AXES + 1 :]),
    }
    return images, replace(node, attributes=flat)


def folded(c: Context, node: Node, view: View) -> View:
    """Return what was made of images [N D', K, P, Q] as a volume."""
    n = c.view(node).dims[0]
    slices, filters, rows, columns = view.dims
    volume = lowering.reshape(c.g, view, (n, slices // n, filters, rows, columns), f"{c.title(node)}_volume")
    return transposed(volume, SWAPPED, f"{c.title(node)}_volume")


def pool(c: Context, node: Node, kind: str, kernel: Dims) -> View:
    """Pool each slice, then along the slices: the same result, of fewer operations than all at once."""
    view, name = c.view(node), f"{c.title(node)}_volume"
    n, channels, depth, *size = view.dims
    steps, _, pads = _triples(c, node, kernel)
    ceil = bool(node.int("ceil_mode", 0))
    images = lowering.reshape(c.g, transposed(view, SWAPPED, name), (n * depth, channels, *size), name)
    if prod(kernel[1:]) > 1 or prod(steps[1:]) > 1:
        sides = (pads[1], pads[2], pads[AXES + 1], pads[AXES + 2])
        window = ((kernel[1], kernel[2]), (steps[1], steps[2]), sides, (1, 1), ceil)
        images = lowering.pool(c.g, images, kind, *window, c.g.unique(f"{name}_slices"))
    *_, rows, columns = images.dims
    volume = transposed(lowering.reshape(c.g, images, (n, depth, channels, rows, columns), name), SWAPPED, name)
    lines = lowering.reshape(c.g, volume, (n, channels, depth, rows * columns), f"{name}_lines")
    along = ((kernel[0], 1), (steps[0], 1), (pads[0], 0, pads[AXES], 0), (1, 1), ceil)
    y = lowering.pool(c.g, lines, kind, *along, c.name(node))
    return lowering.reshape(c.g, y, (n, channels, y.dims[2], rows, columns), name)


def _triples(c: Context, node: Node, kernel: Dims) -> tuple[Dims, Dims, Dims]:
    """Return strides, dilations and padding along three axes."""
    steps, dilations = (node.ints(key) or (1,) * AXES for key in ("strides", "dilations"))
    pads = node.ints("pads") or (0,) * (2 * AXES)
    if len(kernel) != AXES or len(steps) != AXES or len(dilations) != AXES or len(pads) != 2 * AXES:
        raise c.wrong(node, "not a window over volumes", "3 numbers each, 6 of padding", str(kernel))
    if min(*kernel, *steps, *dilations) < 1:
        raise c.wrong(node, "a window has no size", "1 or more")
    mode: Attribute = node.text("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        sizes = c.view(node).dims[DEPTH:]
        totals = [
            max(0, (-(-size // step) - 1) * step + (taps - 1) * dilation + 1 - size)
            for size, step, taps, dilation in zip(sizes, steps, kernel, dilations, strict=True)
        ]
        less, more = [total // 2 for total in totals], [total - total // 2 for total in totals]
        pads = (*less, *more) if mode == "SAME_UPPER" else (*more, *less)
    return steps, dilations, pads


def global_axes(view: View) -> Sequence[int]:
    """Return the axes over which a global pool goes."""
    return range(DEPTH, len(view.axes))
