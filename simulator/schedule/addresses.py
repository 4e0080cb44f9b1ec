"""Tell where the channels of a tensor lie in DRAM if concats, splits and shuffles are folded into addressing."""

from collections.abc import Sequence

from simulator.cost.stored import Slices
from simulator.network.ir import Layer, Network, Op
from simulator.schedule.fusion import Fusion

DEALT = (Op.SHUFFLE, Op.GATHER)
"""Ops that give channels another order."""


class Addresses:
    """The folded ops around each tensor of a network."""

    def __init__(self, network: Network, fusion: Fusion) -> None:
        """Find what is folded."""
        folded = [layer for layer in network.layers if layer.name in fusion.folded]
        self.made_by = {layer.name: layer for layer in folded if layer.op in (Op.SPLIT, *DEALT)}
        self.joined: dict[str, list[Layer]] = {}
        for layer in folded:
            if layer.op is Op.CONCAT and layer.output_shape[1] == sum(shape[1] for shape in layer.input_shapes):
                for name in layer.inputs:
                    self.joined.setdefault(name, []).append(layer)

    def stored_channels(self, name: str, channels: int) -> int:
        """Channels of the stored tensor in which a tensor of so many lies.

        A part of a split lies in what is split, what a folded concat joins in the whole; of several that join it the
        widest. A tensor of its own has its own.
        """
        if name in self.made_by:
            maker = self.made_by[name]
            return self.stored_channels(maker.inputs[0], maker.input_shapes[0][1])
        wholes = (self.stored_channels(layer.name, layer.output_shape[1]) for layer in self.joined.get(name, ()))
        return max(wholes, default=channels)

    def scattered(self, name: str) -> bool:
        """Whether consecutive channels of a tensor lie apart: a folded op gave them another order."""
        maker = self.made_by.get(name)
        return maker is not None and (maker.op in DEALT or self.scattered(maker.inputs[0]))

    def slices(self, layer: Layer, fused: Sequence[str]) -> Slices:
        """Return the larger tensors in which a layer's first input and what it, with fused ops, makes lie."""
        (_, channels, *_), filters, read = layer.input_shapes[0], layer.output_shape[1], layer.inputs[0]
        wide = self.stored_channels(read, channels)
        made = self.stored_channels(fused[-1] if fused else layer.name, filters)
        return Slices(wide if wide > channels else 0, made if made > filters else 0, self.scattered(read))
