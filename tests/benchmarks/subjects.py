"""What the benchmarks measure: a machine, layers with their best mappings, and tiles that stream through a port."""

from functools import cache

import numpy as np

from simulator.cost.case import Case
from simulator.cost.convert import layer_record, machine_record, mapping_record, port_record, price_record
from simulator.cost.search import Request, search_layer
from simulator.hardware.load import load_hardware
from simulator.timing.tiles import PortSpec, TileRun
from workloads.load import load_network

MACHINE = load_hardware("flexible_168")
FLOWS = list(MACHINE.dataflows)
PORT = PortSpec(slots=2, out_slots=2, channels=2, latency_cycles=100, prefetch_cycles=50, deeper_slots=2)


@cache
def layer(network, name):
    return next(layer for layer in load_network(network).layers if layer.name == name)


def search(network, name):
    return search_layer(Request(MACHINE, layer(network, name), "cycles"), FLOWS)


def best_case(network, name):
    """A layer with its best mapping."""
    found, subject = search(network, name), layer(network, name)
    records = machine_record(MACHINE), port_record(MACHINE), layer_record(MACHINE, subject, subject.nest)
    return Case(*records, price_record(MACHINE, subject), mapping_record(MACHINE, found.mapping))


def different_tiles(count):
    """Tiles of which no two in a row are equal."""
    rng = np.random.default_rng(0)
    loads, computes, stores = (rng.integers(low, high, count) for low, high in ((10, 90), (20, 120), (0, 40)))
    return [TileRun(*map(int, cycles)) for cycles in zip(loads, computes, stores, strict=True)]
