"""Say a layer in the keys of the project's own layer lists, as few as give the same layer back."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from simulator.errors import InputError, Problem
from simulator.network.document import SIZED, ZEROS, window_keys
from simulator.network.graph import Tensor
from simulator.network.ir import MAC_OPS, Layer, Network, Op
from simulator.source.parser import Value
from workloads.importers.assembly import Assembly

Record = dict[str, Value]

CHANNELS = re.compile(r"(\d+):(\d+)")


def records_of(network: Network) -> list[Record]:
    """Return a record for each layer, in order."""
    details = details_of(network)
    return [_record(layer) | details.get(layer.name, {}) for layer in network.layers]


def details_of(network: Network) -> dict[str, Record]:
    """Return, by layer, what neither op nor shapes tell: an unusual stage, shares of zeros, and constants."""
    made: dict[str, Layer] = {}
    details: dict[str, Record] = {}
    for layer in network.layers:
        found: Record = {}
        if layer.stage and layer.stage != _usual_stage(layer, made):
            found["stage"] = layer.stage
        found.update((key, fraction) for key in ZEROS if (fraction := getattr(layer, key)) is not None)
        if layer.zero_columns:
            found["zero_columns"] = True
        if layer.constant_elements:
            found["constant_elements"] = layer.constant_elements
        if found:
            details[layer.name] = found
        made[layer.name] = layer
    return details


def _usual_stage(layer: Layer, made: Mapping[str, Layer]) -> str:
    """Return the stage that a graph gives a layer where nobody says another."""
    maker = made.get(layer.inputs[0])
    return maker.stage if maker and layer.op not in MAC_OPS else layer.name


def _record(layer: Layer) -> Record:
    told = replace(layer, stage="", zero_columns=False, constant_elements=0)
    wanted = replace(told, zero_inputs_fraction=None, zero_weights_fraction=None, zero_outputs_fraction=None)
    for record in _candidates(layer):
        if _made(layer, record) == wanted:
            return record
    raise InputError(Problem("a layer list cannot say this layer", path=layer.name, got=layer.op.value))


def _made(layer: Layer, record: Record) -> Layer | None:
    """Return the layer that a record gives, all else being equal; None where it gives none."""
    from workloads.importers.layer_schema import Row
    from workloads.importers.layer_table import add_row

    scratch = Assembly("scratch")
    sources = [Tensor(name, shape) for name, shape in zip(layer.inputs, layer.input_shapes, strict=True)]
    try:
        made = scratch.layer(add_row(scratch, Row.model_validate(record), sources).name)
    except InputError:
        return None
    return replace(made, stage="") if made and scratch.size == 1 else None


def _candidates(layer: Layer) -> Iterator[Record]:
    """Yield records from the shortest on, the last with the output stated."""
    base: Record = {"name": layer.name, "op": layer.op.value, "inputs": _one_or_many(list(layer.inputs))}
    geometry = _geometry(layer)
    variant: Record = {"variant": layer.variant} if layer.variant else {}
    short = base | geometry | _own_keys(layer)
    yield short
    yield short | variant
    if layer.op is Op.CONCAT:
        for axis in (2, 3, 0):
            yield base | {"axis": axis}
    size = {"size": layer.window} if layer.op in SIZED else {}
    yield base | geometry | size | variant | {"output": list(layer.output_shape)}


def _one_or_many(names: list[Value]) -> Value:
    return names[0] if len(names) == 1 else names


def _geometry(layer: Layer) -> Record:
    """Return the keys of windows, filters and groups that are not as usual."""
    keeps = layer.op is Op.DEPTHWISE and layer.output_shape[1] == layer.input_shapes[0][1]
    left_out = {"ceil", "filters"} if keeps else {"ceil"}
    return {key: value for key, value in window_keys(layer).items() if key not in left_out}


def _own_keys(layer: Layer) -> Record:
    """Return the keys that only one op has."""
    _, channels, height, width = layer.output_shape
    if layer.ceil:
        return {"ceil": True}
    if layer.op is Op.UPSAMPLE:
        return {"size": [height, width]}
    if layer.op is Op.RESHAPE:
        return {"shape": [channels, height, width]}
    if layer.op is Op.GATHER:
        return {"channels": channels}
    if layer.op in (Op.ACTIVATION, Op.NORMALIZATION):
        return {"variant": layer.variant}
    cut = CHANNELS.fullmatch(layer.variant)
    if layer.op is Op.SPLIT and cut:
        return {"channels": [int(cut[1]), int(cut[2])]}
    if layer.op is Op.LRN:
        return {"size": layer.window}
    return {}
