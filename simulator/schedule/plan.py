"""Decide what each op of a network is on a machine: run, fused into another, or free; and what stays on chip."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import prod

from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import MAC_OPS, Layer, Network, Op
from simulator.network.lifetimes import Lifetime, lifetimes

FUSED_ADDS = frozenset({Op.ADD})


@dataclass(frozen=True, slots=True)
class Step:
    """One op as the machine runs it.

    `carrier` names the op it rides on, `folded` says that it is free; otherwise it runs itself. `riders` ride on it;
    `addends` counts the tensors that riding adds fetch from DRAM, `stored` is what riding pools leave of the outputs,
    as a fraction. `resident` tells whether inputs and outputs stay on
    chip, where `reserved_bytes` are taken by tensors that are kept meanwhile.
    """

    layer: Layer
    carrier: str | None = None
    folded: bool = False
    riders: tuple[str, ...] = ()
    addends: int = 0
    resident: tuple[bool, bool, bool] = (False, False, False)
    reserved_bytes: int = 0
    stored: Fraction = Fraction(1)

    @property
    def runs(self) -> bool:
        """Whether the op takes time of its own."""
        return self.carrier is None and not self.folded


@dataclass(slots=True)
class _Roles:
    """What was decided so far: carrier by rider, riders and added tensors by carrier, free ops, where tensors lie."""

    carrier: dict[str, str] = field(default_factory=dict)
    stored: dict[str, Fraction] = field(default_factory=dict)  # by carrier
    riders: dict[str, list[str]] = field(default_factory=dict)
    addends: dict[str, list[str]] = field(default_factory=dict)
    folded: set[str] = field(default_factory=set)
    roots: dict[str, frozenset[str]] = field(default_factory=dict)  # tensor -> tensors that runs of ops stored


def plan(network: Network, hardware: Hardware) -> tuple[Step, ...]:
    """Return a step for every op of the network, in order."""
    roles = _assign(network, hardware)
    kept = _kept(network, hardware, roles) if hardware.keeps_activations else {}
    taken = [_rounded(size, hardware) for size in _occupancy(kept, len(network.layers))]
    zeros = _zeros_read(network, roles)
    steps = []
    for i, layer in enumerate(network.layers):
        roots = frozenset().union(*(roles.roots[name] for name in layer.inputs))
        inside = bool(roots) and roots <= kept.keys()
        steps.append(
            Step(
                replace(layer, zero_outputs_fraction=zeros.get(layer.name, layer.zero_outputs_fraction)),
                carrier=roles.carrier.get(layer.name),
                folded=layer.name in roles.folded,
                riders=tuple(roles.riders.get(layer.name, ())),
                addends=sum(not (roles.roots[name] <= kept.keys()) for name in roles.addends.get(layer.name, ())),
                resident=(inside, False, layer.name in kept),
                reserved_bytes=taken[i],
                stored=roles.stored.get(layer.name, Fraction(1)),
            )
        )
    return tuple(steps)


def _assign(network: Network, hardware: Hardware) -> _Roles:
    """Let fusable ops ride on the op that makes their input, if nothing else reads it, and fold free ones.

    An add rides on the op that makes its last-made input, and brings its other inputs along.
    """
    roles = _Roles(roots={name: frozenset({name}) for name in network.inputs})
    readers = _readers(network)
    made = {layer.name: i for i, layer in enumerate(network.layers)}
    for layer in network.layers:
        main = max(layer.inputs, key=lambda name: made.get(name, -1))
        carrier = roles.carrier.get(main, main)
        runs = carrier in made and carrier not in roles.folded
        if layer.op in hardware.folds:
            roles.folded.add(layer.name)
            roles.roots[layer.name] = frozenset().union(*(roles.roots[name] for name in layer.inputs))
        elif layer.op in hardware.fuses and runs and readers[main] == 1 and _can_ride(layer, carrier, network, made):
            roles.carrier[layer.name] = carrier
            roles.riders.setdefault(carrier, []).append(layer.name)
            roles.stored[carrier] = Fraction(prod(layer.output_shape), prod(network.layers[made[carrier]].output_shape))
            roles.addends.setdefault(carrier, []).extend(name for name in layer.inputs if name != main)
            roles.roots[layer.name] = roles.roots[main]
        else:
            roles.roots[layer.name] = frozenset({layer.name})
    return roles


def _zeros_read(network: Network, roles: _Roles) -> dict[str, float]:
    """Shares of zeros in tensors, as the ops that read them directly know them."""
    zeros = {}
    for layer in network.layers:
        roots = roles.roots[layer.inputs[0]]
        if layer.zero_inputs_fraction is not None and len(roots) == 1:
            zeros[min(roots)] = layer.zero_inputs_fraction
    return zeros


def _readers(network: Network) -> dict[str, int]:
    """How many ops read each tensor, the outside world counting as one."""
    readers = dict.fromkeys([*network.inputs, *(layer.name for layer in network.layers)], 0)
    for name in (*(name for layer in network.layers for name in layer.inputs), *network.outputs):
        readers[name] += 1
    return readers


def _can_ride(layer: Layer, carrier: str, network: Network, made: dict[str, int]) -> bool:
    """Whether an op can be applied to outputs on their way out.

    Only MAC ops take addends, of their own shape, and pools, which thin out what is stored.
    """
    source = network.layers[made[carrier]]
    if len(layer.inputs) == 1:
        return layer.output_shape == layer.input_shapes[0] or (layer.op is Op.POOL and source.op in MAC_OPS)
    same = all(shape == source.output_shape for shape in layer.input_shapes)
    return layer.op in FUSED_ADDS and same and source.op in MAC_OPS


def tensor_bytes(shape: Iterable[int], bits: int) -> int:
    """Bytes of a tensor, whole bytes in all."""
    return (prod(shape) * bits + 7) // 8


def _rounded(size: int, hardware: Hardware) -> int:
    """Round the room for kept tensors up to sixteenths of the buffer, so that ops of one shape meet the same rest."""
    sixteenth = max(1, next(b for b in hardware.buffers if Operand.INPUTS in b.holds).capacity_bytes // 16)
    return -(-size // sixteenth) * sixteenth


def _kept(network: Network, hardware: Hardware, roles: _Roles) -> dict[str, tuple[Lifetime, int]]:
    """Tensors that stay in the buffer from when they are made until they are last read, with their bytes.

    They are considered in the order they are made. At no time do they take more than half of the buffer that holds
    inputs and outputs; the other half is for tiles. An op finds all of its inputs there or none of them.
    """
    buffer = next(b for b in hardware.buffers if Operand.INPUTS in b.holds)
    if Operand.OUTPUTS not in buffer.holds:
        return {}
    life = _root_lifetimes(network, roles)
    kept: dict[str, tuple[Lifetime, int]] = {}
    for layer in network.layers:
        if layer.name not in life or life[layer.name].last_read >= len(network.layers):
            continue
        size = tensor_bytes(layer.output_shape, hardware.output_bits)
        trial = {**kept, layer.name: (life[layer.name], size)}
        if max(_occupancy(trial, len(network.layers))) <= buffer.capacity_bytes // 2:
            kept = trial
    while dropped := _torn(network, roles, kept):
        kept = {name: entry for name, entry in kept.items() if name not in dropped}
    return kept


def _root_lifetimes(network: Network, roles: _Roles) -> dict[str, Lifetime]:
    """Lifetimes of the stored tensors, those of fused and folded ops that alias them included."""
    life: dict[str, Lifetime] = {}
    for name, own in lifetimes(network).items():
        for root in roles.roots[name]:
            if root not in network.inputs:
                before = life.get(root, own)
                life[root] = Lifetime(min(before.made, own.made), max(before.last_read, own.last_read))
    return life


def _torn(network: Network, roles: _Roles, kept: dict[str, tuple[Lifetime, int]]) -> set[str]:
    """Kept tensors that some op reads together with one that is not kept."""
    dropped: set[str] = set()
    for layer in network.layers:
        roots = frozenset().union(*(roles.roots[name] for name in layer.inputs))
        if not roots <= kept.keys():
            dropped |= roots & kept.keys()
    return dropped


def _occupancy(kept: dict[str, tuple[Lifetime, int]], n: int) -> list[int]:
    """Bytes that kept tensors take while each op runs."""
    taken = [0] * max(1, n)
    for life, size in kept.values():
        for i in range(max(0, life.made), min(n, life.last_read + 1)):
            taken[i] += size
    return taken
