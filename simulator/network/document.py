"""A network as plain data: the layer list that `workloads.importers.yaml_layers` reads, with every output stated.

A saved run holds its network in this form. Whatever a layer is, its record says; nothing is left to be worked out.
"""

from simulator.network.ir import Layer, Network, Op
from simulator.source.parser import Value

KERNELS = frozenset({Op.COL2IM, Op.DEPTHWISE, Op.POOL})
FILTERS = frozenset({Op.CONV, Op.DEPTHWISE, Op.LINEAR})
SIZED = frozenset({Op.LRN, Op.NORMALIZATION})
"""Ops that are read with the elements by which they scale each one."""
ZEROS = ("zero_inputs_fraction", "zero_weights_fraction", "zero_outputs_fraction")


def network_document(network: Network) -> dict[str, Value]:
    """Return a network as a layer list, keys in the order in which a user writes them."""
    document: dict[str, Value] = {
        "name": network.name,
        "inputs": {name: list(shape) for name, shape in network.inputs.items()},
        "layers": [layer_document(layer) for layer in network.layers],
        "outputs": list(network.outputs),
    }
    return document | ({"facts": dict(network.facts)} if network.facts else {})


def layer_document(layer: Layer) -> dict[str, Value]:
    """Return a layer as an entry of a layer list, without what is as usual."""
    record: dict[str, Value] = {"name": layer.name, "op": layer.op.value, "inputs": list(layer.inputs)}
    record |= window_keys(layer)
    if layer.op in SIZED:
        record["size"] = layer.window
    if layer.variant or layer.op is Op.ACTIVATION:
        record["variant"] = layer.variant
    record["output"] = list(layer.output_shape)
    record["stage"] = layer.stage
    if layer.constant_elements:
        record["constant_elements"] = layer.constant_elements
    record |= {key: fraction for key in ZEROS if (fraction := getattr(layer, key)) is not None}
    return record | ({"zero_columns": True} if layer.zero_columns else {})


def window_keys(layer: Layer) -> dict[str, Value]:
    """Return the keys of filters, windows and groups that an op needs or that are not as usual."""
    grouped = layer.op is Op.SHUFFLE or (layer.op is not Op.DEPTHWISE and layer.groups != 1)
    keys: dict[str, Value] = {
        "filters": layer.output_shape[1] if layer.op in FILTERS else None,
        "kernel": pair_value(layer.kernel) if layer.op in KERNELS or layer.kernel != (1, 1) else None,
        "stride": pair_value(layer.stride) if layer.stride != (1, 1) else None,
        "padding": padding_value(layer.padding) if any(layer.padding) else None,
        "dilation": pair_value(layer.dilation) if layer.dilation != (1, 1) else None,
        "groups": layer.groups if grouped else None,
        "bias": layer.bias or None,
        "ceil": layer.ceil or None,
    }
    return {key: value for key, value in keys.items() if value is not None}


def pair_value(pair: tuple[int, int]) -> Value:
    """Write what is vertical and horizontal, as one number where they are equal.

    >>> pair_value((3, 3)), pair_value((3, 1))
    (3, [3, 1])
    """
    return pair[0] if pair[0] == pair[1] else list(pair)


def padding_value(sides: tuple[int, int, int, int]) -> Value:
    """Write top, left, bottom and right in as few numbers as there are different ones."""
    top, left, bottom, right = sides
    if (top, left) != (bottom, right):
        return list(sides)
    return top if top == left else [top, left]
