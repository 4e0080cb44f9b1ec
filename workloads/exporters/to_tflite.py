"""Write TFLite, for inference with int8: ops, shapes and scales, all weights zeros.

Weights of one size share a buffer. Stages and shares of zeros have no place in the format. A layer that TFLite has no
op for is refused by name.
"""

from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.network.ir import Network
from simulator.source.files import write_atomically
from workloads.exporters.tflite_layers import last, write_layer
from workloads.exporters.tflite_writer import Writer


def export_tflite(network: Network, path: Path) -> None:
    """Write a network to a file."""
    write_atomically(path, tflite_bytes(network))


def tflite_bytes(network: Network) -> bytes:
    """Return a network as a file; raise InputError with every layer that TFLite cannot say."""
    writer = Writer()
    for name, shape in network.inputs.items():
        writer.tensor(name, last(shape))
    problems: list[Problem] = []
    for layer in network.layers:
        try:
            write_layer(writer, layer, network)
        except InputError as error:
            problems += error.problems
            writer.tensor(layer.name, last(layer.output_shape))
    if problems:
        raise InputError(*problems)
    return writer.serialized(network.name, list(network.inputs), network.outputs)
