"""Collect the nodes and constants of an ONNX graph."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from simulator.network.ir import MAC_OPS, Layer, Network, Op

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

Attribute = int | float | str | Sequence[int]


class Writer:
    """A graph on its way out; a tensor has the name of the layer that makes it."""

    def __init__(self, network: Network) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._layers = {layer.name: layer for layer in network.layers}
        self._readers: dict[str, list[Layer]] = {}
        for layer in network.layers:
            for name in layer.inputs:
                self._readers.setdefault(name, []).append(layer)
        self._moved: set[Hashable] = set()
        self._counts = Counter(name for layer in network.layers for name in layer.inputs)
        self._counts.update(network.outputs)

    def node(
        self,
        kind: str,
        inputs: Sequence[str],
        output: str,
        name: str = "",
        domain: str = "",
        /,
        **attributes: Attribute,
    ) -> str:
        """Add a node that makes `output`, called like it unless named; return its output."""
        from onnx import helper

        node = helper.make_node(kind, inputs, [output], name or output, domain=domain)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.nodes.append(node)
        return output

    def numbers(self, name: str, values: Sequence[int]) -> str:
        """Add a constant vector of integers."""
        from onnx import TensorProto, helper

        self.initializers.append(helper.make_tensor(name, TensorProto.INT64, [len(values)], list(values)))
        return name

    def scalar(self, name: str, value: float) -> str:
        """Add a constant number."""
        from onnx import TensorProto, helper

        self.initializers.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
        return name

    def zeros(self, name: str, dims: Sequence[int]) -> str:
        """Add weights, all zero, that take no room."""
        return self.node("ConstantOfShape", [self.numbers(f"{name}::shape", dims)], name)

    def reshape(self, source: str, dims: Sequence[int], output: str) -> str:
        """Add a reshape."""
        return self.node("Reshape", [source, self.numbers(f"{output}::dims", dims)], output)

    def is_new(self, layer: Layer) -> bool:
        """Return whether no layer before moves the same tensor in the same way; an importer would join the two."""
        key = (layer.inputs, layer.output_shape, layer.groups)
        known = key in self._moved
        self._moved.add(key)
        return not known

    def own(self, layer: Layer) -> None:
        """Add a layer that ONNX has no op for."""
        self.node(
            "Layer",
            layer.inputs,
            layer.name,
            layer.name,
            "squeezesim",
            op=layer.op.value,
            output=layer.output_shape,
            kernel=layer.kernel,
            stride=layer.stride,
            padding=layer.padding,
            dilation=layer.dilation,
            groups=layer.groups,
            bias=int(layer.bias),
            variant=layer.variant,
            window=layer.window,
            ceil=int(layer.ceil),
        )

    def maker(self, name: str) -> Layer | None:
        """Return the layer that makes a tensor."""
        return self._layers.get(name)

    def readers(self, name: str) -> list[Layer]:
        """Return the layers that read a tensor."""
        return self._readers.get(name, [])

    def folds_norm(self, name: str) -> bool:
        """Return whether an importer would fold a norm into the layer that makes a tensor."""
        maker = self.maker(name)
        return maker is not None and self._counts[name] == 1 and (maker.op in MAC_OPS or maker.variant == "norm")

    def joins_norm(self, name: str) -> bool:
        """Return whether an importer would make an activation one with the norm that makes its input."""
        maker = self.maker(name)
        norm = maker is not None and (maker.op, maker.variant) == (Op.ACTIVATION, "norm")
        return norm and self._counts[name] == 1
