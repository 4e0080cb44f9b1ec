"""Laws of tensors on drawn networks: what a search of mappings makes of them, the ledger of every tensor closes."""

from dataclasses import replace
from math import prod

import numba
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import load_hardware, simulate
from simulator.hardware.model import DepthwiseEngine, Hardware
from simulator.network.graph import Tensor
from simulator.network.ir import Layer, Network, Op
from simulator.result.json_io import run_from_json, run_to_json
from simulator.result.run import LayerResult, Run, Traffic
from tests.drawn_networks import networks
from tests.oracle.slow_ledger import Ledger
from tests.oracle.small_cases import MACHINES
from workloads.importers.assembly import Assembly

MANY = max(6, min(1000, settings.default.max_examples * 2 // 5))
"""With every change 24 networks among all tests, and 200 after them; 1,000 at night."""
LEVELS = ("timeloop_simple_output_stationary", "timeloop_simple_weight_stationary")
ANY = {**MACHINES, **{name: load_hardware(name) for name in LEVELS}}
ORDERS = ("serial", "prefetch_weights", "overlapped")
FUSED = (Op.ACTIVATION, Op.ADD, Op.MUL, Op.POOL)
FOLDED = (Op.CONCAT, Op.GATHER, Op.RESHAPE, Op.SHUFFLE, Op.SPLIT)


def residual(draw, g: Assembly, x: Tensor) -> Tensor:
    y = g.conv(g.conv(x, draw(st.integers(1, 9)), 1), x.channels, 3, padding=1)
    return g.add(y, x, activation=draw(st.sampled_from(("", "relu"))))


def table(draw, g: Assembly, x: Tensor) -> Tensor:
    y = g.conv(x, draw(st.integers(1, 9)), 1)
    return g.apply(Op.ADD, y, constants=draw(st.sampled_from((y.channels, prod(y.shape[1:])))))


def pooled(draw, g: Assembly, x: Tensor) -> Tensor:
    y = g.conv(x, draw(st.integers(1, 9)), 1, activation="relu")
    return g.max_pool(y, 3, draw(st.integers(1, 2)), padding=1)


def joined(draw, g: Assembly, x: Tensor) -> Tensor:
    y = g.concat(x, g.conv(x, 3, 3, padding=1), g.relu(x))
    return g.conv(g.gather(y, 4) if draw(st.booleans()) else g.slice(y, 1, 4), 4, 1)


def separable(draw, g: Assembly, x: Tensor) -> Tensor:
    """A pointwise layer and a depthwise one, each with slopes behind it or not."""
    kinds = [draw(st.sampled_from(("", "prelu", "norm_relu"))) for _ in range(2)]
    y = g.conv(x, draw(st.integers(1, 9)), 1, activation=kinds[0])
    return g.depthwise(y, 3, draw(st.integers(1, 2)), padding=1, activation=kinds[1])


def attention(draw, g: Assembly, x: Tensor) -> Tensor:
    """Scores of every position by every other, of one or two heads, and what they make of a third tensor."""
    n, channels, tokens, heads = x.shape[0], 4, prod(x.size), draw(st.integers(1, 2))
    flat = g.reshape(x, (x.channels, tokens, 1))
    q, k, v = (g.conv(flat, channels, 1) for _ in range(3))
    names = [g.unique(name) for name in ("scores", "mixed")]
    scores = Layer(
        names[0], Op.MATMUL, (q.name, k.name), (q.shape, k.shape), (n, heads * tokens, tokens, 1), groups=heads
    )
    p = g.softmax(g.put(scores))
    return g.put(Layer(names[1], Op.MATMUL, (p.name, v.name), (p.shape, v.shape), v.shape, groups=heads))


def enlarged(draw, g: Assembly, x: Tensor) -> Tensor:
    taps, stride = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    y = g.conv(x, 2 * taps**2, 1)
    size = [(extent - 1) * stride + taps for extent in x.size]
    sums = Layer(g.unique("sums"), Op.COL2IM, (y.name,), (y.shape,), (x.shape[0], 2, *size), (taps, taps))
    return g.relu(g.put(sums))


def gated(draw, g: Assembly, x: Tensor) -> Tensor:
    return g.mul(x, g.conv(g.global_pool(x), x.channels, 1, activation="hard_sigmoid"))


def picked(draw, g: Assembly, x: Tensor) -> Tensor:
    shape, name = (x.shape[0], 5, prod(x.shape[1:]), 1), g.unique("rows")
    return g.put(
        Layer(name, Op.GATHER, (x.name,), (x.shape,), shape, constant_elements=draw(st.sampled_from((20, 999))))
    )


BLOCKS = {
    residual: lambda x: True,
    table: lambda x: True,
    pooled: lambda x: min(x.size) > 2,
    joined: lambda x: True,
    separable: lambda x: True,
    attention: lambda x: prod(x.size) <= 50,
    enlarged: lambda x: prod(x.size) <= 100,
    gated: lambda x: True,
    picked: lambda x: prod(x.shape) <= 500,
}
"""Block -> whether it can follow a tensor."""


@st.composite
def stacks(draw) -> Network:
    """A stack of blocks as networks have them, each reading the one before it."""
    g = Assembly("stack")
    sides = (draw(st.integers(1, 12)) for _ in range(3))
    x = g.input(*sides, batch=draw(st.integers(1, 3)))
    for _ in range(draw(st.integers(1, 4))):
        x = draw(st.sampled_from([block for block, fits in BLOCKS.items() if fits(x)]))(draw, g, x)
    return g.build()


@st.composite
def machines(draw) -> Hardware:
    """A machine, with other memory, order of layers, and ops that are free."""
    machine = ANY[draw(st.sampled_from(sorted(ANY)))]
    outermost = [
        replace(b, capacity_bytes=draw(st.sampled_from((b.capacity_bytes, 4096, 1024)))) for b in machine.buffers
    ]
    kept = tuple(b if b.in_pe else new for b, new in zip(machine.buffers, outermost, strict=True))
    return replace(
        machine,
        buffers=kept,
        keeps_activations=draw(st.booleans()),
        stacks=draw(st.sampled_from(("none", "depth_first"))),
        layer_order=draw(st.sampled_from(ORDERS)),
        fuses=frozenset(draw(st.sets(st.sampled_from(FUSED)))),
        folds=frozenset(draw(st.sets(st.sampled_from(FOLDED)))),
        depthwise=draw(st.sampled_from((None, DepthwiseEngine(4, 2)))),
    )


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="a search takes seconds in plain Python")
@settings(max_examples=MANY)
@given(stacks() | networks(), machines())
def test_every_tensor_of_a_drawn_network_is_read_where_it_was_left_and_moved_whole(network, machine) -> None:
    run = run_from_json(run_to_json(simulate(machine, network, threads=1)))
    assert list(Ledger(run, network, machine).faults()) == []


def kept() -> tuple[Run, Network, Hardware]:
    """Two layers, the tensor between them on chip, a table that is added on the way out, and a sum of its own."""
    g, machine = Assembly("kept"), load_hardware("edge_npu_like")
    x = g.input(8, 6, 6)
    y = g.apply(Op.ADD, g.conv(x, 8, 3, padding=1, name="first"), name="sum", constants=8 * 6 * 6)
    g.mul(g.conv(y, 8, name="second"), g.input(8, 1, 1, "factors"), name="last")
    return simulate(machine, g.build(), threads=1), g.build(), machine


NOTHING = Traffic(0, 0)
TAMPERED: dict[str, tuple[str, dict[str, object], str]] = {
    "what is read is where it was left": ("second", {"on_chip": ("outputs",)}, "takes its inputs from where"),
    "what stays is not written": ("first", {"traffic": {"outputs": Traffic(0, 64)}}, "cross DRAM that stay on chip"),
    "what leaves is written whole": ("last", {"traffic": {"outputs": Traffic(0, 64)}}, "of outputs are written"),
    "what leaves is written once": ("last", {"traffic": {"outputs": Traffic(0, 9999)}}, "bytes are written of"),
    "a table is read": ("first", {"traffic": {"inputs": Traffic(8 * 6 * 6, 0)}}, "bytes of inputs come from DRAM"),
    "what is on chip is not loaded": ("second", {"traffic": {"inputs": Traffic(640, 0)}}, "of inputs come from DRAM"),
    "weights are read": ("second", {"traffic": {"weights": NOTHING}}, "bytes of weights come from DRAM"),
    "what is alive has room": ("second", {"kept_bytes": 0}, "bytes are alive, 0 kept"),
    "outputs of a network leave": ("last", {"on_chip": ("inputs", "outputs")}, "never leaves the chip"),
    "free ops move nothing": ("sum", {"traffic": {"inputs": Traffic(1, 0)}}, "a free op moves bytes"),
}


def altered(layer: LayerResult, changes: dict[str, object]) -> LayerResult:
    """The result of a layer with some fields changed, of its traffic what crosses DRAM."""
    if "traffic" in changes:
        changes = {"traffic": {**layer.traffic, "dram": {**layer.traffic.get("dram", {}), **changes["traffic"]}}}
    return replace(layer, **changes)


@pytest.mark.parametrize("law", TAMPERED)
def test_the_walk_of_a_ledger_finds_what_does_not_close(law: str) -> None:
    run, network, machine = kept()
    assert list(Ledger(run, network, machine).faults()) == []
    name, changes, told = TAMPERED[law]
    layers = tuple(altered(layer, changes) if layer.name == name else layer for layer in run.layers)
    assert told in " ".join(Ledger(replace(run, layers=layers), network, machine).faults())
