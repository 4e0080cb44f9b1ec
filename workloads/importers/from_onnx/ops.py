"""All ONNX ops that are known, by the domains they come from."""

from collections.abc import Callable, Mapping, Sequence

from workloads.importers.from_onnx import (
    attention,
    contrib,
    einsum,
    indexing,
    lookups,
    movement,
    products,
    recurrent,
    sampling,
    sequences,
    vector,
)
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Node
from workloads.importers.from_onnx.patterns import OWN_DOMAIN

Handler = Callable[[Context, Node], Sequence[Value]]

STANDARD: Mapping[str, Handler] = dict(
    sorted(
        {
            **attention.OPS,
            **einsum.OPS,
            **indexing.OPS,
            **lookups.OPS,
            **movement.OPS,
            **products.OPS,
            **recurrent.OPS,
            **sampling.OPS,
            **sequences.OPS,
            **vector.OPS,
        }.items()
    )
)
"""Op of ONNX itself -> what makes its layers."""

_DATA = "how many elements there are depends on the data"
_FLOW = "which layers run depends on the data"
_SIGNAL = "numbers are complex"
_TEXT = "texts are read on the host"
_TRAINING = "it is there for training alone"
DATA = frozenset({"Compress", "ConstantOfShape", "NonZero", "OptionalGetElement", "Range", "Unique"})
"""Ops that cannot be counted where they are not of constants: a graph is cut there."""
REFUSED: Mapping[str, str] = {
    **dict.fromkeys(DATA, _DATA),
    **dict.fromkeys(("Optional", "OptionalHasElement"), _FLOW),
    **dict.fromkeys(("DFT", "STFT"), _SIGNAL),
    **dict.fromkeys(("ImageDecoder", "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit"), _TEXT),
    **dict.fromkeys(("TfIdfVectorizer",), _TEXT),
    **dict.fromkeys(("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"), _TRAINING),
}
"""Op that is known and cannot be counted -> why."""

DOMAINS: Mapping[str, Mapping[str, Handler]] = {
    "": STANDARD,
    "com.microsoft": {**STANDARD, **contrib.OPS},
    OWN_DOMAIN: STANDARD,
}
"""Domain -> its ops. Standard domains are read as ""."""


def handler_of(node: Node) -> Handler | None:
    """Return what makes the layers of a node; None where its op is unknown."""
    return DOMAINS.get(node.domain, {}).get(node.op)
