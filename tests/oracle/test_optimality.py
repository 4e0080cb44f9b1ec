"""Whether random mappings, and steps from the one that is found, beat it: never its bound, and hardly ever itself.

`python -m tests.oracle.test_optimality` prints how often and by how much, over all layers, machines and objectives.
"""

from dataclasses import dataclass
from itertools import islice, product

import numpy as np
import pytest

from simulator.cost.candidates import ORDERS, Candidate, all_counts, template_record, tile_steps
from simulator.cost.case import Case
from simulator.cost.convert import layer_record, machine_record, make_scratch, mapping_record, port_record, price_record
from simulator.cost.energy import dram_bytes, layer_energy
from simulator.cost.evaluate import evaluate
from simulator.cost.inner import InnerTiles
from simulator.cost.jit import jit
from simulator.cost.legality import violations
from simulator.cost.objectives import KEYS, set_keys
from simulator.cost.search import Found, Request, search_layer
from simulator.cost.sparsity import skips_zeros
from simulator.cost.spatial import SpatialMapping, every_spatial_mapping
from simulator.hardware.load import load_hardware
from simulator.hardware.model import KERNEL_OBJECTIVES, Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.nest import Dim
from simulator.network.ir import Layer
from tests.marks import one_in
from workloads.load import load_network

MACHINES = ("flexible_168", "eyeriss_like", "squeezenext_16x16", "edge_npu_like", "systolic_32x32", "nvdla_64")
NETWORKS = (
    "squeezenext:variant=v5",
    "mobilenet_v2",
    "resnet:depth=50",
    "densenet:depth=121",
    "efficientnet:variant=b0",
    "alexnet",
    "shufflenet_v2",
    "squeezenet",
)
OBJECTIVES = ("cycles", "energy", "edp")
LISTED = 5_000
"""Spatial mappings of a dataflow of which some are drawn."""
OF_ONE_LAYOUT = 25
"""Tiles and orders that are drawn for each of them."""


@jit
def least_of(case, scratch, objective, drawn, flags, keys):
    """Position and value of the best of drawn mappings, or -1: `drawn` [*, 6, 8] holds tile, DRAM order, spatial, rows,
    arrays and registers, `flags` whether zero weights are skipped.
    """  # fmt: skip
    mapping, at, least = case.mapping, -1, np.inf
    for i in range(len(drawn)):
        for d in range(8):
            mapping.tile[d], mapping.dram_order[d], mapping.spatial[d] = drawn[i, 0, d], drawn[i, 1, d], drawn[i, 2, d]
            mapping.rows[d], mapping.arrays[d], mapping.registers[d] = drawn[i, 3, d], drawn[i, 4, d], drawn[i, 5, d]
        mapping.skips = flags[i]
        if evaluate(case, scratch):
            totals = scratch.totals
            pj = layer_energy(case.machine, case.prices, totals, scratch.moved)
            set_keys(objective, totals.cycles, pj, dram_bytes(totals), totals.dma_cycles, keys)
            if keys[0] < least:
                at, least = i, keys[0]
    return at, least


@dataclass
class Trial:
    """A layer on a machine for an objective, and what the search finds."""

    hardware: Hardware
    layer: Layer
    objective: str

    def __post_init__(self):
        assert self.layer.nest is not None
        self.nest, self.scratch, self.keys = self.layer.nest, make_scratch(), np.empty(KEYS)
        facts = layer_record(self.hardware, self.layer, self.nest)
        prices = price_record(self.hardware, self.layer)
        self.records = machine_record(self.hardware), port_record(self.hardware), facts, prices
        self.found: Found | None = search_layer(
            Request(self.hardware, self.layer, self.objective), list(self.hardware.dataflows)
        )

    def least(self, flow: Dataflow, rows: list[list[tuple[int, ...]]]) -> float:
        """The least value of the objective over mappings of a dataflow, as `least_of` takes them."""
        if not rows:
            return np.inf
        drawn = np.array(rows, np.int64)
        flags = np.array([int(skips_zeros(self.hardware, flow, row[2])) for row in rows])
        case = Case(*self.records, template_record(flow, InnerTiles(flow.order), False))
        return least_of(case, self.scratch, KERNEL_OBJECTIVES.index(self.objective), drawn, flags, self.keys)[1]

    def extents(self, flow: Dataflow, layout: SpatialMapping) -> list[tuple[int, ...]]:
        """Extents of tiles along every dimension in the space of the search."""
        steps = tile_steps(Candidate(flow, layout, InnerTiles(flow.order)))
        found = []
        for d, bound, step in zip(Dim, self.nest.bounds, steps, strict=True):
            fixed = d in (Dim.R, Dim.S, *flow.untiled)
            once = d in flow.one_step_a_tile
            found.append((bound,) if fixed else (min(step, bound),) if once else all_counts(bound, step))
        return found

    def at_random(self, rng: np.random.Generator, count: int) -> float:
        """The least value that about so many random mappings reach: some tiles for each of some spatial mappings."""
        least, share = np.inf, -(-count // (OF_ONE_LAYOUT * len(self.hardware.dataflows)))
        for flow in self.hardware.dataflows:
            layouts = list(islice(every_spatial_mapping(flow, self.nest, self.hardware.array), LISTED))
            rows = []
            for at in rng.integers(len(layouts), size=share) if layouts else ():
                drawn = [rng.choice(sizes, OF_ONE_LAYOUT).tolist() for sizes in self.extents(flow, layouts[at])]
                orders = rng.integers(len(ORDERS), size=OF_ONE_LAYOUT)
                rows += [
                    row_of(tile, ORDERS[o], layouts[at])
                    for tile, o in zip(zip(*drawn, strict=True), orders, strict=True)
                ]
            least = min(least, self.least(flow, rows))
        return least

    def near(self) -> float:
        """The least value that steps from what was found reach: other orders, one or two extents next to its own."""
        assert self.found is not None
        mapping = self.found.mapping
        flow = next(flow for flow in self.hardware.dataflows if flow.name == mapping.dataflow)
        layout = SpatialMapping(mapping.rows, mapping.columns, mapping.registers, mapping.arrays)
        ways = []
        for sizes, size in zip(self.extents(flow, layout), mapping.tile, strict=True):
            at = sizes.index(size) if size in sizes else None
            ways.append((size,) if at is None else sizes[max(0, at - 1) : at + 2])
        tiles = [tile for tile in product(*ways) if sum(a != b for a, b in zip(tile, mapping.tile, strict=True)) <= 2]
        return self.least(flow, [row_of(tile, order, layout) for tile in tiles for order in ORDERS])


def row_of(tile, order, layout: SpatialMapping) -> list[tuple[int, ...]]:
    return [tile, tuple(order), layout.spatial, layout.rows, layout.arrays, layout.registers]


def layers_of(network: str, count: int) -> list[Layer]:
    """Some layers of a network, from the first to the last."""
    layers = [layer for layer in load_network(network).layers if layer.nest is not None]
    return [layers[round(i * (len(layers) - 1) / max(1, count - 1))] for i in range(count)]


def beaten_by(trial: Trial, rng: np.random.Generator, count: int) -> float:
    """Fraction by which something beats what was found; 0 if nothing does. Nothing may beat the bound."""
    assert trial.found is not None
    assert violations(trial.found.mapping, trial.layer, trial.hardware) == []
    case = Case(*trial.records, mapping_record(trial.hardware, trial.found.mapping))
    assert evaluate(case, trial.scratch)
    least = min(trial.at_random(rng, count), trial.near())
    assert least >= trial.found.bound * (1 - 1e-12)
    return max(0.0, trial.found.keys[0] / least - 1)


SAMPLE = list(product(MACHINES, NETWORKS[:2], OBJECTIVES))[::6]


@pytest.mark.parametrize(("machine", "network", "objective"), one_in(2, SAMPLE))
def test_nothing_near_and_nothing_random_beats_what_is_found(machine: str, network: str, objective: str) -> None:
    rng = np.random.default_rng(0)
    for layer in layers_of(network, 2):
        assert beaten_by(Trial(load_hardware(machine), layer, objective), rng, 300) <= 0.01


@pytest.mark.parametrize(("network", "at"), [("resnet:depth=50", 0), ("resnet:depth=50", 3)])
def test_no_step_from_what_is_found_beats_it_where_bounds_leave_little_out(network: str, at: int) -> None:
    trial = Trial(load_hardware("eyeriss_like"), layers_of(network, 5)[at], "edp")
    assert trial.found is not None
    assert trial.near() >= trial.found.keys[0] * (1 - 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_found_stands_against_ten_thousand_mappings(machine: str, objective: str) -> None:
    """At most one layer in twenty is beaten by more than a hundredth, and none by more than a tenth."""
    rng, hardware = np.random.default_rng(0), load_hardware(machine)
    layers = [layer for network in NETWORKS for layer in layers_of(network, 5)]
    beaten = [beaten_by(Trial(hardware, layer, objective), rng, 10_000) for layer in layers]
    assert sum(fraction > 0.01 for fraction in beaten) <= len(layers) // 20
    assert max(beaten) <= 0.1


def main() -> None:
    """Print how often, and by how much at worst, something beats what is found."""
    rng = np.random.default_rng(0)
    for machine, objective in product(MACHINES, OBJECTIVES):
        hardware, rows = load_hardware(machine), []
        for network in NETWORKS:
            for layer in layers_of(network, 5):
                trial = Trial(hardware, layer, objective)
                rows.append((beaten_by(trial, rng, 10_000), trial.found.gap, f"{network} {layer.name}"))
        beaten, gaps = [row[0] for row in rows], [row[1] for row in rows]
        print(
            f"{machine:18} {objective:7} {sum(b > 0 for b in beaten):3} of {len(rows)} beaten, "
            f"{sum(b > 0.01 for b in beaten):2} by more than 1%, at worst {max(beaten):.2%} ({max(rows)[2]}); "
            f"gap at most 1%: {sum(g <= 0.01 for g in gaps)}, median {np.median(gaps):.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
