"""ONNX models as exporters write them, small and without their weights' values."""

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, save

from simulator.errors import InputError
from simulator.network.ir import Network
from workloads.load import load_network

MOST_VALUES = 1 << 16
Dims = Sequence[int | str]


class GraphWriter:
    """Collects nodes; each method that adds one returns the name of what it makes."""

    def __init__(self, opset: int = 17) -> None:
        self.opset = opset
        self.nodes: list[NodeProto] = []
        self.inputs: list[ValueInfoProto] = []
        self.initializers: list[TensorProto] = []
        self.shapes: list[ValueInfoProto] = []
        self.domains = {"": opset}

    def input(self, dims: Dims, name: str = "input") -> str:
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(dims)))
        return name

    def weight(self, name: str, *dims: int, dtype: int = TensorProto.FLOAT, stripped: bool = False) -> str:
        """Add weights, of ones; many, or those that are `stripped`, have no values."""
        tensor = TensorProto(name=name, data_type=dtype, dims=dims)
        if not stripped and prod(dims) <= MOST_VALUES:
            tensor.raw_data = np.ones(dims, helper.tensor_dtype_to_np_dtype(dtype)).tobytes()
        self.initializers.append(tensor)
        return name

    def ints(self, name: str, *values: int, scalar: bool = False) -> str:
        dims = [] if scalar else [len(values)]
        self.initializers.append(helper.make_tensor(name, TensorProto.INT64, dims, values))
        return name

    def floats(self, name: str, *values: float, scalar: bool = False) -> str:
        dims = [] if scalar else [len(values)]
        self.initializers.append(helper.make_tensor(name, TensorProto.FLOAT, dims, values))
        return name

    def node(self, op: str, *inputs: str, outputs: int = 0, name: str = "", domain: str = "", **attributes: Any) -> Any:
        """Add a node; with `outputs`, return the names of so many."""
        base = name or f"{op}_{len(self.nodes)}"
        made = [f"{base}_out{part}" for part in range(outputs or 1)]
        self.nodes.append(helper.make_node(op, list(inputs), made, base, domain=domain, **attributes))
        if domain:
            self.domains[domain] = 1
        return made if outputs else made[0]

    def conv(self, x: str, name: str, filters: int, channels: int, kernel: int = 1, **attributes: Any) -> str:
        """Add a convolution without bias, its padding half the kernel."""
        weight = self.weight(f"{name}.weight", filters, channels // attributes.get("group", 1), kernel, kernel)
        attributes = {"kernel_shape": [kernel] * 2, "pads": [kernel // 2] * 4} | attributes
        return str(self.node("Conv", x, weight, name=name, **attributes))

    def model(self, *outputs: str) -> Any:
        made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(
            self.nodes, "main_graph", self.inputs, made, self.initializers, value_info=self.shapes
        )
        domains = [helper.make_opsetid(domain, version) for domain, version in self.domains.items()]
        return helper.make_model(graph, opset_imports=domains, ir_version=8)

    def save(self, path: Path, *outputs: str) -> str:
        """Write the model and return its path as a spec."""
        save(self.model(*outputs), path)
        return str(path)


def refused(spec: str) -> str:
    """Return what is said of a model that cannot be read."""
    with pytest.raises(InputError) as caught:
        load_network(spec)
    return caught.value.render()


def elements(network: Network) -> tuple[int, ...]:
    """Return the extents above 1 of the network's one output, in whatever order it lies."""
    (name,) = network.outputs
    (layer,) = (layer for layer in network.layers if layer.name == name)
    return tuple(sorted(extent for extent in layer.output_shape if extent > 1))
