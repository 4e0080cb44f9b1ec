"""ONNX's Einsum: of two tensors a matrix product, once the axes are in order; of one a transpose and a sum."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from workloads.importers import lowering
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Const, Dims, Node
from workloads.importers.views import View, transposed

_TERM = r"[A-Za-z]*(?:\.\.\.)?[A-Za-z]*"
_EQUATION = re.compile(rf"({_TERM})(?:,({_TERM}))?(?:->({_TERM}))?")
_MORE = "".join(map(chr, range(0x3B1, 0x3D1)))  # letters for the axes of an ellipsis


@dataclass(frozen=True, slots=True)
class Product:
    """Letters of both tensors and of the result, and the size of each.

    Letters of all three are a batch, those of both tensors only are summed over, the others rows or columns.
    """

    left: str
    right: str
    result: str
    sizes: dict[str, int]

    @property
    def batch(self) -> str:
        """Letters of all three."""
        return "".join(letter for letter in self.left if letter in self.right and letter in self.result)

    @property
    def summed(self) -> str:
        """Letters of both tensors that the result has not."""
        return "".join(letter for letter in self.left if letter in self.right and letter not in self.result)

    @property
    def rows(self) -> str:
        """Letters of the left tensor alone."""
        return "".join(letter for letter in self.left if letter not in self.right)

    @property
    def columns(self) -> str:
        """Letters of the right tensor alone."""
        return "".join(letter for letter in self.right if letter not in self.left)

    def extents(self, *groups: str) -> list[int]:
        """Return the sizes of the batch, then of each group of letters as one axis."""
        return [self.sizes[letter] for letter in self.batch] + [self.product(group) for group in groups]

    def product(self, letters: str) -> int:
        """Return the size of some letters together."""
        return prod(self.sizes[letter] for letter in letters)


def einsum(c: Context, node: Node) -> Sequence[Value]:
    """Multiply and sum over the letters that the result has not: "bik,bkj->bij" and the like."""
    left, right = c.value(node, 0), c.value(node, 1)
    swapped = isinstance(left, Const) and isinstance(right, View)
    if swapped:
        left, right = right, left
    if len(node.inputs) == 1:
        return [_of_one(c, node)]
    product = _product(node, left, right, swapped) if len(node.inputs) == 2 else None
    if product is None or not isinstance(left, View):
        raise c.wrong(node, "not a product of two tensors", "an equation such as bik,bkj->bij")
    p, title, name = product, c.title(node), c.name(node, 1)
    x = _ordered(left, p.left, p.batch + p.rows + p.summed)
    if isinstance(right, View):
        x = lowering.reshape(c.g, x, p.extents(p.rows, p.summed), f"{title}_left")
        other = _ordered(right, p.right, p.batch + p.summed + p.columns)
        other = lowering.reshape(c.g, other, p.extents(p.summed, p.columns), f"{title}_right")
        y = lowering.matmul(c.g, x, other, name)
    else:
        x = lowering.reshape(c.g, x, (p.product(p.batch), p.product(p.rows), p.product(p.summed)), f"{title}_left")
        y = lowering.batched_linear(c.g, x, 0, p.product(p.columns), name)
    letters = p.batch + p.rows + p.columns
    y = lowering.reshape(c.g, y, [p.sizes[letter] for letter in letters], f"{title}_result")
    return [_ordered(y, letters, p.result)]


def _of_one(c: Context, node: Node) -> View:
    """Put the axes of one tensor in order, and sum over those that the result has not."""
    view = c.view(node)
    terms = _terms(node, view.dims, None)
    if terms is None or len(terms[0]) != len(view.dims) or len({*terms[0]}) < len(terms[0]):
        raise c.wrong(node, "not a transpose or a sum of one tensor", "an equation such as bij->bji")
    given, _, result = terms
    gone = [at for at, letter in enumerate(given) if letter not in result]
    y = lowering.reduce(c.g, view, gone, "sum", False, c.name(node)) if gone else view
    return _ordered(y, "".join(letter for letter in given if letter in result), result)


def _terms(node: Node, left: Dims, right: Dims | None) -> tuple[str, str, str] | None:
    """Return the letters of both tensors and of the result, those of an ellipsis and of an implied result written out.

    An ellipsis stands for the axes that have no letter, counted from the last; an implied result has them first, then
    all letters that stand once, in order.
    """
    match = _EQUATION.fullmatch(re.sub(r"\s", "", node.text("equation", "")))
    if not match or (match[2] is None) != (right is None):
        return None
    written, extents = [match[1], match[2] or ""], [left, right or ()]
    spare = [max(0, len(dims) - len(term.replace("...", ""))) for term, dims in zip(written, extents, strict=True)]
    more = [_MORE[:count][::-1] if "..." in term else "" for term, count in zip(written, spare, strict=True)]
    result, longest = match[3], max(more, key=len)
    if result is None:
        joined = "".join(written).replace("...", "")
        result = "..." + "".join(sorted(letter for letter in {*joined} if joined.count(letter) == 1))
    first, second = (term.replace("...", letters) for term, letters in zip(written, more, strict=True))
    result = result.replace("...", longest)
    return (first, second, result) if {*result} <= {*first, *second} and len({*result}) == len(result) else None


def _product(node: Node, left: Value | None, right: Value | None, swapped: bool) -> Product | None:
    """Read the equation; None where it is no product of these tensors."""
    if not isinstance(left, View) or not isinstance(right, View | Const):
        return None
    terms = _terms(node, *((right.dims, left.dims) if swapped else (left.dims, right.dims)))
    if terms is None:
        return None
    first, second = (terms[1], terms[0]) if swapped else terms[:2]
    pairs = [*zip(first, left.dims, strict=False), *zip(second, right.dims, strict=False)]
    p = Product(first, second, terms[2], dict(pairs))
    ranks = (len(first), len(second)) == (len(left.dims), len(right.dims))
    once = len({*first}) + len({*second}) == len(pairs)
    whole = {*p.batch, *p.rows, *p.columns} == {*p.result}
    same = all(p.sizes[letter] == size for letter, size in pairs)
    return p if ranks and once and whole and same else None


def _ordered(view: View, letters: str, wanted: str) -> View:
    return transposed(view, [letters.index(letter) for letter in wanted], view.name)


OPS = {"Einsum": einsum}
