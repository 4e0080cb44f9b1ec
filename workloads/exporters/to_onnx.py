"""Write ONNX: the graph with all shapes, its weights zeros.

Weights are made by ConstantOfShape, so that the file stays small and any runtime loads it. What ONNX has no op for (a
grouped fully connected layer, a function of an unknown name) is an op "Layer" of the domain "squeezesim". The network's
name, its facts, stages and shares of zeros are metadata of the model, as JSON under the key "squeezesim".
"""

import json
from collections.abc import Collection
from itertools import zip_longest
from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.network.ir import Network
from simulator.network.ops import CONVOLUTIONS
from simulator.source.files import write_atomically
from workloads.exporters.onnx_layers import write_layer
from workloads.exporters.onnx_writer import Writer
from workloads.exporters.records import details_of
from workloads.importers.from_onnx.load import import_onnx_bytes

IR_VERSION = 9
OPSET = 20
DOMAIN = "squeezesim"


def export_onnx(network: Network, path: Path) -> None:
    """Write a network to a file."""
    write_atomically(path, onnx_bytes(network))


def onnx_bytes(network: Network) -> bytes:
    """Return a network as a serialized ONNX model; raise InputError where the onnx package is missing.

    A layer that the importer would read as something else, as when two reshapes of one tensor are one to it, is written
    as an op of the project's own too.
    """
    own: frozenset[str] = frozenset()
    content = _serialized(network, own)
    while (misread := _misread(network, content)) and not misread <= own:
        own |= misread
        content = _serialized(network, own)
    return content


def _misread(network: Network, content: bytes) -> frozenset[str]:
    """Return the first layer that the importer reads otherwise, and those that make what it reads."""
    found = import_onnx_bytes(content, network.name)
    pairs = zip_longest(network.layers, found.layers[: len(network.layers)])
    wrong = next((layer for layer, read in pairs if layer is not None and layer != read), None)
    if wrong is None:
        return frozenset()
    movers = {layer.name for layer in network.layers if layer.op not in CONVOLUTIONS}
    return frozenset({wrong.name, *wrong.inputs} & movers) or frozenset(movers)


def _serialized(network: Network, own: Collection[str]) -> bytes:
    """Return the model in which the layers named in `own` are ops of the project's own."""
    try:
        from onnx import TensorProto, ValueInfoProto, helper
    except ImportError as error:
        raise InputError(Problem("ONNX needs the extra onnx", expected='pip install "squeezesim[onnx]"')) from error
    writer = Writer(network)
    for layer in network.layers:
        writer.own(layer) if layer.name in own else write_layer(writer, layer)
    shapes = dict(network.inputs) | {layer.name: layer.output_shape for layer in network.layers}

    def info(name: str) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name])

    inner = [layer.name for layer in network.layers if layer.name not in network.outputs]
    graph = helper.make_graph(
        writer.nodes,
        network.name,
        [info(name) for name in network.inputs],
        [info(name) for name in network.outputs],
        initializer=writer.initializers,
        value_info=[info(name) for name in inner],
    )
    domains = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)]
    model = helper.make_model(graph, opset_imports=domains, producer_name=DOMAIN, ir_version=IR_VERSION)
    helper.set_model_props(model, {DOMAIN: _metadata(network)})
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _metadata(network: Network) -> str:
    details = details_of(network)
    layers = {layer.name: {"stage": layer.stage, **details.get(layer.name, {})} for layer in network.layers}
    return json.dumps({"name": network.name, "facts": network.facts, "layers": layers})
