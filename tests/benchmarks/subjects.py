"""What the benchmarks measure: a machine, layers with their best mappings, and tiles that stream through a port."""

from functools import cache

import numpy as np

from simulator.cost.convert import energy_record, layer_record, machine_record, make_scratch, mapping_record
from simulator.cost.energy import PARTS
from simulator.cost.search import search_layer
from simulator.hardware.load import load_hardware
from simulator.timing.tiles import PortSpec, TileRun
from workloads.load import load_network

MACHINE = load_hardware("eyeriss_like")
TABLE = MACHINE.energy
FLOWS = list(MACHINE.dataflows)
PORT = PortSpec(slots=2, out_slots=2, channels=2, latency_cycles=100, prefetch_cycles=50, early_slots=2)


@cache
def layer(network, name):
    return next(layer for layer in load_network(network).layers if layer.name == name)


def search(network, name):
    return search_layer(MACHINE, TABLE, layer(network, name), FLOWS, "cycles")


def evaluation(network, name):
    """The arguments of an evaluation of a layer's best mapping, energy included."""
    found, subject, scratch = search(network, name), layer(network, name), make_scratch(MACHINE)
    facts = layer_record(MACHINE, subject, subject.nest)
    arrays = scratch.program, scratch.walk, scratch.state, scratch.kinds, scratch.totals
    case = machine_record(MACHINE), facts, mapping_record(MACHINE, found.mapping), *arrays
    return case, energy_record(MACHINE, TABLE, subject), np.zeros(len(PARTS))


def different_tiles(count):
    """Tiles of which no two in a row are equal."""
    rng = np.random.default_rng(0)
    loads, computes, stores = (rng.integers(low, high, count) for low, high in ((10, 90), (20, 120), (0, 40)))
    return [TileRun(*map(int, cycles)) for cycles in zip(loads, computes, stores, strict=True)]


def columns(runs):
    """The runs as `play_runs` takes them."""
    rows = [(run.early_cycles, run.load_cycles, run.compute_cycles, run.store_cycles, run.count) for run in runs]
    return [np.array(column, np.int64) for column in zip(*rows, strict=True)]


def port_tuple(port):
    return port.early_slots, port.slots, port.out_slots, port.channels, port.latency_cycles
