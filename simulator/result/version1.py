"""Runs of schema version 1: what they say of machine and network, said as today's documents.

They hold a machine in the model's own terms under `subject`, the classes below; these stay as they were.
"""

import json
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

from simulator.errors import InputError, Problem
from simulator.hardware.load import read_hardware
from simulator.nest import OPERAND_NAMES, Dim
from simulator.network.document import network_document
from simulator.network.ir import ACROSS_CHANNELS, Layer, Network, Op
from simulator.result.facts import fingerprint, fingerprints
from simulator.result.relative import unit_picojoules
from simulator.result.run import SCHEMA_VERSION, Documents
from simulator.source.parser import Value
from simulator.source.units import frequency_text, size_text

T = TypeVar("T")
Words = tuple[int, int, int]

_NORMALISATION = re.compile(r"across_channels_([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Network of an operand."""

    network: str
    words_per_cycle: int
    preload: str
    forwarding: bool
    concurrent: bool
    initial_sums: bool


@dataclass(frozen=True, slots=True)
class ZeroWeights:
    """Zero weights."""

    fraction: float
    skip_window: int


@dataclass(frozen=True, slots=True)
class Array:
    """PE array."""

    rows: int
    columns: int
    macs_per_cycle: int
    registers_words: Words
    delivery: tuple[Delivery, Delivery, Delivery]
    reduce_rows: bool
    reduce_columns: bool
    skewed: bool
    zero_weights: ZeroWeights
    zero_inputs_fraction: float
    gates_zero_inputs: bool
    step_cycles: int


@dataclass(frozen=True, slots=True)
class Buffer:
    """On-chip buffer; operands by index."""

    name: str
    holds: tuple[int, ...]
    capacity_bytes: int
    banks: int
    read_bytes_per_cycle: int | None
    write_bytes_per_cycle: int | None
    double_buffered: bool
    streams: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dram:
    """DRAM port; the rate is a fraction, as "128/5"."""

    bytes_per_cycle: str | None
    latency_cycles: int
    burst_bytes: int
    run_length: tuple[int, ...]
    run_length_max: int
    run_length_bits: int
    winograd: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Dataflow:
    """Dataflow; dimensions by index."""

    name: str
    source: str
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    registers: tuple[int, ...]
    stationary: int | None
    lowered: bool
    order: tuple[int, ...]
    packs: bool
    whole: tuple[int, ...]
    stepwise: tuple[int, ...]
    first: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy table."""

    name: str
    source: str
    unit: str
    mac_pj: float
    gated_mac_fraction: float
    rf_pj_per_bit: tuple[float, float, float]
    array_pj_per_bit: float
    buffer_points: tuple[tuple[int, float], ...]
    dram_pj_per_bit: float
    vector_op_pj: float
    leakage_pj_per_cycle: float


@dataclass(frozen=True, slots=True)
class Hardware:
    """Machine; dataflows and energy by name."""

    name: str
    source: str
    clock_hz: int
    input_bits: int
    weight_bits: int
    output_bits: int
    partial_sum_bits: int
    array: Array
    buffers: tuple[Buffer, ...]
    dma_channels: int
    dram: Dram
    vector_lanes: int
    fuses: tuple[str, ...]
    folds: tuple[str, ...]
    layer_order: str
    keeps_activations: bool
    configuration_cycles: int
    dataflows: tuple[str, ...]
    energy: str
    dma_whole_rows: bool
    dma_moves_padding: bool
    objective: str
    dma_reloads: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """All that was simulated."""

    hardware: Hardware
    dataflows: tuple[Dataflow, ...]
    energy: Energy
    network: Network


def updated(run: dict[str, object], file: str | None) -> dict[str, object]:
    """Return a run of version 1 as one of today's; raise InputError for a subject that is not the one of the run."""
    now = {key: value for key, value in run.items() if key != "subject"} | {"schema_version": SCHEMA_VERSION}
    options = run.get("options")
    if isinstance(options, dict) and isinstance(objective := options.get("objective"), str):
        now["options"] = options | {"objective": _now(objective)}
    subject, provenance = run.get("subject"), run.get("provenance")
    if not isinstance(subject, dict) or not isinstance(provenance, dict):
        return now
    digests = {f"{part}_sha256": fingerprint(content) for part, content in subject.items()}
    altered = [
        Problem(
            "altered since the run was made", file, path=f"provenance.{key}", expected=str(said or "a digest"), got=got
        )
        for key, got in digests.items()
        if (said := provenance.get(key)) != got
    ]
    if altered:
        raise InputError(*altered)
    documents = documents_of(_read(subject, file))
    kept = {key: value for key, value in provenance.items() if key not in digests}
    return now | {
        "documents": {"hardware": documents.hardware, "network": documents.network},
        "provenance": kept | fingerprints(documents),
    }


def _read(subject: object, file: str | None) -> Subject:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Subject).validate_json(json.dumps(subject), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(["subject", *map(str, first["loc"])])
        raise InputError(Problem(f"{first['msg']}: simulate it again", file, path=path)) from None


def documents_of(subject: Subject) -> Documents:
    """Return machine and network as documents; no machine where no file can say it, such as its rate of DRAM."""
    try:
        machine = read_hardware(hardware_document(subject)).document
    except InputError:
        machine = None
    layers = tuple(with_window(layer) for layer in subject.network.layers)
    network = network_document(replace(subject.network, layers=layers))
    return Documents(None if machine is None else dict[str, object](machine), dict[str, object](network))


def with_window(layer: Layer) -> Layer:
    """Return a layer as it is today: of a normalisation, the variant said the channels of its window, too."""
    said = _NORMALISATION.fullmatch(layer.variant) if layer.op is Op.LRN else None
    return replace(layer, variant=ACROSS_CHANNELS, window=int(said[1])) if said else layer


def hardware_document(subject: Subject) -> dict[str, Value]:
    """Return a machine's document."""
    hardware = subject.hardware
    padding, reuse = "moved" if hardware.dma_moves_padding else "added", "none" if hardware.dma_reloads else "tiles"
    bits = (hardware.input_bits, hardware.weight_bits, hardware.output_bits)
    names = zip(subject.dataflows, hardware.dataflows, strict=True)
    return {
        "name": hardware.name,
        "source": hardware.source,
        "clock": frequency_text(hardware.clock_hz),
        "precision_bits": _by_operand(*bits) | {"partial_sums": hardware.partial_sum_bits},
        "array": _array(hardware.array),
        "buffers": [_buffer(buffer) for buffer in hardware.buffers],
        "dma": {
            "channels": hardware.dma_channels,
            "whole_rows": hardware.dma_whole_rows,
            "padding": padding,
            "reuse": reuse,
        },
        "dram": _dram(hardware.dram, hardware.clock_hz),
        "vector": {"lanes": hardware.vector_lanes},
        "fuses": list(hardware.fuses),
        "folds": list(hardware.folds),
        "layers": {
            "order": hardware.layer_order,
            "keep_activations": hardware.keeps_activations,
            "configuration_cycles": hardware.configuration_cycles,
        },
        "dataflows": [_dataflow(flow, name) for flow, name in names],
        "objective": _now(hardware.objective),
        "energy": _energy(subject.energy),
    }


def _by_operand(inputs: Value, weights: Value, outputs: Value) -> dict[str, Value]:
    return {"inputs": inputs, "weights": weights, "outputs": outputs}


def _array(array: Array) -> Value:
    inputs, weights, outputs = (_delivery(delivery) for delivery in array.delivery)
    sums, ways = array.delivery[2], {(True, True): "both", (True, False): "rows", (False, True): "columns"}
    outputs |= {
        "directions": "concurrent" if sums.concurrent else "shared",
        "reduce_along": ways.get((array.reduce_rows, array.reduce_columns), "none"),
        "initial_sums": sums.initial_sums,
    }
    preloads = [{"preload": _now(delivery.preload)} for delivery in array.delivery]
    inputs |= {**preloads[0], "forwarding": array.delivery[0].forwarding}
    zeros = array.zero_weights
    return {
        "rows": array.rows,
        "columns": array.columns,
        "macs_per_cycle": array.macs_per_cycle,
        "step_cycles": array.step_cycles,
        "registers_words": _by_operand(*array.registers_words),
        "delivery": _by_operand(inputs, {**weights, **preloads[1]}, outputs),
        "skewed": array.skewed,
        "zero": {
            "weights": {"fraction": zeros.fraction, "skip_window": zeros.skip_window},
            "inputs": {"fraction": array.zero_inputs_fraction, "gate": array.gates_zero_inputs},
        },
    }


def _delivery(delivery: Delivery) -> dict[str, Value]:
    return {"network": delivery.network, "words_per_cycle": delivery.words_per_cycle}


def _buffer(buffer: Buffer) -> Value:
    return {
        "name": buffer.name,
        "holds": _operands(buffer.holds),
        "capacity": size_text(buffer.capacity_bytes),
        "banks": buffer.banks,
        "read_bytes_per_cycle": buffer.read_bytes_per_cycle,
        "write_bytes_per_cycle": buffer.write_bytes_per_cycle,
        "double_buffered": buffer.double_buffered,
        "streams": _operands(buffer.streams),
    }


def _operands(indices: tuple[int, ...]) -> list[Value]:
    return [OPERAND_NAMES[index] for index in indices]


def _dram(dram: Dram, clock_hz: int) -> Value:
    """Return the port; the schema refuses a rate that is no whole number of bytes a second."""
    rate = None if dram.bytes_per_cycle is None else Fraction(dram.bytes_per_cycle) * clock_hz
    compression: dict[str, Value] = {}
    if dram.run_length:
        compression["run_length"] = {
            "operands": _operands(dram.run_length),
            "longest_run": dram.run_length_max,
            "run_bits": dram.run_length_bits,
        }
    if dram.winograd:
        compression["winograd_weights"] = {"outputs": dram.winograd[0], "taps": dram.winograd[1]}
    burst = size_text(dram.burst_bytes)
    return {
        "bandwidth": "unlimited" if rate is None else f"{rate} B/s",
        "latency_cycles": dram.latency_cycles,
        "burst": burst,
        "layout": {"activations": "tiled"},  # as all lay then
        "compression": compression,
    }


def _now(word: str) -> str:
    """Return what a word of then is called now."""
    return {"behind_step": "double_buffered", "balanced": "cycles_plus_dma"}.get(word, word)


def _dataflow(flow: Dataflow, name: str) -> Value:
    return {
        "name": name,
        "source": flow.source,
        "rows": _dimensions(flow.rows),
        "columns": _dimensions(flow.columns),
        "registers": _dimensions(flow.registers),
        "stationary": "none" if flow.stationary is None else OPERAND_NAMES[flow.stationary],
        "lowered": flow.lowered,
        "channel_packing": flow.packs,
        "untiled": _dimensions(flow.whole),
        "one_step_a_tile": _dimensions(flow.stepwise),
        "greedy": _dimensions(flow.first),
        "order": _dimensions(flow.order),
    }


def _dimensions(indices: tuple[int, ...]) -> list[Value]:
    return [Dim(index).name for index in indices]


def _energy(table: Energy) -> Value:
    """Return a table whose prices are for one bit."""
    return {
        "name": table.name,
        "source": table.source,
        "unit": table.unit,
        "mac": table.mac_pj,
        "gated_mac_fraction": table.gated_mac_fraction,
        "rf": _by_operand(*(_bit(price) for price in table.rf_pj_per_bit)),
        "array": _bit(table.array_pj_per_bit),
        "buffer": [{"capacity": size_text(size), "energy": price, "bits": 1} for size, price in table.buffer_points],
        "dram": _bit(table.dram_pj_per_bit),
        "vector_op": table.vector_op_pj,
        "leakage_per_cycle": table.leakage_pj_per_cycle,
        "mac_picojoules": None if table.unit == "pJ" else unit_picojoules(table.name) * table.mac_pj,
    }


def _bit(price: float) -> Value:
    return {"energy": price, "bits": 1}
