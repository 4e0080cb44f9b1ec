"""Write ONNX: the graph with all shapes, its weights zeros.

Weights are made by ConstantOfShape, so that the file stays small and any runtime loads it. What ONNX has no op for (a
grouped fully connected layer, a function of an unknown name) is an op "Layer" of the domain "squeezesim". The network's
name, its facts, stages and shares of zeros are metadata of the model, as JSON under the key "squeezesim".
"""

import json
from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.files import write_atomically
from simulator.network.ir import Network
from workloads.exporters.onnx_layers import write_layer
from workloads.exporters.onnx_writer import Writer
from workloads.exporters.records import details_of

IR_VERSION = 9
OPSET = 20


def export_onnx(network: Network, path: Path) -> None:
    """Write a network to a file."""
    write_atomically(path, onnx_bytes(network))


def onnx_bytes(network: Network) -> bytes:
    """Return a network as a serialized ONNX model; raise InputError where the onnx package is missing."""
    try:
        from onnx import TensorProto, ValueInfoProto, helper
    except ImportError as error:
        raise InputError(Problem("ONNX needs the extra onnx", expected='pip install "squeezesim[onnx]"')) from error
    writer = Writer(network)
    for layer in network.layers:
        write_layer(writer, layer)
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
    domains = [helper.make_opsetid("", OPSET), helper.make_opsetid("squeezesim", 1)]
    model = helper.make_model(graph, opset_imports=domains, producer_name="squeezesim", ir_version=IR_VERSION)
    details = details_of(network)
    layers = {layer.name: {"stage": layer.stage} | details.get(layer.name, {}) for layer in network.layers}
    told = {"name": network.name, "facts": network.facts, "layers": layers}
    helper.set_model_props(model, {"squeezesim": json.dumps(told)})
    content: bytes = model.SerializeToString(deterministic=True)
    return content
