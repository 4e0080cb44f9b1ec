"""Turn the ops that files share into layers: what they multiply, compute and move, over views of tensors."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from math import prod

from simulator.errors import InputError, Problem
from simulator.network.graph import Tensor
from simulator.network.ir import Layer, Op
from simulator.network.shapes import Padding, Pair, shape_of
from workloads.importers.assembly import Assembly
from workloads.importers.views import (
    LINES,
    MAPS,
    VECTOR,
    Atom,
    C,
    H,
    Layout,
    N,
    View,
    W,
    arrange,
    arranged,
    fan,
    laid_out,
    layout_of,
    look,
    merged,
    natural,
    own_layout,
    reshaped,
    shape_in,
    transposed,
    without_repeats,
)


def as_maps(g: Assembly, view: View, name: str) -> Tensor:
    """Return the tensor of a view that is maps [N, C, H, W] or signals [N, C, length], in that order."""
    layouts = {2: VECTOR, 3: LINES, 4: MAPS}
    if len(view.axes) not in layouts:
        raise wrong(name, "not maps of two dimensions", "[N, C, H, W]", text(view.dims))
    return arrange(g, view, layouts[len(view.axes)])


def like_maps(tensor: Tensor, view: View) -> View:
    """Return a tensor of maps as an array of the rank of `view`."""
    return look(tensor, {2: VECTOR, 3: LINES}.get(len(view.axes), MAPS))


def conv(
    g: Assembly,
    view: View,
    filters: int,
    kernel: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
    bias: bool,
    name: str,
) -> View:
    """Convolve maps or signals."""
    x = as_maps(g, view, name)
    return like_maps(g.conv(x, filters, kernel, stride, padding, groups, dilation, bias, name=name), view)


def transposed_conv(
    g: Assembly, view: View, filters: int, kernel: Pair, size: Pair, groups: int, bias: bool, name: str
) -> View:
    """Multiply each input by all taps of all filters, then add up what overlaps: a transposed convolution.

    The products are a 1x1 convolution, so its MACs are those of the op without the zeros that others insert; what
    overlaps is added up to the output's `size` behind the array, and so is a bias.
    """
    x = as_maps(g, view, name)
    y = g.conv(x, filters * prod(kernel), groups=groups, name=name)
    return like_maps(overlapped(g, y, filters, kernel, size, bias, name), view)


def overlapped(g: Assembly, taps: Tensor, filters: int, kernel: Pair, size: Pair, bias: bool, name: str) -> Tensor:
    """Add up products with all taps of a kernel, put where each belongs, to maps of a size."""
    shape = (taps.shape[0], filters, *size)
    sums = Layer(g.unique(f"{name}_sums"), Op.COL2IM, (taps.name,), (taps.shape,), shape, kernel)
    return g.put(replace(sums, variant="bias" if bias else ""))


def linear(g: Assembly, view: View, filters: int, bias: bool, name: str) -> View:
    """Multiply the last axis by a matrix, at each position of the others."""
    if not view.axes:
        raise wrong(name, "a scalar has no features", "a vector or more")
    view = with_features(g, view)
    x = view.tensor
    shape = (x.shape[0], filters, *x.size)
    y = g.put(Layer(name, Op.LINEAR, (x.name,), (x.shape,), shape, bias=bias))
    return View(y, (*view.axes[:-1], natural(y.shape, C)))


def batched_linear(g: Assembly, view: View, batches: int, filters: int, name: str) -> View:
    """Multiply arrays [..., M, K] by matrices of weights, one for each element of the axes from `batches` on, but two.

    They are groups of one layer; where there is one matrix it is a fully connected layer as any other.
    """
    *leading, rows, inner = range(len(view.axes))
    each = leading[batches:]
    if prod(view.dims[at] for at in each) == 1:
        return linear(g, view, filters, False, name)
    order = (*leading[:batches], rows, *each, inner)
    turned = transposed(view, order, f"{name}_rows")
    layout = (*(N if at == 0 and batches else H for at in range(batches + 1)), *(C for _ in each), C)
    x = arranged(g, turned, layout)
    groups = prod(view.dims[at] for at in each)
    shape = (x.tensor.shape[0], groups * filters, *x.tensor.size)
    y = g.put(Layer(name, Op.LINEAR, (x.tensor.name,), (x.tensor.shape,), shape, groups=groups))
    made = fan(y, layout, (*x.dims[:-1], filters))
    return transposed(made, [order.index(at) for at in range(len(order))], f"{name}_result")


def with_features(g: Assembly, view: View) -> View:
    """Return the same array over a tensor whose channels are the last axis."""
    *leading, last = view.axes
    if merged(last) == natural(view.tensor.shape, C):
        return view
    batch = bool(leading) and merged(leading[0]) == natural(view.tensor.shape, N)
    layout = tuple(N if axis == 0 and batch else H for axis in range(len(leading)))
    return arranged(g, view, (*layout, C))


def matmul(g: Assembly, left: View, right: View, name: str) -> View:
    """Multiply two arrays made by layers, as attention does; the leading axes but the batch become groups.

    A leading axis that only the second array has makes more columns of the product: all of them meet the same rows.
    """
    rank = max(len(left.axes), len(right.axes))
    fits = min(len(left.axes), len(right.axes)) >= 2 and left.dims[-1] == right.dims[-2]
    pairs = list(zip(_widened(left, rank).dims[:-2], _widened(right, rank).dims[:-2], strict=True)) if fits else []
    if not fits or any(1 not in pair and pair[0] != pair[1] for pair in pairs):
        got = f"{text(left.dims)} and {text(right.dims)}"
        raise wrong(name, "the arrays do not multiply", "[..., M, K] and [..., K, N]", got)
    left = _widened(left, rank)
    batched = rank > 2 and merged(left.axes[0]) == natural(left.tensor.shape, N) and pairs[0][0] >= pairs[0][1]
    shared = [one == 1 for one, other in pairs[batched:] if max(one, other) > 1]
    if shared != sorted(shared):
        raise wrong(
            name, "an axis of the second array alone stands before one of both", "the other order", text(left.dims)
        )
    layout = (*(N if batched and axis == 0 else C for axis in range(rank - 2)), H, C)
    if any(atom.stride == 0 for atoms in right.axes[-2:] for atom in atoms):
        right = arranged(g, right, layout_of(len(right.axes)))
    left = arranged(g, left, layout)
    x, dims = left.tensor, (*(max(pair) for pair in pairs), left.dims[-2], right.dims[-1])
    groups = prod(left.dims[batched:-2])
    shape = (x.shape[0], prod(dims[batched:-2]) * dims[-1], *x.size)
    shapes = (x.shape, right.tensor.shape)
    y = g.put(Layer(name, Op.MATMUL, (x.name, right.tensor.name), shapes, shape, groups=groups))
    return fan(y, layout, dims)


def _widened(view: View, rank: int) -> View:
    """Return the array with leading axes of one element."""
    return replace(view, axes=((),) * (rank - len(view.axes)) + view.axes)


def unary(g: Assembly, view: View, make: Callable[[Tensor], Tensor]) -> View:
    """Add a layer that leaves each element where it is."""
    return replace(view, tensor=make(view.tensor))


def elementwise(g: Assembly, op: Op, views: Sequence[View], name: str, variant: str = "") -> View:
    """Combine arrays element by element, stretching extents of 1."""
    first = views[0]
    if all(view.axes == first.axes and view.tensor.shape == first.tensor.shape for view in views):
        return replace(first, tensor=g.apply(op, *(view.tensor for view in views), variant=variant, name=name))
    rank = max(len(view.axes) for view in views)
    wide = _unrepeated([_widened(view, rank) for view in views])
    dims = [max(view.dims[at] for view in wide) for at in range(rank)]
    layout = _shared_layout(wide) if rank <= len(MAPS) else _stretching_layout(wide)
    if len(set(layout)) > len(MAPS):
        wide = [view if list(view.dims) == dims else repeat(g, view, dims, f"{name}_repeat") for view in wide]
        layout = _stretching_layout(wide)
    y = g.apply(op, *(arrange(g, view, layout) for view in wide), variant=variant, name=name)
    return fan(y, layout, dims)


def _unrepeated(views: Sequence[View]) -> list[View]:
    """Return the operands without repeats, as a machine stretches them itself, where another has the whole extent."""
    short = [without_repeats(view) for view in views]
    dims = [[max(view.dims[at] for view in each) for at in range(len(views[0].axes))] for each in (views, short)]
    return short if dims[0] == dims[1] else list(views)


def concat(g: Assembly, views: Sequence[View], axis: int, constants: Sequence[Sequence[int]], name: str) -> View:
    """Join arrays along an axis, and `constants` of some extents, which come with the weights."""
    rank = len(views[0].axes)
    layout = _shared_layout(views)
    if len(layout) != len(set(layout)):
        layout = layout_of(rank)
    parts = [arranged(g, view, layout) for view in views]
    for part in parts[1:]:
        for at, (extent, other) in enumerate(zip(parts[0].dims, part.dims, strict=True)):
            if at != axis and extent != other:
                raise wrong(name, f"axis {at} of {part.tensor.name} differs", str(extent), str(other))
    dims = list(parts[0].dims)
    dims[axis] = sum(part.dims[axis] for part in parts) + sum(extents[axis] for extents in constants)
    inputs, shapes = tuple(p.tensor.name for p in parts), tuple(p.tensor.shape for p in parts)
    elements = sum(map(prod, constants))
    y = g.put(Layer(name, Op.CONCAT, inputs, shapes, shape_in(layout, dims), constant_elements=elements))
    return fan(y, layout, dims)


def take(g: Assembly, view: View, axis: int, start: int, count: int, name: str, step: int = 1) -> View:
    """Cut `count` of an axis's elements out; only they are read."""
    extent = view.dims[axis]
    if start == 0 and count == extent:
        return view
    atoms = merged(view.axes[axis])
    if all(atom.stride == 0 for atom in atoms):
        part = tuple(Atom(C, 0, count) for _ in range(count > 1))
        return View(view.tensor, (*view.axes[:axis], part, *view.axes[axis + 1 :]), view.name)
    if len(atoms) != 1:
        view = arranged(g, view, laid_out(view))
        atoms = merged(view.axes[axis])
    (atom,) = atoms
    shape = list(view.tensor.shape)
    outermost = atom.stride * atom.size == shape[atom.axis]
    shape[atom.axis] = shape[atom.axis] * count // atom.size
    variant = f"{start * atom.stride}:{(start + (count - 1) * step + 1) * atom.stride}"
    if not (atom.axis == C and outermost and abs(step) == 1):
        variant = f"{'NCHW'[atom.axis]} {start}:{start + (count - 1) * step + 1}:{step} of {atom.size}"
    x = view.tensor
    y = g.put(Layer(g.unique(name), Op.SPLIT, (x.name,), (x.shape,), shape_of(shape), variant=variant))
    axes = [
        tuple(_after_take(part, atom, count) for part in ((atom,) if at == axis else other))
        for at, other in enumerate(view.axes)
    ]
    return View(y, tuple(tuple(part for part in parts if part.size > 1) for parts in axes))


def _after_take(part: Atom, taken: Atom, count: int) -> Atom:
    if part == taken:
        return replace(part, size=count)
    if part.axis == taken.axis and part.stride > taken.stride:
        return replace(part, stride=part.stride * count // taken.size)
    return part


def gather(g: Assembly, view: View, axis: int, dims: Sequence[int], name: str) -> View:
    """Pick elements of an axis by an index; the index's `dims` take its place."""
    layout = laid_out(view)
    source = arranged(g, view, layout)
    shape = list(source.tensor.shape)
    shape[layout[axis]] = shape[layout[axis]] // source.dims[axis] * prod(dims)
    x = source.tensor
    y = g.put(Layer(name, Op.GATHER, (x.name,), (x.shape,), shape_of(shape)))
    extents = (*source.dims[:axis], prod(dims), *source.dims[axis + 1 :])
    picked = fan(y, layout, extents)
    result = reshaped(picked, (*source.dims[:axis], *dims, *source.dims[axis + 1 :]), "")
    assert result is not None
    return result


def repeat(g: Assembly, view: View, dims: Sequence[int], name: str, op: Op = Op.UPSAMPLE) -> View:
    """Grow an array to other extents, by repeating its elements or, with `op` PAD, by padding it."""
    wide = replace(view, axes=((),) * (len(dims) - len(view.axes)) + view.axes)
    layout = laid_out(wide)
    x = arrange(g, wide, layout)
    variant = "nearest" if op is Op.UPSAMPLE else ""
    y = g.put(Layer(g.unique(name), op, (x.name,), (x.shape,), shape_in(layout, dims), variant=variant))
    return fan(y, layout, dims)


def reduce(g: Assembly, view: View, axes: Sequence[int], kind: str, keep: bool, name: str) -> View:
    """Reduce axes to one element each: global pooling where they are the maps, else a pass over all elements."""
    gone = merged(chain.from_iterable(view.axes[axis] for axis in axes))
    kept = [() if at in axes else atoms for at, atoms in enumerate(view.axes)]
    x = view.tensor
    spatial = (*natural(x.shape, H), *natural(x.shape, W))
    if not gone:
        y = x
    elif set(gone) == set(spatial):
        y = g.pool(x, kind, x.size, name=name)
    else:
        layout = laid_out(view)
        whole = arranged(g, view, layout)
        shape, x = list(whole.tensor.shape), whole.tensor
        for axis in axes:
            shape[layout[axis]] //= max(1, whole.dims[axis])
        y = g.put(Layer(name, Op.ACTIVATION, (x.name,), (x.shape,), shape_of(shape), variant=f"{kind}_of_axes"))
        kept = list(fan(y, layout, [1 if at in axes else d for at, d in enumerate(whole.dims)]).axes)
    return View(y, tuple(atoms for at, atoms in enumerate(kept) if keep or at not in axes))


def pool(
    g: Assembly,
    view: View,
    kind: str,
    kernel: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    ceil: bool,
    name: str,
) -> View:
    """Pool maps or signals."""
    x = as_maps(g, view, name)
    return like_maps(g.pool(x, kind, kernel, stride, padding, dilation, ceil, name), view)


def reshape(g: Assembly, view: View, dims: Sequence[int], name: str) -> View:
    """Give the elements other axes; what cannot be followed is moved at once."""
    if prod(dims) != prod(view.dims):
        raise wrong(name, "not the same number of elements", text(view.dims), text(dims))
    parts = [atoms for atoms in view.axes if atoms]
    result = reshaped(view, dims, name)
    if result and [atoms for atoms in result.axes if atoms] == parts:
        return View(view.tensor, result.axes, view.name or name)
    if result is None:
        flat = reshaped(view, (prod(dims),), name)
        assert flat is not None
        result = reshaped(arranged(g, flat, (C,)), dims, name)
        assert result is not None
    return result


def resolved(dims: Sequence[int], wanted: Sequence[int], allow_zero: bool) -> tuple[int, ...]:
    """Fill in the 0 (keep) and -1 (whatever is left) of a reshape; raise ValueError where that is impossible."""
    filled = [dims[at] if extent == 0 and not allow_zero else extent for at, extent in enumerate(wanted)]
    if filled.count(-1) == 1:
        known = prod(extent for extent in filled if extent != -1)
        filled[filled.index(-1)] = prod(dims) // known if known else 0
    if prod(filled) != prod(dims) or min(filled, default=1) < 0:
        raise ValueError("not the same number of elements")
    return tuple(filled)


def flatten(g: Assembly, view: View, axis: int, name: str) -> View:
    """Join the axes before `axis`, and those from it on."""
    return reshape(g, view, (prod(view.dims[:axis]), prod(view.dims[axis:])), name)


def depth_to_space(g: Assembly, view: View, block: int, blocks_first: bool, name: str) -> View:
    """Make squares of a map of channels, whose numbers count blocks or what remains of them first."""
    n, ch, h, w = view.dims
    rest = ch // block**2
    parts = (n, block, block, rest, h, w) if blocks_first else (n, rest, block, block, h, w)
    order = (0, 3, 4, 1, 5, 2) if blocks_first else (0, 1, 4, 2, 5, 3)
    wide = transposed(reshape(g, view, parts, name), order, name)
    return reshape(g, wide, (n, rest, h * block, w * block), name)


def space_to_depth(g: Assembly, view: View, block: int, name: str) -> View:
    """Make channels of squares of a map."""
    n, ch, h, w = view.dims
    parts = (n, ch, h // block, block, w // block, block)
    deep = transposed(reshape(g, view, parts, name), (0, 3, 5, 1, 2, 4), name)
    return reshape(g, deep, (n, ch * block**2, h // block, w // block), name)


def settle(g: Assembly, view: View) -> Tensor:
    """Return the view as a tensor that someone outside reads."""
    return arrange(g, view, laid_out(view))


def wrong(name: str, message: str, expected: str | None = None, got: str | None = None) -> InputError:
    """Return an error at the op of that name."""
    return InputError(Problem(message, path=name, expected=expected, got=got))


def text(dims: Sequence[int]) -> str:
    """Return extents as people write them."""
    return "x".join(map(str, dims)) or "a scalar"


def _shared_layout(views: Sequence[View]) -> Layout:
    """Return the layout of the largest array that lies in one, which moves least."""
    by_size = sorted(views, key=lambda view: -prod(view.dims))
    return next((own for view in by_size if (own := own_layout(view))), laid_out(views[0]))


def _stretching_layout(views: Sequence[View]) -> Layout:
    """Return a layout in which axes lie together only where the same operands are stretched along them.

    The first axis, which may be the batch, lies by itself. More parts than a tensor has axes cannot be laid out.
    """
    layout: list[int] = []
    last: tuple[bool, ...] = ()
    for at in range(len(views[0].axes)):
        stretched = tuple(view.dims[at] == 1 for view in views)
        if at < 2 or (stretched != last and not all(stretched)):
            layout.append(layout[-1] + 1 if layout else N)
            last = stretched
        else:
            layout.append(layout[-1])
    return tuple(layout)
