"""Import TFLite models, quantised or not."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from simulator.network.ir import Network
from workloads.importers.bounds import located
from workloads.importers.from_onnx.load import network_of
from workloads.importers.from_onnx.model import Model
from workloads.importers.from_tflite import moves
from workloads.importers.from_tflite.ops import HOST, OPS, reason
from workloads.importers.from_tflite.read import BROKEN, Graph, Operator, read_graph
from workloads.importers.from_tflite.translation import Translation

WEIGHED = frozenset(
    {"CONV_2D", "CONV_3D", "CONV_3D_TRANSPOSE", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}
)
"""Ops that are called after their weights, as their output is after what is fused into them."""
WEIGHTS = re.compile(r"[./](weights?|kernel)$|::product$")
MISPLACED = (*BROKEN, AssertionError, ZeroDivisionError)
"""What an op raises that has other inputs or options than the schema says."""


def import_tflite(path: Path, skip_unknown: bool = False, sizes: Mapping[str, int] | None = None) -> Network:
    """Import a file; see `from_onnx.load.import_onnx` for what is done of unknown ops and open extents."""
    with located(str(path)):
        return network_of(model_of(read_graph(path)), path.stem, skip_unknown, sizes or {})


def model_of(graph: Graph) -> Model:
    """Return the ONNX model that a graph is."""
    t = Translation(graph)
    for op in graph.operators:
        t.op, t.label = op, label_of(op)
        translate = moves.host if op.kind in HOST else OPS.get(op.kind)
        if translate is None:
            t.unknown()
            continue
        try:
            translate(t, op)
        except MISPLACED as error:
            raise t.wrong("inputs or options are not what this op has") from error
    kinds = {op.kind for op in graph.operators}
    return replace(t.model(), refused={kind: why for kind in kinds if (why := reason(kind))})


def label_of(op: Operator) -> str:
    """Return what to call an op: the first of the names that a converter joined into one.

    A layer with weights is called like them, where these have a scope.
    """
    learned = op.inputs[1] if op.kind in WEIGHED and op.has(1) else ""
    learned = WEIGHTS.sub("", learned.partition(";")[0])
    name = learned if "/" in learned else next((name for name in op.outputs if name), op.kind)
    return WEIGHTS.sub("", name.partition(";")[0]).strip("/") or op.kind
