"""Attention as the two products and the softmax between them that it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.network.ir import Op
from workloads.importers import lowering
from workloads.importers.assembly import Assembly
from workloads.importers.views import View, transposed

SWAP = (0, 1, 3, 2)


@dataclass(frozen=True, slots=True)
class Attended:
    """What attention makes: its result [batch, heads, positions, features], and the scores before the softmax."""

    result: View
    scores: View


def heads_of(g: Assembly, view: View, heads: int, name: str) -> View:
    """Return an array [batch, positions, heads x features] as [batch, heads, positions, features]."""
    n, positions, features = view.dims
    if heads < 1 or features % heads:
        raise lowering.wrong(name, "features do not divide into heads", f"a multiple of {heads}", str(features))
    split = lowering.reshape(g, view, (n, positions, heads, features // heads), name)
    return transposed(split, (0, 2, 1, 3), name)


def joined_heads(g: Assembly, view: View, name: str) -> View:
    """Return an array [batch, heads, positions, features] as [batch, positions, heads x features]."""
    n, heads, positions, features = view.dims
    return lowering.reshape(g, transposed(view, (0, 2, 1, 3), name), (n, positions, heads * features), name)


def attention(g: Assembly, query: View, key: View, value: View, masks: Sequence[View], name: str) -> Attended:
    """Multiply queries [batch, heads, positions, features] by keys, add masks, take the softmax, multiply by values.

    MACs are batch x heads x positions x keys x (features of a key + those of a value), masked ones included. Several
    heads of queries may share one of keys and values. Scaling and soft caps ride on the first product.
    """
    n, heads, positions, features = query.dims
    shared = key.dims[1]
    if shared < 1 or heads % shared or value.dims[1] != shared or value.dims[2] != key.dims[2]:
        got = ", ".join(lowering.text(view.dims) for view in (query, key, value))
        raise lowering.wrong(name, "queries, keys and values do not match", "[batch, heads, positions, features]", got)
    repeats = heads // shared
    turned = transposed(key, SWAP, "")
    if repeats > 1:
        rows = (n, shared, repeats * positions, features)
        query = lowering.reshape(g, query, rows, f"{name}_queries")
    scores = lowering.matmul(g, query, turned, g.unique(f"{name}_scores"))
    if masks and repeats > 1:
        scores = lowering.reshape(g, scores, (n, heads, positions, key.dims[2]), f"{name}_heads")
    for mask in masks:
        scores = lowering.elementwise(g, Op.ADD, [scores, mask], g.unique(f"{name}_mask"))
    if masks and repeats > 1:
        scores = lowering.reshape(g, scores, (n, shared, repeats * positions, key.dims[2]), f"{name}_shared")
    weights = lowering.unary(g, scores, lambda x: g.apply(Op.SOFTMAX, x, name=g.unique(f"{name}_softmax")))
    result = lowering.matmul(g, weights, value, name)
    if repeats > 1:
        result = lowering.reshape(g, result, (n, heads, positions, value.dims[3]), f"{name}_result")
        scores = lowering.reshape(g, scores, (n, heads, positions, key.dims[2]), f"{name}_all_scores")
    return Attended(result, scores)
