"""ONNX's Einsum of two tensors: a matrix product, once the axes are in order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from workloads.importers import lowering
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Const, Node
from workloads.importers.views import View, transposed

_EQUATION = re.compile(r"([A-Za-z]+),([A-Za-z]+)->([A-Za-z]+)")


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
    """Multiply and sum over the letters that the result has not: "bik,bkj->bij" and the like; weights have no batch."""
    left, right = c.value(node, 0), c.value(node, 1)
    swapped = isinstance(left, Const) and isinstance(right, View)
    if swapped:
        left, right = right, left
    product = _product(node, left, right, swapped)
    if product is None or not isinstance(left, View) or (product.batch and isinstance(right, Const)):
        raise c.wrong(node, "not a product of two tensors", "an equation such as bik,bkj->bij")
    p, title, name = product, c.title(node), c.name(node, 1)
    x = _ordered(left, p.left, p.batch + p.rows + p.summed)
    x = lowering.reshape(c.g, x, p.extents(p.rows, p.summed), f"{title}_left")
    if isinstance(right, View):
        other = _ordered(right, p.right, p.batch + p.summed + p.columns)
        other = lowering.reshape(c.g, other, p.extents(p.summed, p.columns), f"{title}_right")
        y = lowering.matmul(c.g, x, other, name)
    else:
        y = lowering.linear(c.g, x, p.product(p.columns), False, name)
    letters = p.batch + p.rows + p.columns
    y = lowering.reshape(c.g, y, [p.sizes[letter] for letter in letters], f"{title}_result")
    return [_ordered(y, letters, p.result)]


def _product(node: Node, left: Value | None, right: Value | None, swapped: bool) -> Product | None:
    """Read the equation; None where it is no product of these tensors."""
    match = _EQUATION.fullmatch(re.sub(r"\s", "", node.text("equation", "")))
    if not match or not isinstance(left, View) or not isinstance(right, View | Const):
        return None
    first, second = (match[2], match[1]) if swapped else (match[1], match[2])
    pairs = [*zip(first, left.dims, strict=False), *zip(second, right.dims, strict=False)]
    p = Product(first, second, match[3], dict(pairs))
    ranks = (len(first), len(second)) == (len(left.dims), len(right.dims))
    once = len({*first}) + len({*second}) == len(pairs) and len({*p.result}) == len(p.result)
    whole = {*p.batch, *p.rows, *p.columns} == {*p.result}
    same = all(p.sizes[letter] == size for letter, size in pairs)
    return p if ranks and once and whole and same and p.summed else None


def _ordered(view: View, letters: str, wanted: str) -> View:
    return transposed(view, [letters.index(letter) for letter in wanted], view.name)


OPS = {"Einsum": einsum}
