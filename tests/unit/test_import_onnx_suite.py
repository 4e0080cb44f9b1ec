"""Models of ONNX's own test suite, which come with the package: outputs are as large as the suite measured them."""

from math import prod
from pathlib import Path

import pytest

from simulator.errors import InputError
from workloads.load import load_network

onnx = pytest.importorskip("onnx")
SUITE = Path(onnx.__file__).parent / "backend" / "test" / "data"
MODELS = sorted(SUITE.glob("pytorch-*/*/model.onnx"))
REFUSED = ("operator_index", "operator_permute2", "operator_view")
"""What is in the names of models that do nothing but look at a tensor differently."""


def measured(model: Path) -> int:
    """Return the elements of the first output in the suite's data."""
    tensor = onnx.TensorProto.FromString((model.parent / "test_data_set_0" / "output_0.pb").read_bytes())
    return prod(tensor.dims)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.parent.name.removeprefix("test_"))
def test_a_model_of_the_suite_makes_as_much_as_was_measured(model: Path):
    if any(part in model.parent.name for part in REFUSED):
        with pytest.raises(InputError, match="at least one layer"):
            load_network(str(model))
    else:
        network = load_network(str(model))
        made = {layer.name: prod(layer.output_shape) for layer in network.layers}
        assert made[network.outputs[0]] == measured(model)
