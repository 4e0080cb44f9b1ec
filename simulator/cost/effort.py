"""How long a search goes on."""

from dataclasses import dataclass

from simulator.cost.case import UNLIMITED
from simulator.hardware.model import GAP

BEAM = 32
"""Spatial mappings of a dataflow whose tiles are searched first: the best by what the array decides."""


@dataclass(frozen=True, slots=True)
class Effort:
    """When a search ends: `gap` as a fraction of what it has proven, or after `evaluations` of mappings, if it is not
    to go through the `whole_space`; or after so many `tiles` were looked at, or played. `beam` spatial mappings of a
    dataflow are searched first.
    """

    gap: float = GAP
    evaluations: int = 20_000
    whole_space: bool = False
    beam: int = BEAM
    tiles: int = 2_000_000


DEFAULT = Effort()
PROVE = Effort(gap=0.0, evaluations=UNLIMITED, whole_space=True, tiles=UNLIMITED)
"""To the end: what is found is the best there is."""
