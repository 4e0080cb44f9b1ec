"""Recognise activation functions that exporters spell out, such as x * Sigmoid(x), and make each one node.

A function is a tree of elementwise ops that reads one tensor `x`, besides constants, and whose inner results nobody
else reads. Which ops it has and how often it reads `x` tell which function it is.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from workloads.importers.from_onnx.model import Model, Node

ELEMENTWISE = frozenset(
    {"Add", "Clip", "Div", "Erf", "HardSigmoid", "Min", "Max", "Mul", "Pow", "Relu", "Sigmoid", "Softplus", "Tanh"}
)
FUNCTIONS: Mapping[tuple[frozenset[str], int], str] = {
    (frozenset({"Mul", "Sigmoid"}), 2): "swish",
    (frozenset({"HardSigmoid", "Mul"}), 2): "hard_swish",
    (frozenset({"Add", "Clip", "Div", "Mul"}), 2): "hard_swish",
    (frozenset({"Add", "Clip", "Mul"}), 2): "hard_swish",
    (frozenset({"Add", "Clip", "Div"}), 1): "hard_sigmoid",
    (frozenset({"Add", "Clip", "Mul"}), 1): "hard_sigmoid",
    (frozenset({"Mul", "Softplus", "Tanh"}), 2): "mish",
    (frozenset({"Add", "Div", "Erf", "Mul"}), 2): "gelu",
    (frozenset({"Add", "Erf", "Mul"}), 2): "gelu",
    (frozenset({"Add", "Mul", "Pow", "Tanh"}), 3): "gelu",
    (frozenset({"Add", "Mul", "Tanh"}), 4): "gelu",
}
"""Kinds of op, and how often they read the argument -> the function."""
MOST_OPS = 10
ACTIVATION = "Activation"
OWN_DOMAIN = "squeezesim"


@dataclass(frozen=True, slots=True)
class _Graph:
    nodes: Sequence[Node]
    maker: Mapping[str, int]  # tensor -> index of the node that makes it
    readers: Mapping[str, Counter[int]]  # tensor -> indices of nodes that read it
    constant: Collection[str]
    outputs: Collection[str]


def with_functions(model: Model) -> tuple[Node, ...]:
    """Return the model's nodes, each activation function that is spelled out as one node "Activation"."""
    graph = _analysed(model)
    replaced: dict[int, Node | None] = {}
    for index in reversed(range(len(graph.nodes))):
        node = graph.nodes[index]
        if node.op not in ELEMENTWISE or index in replaced or len(node.outputs) != 1:
            continue
        found = _function(graph, index)
        if found:
            kind, argument, members = found
            replaced.update(dict.fromkeys(members))
            replaced[index] = Node(ACTIVATION, node.name, (argument,), node.outputs, {"kind": kind}, OWN_DOMAIN)
    kept = (replaced.get(index, node) for index, node in enumerate(graph.nodes))
    return tuple(node for node in kept if node)


def _function(graph: _Graph, root: int) -> tuple[str, str, set[int]] | None:
    """Grow a tree from its last op, taking in the latest of what it reads, and return the largest that is known."""
    members, found = {root}, None
    while True:
        leaves = Counter(_leaves(graph, members))
        if len(leaves) == 1:
            ((argument, reads),) = leaves.items()
            kind = FUNCTIONS.get((frozenset(graph.nodes[index].op for index in members), reads))
            found = (kind, argument, set(members)) if kind else found
        latest = max(leaves, key=lambda leaf: graph.maker.get(leaf, -1), default="")
        maker = graph.maker.get(latest, -1)
        if maker < 0 or len(members) == MOST_OPS or not _joins(graph, maker, latest, members):
            return found
        members.add(maker)


def _leaves(graph: _Graph, members: set[int]) -> Iterator[str]:
    for index in members:
        for name in graph.nodes[index].inputs:
            if name and name not in graph.constant and graph.maker.get(name) not in members:
                yield name


def _joins(graph: _Graph, maker: int, tensor: str, members: set[int]) -> bool:
    elementwise = graph.nodes[maker].op in ELEMENTWISE and len(graph.nodes[maker].outputs) == 1
    return elementwise and tensor not in graph.outputs and graph.readers[tensor].keys() <= members


def _analysed(model: Model) -> _Graph:
    maker: dict[str, int] = {}
    readers: dict[str, Counter[int]] = {}
    constant = set(model.constants)
    for index, node in enumerate(model.nodes):
        for name in node.inputs:
            readers.setdefault(name, Counter())[index] += 1
        if node.op == "Constant" or (node.inputs and all(not name or name in constant for name in node.inputs)):
            constant.update(node.outputs)
        maker.update((name, index) for name in node.outputs if name)
    return _Graph(model.nodes, maker, readers, constant, frozenset(model.outputs))
