"""How tensors lie in DRAM, as a user writes it."""

from simulator.hardware.model import ActivationLayout, WeightLayout
from simulator.source.fields import Count, Written


class Layout(Written):
    """How tensors lie in DRAM: the order of their axes, outermost first, or `tiled`, each tile in one piece.

    Weights can be arranged tile by tile before anything runs. Activations are written by one op and read by others in
    other tiles, so that they have one order. `atom_channels`: so many channels lie together, the last ones filled up.
    """

    activations: ActivationLayout = "nchw"
    atom_channels: Count = 1
    weights: WeightLayout = "tiled"
