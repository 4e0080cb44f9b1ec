"""What no mapping of a layer under a dataflow takes less of: what `simulator.cost.floor` is asked, and about what."""

from dataclasses import replace

import numpy as np

from simulator.cost.candidates import longest_steps, template_record, ways_to_cut
from simulator.cost.case import Case, Record, Scratch
from simulator.cost.compulsory import ArrayEnergy, delivery_cycles, distinct_words
from simulator.cost.floor import Cycles, floor_of
from simulator.cost.inner import InnerTiles
from simulator.cost.objectives import BY_CYCLES, BY_CYCLES_PLUS_DMA
from simulator.cost.sparsity import skips_zeros
from simulator.cost.spatial import least_mac_cycles, most_steps
from simulator.cost.steps import step_tables
from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import ONES
from simulator.nest import RELEVANT, LoopNest, Operand

MOST_CUTS, WHERE_BYTES_COUNT = 8_000, 5_000
"""Ways to cut a layer that a floor looks at: of time, and of other objectives, which cuts raise little."""

NO_STEPS = np.ones((0, 8, 1), np.int64)
"""What is known of steps, by the ways to cut, to a floor that looks at none."""

Parts = tuple[Record, Record, Record, Record]
"""Records of machine, port, layer and prices."""


def case_of(parts: Parts, mapping: Record, words_pj: float = 0.0) -> Case:
    """Return the layer with a mapping, of which words at the array cost so much at least."""
    machine, port, layer, prices = parts
    if words_pj > 0:
        prices = prices.copy()
        prices["least_words_pj"] = np.maximum(prices["least_words_pj"], words_pj)
    return Case(machine, port, layer, prices, mapping)


class Floors:
    """The least of an objective for a layer, by dataflow, among mappings of at most `most_cycles`."""

    def __init__(
        self,
        hardware: Hardware,
        nest: LoopNest,
        parts: Parts,
        scratch: Scratch,
        objective: int,
        most_cycles: float = np.inf,
    ) -> None:
        """`objective` is one of `simulator.cost.objectives`; the scratch is the search's."""
        self.hardware, self.nest, self.parts, self.scratch = hardware, nest, parts, scratch
        self.objective, self.most_cycles = objective, most_cycles
        self.timed = objective in (BY_CYCLES, BY_CYCLES_PLUS_DMA)
        self.array_energies: dict[Dataflow, ArrayEnergy] = {}

    def of(self, dataflow: Dataflow, most: float = np.inf) -> float:
        """What no mapping takes less of, at a glance, or `most` if that is no more."""
        return min(self._of(flow, skips, most, 1) for flow, skips in self.ways(dataflow))

    def close(self, dataflow: Dataflow, most: float, most_cuts: int = MOST_CUTS) -> float:
        """The same, as all ways to cut the layer say, if there are no more."""
        cuts = most_cuts if self.timed else min(most_cuts, WHERE_BYTES_COUNT)
        return min(self._of(flow, skips, most, cuts) for flow, skips in self.ways(dataflow))

    def _of(self, dataflow: Dataflow, skips: bool, best: float, most_cuts: int) -> float:
        nest, array = self.nest, self.hardware.array
        trial = template_record(dataflow, InnerTiles(dataflow.order), skips)
        longest = longest_steps(nest, dataflow, array, len(self.hardware.level_names))
        case = case_of(self.parts, trial, 0.0 if self.timed else self.array_energy(dataflow).of_any)
        macs = max(self._macs(dataflow, skips), delivery_cycles(self.hardware, nest, dataflow.lowered))
        words = np.array([distinct_words(nest, operand, dataflow.lowered) for operand in Operand], np.int64)
        steps = step_tables(dataflow, nest, array, longest) if most_cuts > 1 else NO_STEPS
        cycles = Cycles(macs, steps, words, array.peak_macs_per_cycle, self.most_cycles)
        cuts = ways_to_cut(nest, dataflow, longest)
        return float(floor_of(case, self.scratch, cuts, cycles, self.objective, best, most_cuts))

    def ways(self, dataflow: Dataflow) -> list[tuple[Dataflow, bool]]:
        """Dataflows, and whether zeros are skipped: of one that may spread weights over PEs, where it does not."""
        array = self.hardware.array
        if not skips_zeros(self.hardware, dataflow, ONES):
            return [(dataflow, False)]
        spread = RELEVANT[Operand.WEIGHTS] & {*dataflow.rows, *dataflow.columns, *dataflow.arrays}
        if array.skipped_in_pes or not spread:
            return [(dataflow, True)]
        rows, columns, arrays = (
            tuple(d for d in dims if d not in spread) for dims in (dataflow.rows, dataflow.columns, dataflow.arrays)
        )
        return [(dataflow, False), (replace(dataflow, rows=rows, columns=columns, arrays=arrays), True)]

    def mac_cycles(self, dataflow: Dataflow) -> int:
        """Cycles of the layer's MACs at least."""
        return min(self._macs(flow, skips) for flow, skips in self.ways(dataflow))

    def _macs(self, dataflow: Dataflow, skips: bool) -> int:
        skip = int(self.parts[2]["skip"]) if skips else None
        return least_mac_cycles(dataflow, self.nest, self.hardware.array, skip)

    def array_energy(self, dataflow: Dataflow) -> ArrayEnergy:
        """What words at the array cost at least under a dataflow."""
        if dataflow not in self.array_energies:
            skip = int(self.parts[2]["skip"]) if skips_zeros(self.hardware, dataflow, ONES) else None
            most = most_steps(self.hardware.array, self.nest, dataflow, self.most_cycles, skip)
            self.array_energies[dataflow] = ArrayEnergy(
                self.hardware, self.nest, self.parts[3]["word_pj"], dataflow, most
            )
        return self.array_energies[dataflow]
