"""Recognise what exporters spell out, such as x * Sigmoid(x) or a norm of eleven ops, and make each one node.

A function is a tree of elementwise ops that reads one tensor `x`, besides constants, and whose inner results nobody
else reads. Which ops it has and how often it reads `x` tell which function it is. A norm is such a tree with means in
it. Ops that only pass a tensor on, as quantisation, casts and dropout do, are taken away before.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from workloads.importers.from_onnx.model import Attribute, Const, Model, Node

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
    (frozenset({"Add", "Mul", "Tanh"}), 5): "gelu",
}
"""Kinds of op, and how often they read the argument -> the function."""
PASSING = frozenset({"Cast", "CastLike", "DequantizeLinear", "Dropout", "Identity", "QuantizeLinear"})
TOLD = frozenset({"Constant", "Shape", "Size"})
PARTS_OF_NORMS = frozenset({"Add", "Div", "Mul", "Pow", "ReduceMean", "Reciprocal", "Sqrt", "Sub"})
MOST_OPS = 14
ACTIVATION = "Activation"
OWN_DOMAIN = "squeezesim"


@dataclass(frozen=True, slots=True)
class _Graph:
    nodes: Sequence[Node]
    maker: Mapping[str, int]  # tensor -> index of the node that makes it
    readers: Mapping[str, Counter[int]]  # tensor -> indices of nodes that read it
    constant: Mapping[str, Const | None]  # tensor -> its value, where it is told as it is
    outputs: Collection[str]
    ranks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Family:
    """Ops of which trees are made, and what makes one node of a tree that is known."""

    ops: frozenset[str]
    named: "Callable[[_Graph, set[int], str, int], Node | None]"


def with_functions(model: Model) -> tuple[Node, ...]:
    """Return the model's nodes, each norm and activation function that is spelled out as one node."""
    nodes = _without_passing(model)
    for family in (_Family(PARTS_OF_NORMS, _norm), _Family(ELEMENTWISE, _function)):
        nodes = _joined(_analysed(model, nodes), family)
    return nodes


def _without_passing(model: Model) -> tuple[Node, ...]:
    """Return the nodes without those that only pass on a tensor that is computed; others read what these read."""
    inner = {name for node in model.nodes for branch in node.branches() for name in _read_inside(branch.nodes)}
    kept, passed, constant = [], dict[str, str](), set(model.constants)
    for node in model.nodes:
        inputs = tuple(passed.get(name, name) for name in node.inputs)
        if node.op in TOLD or (inputs and all(not name or name in constant for name in inputs)):
            constant.update(node.outputs)  # casts of sizes stay, as sizes are divided as what they are cast to
        elif (
            node.op in PASSING and inputs[:1] and not {*node.outputs} & inner and not {*node.outputs} & {*model.outputs}
        ):
            passed[node.outputs[0]] = inputs[0]
            if not any(node.outputs[1:]):
                continue
        kept.append(replace(node, inputs=inputs) if inputs != node.inputs else node)
    return tuple(kept)


def _read_inside(nodes: Sequence[Node]) -> Iterator[str]:
    for node in nodes:
        yield from node.inputs
        for branch in node.branches():
            yield from _read_inside(branch.nodes)


def _joined(graph: _Graph, family: _Family) -> tuple[Node, ...]:
    """Return the nodes, each tree of a family that is known as one."""
    replaced: dict[int, Node | None] = {}
    for index in reversed(range(len(graph.nodes))):
        node = graph.nodes[index]
        if node.op not in family.ops or index in replaced or len(node.outputs) != 1:
            continue
        found = _tree(graph, index, family)
        if found:
            made, members = found
            replaced.update(dict.fromkeys(members))
            replaced[index] = replace(made, name=node.name, outputs=node.outputs)
    kept = (replaced.get(index, node) for index, node in enumerate(graph.nodes))
    return tuple(node for node in kept if node)


def _tree(graph: _Graph, root: int, family: _Family) -> tuple[Node, set[int]] | None:
    """Grow a tree from its last op, taking in the latest of what it reads, and return the largest that is known."""
    members, found = {root}, None
    while True:
        leaves = Counter(_leaves(graph, members))
        if len(leaves) == 1:
            ((argument, reads),) = leaves.items()
            made = family.named(graph, members, argument, reads)
            found = (made, set(members)) if made else found
        latest = max(leaves, key=lambda leaf: graph.maker.get(leaf, -1), default="")
        maker = graph.maker.get(latest, -1)
        if maker < 0 or len(members) == MOST_OPS or not _joins(graph, family, maker, latest, members):
            return found
        members.add(maker)


def _function(graph: _Graph, members: set[int], argument: str, reads: int) -> Node | None:
    """Return the activation function that a tree is."""
    kind = FUNCTIONS.get((frozenset(graph.nodes[index].op for index in members), reads))
    return Node(ACTIVATION, "", (argument,), (), {"kind": kind}, OWN_DOMAIN) if kind else None


def _norm(graph: _Graph, members: set[int], argument: str, reads: int) -> Node | None:
    """Return the norm that a tree is: with a mean of the squares and maybe one of the elements, and a root.

    The mean is subtracted once or, where the squares read a difference of their own, twice.
    """
    nodes = [graph.nodes[index] for index in sorted(members)]
    counts = Counter(node.op for node in nodes)
    means, differences = counts["ReduceMean"], counts["Sub"]
    centred = means == 2 and 1 <= differences <= 2
    if counts["Sqrt"] != 1 or not 2 <= reads <= 3 or not (centred or (means == 1 and not differences)):
        return None
    # TensorFlow's form, x s + (addend - mean s), has one sum and one difference of its own
    sums = sum(node.op == "Add" and not _has_constant(graph, node) for node in nodes)
    if sums != sum(node.op == "Sub" and _has_constant(graph, node) for node in nodes):
        return None
    axes = {_axes(graph, node) for node in nodes if node.op == "ReduceMean"}
    gathered = next(iter(axes)) if len(axes) == 1 else None
    if not gathered:
        return None
    rank = graph.ranks.get(argument, 0)
    behind = sorted(axis - rank if axis >= 0 else axis for axis in gathered)
    trailing = behind == list(range(-len(behind), 0))
    inputs = (argument, *_learned(graph, nodes))
    if trailing:
        attributes: dict[str, Attribute] = {"axis": -len(behind)}
        return Node("LayerNormalization" if centred else "RMSNormalization", "", inputs, (), attributes)
    return Node("MeanVarianceNormalization", "", (argument,), (), {"axes": gathered}) if centred else None


def _has_constant(graph: _Graph, node: Node) -> bool:
    return any(name in graph.constant for name in node.inputs)


def _axes(graph: _Graph, node: Node) -> tuple[int, ...] | None:
    """Return the axes of a mean, given as an attribute or an input; None where they are not told."""
    const = graph.constant.get(node.inputs[1]) if node.has(1) else None
    return const.ints() if const else node.ints("axes")


def _learned(graph: _Graph, nodes: Sequence[Node]) -> Iterator[str]:
    """Yield the factors of a norm, then its addends: constants of more than one element."""
    for op in ("Mul", "Add"):
        for name in (name for node in nodes if node.op == op for name in node.inputs):
            const = graph.constant.get(name)
            if const and const.size > 1:
                yield name
                break


def _leaves(graph: _Graph, members: set[int]) -> Iterator[str]:
    for index in members:
        for name in graph.nodes[index].inputs:
            if name and name not in graph.constant and graph.maker.get(name) not in members:
                yield name


def _joins(graph: _Graph, family: _Family, maker: int, tensor: str, members: set[int]) -> bool:
    joinable = graph.nodes[maker].op in family.ops and len(graph.nodes[maker].outputs) == 1
    return joinable and tensor not in graph.outputs and graph.readers[tensor].keys() <= members


def _analysed(model: Model, nodes: Sequence[Node]) -> _Graph:
    maker: dict[str, int] = {}
    readers: dict[str, Counter[int]] = {}
    constant: dict[str, Const | None] = dict(model.constants)
    for index, node in enumerate(nodes):
        for name in node.inputs:
            readers.setdefault(name, Counter())[index] += 1
        value = node.attributes.get("value")
        if node.op == "Constant":
            constant |= dict.fromkeys(node.outputs, value if isinstance(value, Const) else None)
        elif node.inputs and all(not name or name in constant for name in node.inputs):
            constant |= dict.fromkeys(node.outputs)
        maker.update((name, index) for name in node.outputs if name)
    ranks = {name: len(dims) for name, dims in (*model.inputs.items(), *model.shapes.items())}
    return _Graph(nodes, maker, readers, constant, frozenset(model.outputs), ranks)
