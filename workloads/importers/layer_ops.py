"""The ops of the project's own layer lists, YAML and CSV: the kind of layer each makes and the keys it takes.

A key that means nothing to an op is an error. `output` gives the shape where it does not follow from the inputs, as for
data movement of other programs' graphs. What adds the layers is in `layer_table`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from simulator.network.ir import NORMALIZATIONS, Op
from simulator.network.ops import MAC_OPS
from simulator.network.ops import OPS as TABLE


@dataclass(frozen=True, slots=True)
class Entry:
    """An op of a layer list: the kind of layer it makes, the keys it needs and those it may have.

    `inputs` is how many it reads, None for one or more. `variant` is that of an op that says it by its name.
    """

    op: Op
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    inputs: int | None = 1
    variant: str = ""


COMMON = frozenset({"name", "op", "inputs", "output", "stage", "variant"}) | {
    "zero_inputs_fraction",
    "zero_weights_fraction",
    "zero_outputs_fraction",
    "zero_columns",
}
WINDOW = frozenset({"kernel", "stride", "padding", "dilation"})
POOL = WINDOW | {"ceil"}
CONV = WINDOW | {"filters", "bias", "activation"}
LINEAR = frozenset({"groups", "bias", "activation"})

WITH_KEYS: Mapping[str, Entry] = {
    "activation": Entry(Op.ACTIVATION, needs=frozenset({"variant"})),
    "avg_pool": Entry(Op.POOL, frozenset({"kernel"}), POOL, variant="average"),
    "col2im": Entry(Op.COL2IM, needs=frozenset({"kernel", "output"})),
    "concat": Entry(Op.CONCAT, takes=frozenset({"axis"}), inputs=None),
    "conv": Entry(Op.CONV, frozenset({"filters"}), CONV | {"groups"}),
    "depthwise": Entry(Op.DEPTHWISE, frozenset({"kernel"}), CONV),
    "flatten": Entry(Op.RESHAPE),
    "gather": Entry(Op.GATHER, takes=frozenset({"channels"})),
    "global_pool": Entry(Op.POOL),
    "linear": Entry(Op.LINEAR, frozenset({"filters"}), LINEAR),
    "lrn": Entry(Op.LRN, takes=frozenset({"size"})),
    "matmul": Entry(Op.MATMUL, frozenset({"output"}), frozenset({"groups"}), inputs=2),
    "max_pool": Entry(Op.POOL, frozenset({"kernel"}), POOL, variant="max"),
    "normalization": Entry(Op.NORMALIZATION, frozenset({"variant"}), frozenset({"groups", "size"})),
    "pad": Entry(Op.PAD, takes=frozenset({"padding"})),
    "pool": Entry(Op.POOL, frozenset({"kernel"}), POOL),
    "reshape": Entry(Op.RESHAPE, takes=frozenset({"shape"})),
    "shuffle": Entry(Op.SHUFFLE, frozenset({"groups"})),
    "split": Entry(Op.SPLIT, takes=frozenset({"channels"})),
    "upsample": Entry(Op.UPSAMPLE, takes=frozenset({"size"})),
    **{kind: Entry(Op.NORMALIZATION, takes=frozenset({"groups", "size"}), variant=kind) for kind in NORMALIZATIONS},
}
"""Ops with keys of their own or names besides their own; the others read their inputs, and that is all."""


def _with_constants(entry: Entry) -> Entry:
    """Return the entry of an op that may have constants beside its inputs; what multiplies has weights."""
    return entry if entry.op in MAC_OPS else replace(entry, takes=entry.takes | {"constant_elements"})


OPS: Mapping[str, Entry] = {
    name: _with_constants(entry)
    for name, entry in sorted({**{op.value: Entry(op, inputs=TABLE[op].inputs) for op in Op}, **WITH_KEYS}.items())
}
"""Op as it is written -> what it is and takes."""

UNKNOWN = "unknown"


def entry_of(op: str) -> Entry:
    """Return what is known of an op; one that nobody knows may be counted as "unknown"."""
    return OPS.get(op, OPS[UNKNOWN])
