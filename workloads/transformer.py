"""What vision transformers are made of, over tokens: arrays [N, sequences x tokens, features].

Norms come before what they normalise for (pre-norm), and gains and offsets of norms are no parameters here, as those of
batch norms are none.
"""

from simulator.errors import InputError, Problem
from simulator.network.graph import Tensor
from simulator.network.ir import Op
from workloads.importers import lowering
from workloads.importers.assembly import Assembly
from workloads.importers.attention import attention
from workloads.importers.views import MAPS, View, look, transposed


def linear(g: Assembly, x: View, features: int, name: str, bias: bool = True) -> View:
    """Multiply each token by a matrix."""
    return lowering.linear(g, x, features, bias, name)


def norm(g: Assembly, x: View, name: str) -> View:
    """Normalise each token (Ba et al., arXiv 1607.06450)."""
    return lowering.unary(g, x, lambda y: g.normalize(y, "layer_norm", elements=x.dims[-1], name=name))


def add(g: Assembly, x: View, y: View, name: str) -> View:
    """Add a branch to what it started from."""
    return lowering.elementwise(g, Op.ADD, [x, y], name)


def self_attention(g: Assembly, x: View, heads: int, name: str, sequences: int = 1) -> View:
    """Let the tokens of each sequence attend to each other (Vaswani et al., NeurIPS 2017, arXiv 1706.03762)."""
    n, tokens, features = x.dims
    projected = linear(g, x, 3 * features, f"{name}/qkv")
    split = (n, sequences, tokens // sequences, heads, features // heads)
    query, key, value = (
        _heads(g, lowering.take(g, projected, 2, at * features, features, f"{name}/{kind}"), split, name)
        for at, kind in enumerate(("query", "key", "value"))
    )
    made = attention(g, query, key, value, (), f"{name}/product").result
    apart = lowering.reshape(g, made, (n, sequences, heads, tokens // sequences, features // heads), f"{name}/joined")
    joined = lowering.reshape(g, transposed(apart, (0, 1, 3, 2, 4), f"{name}/joined"), x.dims, f"{name}/joined")
    return linear(g, joined, features, f"{name}/projection")


def _heads(g: Assembly, x: View, split: tuple[int, int, int, int, int], name: str) -> View:
    """Return [N, sequences x heads, tokens, features of a head]."""
    n, sequences, tokens, heads, features = split
    apart = transposed(lowering.reshape(g, x, split, f"{name}/heads"), (0, 1, 3, 2, 4), f"{name}/heads")
    return lowering.reshape(g, apart, (n, sequences * heads, tokens, features), f"{name}/heads")


def perceptron(g: Assembly, x: View, hidden: int, activation: str, name: str) -> View:
    """Widen each token, apply a function, and narrow it again."""
    y = linear(g, x, hidden, f"{name}/widen")
    y = lowering.unary(g, y, lambda z: g.activation(z, activation, f"{name}/{activation}"))
    return linear(g, y, x.dims[-1], f"{name}/narrow")


def encoder(g: Assembly, x: View, heads: int, hidden: int, activation: str, name: str, sequences: int = 1) -> View:
    """Add one layer of a transformer: attention and a perceptron, each around a norm and beside a sum."""
    y = self_attention(g, norm(g, x, f"{name}/norm1"), heads, f"{name}/attention", sequences)
    x = add(g, x, y, f"{name}/add1")
    y = perceptron(g, norm(g, x, f"{name}/norm2"), hidden, activation, f"{name}/mlp")
    return add(g, x, y, f"{name}/add2")


def tokens_of(g: Assembly, x: Tensor, name: str) -> View:
    """Return the positions of maps as tokens."""
    n, channels, height, width = x.shape
    flat = lowering.reshape(g, look(x, MAPS), (n, channels, height * width), name)
    return transposed(flat, (0, 2, 1), name)


def check_multiple(resolution: int, of: int) -> None:
    """Raise InputError for images that do not divide into patches."""
    if resolution % of:
        expected, got = f"a multiple of {of}", str(resolution)
        raise InputError(Problem("images do not divide into patches", path="resolution", expected=expected, got=got))
