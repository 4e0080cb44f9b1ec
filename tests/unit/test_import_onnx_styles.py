"""Whole networks in ONNX, written the way of each exporter, are the bundled ones layer by layer."""

from dataclasses import replace
from pathlib import Path

import pytest

from simulator.network.ir import Layer, Network, Op
from tests.onnx_styles import STYLES, save_as
from workloads.load import load_network

NETWORKS = (
    "densenet:resolution=64",
    "efficientnet",
    "googlenet",
    "mobilenet_v3",
    "shufflenet_v1",
    "shufflenet_v2",
    "squeezenext:variant=v5",
    "vgg",
)


def plain(network: Network) -> list[Layer]:
    """Return the layers without names, stages and shares of zeros, nor reshapes, which importers may fold away."""
    made = {layer.name: f"#{at}" for at, layer in enumerate(_kept(network))}
    made |= {name: name for name in network.inputs}
    for layer in network.layers:
        made.setdefault(layer.name, made[layer.inputs[0]])
    return [
        replace(
            layer,
            name="",
            inputs=tuple(made[name] for name in layer.inputs),
            stage="",
            zero_inputs_fraction=None,
            zero_outputs_fraction=None,
        )
        for layer in _kept(network)
    ]


def _kept(network: Network) -> list[Layer]:
    return [layer for layer in network.layers if layer.op is not Op.RESHAPE]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("spec", NETWORKS)
def test_a_network_is_the_same_whoever_exported_it(tmp_path: Path, spec: str, style: str):
    network = load_network(spec)
    found = load_network(save_as(network, STYLES[style], tmp_path / "net.onnx"))
    assert plain(found) == plain(network)
    assert (found.macs, found.params) == (network.macs, network.params)
