"""TFLite models as converters write them, small, all weights zeros."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tflite")

from simulator.network.ir import Network
from workloads.exporters.tflite_writer import Writer
from workloads.load import load_network


class TfliteGraph(Writer):
    """Collects ops; each method that adds one returns the name of what it makes."""

    def input(self, *dims: int, name: str = "data") -> str:
        self.given = [*getattr(self, "given", []), name]
        return self.tensor(name, dims)

    def conv(self, x: str, name: str, filters: int, kernel: int = 1, bias: bool = True, **fields: Any) -> str:
        """Add a convolution that keeps the size of maps, if its stride does."""
        n, h, w, c = self.tensors[x].dims
        weights = self.weights(f"{name}/weights", (filters, kernel, kernel, c), 0)
        learned = [weights, self.bias(f"{name}/bias", filters)] if bias else [weights]
        fields = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1} | fields
        size = [-(-extent // fields["StrideH"]) for extent in (h, w)]
        return self.op("CONV_2D", [x, *learned], name, (n, *size, filters), "Conv2DOptions", **fields)

    def network(self, path: Path, *outputs: str, skip_unknown: bool = False) -> Network:
        """Write the graph and read it."""
        target = path / "net.tflite"
        target.write_bytes(self.serialized("net", self.given, outputs))
        return load_network(str(target), skip_unknown=skip_unknown)


def kinds(network: Network) -> Sequence[tuple[str, str, tuple[int, ...]]]:
    """Return what each layer is and makes."""
    return [(layer.op.value, layer.variant, layer.output_shape) for layer in network.layers]
