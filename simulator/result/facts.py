"""Reduce a machine and a network to what a saved run keeps of them, and fingerprint their content."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction

from simulator.caches import installed_version
from simulator.cost.prices import prices_per_action, prices_per_byte
from simulator.hardware.model import Hardware
from simulator.hardware.peak import area_mm2, peak_watts
from simulator.nest import OPERAND_NAMES, Operand
from simulator.network.document import network_document
from simulator.network.ir import Network
from simulator.result.run import Documents, MachineFacts, NetworkFacts


def machine_facts(hardware: Hardware) -> MachineFacts:
    """Keep of a machine what tables and rooflines need; of several cores, what all of them have."""
    cores = hardware.cores
    reads = [buffer.read_bytes_per_cycle for buffer in hardware.buffers]
    widths = (hardware.input_bits, hardware.weight_bits, hardware.partial_sum_bits)
    return MachineFacts(
        name=hardware.name,
        clock_hz=hardware.clock_hz,
        rows=hardware.array.rows,
        columns=hardware.array.columns,
        macs_per_cycle=hardware.array.macs_per_cycle,
        dram_bytes_per_cycle=None if hardware.dram_bytes_per_cycle is None else float(hardware.dram_bytes_per_cycle),
        burst_bytes=hardware.dram.burst_bytes,
        atom_channels=hardware.dram.atom_channels,
        buffer_bytes=cores * sum(hardware.instances_of(buffer) * buffer.capacity_bytes for buffer in hardware.buffers),
        buffer_bytes_per_cycle=None if None in reads else cores * sum(read for read in reads if read),
        compressed=coded(hardware),
        layer_order=hardware.layer_order,
        energy_table=hardware.energy.name,
        energy_unit=hardware.energy.unit,
        network_bytes_per_cycle={
            name: cores * delivery.words_per_cycle * bits / 8
            for name, delivery, bits in zip(OPERAND_NAMES, hardware.array.delivery, widths, strict=True)
        },
        arrays=cores * hardware.array.instances,
        levels=("dram", *hardware.level_names, "array", "rf"),
        levels_in_pe=tuple(dict.fromkeys(hardware.level_names[b.level] for b in hardware.buffers if b.in_pe)),
        energy_pj_per_byte=prices_per_byte(hardware),
        energy_pj_per_action=prices_of_cores(hardware),
        energy_unit_pj=hardware.energy.unit_pj,
        area_mm2=area_mm2(hardware),
        peak_watts=peak_watts(hardware),
        residual_width=hardware.output_bits / hardware.input_bits,
        host_s=hardware.host_ps / 10**12,
        whole_bytes=hardware.input_bits % 8 == hardware.weight_bits % 8 == 0,
        activation_bytes=hardware.activation_buffer.capacity_bytes,
    )


EVERY_CYCLE = frozenset({"leakage", "clock"})
"""Actions of all cores, whether they work or wait."""


def prices_of_cores(hardware: Hardware) -> dict[str, float]:
    """Picojoules of each action that moves no word; in a cycle all cores leak and have their clocks."""
    prices = prices_per_action(hardware)
    return {name: each * hardware.cores if name in EVERY_CYCLE else each for name, each in prices.items()}


def coded(hardware: Hardware) -> tuple[str, ...]:
    """Operands of which DRAM holds other bytes than the buffer: run-length coded ones, and transformed weights."""
    transformed = {Operand.WEIGHTS} if hardware.dram.winograd else set()
    return tuple(OPERAND_NAMES[operand] for operand in sorted({*hardware.dram.run_length, *transformed}))


def network_facts(network: Network, full_residency_bytes: int = 0) -> NetworkFacts:
    """Keep of a network its name and sizes."""
    return NetworkFacts(network.name, network.macs, network.params, full_residency_bytes)


def documents_of(hardware: Hardware, network: Network) -> Documents:
    """Return a machine and a network as a run carries them."""
    machine = None if hardware.document is None else dict[str, object](hardware.document)
    return Documents(machine, dict[str, object](network_document(network)))


def provenance(documents: Documents) -> dict[str, str]:
    """Say which version made a run and from which contents; neither time nor place, so that bytes repeat."""
    return {"squeezesim": installed_version(), **fingerprints(documents)}


def fingerprints(documents: Documents) -> dict[str, str]:
    """Return a hash of each document that is there."""
    return {key: fingerprint(data) for key, data in digested(documents).items()}


def digested(documents: Documents) -> dict[str, dict[str, object]]:
    """Return each document that is there, by the name of its hash."""
    parts = {"hardware": documents.hardware, "network": documents.network}
    return {f"{part}_sha256": data for part, data in parts.items() if data is not None}


def fingerprint(value: object) -> str:
    """Hash the content of dataclasses and plain containers, whatever file they came from."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=plain_data)
    return hashlib.sha256(text.encode()).hexdigest()


def plain_data(value: object) -> object:
    """Turn frozen dataclasses and containers into what JSON can hold; sets are sorted, fractions become numbers."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    if isinstance(value, dict | Mapping):
        return {str(key): plain_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_data(item) for item in value]
    if is_dataclass(value):
        return {field.name: plain_data(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, frozenset | set):
        return [plain_data(item) for item in sorted(value)]
    raise TypeError(f"no plain form of {type(value).__name__}")
