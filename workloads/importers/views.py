"""Look at a tensor [N, C, H, W] as the array of any rank that a file makes of it.

Exporters write a channel shuffle, a flatten or the heads of an attention as reshapes and transposes. A `View` follows
them without moving anything: each of its axes is a list of atoms, parts of the tensor's own axes. What movement is
really meant shows when a layer needs the elements in order (`arrange`): none, a channel shuffle, or a reshape.

A 16-channel map reshaped to [1, 2, 8, H, W], transposed to [1, 8, 2, H, W] and reshaped to [1, 16, H, W] has on its
second axis the atoms (C, stride 1, size 8), (C, stride 8, size 2): a shuffle of two groups.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod

from simulator.network.graph import Tensor
from simulator.network.ir import Layer, Op, Shape
from workloads.importers.assembly import Assembly

N, C, H, W = range(4)
Layout = tuple[int, ...]  # for each axis of a view, the axis of [N, C, H, W] that it is
VECTOR: Layout = (N, C)
LINES: Layout = (N, C, H)  # signals: channels first
ROWS: Layout = (N, H, C)  # sequences: features last
STEPS: Layout = (H, N, C)  # sequences whose steps stand first
MAPS: Layout = (N, C, H, W)
LAYOUTS: dict[int, Layout] = {0: (), 1: (C,), 2: VECTOR, 3: ROWS, 4: MAPS}


@dataclass(frozen=True, slots=True)
class Atom:
    """Part of an axis of a tensor: `size` elements, each `stride` apart along that axis; at stride 0 one, repeated."""

    axis: int
    stride: int
    size: int


Atoms = tuple[Atom, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A tensor, and which of its atoms make up each axis; `name` is that of the last op that rearranged it."""

    tensor: Tensor
    axes: tuple[Atoms, ...]
    name: str = ""

    @property
    def dims(self) -> tuple[int, ...]:
        """Extents of the axes."""
        return tuple(prod(atom.size for atom in atoms) for atoms in self.axes)


def natural(shape: Shape, axis: int) -> Atoms:
    """Return a whole axis of a tensor as atoms; an axis of one element has none."""
    return (Atom(axis, 1, shape[axis]),) if shape[axis] > 1 else ()


def merged(atoms: Iterable[Atom]) -> Atoms:
    """Join neighbours that run on from each other."""
    result: list[Atom] = []
    for atom in atoms:
        last = result[-1] if result else None
        if last and last.axis == atom.axis and last.stride == atom.stride * atom.size:
            result[-1] = Atom(atom.axis, atom.stride, last.size * atom.size)
        else:
            result.append(atom)
    return tuple(result)


def look(tensor: Tensor, layout: Layout) -> View:
    """Return a tensor as an array of the layout; axes it does not name have one element."""
    return View(tensor, tuple(natural(tensor.shape, axis) for axis in layout))


def layout_of(rank: int) -> Layout:
    """Return how an array of that rank lies in [N, C, H, W] where nothing else is known."""
    return LAYOUTS[rank] if rank in LAYOUTS else (N, C, *(H,) * (rank - 3), W)


def transposed(view: View, order: Sequence[int], name: str) -> View:
    """Permute the axes."""
    return View(view.tensor, tuple(view.axes[axis] for axis in order), name)


def reshaped(view: View, dims: Sequence[int], name: str) -> View | None:
    """Give the same elements, in the same order, other axes; None where that would cut an atom unevenly."""
    atoms = list(merged(chain.from_iterable(view.axes)))[::-1]
    axes: list[Atoms] = []
    for extent in dims:
        taken: list[Atom] = []
        while extent > 1:
            if not atoms:
                return None
            atom = atoms.pop()
            if extent % atom.size == 0:
                taken.append(atom)
                extent //= atom.size
            elif atom.size % extent == 0:
                inner = atom.size // extent
                taken.append(Atom(atom.axis, atom.stride * inner, extent))
                atoms.append(Atom(atom.axis, atom.stride, inner))
                extent = 1
            else:
                return None
        axes.append(tuple(taken))
    return None if atoms else View(view.tensor, tuple(axes), name)


def repeated(view: View, dims: Sequence[int], name: str) -> View:
    """Stretch axes of one element to `dims`, which may have more axes in front; nothing is moved."""
    axes = ((),) * (len(dims) - len(view.axes)) + view.axes
    now = (1,) * (len(dims) - len(view.axes)) + view.dims
    pairs = zip(axes, now, dims, strict=True)
    return View(view.tensor, tuple((Atom(C, 0, new),) if old == 1 < new else atoms for atoms, old, new in pairs), name)


def without_repeats(view: View) -> View:
    """Return the same array with one element along each axis that only repeats it."""
    return View(view.tensor, tuple(() if _repeats(atoms) else atoms for atoms in view.axes), view.name)


def _repeats(atoms: Atoms) -> bool:
    return bool(atoms) and all(atom.stride == 0 for atom in atoms)


def own_layout(view: View) -> Layout | None:
    """Return the layout in which a view shows its tensor as it is, if there is one and it is of rank 4 at most."""
    layout: list[int] = []
    unused = [axis for axis in range(4) if view.tensor.shape[axis] == 1]
    for atoms in view.axes:
        whole = merged(atoms)
        if not whole:
            layout.append(-1)
            continue
        if whole != natural(view.tensor.shape, whole[0].axis):
            return None
        layout.append(whole[0].axis)
    if len(layout) > 4:
        return None
    wanted = layout_of(len(layout))
    for at, axis in enumerate(layout):
        if axis == -1:
            choice = wanted[at] if wanted[at] in unused else next(iter(unused))
            unused.remove(choice)
            layout[at] = choice
    return tuple(layout)


def laid_out(view: View) -> Layout:
    """Return a layout for a view: its own; else channels last where the last axis is them; else as is usual."""
    own, rank = own_layout(view), len(view.axes)
    if own is None and rank == len(MAPS) and merged(view.axes[-1]) == natural(view.tensor.shape, C) != ():
        return (N, H, W, C)
    return own or layout_of(rank)


def arrange(g: Assembly, view: View, layout: Layout) -> Tensor:
    """Return the view's elements as a tensor in which its axes lie as `layout` says, moved where they do not yet."""
    grouped = [
        merged(chain.from_iterable(atoms for atoms, at in zip(view.axes, layout, strict=True) if at == axis))
        for axis in range(4)
    ]
    if all(atoms == natural(view.tensor.shape, axis) for axis, atoms in enumerate(grouped)):
        return view.tensor
    return _moved(g, view, grouped)


def arranged(g: Assembly, view: View, layout: Layout) -> View:
    """Return the same array, over a tensor in which its axes lie as `layout` says."""
    return fan(arrange(g, view, layout), layout, view.dims)


def fan(tensor: Tensor, layout: Layout, dims: Sequence[int]) -> View:
    """Return the array of these extents that lies in a tensor as the layout says, outer axes first."""
    rest = list(tensor.shape)
    axes: list[Atoms] = []
    for extent, axis in zip(dims, layout, strict=True):
        rest[axis] //= extent
        axes.append((Atom(axis, rest[axis], extent),) if extent > 1 else ())
    return View(tensor, tuple(axes))


def shape_in(layout: Layout, dims: Sequence[int]) -> Shape:
    """Return the shape of the tensor in which an array of these extents lies as the layout says."""
    n, c, h, w = (prod(extent for extent, at in zip(dims, layout, strict=True) if at == axis) for axis in range(4))
    return (n, c, h, w)


def _moved(g: Assembly, view: View, grouped: Sequence[Atoms]) -> Tensor:
    source = view.tensor
    key = (source.name, tuple(grouped))
    if key in g.moved:
        return g.moved[key]
    n, c, h, w = (prod(atom.size for atom in atoms) for atoms in grouped)
    name = g.unique(view.name or f"{source.name}_reshape")
    groups = _shuffled_groups(source.shape, grouped)
    if (n * c * h * w) > prod(source.shape):
        many = Layer(name, Op.UPSAMPLE, (source.name,), (source.shape,), (n, c, h, w), variant="nearest")
        g.moved[key] = g.put(many)
    elif groups:
        g.moved[key] = g.shuffle(source, groups, name)
    else:
        variant = "" if _in_order(source.shape, grouped) else "transpose"
        g.moved[key] = g.put(Layer(name, Op.RESHAPE, (source.name,), (source.shape,), (n, c, h, w), variant=variant))
    return g.moved[key]


def _shuffled_groups(shape: Shape, grouped: Sequence[Atoms]) -> int:
    """Return the groups of a channel shuffle, 0 for anything else."""
    moved = any(grouped[axis] != natural(shape, axis) for axis in (N, H, W))
    return 0 if moved else _interleaved(grouped[C])


def _interleaved(atoms: Atoms) -> int:
    """Return how many groups of channels take turns on an axis, 0 where it is none of that kind."""
    if len(atoms) != 2:
        return 0
    inner, outer = atoms
    swapped = inner.axis == outer.axis == C and inner.stride == 1 and outer.stride == inner.size
    return outer.size if swapped else 0


def shuffled_layout(view: View) -> Layout | None:
    """Return the layout in which a view shows its tensor with the channels shuffled, channels first or last.

    None where it is something else.
    """
    shape = view.tensor.shape
    shuffled = [_interleaved(merged(atoms)) > 0 for atoms in view.axes]
    plain = (natural(shape, C) if found else atoms for found, atoms in zip(shuffled, view.axes, strict=True))
    return own_layout(View(view.tensor, tuple(plain))) if any(shuffled) else None


def _in_order(shape: Shape, grouped: Sequence[Atoms]) -> bool:
    """Return whether the elements keep their order, read along [N, C, H, W]."""
    strides = [prod(shape[axis + 1 :]) for axis in range(4)]
    atoms = [(atom.stride * strides[atom.axis], atom.size) for atom in chain.from_iterable(grouped)]
    expected = 1
    for stride, size in reversed(atoms):
        if stride != expected:
            return False
        expected *= size
    return True
