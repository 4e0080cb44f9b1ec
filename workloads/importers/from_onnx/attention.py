"""Attention as one op: ONNX's, of opset 23 on, and onnxruntime's."""

from collections.abc import Sequence
from dataclasses import replace

from simulator.network.ir import Op
from workloads.importers import lowering
from workloads.importers.attention import Attended, attention, heads_of, joined_heads
from workloads.importers.from_onnx import vector
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Const, Dims, Node
from workloads.importers.views import View, transposed

Results = Sequence[Value]


def standard(c: Context, node: Node) -> Results:
    """Attention of ONNX: three or four axes, keys and values of steps before joined to the new ones."""
    query, key, value = (c.view(node, at) for at in range(3))
    flat = len(query.dims) == 3
    name = c.name(node)
    if flat:
        query = heads_of(c.g, query, node.int("q_num_heads", 1), f"{name}_heads")
        kept = node.int("kv_num_heads", 1)
        key, value = (heads_of(c.g, view, kept, f"{name}_heads") for view in (key, value))
    key, value = _after(c, node, 4, key, name), _after(c, node, 5, value, name)
    made = attention(c.g, query, key, value, _masks(c, node, (3,)), name)
    result = joined_heads(c.g, made.result, f"{name}_joined") if flat else made.result
    return [result, key, value, made.scores][: max(1, len(node.outputs))]


def packed(c: Context, node: Node) -> Results:
    """Attention of onnxruntime: the product with the weights of queries, keys and values is in it."""
    name, heads = c.name(node, 1), node.int("num_heads", 1)
    weight = c.weight(node, 1)
    if weight is None or len(weight.dims) != 2:
        raise c.wrong(node, "nothing tells how many weights there are", "an initializer of 2 axes")
    total = weight.dims[1]
    sizes = node.ints("qkv_hidden_sizes") or (total // 3,) * 3
    if len(sizes) != 3 or sum(sizes) != total or min(sizes) < 1:
        raise c.wrong(node, "queries, keys and values do not add up", str(total), str(sizes))
    projected = lowering.linear(c.g, c.view(node), total, node.has(2), c.g.unique(f"{name}_projection"))
    query, key, value = (heads_of(c.g, part, heads, f"{name}_heads") for part in _parts(c, projected, sizes, name))
    if node.has(4) and isinstance(c.value(node, 4), View):
        raise c.wrong(node, "keys and values of steps before in one tensor are not supported", "MultiHeadAttention")
    made = attention(c.g, query, key, value, _masks(c, node, (5,)), name)
    return _flat(c, node, made, key, name)


def _parts(c: Context, view: View, sizes: Dims, name: str) -> list[View]:
    """Cut queries, keys and values, which lie one behind the other, out of an array."""
    starts = (0, sizes[0], sizes[0] + sizes[1])
    return [
        lowering.take(c.g, view, 2, start, size, f"{name}_{kind}")
        for start, size, kind in zip(starts, sizes, ("queries", "keys", "values"), strict=True)
    ]


def multi_head(c: Context, node: Node) -> Results:
    """MultiHeadAttention of onnxruntime: queries, keys and values are projected before."""
    name, heads = c.name(node), node.int("num_heads", 1)
    given = [c.view(node, at) for at in range(3) if node.has(at)]
    views = [part for view in given for part in (_unpacked(c, view, name) if len(view.dims) == 5 else [view])]
    if len(views) != 3:
        raise c.wrong(node, "not queries, keys and values", "3 tensors, or packed ones", str(len(views)))
    query, key, value = (view if len(view.dims) == 4 else heads_of(c.g, view, heads, f"{name}_heads") for view in views)
    key, value = _after(c, node, 6, key, name), _after(c, node, 7, value, name)
    made = attention(c.g, query, key, value, _masks(c, node, (5,)), name)
    return [joined_heads(c.g, made.result, f"{name}_joined"), key, value][: max(1, len(node.outputs))]


def _unpacked(c: Context, view: View, name: str) -> list[View]:
    """Return the tensors that lie in one [batch, positions, heads, 2 or 3, features], each heads first."""
    parts = [lowering.take(c.g, view, 3, at, 1, f"{name}_part{at + 1}") for at in range(view.dims[3])]
    flat = [View(part.tensor, (*part.axes[:3], part.axes[4]), part.name) for part in parts]
    return [transposed(part, (0, 2, 1, 3), f"{name}_heads") for part in flat]


def grouped_query(c: Context, node: Node) -> Results:
    """GroupQueryAttention of onnxruntime: heads of queries share keys and values; all three may be one tensor."""
    name, heads, shared = c.name(node), node.int("num_heads", 1), node.int("kv_num_heads", 1)
    views = [c.view(node, at) for at in range(3 if node.has(1) else 1)]
    if len(views) == 1:
        each = views[0].dims[-1] // max(1, heads + 2 * shared)
        views = _parts(c, views[0], (heads * each, shared * each, shared * each), name)
    counts = zip(views, (heads, shared, shared), strict=True)
    query, key, value = (heads_of(c.g, view, count, f"{name}_heads") for view, count in counts)
    key, value = _after(c, node, 3, key, name), _after(c, node, 4, value, name)
    made = attention(c.g, query, key, value, (), name)
    return [joined_heads(c.g, made.result, f"{name}_joined"), key, value][: max(1, len(node.outputs))]


def _flat(c: Context, node: Node, made: Attended, key: View, name: str) -> Results:
    return [joined_heads(c.g, made.result, f"{name}_joined"), key][: max(1, len(node.outputs))]


def _after(c: Context, node: Node, position: int, new: View, name: str) -> View:
    """Return keys or values behind those of steps before, where such are given."""
    before = c.value(node, position)
    if isinstance(before, Const):
        return lowering.concat(c.g, [new], 2, [before.dims], c.g.unique(f"{name}_cache"))
    return lowering.concat(c.g, [before, new], 2, (), c.g.unique(f"{name}_cache")) if isinstance(before, View) else new


def _masks(c: Context, node: Node, positions: Sequence[int]) -> list[View]:
    """Return the masks that are computed; a constant one is added on the way out of the product."""
    return [mask for at in positions if isinstance(mask := c.value(node, at), View)]


def skip_norm(kind: str) -> "vector.Handler":
    """Return a handler for a norm of the sum of two tensors, which some ask for as well."""

    def apply(c: Context, node: Node) -> Results:
        name = c.g.unique(f"{c.title(node)}_sum")
        summed = lowering.elementwise(c.g, Op.ADD, [c.view(node, 0), c.view(node, 1)], name)
        tensor = f"{node.label}::sum"
        c.values[tensor], c.readers[tensor] = summed, [node]
        normed = replace(node, op=kind, inputs=(tensor, *node.inputs[2:4]), outputs=node.outputs[:1])
        (y, *_) = vector.OPS[kind](c, normed)
        return [y, Const((1,)), Const((1,)), summed][: len(node.outputs)]

    return apply


OPS = {"Attention": standard}
"""Op of ONNX -> what makes its layers."""
CONTRIB: dict[str, "vector.Handler"] = {
    "Attention": packed,
    "GroupQueryAttention": grouped_query,
    "MultiHeadAttention": multi_head,
    "SkipLayerNormalization": skip_norm("LayerNormalization"),
    "SkipSimplifiedLayerNormalization": skip_norm("SimplifiedLayerNormalization"),
}
"""Op of the domain com.microsoft -> what makes its layers."""
