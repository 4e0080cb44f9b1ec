"""ONNX's Einsum of two tensors: a matrix product, once the axes are in order."""

import re
from collections.abc import Sequence
from math import prod

from workloads.importers import lowering
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Const, Node
from workloads.importers.views import View, transposed

_EQUATION = re.compile(r"([A-Za-z]+),([A-Za-z]+)->([A-Za-z]+)")


def einsum(c: Context, node: Node) -> Sequence[Value]:
    """Multiply and sum over the letters that the result has not: "bik,bkj->bij" and the like.

    Letters of both tensors and the result are a batch; of weights, which have none, only their other letters count.
    """
    match = _EQUATION.fullmatch(re.sub(r"\s", "", node.text("equation", "")))
    left, right = c.value(node, 0), c.value(node, 1)
    if isinstance(left, Const) and isinstance(right, View) and match:
        match, left, right = _EQUATION.fullmatch(f"{match[2]},{match[1]}->{match[3]}"), right, left
    if not (match and isinstance(left, View) and isinstance(right, View | Const)):
        raise c.wrong(node, "not a product of two tensors", "an equation such as bik,bkj->bij")
    first, second, result = match.groups()
    sizes = dict(zip(first + second, (*left.dims, *right.dims), strict=False))
    batch = "".join(letter for letter in first if letter in second and letter in result)
    summed = "".join(letter for letter in first if letter in second and letter not in result)
    rows, columns = (_rest(letters, batch + summed) for letters in (first, second))
    whole = {*batch, *rows, *columns} == {*result} and len({*first}) + len({*second}) == len(first + second)
    fits = (
        len(first) == len(left.dims)
        and len(second) == len(right.dims)
        and sizes | dict(zip(first, left.dims, strict=False)) == sizes
    )
    if not (whole and fits and summed) or (batch and isinstance(right, Const)):
        raise c.wrong(node, "not a product of two tensors", "letters of either tensor in the result, or summed over")

    def extents(*groups: str) -> list[int]:
        return [sizes[letter] for letter in batch] + [prod(sizes[letter] for letter in group) for group in groups]

    x = lowering.reshape(c.g, _ordered(left, first, batch + rows + summed), extents(rows, summed), c.title(node))
    if isinstance(right, Const):
        y = lowering.linear(c.g, x, prod(sizes[letter] for letter in columns), False, c.name(node, 1))
    else:
        other = lowering.reshape(c.g, _ordered(right, second, batch + summed + columns), extents(summed, columns), "")
        y = lowering.matmul(c.g, x, other, c.name(node))
    y = lowering.reshape(c.g, y, [sizes[letter] for letter in batch + rows + columns], c.title(node))
    return [_ordered(y, batch + rows + columns, result)]


def _rest(letters: str, others: str) -> str:
    return "".join(letter for letter in letters if letter not in others)


def _ordered(view: View, letters: str, wanted: str) -> View:
    return transposed(view, [letters.index(letter) for letter in wanted], view.name)


OPS = {"Einsum": einsum}
