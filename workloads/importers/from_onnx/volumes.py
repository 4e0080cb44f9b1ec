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
    lines = _lines(c, images, (n, depth, channels, rows, columns), name)
    along = ((kernel[0], 1), (steps[0], 1), (pads[0], 0, pads[AXES], 0), (1, 1), ceil)
    y = lowering.pool(c.g, lines, kind, *along, c.name(node))
    return lowering.reshape(c.g, y, (n, channels, y.dims[2], rows, columns), name)


def transposed_conv(c: Context, node: Node, weights: Dims, bias: bool, name: str) -> View:
    """Multiply each voxel by all taps, then add up what overlaps: in each slice, and then along the slices.

    `weights` are [C, K / groups, kd, R, S]. MACs are exact: N D H W C (K / groups) kd R S.
    """
    view, moves = c.view(node), f"{c.title(node)}_volume"
    n, channels, depth, *size = view.dims
    groups, kernel, made = node.int("group", 1), weights[2:], _grown(c, node, weights[2:])
    filters = weights[1] * groups
    images = lowering.reshape(c.g, transposed(view, SWAPPED, moves), (n * depth, channels, *size), moves)
    rows, columns = made[1:]
    along = kernel[0] > 1 or made[0] != depth
    in_slices = (filters * kernel[0], (kernel[1], kernel[2]), (rows, columns), groups, bias and not along)
    slices = lowering.transposed_conv(c.g, images, *in_slices, name)
    lines = _lines(c, slices, (n, depth, filters * kernel[0], rows, columns), moves)
    if along:
        taps = lowering.as_maps(c.g, lines, moves)
        y = lowering.overlapped(c.g, taps, filters, (kernel[0], 1), (made[0], rows * columns), bias, name)
        lines = lowering.like_maps(y, lines)
    return lowering.reshape(c.g, lines, (n, filters, *made), moves)


def _lines(c: Context, slices: View, dims: Dims, name: str) -> View:
    """Return images [N D, K, P, Q] of a volume [N, D, K, P, Q] as lines along its slices: [N, K, D, P Q]."""
    n, depth, channels, rows, columns = dims
    volume = transposed(lowering.reshape(c.g, slices, dims, name), SWAPPED, name)
    return lowering.reshape(c.g, volume, (n, channels, depth, rows * columns), f"{name}_lines")


def _grown(c: Context, node: Node, kernel: Dims) -> Dims:
    """Return the extents that a transposed convolution makes."""
    sizes, wanted = c.view(node).dims[DEPTH:], node.ints("output_shape")
    steps, dilations, pads = _triples(c, node, kernel)
    if wanted:
        return wanted[-AXES:]
    if node.text("auto_pad", "NOTSET").startswith("SAME"):
        return tuple(size * step for size, step in zip(sizes, steps, strict=True))
    extra = node.ints("output_padding") or (0,) * AXES
    made = tuple(
        (size - 1) * step + (taps - 1) * dilation + 1 + more - before - behind
        for size, step, taps, dilation, more, before, behind in zip(
            sizes, steps, kernel, dilations, extra, pads[:AXES], pads[AXES:], strict=True
        )
    )
    if min(made) < 1:
        raise c.wrong(node, "padding takes all that is made", "extents of 1 or more", lowering.text(made))
    return made


def resized(c: Context, node: Node, view: View, made: Dims, kind: str) -> View:
    """Resize each slice, then along the slices: the interpolation of both is that of all at once."""
    name = f"{c.title(node)}_volume"
    n, channels, depth, *size = view.dims
    rows, columns = made[1:]
    images = lowering.reshape(c.g, transposed(view, SWAPPED, name), (n * depth, channels, *size), name)
    if (rows, columns) != tuple(size):
        x = lowering.as_maps(c.g, images, name)
        images = lowering.like_maps(c.g.upsample(x, (rows, columns), kind, c.g.unique(f"{name}_slices")), images)
    lines = _lines(c, images, (n, depth, channels, rows, columns), name)
    if made[0] != depth:
        x = lowering.as_maps(c.g, lines, name)
        lines = lowering.like_maps(c.g.upsample(x, (made[0], rows * columns), kind, c.name(node)), lines)
    return lowering.reshape(c.g, lines, (n, channels, *made), name)


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
