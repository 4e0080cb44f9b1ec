"""Put a network into plain data, the form that `simulate show --json` prints."""

from simulator.network.ir import ASSUMED, Layer, Network


def network_to_dict(network: Network) -> dict[str, object]:
    """Return the network as data that JSON can hold.

    MACs count without bias, params are weights and biases; a layer that multiplies nothing has 0 of each.
    """
    assumed = network.assumed
    return {
        "name": network.name,
        "macs": network.macs,
        "params": network.params,
        "inputs": {name: list(shape) for name, shape in network.inputs.items()},
        "outputs": list(network.outputs),
        "facts": dict(network.facts),
        "layers": [
            layer_to_dict(layer) | ({ASSUMED: True} if layer.name in assumed else {}) for layer in network.layers
        ],
    }


def layer_to_dict(layer: Layer) -> dict[str, object]:
    """Return one layer as data: shapes are [N, C, H, W], padding is [top, left, bottom, right]."""
    return {
        "name": layer.name,
        "op": layer.op.value,
        "variant": layer.variant,
        "stage": layer.stage,
        "inputs": list(layer.inputs),
        "input_shapes": [list(shape) for shape in layer.input_shapes],
        "output_shape": list(layer.output_shape),
        "kernel": list(layer.kernel),
        "stride": list(layer.stride),
        "padding": list(layer.padding),
        "dilation": list(layer.dilation),
        "groups": layer.groups,
        "window": layer.window,
        "bias": layer.bias,
        "macs": layer.macs,
        "params": layer.params,
    }
