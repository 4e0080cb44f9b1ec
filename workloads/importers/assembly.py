"""A graph to which importers add layers as files describe them, within bounds."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

from simulator.errors import InputError, Problem
from simulator.network.graph import Graph, Tensor, check_batch
from simulator.network.ir import ASSUMED, MAC_OPS, Layer, Network, Op, Shape
from simulator.source.changed import changed
from workloads.importers.bounds import LONGEST_NAME, MOST_LAYERS, check_layer, check_shape, shorten

Zeros = tuple[float | None, float | None, float | None]  # shares in inputs, weights and outputs; None: not known


class Assembly(Graph):
    """A `Graph` for layers that come from a file.

    It also takes layers as they are (`put`), gives names that are not taken yet (`unique`), folds what files spell
    out but machines do not run (`fold_norm`, `fold_bias`), and keeps warnings, which end among the network's facts.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.warnings: list[str] = []
        self.moved: dict[Hashable, Tensor] = {}  # what was rearranged already, by source and order
        self.assumed: dict[str, None] = {}  # layers whose shapes are guessed, or follow from such
        self._normed: set[str] = set()
        self._numbers: dict[str, int] = {}  # of a name, the first number behind it that may be free

    def put(self, layer: Layer) -> Tensor:
        """Add a layer as it is; where it names no stage, the usual one."""
        return self._add(layer)

    def again(self, layer: Layer, name: str, inputs: tuple[str, ...], stage: str) -> Tensor:
        """Add a layer that is as one before but for names, among them those of tensors of the same shapes."""
        return self._join(changed(layer, {"name": name, "inputs": inputs, "stage": stage}))

    def declare(self, name: str, shape: Shape) -> Tensor:
        """Declare an input of the network by its whole shape."""
        check_shape(name, shape)
        batch, channels, height, width = shape
        return self.input(channels, height, width, name, batch)

    def layer(self, name: str) -> Layer | None:
        """Return the layer of that name; None for an input of the network."""
        return self._layers.get(name)

    @property
    def names(self) -> list[str]:
        """Names of the layers so far."""
        return list(self._layers)

    @property
    def size(self) -> int:
        """Number of layers so far."""
        return len(self._layers)

    def assume_since(self, size: int) -> None:
        """Mark the layers that were added since there were so many."""
        self.assumed |= dict.fromkeys(list(self._layers)[size:]) if len(self._layers) > size else {}

    def take_back(self, name: str) -> Layer:
        """Remove a layer that nothing reads yet, and return it."""
        return self._layers.pop(name)

    def revise(
        self,
        name: str,
        stage: str | None,
        variant: str,
        zeros: Zeros,
        zero_columns: bool = False,
        constant_elements: int = 0,
    ) -> None:
        """Give a layer another stage, maybe none (""), variant and constants where said, and its shares of zeros."""
        layer = self._layers[name]
        inputs, weights, outputs = zeros
        said: dict[str, Any] = {
            "stage": layer.stage if stage is None else stage,
            "variant": variant or layer.variant,
            "zero_inputs_fraction": inputs,
            "zero_weights_fraction": weights,
            "zero_outputs_fraction": outputs,
            "zero_columns": zero_columns,
            "constant_elements": constant_elements or layer.constant_elements,
        }
        if any(getattr(layer, key) != value for key, value in said.items()):  # of most layers nothing is said
            self._layers[name] = replace(layer, **said)

    def retype(self, name: str, op: Op) -> None:
        """Make a layer one of another op, all else remaining."""
        if self._layers[name].op is not op:
            self._layers[name] = replace(self._layers[name], op=op)

    def unique(self, name: str) -> str:
        """Return the name if it is free, or the first free one with a number behind it."""
        name = name.strip()[:LONGEST_NAME] or "layer"
        if not self._is_taken(name):
            return name
        number = self._numbers.get(name, 2)
        while self._is_taken(f"{name}_{number}"):
            number += 1
        self._numbers[name] = number
        return f"{name}_{number}"

    def _is_taken(self, name: str) -> bool:
        return name in self._layers or name in self._inputs

    def fold_norm(self, x: Tensor, sole: bool, name: str, variant: str = "norm") -> Tensor:
        """Scale and shift channels: inside the layer that makes `x` if nothing else reads it, or as a pass of its own.

        A later bias of that layer is absorbed too.
        """
        maker = self.layer(x.name)
        if maker and sole and (maker.op in MAC_OPS or maker.variant == variant):
            self._normed.add(x.name)
            return x
        return self.activation(x, variant, name)

    def fold_bias(self, x: Tensor, sole: bool) -> bool:
        """Make an addition to each channel the bias of the layer that makes `x`; return whether it could be."""
        maker = self.layer(x.name)
        if not (maker and sole and maker.op in MAC_OPS and maker.op is not Op.MATMUL):
            return False
        if x.name not in self._normed:
            self._layers[x.name] = replace(maker, bias=True)
        return True

    def activate(self, x: Tensor, kind: str, sole: bool, name: str) -> Tensor:
        """Apply a function of one element; it joins the pass of a norm that only it reads ("norm_relu")."""
        maker = self.layer(x.name)
        if maker and sole and (maker.op, maker.variant) == (Op.ACTIVATION, "norm"):
            self._layers[x.name] = replace(maker, variant=f"norm_{kind}")
            return x
        return self.activation(x, kind, name)

    def unknown(
        self,
        name: str,
        kind: str,
        sources: Sequence[Tensor],
        shape: Shape,
        constants: int = 0,
        assumed: bool = False,
        why: str = "is unknown",
    ) -> Tensor:
        """Add an op that nobody knows: it reads its sources and constants and writes what `shape` says, that is all.

        `assumed`: nothing tells the shape; that layer and all behind it are marked.
        """
        inputs, shapes = tuple(x.name for x in sources), tuple(x.shape for x in sources)
        self.warnings.append(f"{shorten(name)}: the op {shorten(kind)} {why}, only its traffic is counted")
        self.assumed |= {name: None} if assumed else {}
        known = Layer(name, Op.UNKNOWN, inputs, shapes, shape, variant=kind[:LONGEST_NAME])
        return self.put(replace(known, constant_elements=constants))

    def network(self, outputs: tuple[Tensor, ...] = ()) -> Network:
        """Return the network, its warnings among its facts."""
        built = self.build(*(x for x in outputs if self.layer(x.name)))
        facts = {"warning": "; ".join(self.warnings)} if self.warnings else {}
        return replace(built, facts=facts | ({ASSUMED: "; ".join(self.assumed)} if self.assumed else {}))

    def _add(self, layer: Layer) -> Tensor:
        check_layer(layer)
        return self._join(layer)

    def _join(self, layer: Layer) -> Tensor:
        """Add a layer within bounds."""
        if len(self._layers) >= MOST_LAYERS:
            raise InputError(Problem("too many layers", path=layer.name, expected=f"at most {MOST_LAYERS}"))
        if not self.assumed.keys().isdisjoint(layer.inputs):
            self.assumed[layer.name] = None
        return super()._add(layer)

    def _stage_of(self, layer: Layer) -> str:
        return layer.stage or super()._stage_of(layer)


def rebatched(network: Network, batch: int) -> Network:
    """Return the network for `batch` samples instead of those its file states.

    First axes scale, so that windows or tokens that a file counts as batch stay in proportion.
    """
    check_batch(batch)
    stated = next(iter(network.inputs.values()))[0]
    layers = network.layers
    odd = [
        layer.name for layer in layers if any(s[0] * batch % stated for s in (*layer.input_shapes, layer.output_shape))
    ]
    if odd:
        expected = f"a multiple of {stated}, the batch of the file"
        raise InputError(Problem("the batch does not suit the network", path=odd[0], expected=expected, got=str(batch)))

    def many(shape: Shape) -> Shape:
        return (shape[0] * batch // stated, *shape[1:])

    scaled = tuple(
        replace(layer, input_shapes=tuple(map(many, layer.input_shapes)), output_shape=many(layer.output_shape))
        for layer in layers
    )
    inputs = {name: many(shape) for name, shape in network.inputs.items()}
    for layer in scaled:
        check_layer(layer)
    return replace(network, inputs=inputs, layers=scaled)
