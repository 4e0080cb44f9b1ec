"""The network as the model sees it: layers in execution order, joined by named tensors."""

from dataclasses import dataclass, field
from math import gcd, prod

from simulator.nest import LoopNest
from simulator.network.ops import MAC_OPS, OPS, Op
from simulator.network.shapes import Shape

__all__ = [
    "ACROSS_CHANNELS",
    "MAC_OPS",
    "NORMALIZATIONS",
    "WITHIN_CHANNEL",
    "Layer",
    "Network",
    "Op",
    "Shape",
    "normalized_elements",
]

ACROSS_CHANNELS, WITHIN_CHANNEL = "across_channels", "within_channel"
"""Variants of a local response normalisation."""

NORMALIZATIONS = (
    "group_norm",
    "instance_norm",
    "l2_norm",
    "layer_norm",
    "lp_norm",
    "mean_variance_norm",
    "rms_norm",
)
"""Variants of a normalization by statistics of the elements themselves."""


def normalized_elements(kind: str, shape: Shape, groups: int = 1) -> int:
    """Elements of [N, C, H, W] that share their statistics as usual: a map's, a group's of channels, or a position's.

    >>> [normalized_elements(kind, (1, 8, 3, 3), 2) for kind in ("instance_norm", "group_norm", "layer_norm")]
    [9, 36, 8]
    """
    _, channels, height, width = shape
    if kind in ("instance_norm", "mean_variance_norm"):
        return height * width
    return channels // groups * height * width if kind == "group_norm" else channels


@dataclass(frozen=True, slots=True)
class Layer:
    """One op. It makes one tensor, which bears the layer's name.

    `inputs` names the tensors read (a layer's name or the network's input), `input_shapes` their shapes. `kernel`,
    `stride`, `dilation` are (vertical, horizontal), `padding` is (top, left, bottom, right). `variant` refines the
    op: "max" or "average" for pools, "relu", "hard_swish", ... for activations. `ceil` lets a pool's last window hang
    over the edge. `window` is of a normalisation: so many channels ("across_channels"), or rows and columns of a map
    ("within_channel"), around each element, or how many elements share their statistics; no shape depends on it.
    `stage` groups layers for reports.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    bias: bool = False
    variant: str = ""
    ceil: bool = False
    window: int = 1
    constant_elements: int = 0  # of operands that lie in DRAM with the weights, such as a table; not of MAC ops
    stage: str = ""
    zero_inputs_fraction: float | None = None  # measured share of zeros in the inputs; None: the machine's default
    zero_weights_fraction: float | None = None
    zero_columns: bool = False  # the zero weights are whole columns: channels of which a filter reads nothing
    zero_outputs_fraction: float | None = None  # likewise; a layer that reads them directly tells it by its inputs

    @property
    def nest(self) -> LoopNest | None:
        """The loop nest, or None for a layer that multiplies nothing.

        A product of two tensors has as many groups as there are matrices in the second: one for each sample and group,
        for each group, or one that all share.
        """
        if self.op not in MAC_OPS:
            return None
        n, channels, height, width = self.input_shapes[0]
        _, filters, p, q = self.output_shape
        samples, groups, filters, channels = n, self.groups, filters // self.groups, channels // self.groups
        if self.op is Op.MATMUL:
            groups = gcd(n * groups, max(1, prod(self.input_shapes[1]) // (filters * channels)))
            samples = n * self.groups // groups
        bounds = (samples, groups, filters, channels, p, q, *self.kernel)
        return LoopNest(bounds, self.stride, self.dilation, self.padding, (height, width))

    @property
    def window_elements(self) -> int:
        """Elements by which a normalisation scales each one."""
        return self.window**2 if self.variant == WITHIN_CHANNEL else self.window

    @property
    def constants(self) -> int:
        """Elements that an op that does not multiply reads beside its inputs: those told of, or as its kind has them.

        >>> Layer("y", Op.ACTIVATION, ("x",), ((1, 8, 3, 3),), (1, 8, 3, 3), variant="prelu").constants
        8
        """
        return self.constant_elements or OPS[self.op].constants(self)

    @property
    def macs(self) -> int:
        """Dense multiply-accumulates, without bias."""
        nest = self.nest
        return nest.macs if nest else 0

    @property
    def params(self) -> int:
        """Weights and biases, and constants of an op that does not multiply."""
        if self.op not in MAC_OPS or self.op is Op.MATMUL:
            return self.constant_elements
        filters = self.output_shape[1]
        weights = filters * (self.input_shapes[0][1] // self.groups) * prod(self.kernel)
        return weights + (filters if self.bias else 0)


ASSUMED = "assumed"
"""Key of a network's facts that names layers of assumed shapes, and the note on them in a run."""


@dataclass(frozen=True, slots=True)
class Network:
    """A named list of layers in an order in which each finds its inputs made, the network's inputs and outputs."""

    name: str
    inputs: dict[str, Shape]
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    facts: dict[str, str] = field(default_factory=dict)  # published figures with their source

    def __str__(self) -> str:
        """Name the network and its size; its layers would fill screens."""
        return f"{self.name}: {len(self.layers)} layers, {self.macs:,} MACs, {self.params:,} parameters"

    @property
    def assumed(self) -> frozenset[str]:
        """Layers whose shapes are assumed, as they stand behind an op that nobody knows."""
        return frozenset(filter(None, self.facts.get(ASSUMED, "").split("; ")))

    @property
    def macs(self) -> int:
        """Dense multiply-accumulates of all layers."""
        return sum(layer.macs for layer in self.layers)

    @property
    def params(self) -> int:
        """Weights and biases of all layers, batch norm folded away."""
        return sum(layer.params for layer in self.layers)
