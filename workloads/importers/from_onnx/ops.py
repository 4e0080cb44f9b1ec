"""All ONNX ops that are known, and the domains they come from."""

from collections.abc import Callable, Sequence

from workloads.importers.from_onnx import einsum, indexing, movement, products, sequences, vector
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Node
from workloads.importers.from_onnx.patterns import OWN_DOMAIN
from workloads.importers.from_onnx.read import STANDARD_DOMAINS

DOMAINS = (*STANDARD_DOMAINS, OWN_DOMAIN, "com.microsoft")
OPS: dict[str, Callable[[Context, Node], Sequence[Value]]] = dict(
    sorted({**einsum.OPS, **indexing.OPS, **products.OPS, **vector.OPS, **movement.OPS, **sequences.OPS}.items())
)
"""Op -> what makes its layers."""
