"""Sound models in binary formats, and what damages the graph of an ONNX model."""

from random import Random
from typing import Any

from tests.fuzz.mutate import CHANGES, NUMBERS

OTHER_OPS = ["Einsum", "Expand", "If", "Loop", "NonZero", "Range", "Scan", "SequenceInsert", "SequenceMap", "Where"]


def onnx_seed() -> bytes:
    """Return a model with convolutions, a chain of shapes around a shuffle, an index, a product and a resize."""
    from tests.onnx_graphs import GraphWriter

    g = GraphWriter()
    x = g.conv(g.input(("batch", 3, 8, 8)), "conv", 8, 3, 3)
    batch = g.node("Slice", g.node("Shape", x), g.ints("from", 0), g.ints("to", 1))
    wide = g.node("Concat", batch, g.ints("wide", 2, 4, 8, 8), axis=0)
    y = g.node("Transpose", g.node("Reshape", x, wide), perm=[0, 2, 1, 3, 4])
    y = g.node("Reshape", y, g.node("Concat", batch, g.ints("flat", 8, 8, 8), axis=0))
    left, right = g.node("Split", y, g.ints("parts", 4, 4), outputs=2, axis=1)
    y = g.node("Concat", left, g.node("Mul", right, g.node("Sigmoid", right)), axis=1)
    y = g.node("Gather", y, g.ints("index", 1, 3, 5, 7), axis=1)
    y = g.node("Pad", y, g.ints("pads", 0, 0, 1, 1, 0, 0, 1, 1))
    y = g.node("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    y = g.node("Resize", y, "", g.floats("scales", 1, 1, 2, 2), mode="linear")
    y = g.node("Expand", g.node("ReduceMean", y, axes=[2, 3], keepdims=1), g.ints("grown", 1, 4, 2, 2))
    y = g.node("Tile", y, g.ints("times", 1, 2, 1, 1))
    y = g.node("Flatten", y, axis=1)
    g.node("Gemm", y, g.weight("fc.weight", 10, 32), g.weight("fc.bias", 10), transB=1, name="fc")
    content: bytes = g.model("fc_out0").SerializeToString()
    return content


def sequence_seed() -> bytes:
    """Return a model with a recurrent layer, attention, an einsum, lookups and a norm that is spelled out."""
    from tests.onnx_graphs import GraphWriter

    g = GraphWriter(opset=23)
    x = g.input((6, 1, 8))
    y, last = g.node("LSTM", x, g.weight("w", 1, 16, 8), g.weight("r", 1, 16, 4), outputs=2, hidden_size=4)
    y = g.node("Squeeze", y, g.ints("axes", 1))
    y = g.node("Transpose", y, perm=[1, 0, 2])
    y = g.node("Attention", y, y, y, q_num_heads=2, kv_num_heads=1 + 1)
    d = g.node("Sub", y, g.node("ReduceMean", y, g.ints("last", -1)))
    squares = g.node("ReduceMean", g.node("Mul", d, d), g.ints("behind", -1))
    y = g.node("Div", d, g.node("Sqrt", g.node("Add", squares, g.floats("eps", 1e-5, scalar=True))))
    y = g.node("Einsum", y, g.weight("e", 2, 4, 3), equation="bij,hjk->bhik")
    y, _ = g.node("TopK", y, g.ints("k", 2), outputs=2)
    y = g.node("MatMul", y, g.weight("m", 2, 2, 5))
    y = g.node("GatherND", y, g.weight("index", 3, 2), batch_dims=0)
    y = g.node("Where", g.node("Greater", y, g.floats("zero", 0.0, scalar=True)), y, y)
    g.node("Add", y, g.node("ReduceSum", last), name="sum")
    content: bytes = g.model("sum_out0").SerializeToString()
    return content


def tflite_seed() -> bytes:
    """Return a model with windows, products, a norm that is spelled out, slices and a recurrent layer."""
    from tests.tflite_graphs import TfliteGraph

    t = TfliteGraph()
    x = t.conv(t.input(1, 8, 8, 4), "conv", 8, 3, FusedActivationFunction=3)
    pads = t.numbers("pads", [(0, 0), (1, 1), (1, 1), (0, 0)])
    y = t.op("PAD", [x, pads], "pad", (1, 10, 10, 8))
    window = {"FilterHeight": 3, "FilterWidth": 3, "StrideH": 1, "StrideW": 1, "Padding": 1}
    y = t.op("MAX_POOL_2D", [y], "pool", (1, 8, 8, 8), "Pool2DOptions", **window)
    y = t.op("ADD", [x, y], "sum", (1, 8, 8, 8), "AddOptions")
    bounds = [t.numbers(f"cut{at}", numbers) for at, numbers in enumerate(([0, 0, 0, 2], [1, 8, 8, 6], [1, 1, 1, 1]))]
    y = t.op("STRIDED_SLICE", [y, *bounds], "part", (1, 8, 8, 4), "StridedSliceOptions", BeginMask=7, EndMask=7)
    y = t.op("RESHAPE", [y, t.numbers("rows", [1, 64, 4])], "flat", (1, 64, 4), "ReshapeOptions")
    given_names = [t.weights(f"w{at}", (3, 4 if at < 4 else 3), 0) for at in range(8)]
    y = t.op("UNIDIRECTIONAL_SEQUENCE_LSTM", [y, *given_names], "steps", (1, 64, 3))
    y = t.op("MEAN", [y, t.numbers("axes", [1])], "mean", (1, 3), "ReducerOptions")
    t.op("FULLY_CONNECTED", [y, t.weights("fc", (5, 3), 0)], "out", (1, 5), "FullyConnectedOptions")
    return t.serialized("net", ["data"], ["out"])


def graph_changed(random: Random, content: bytes) -> bytes:
    """Change some nodes, inputs, attributes, extents or constants of an ONNX model."""
    import onnx

    model = onnx.ModelProto.FromString(content)
    for _ in range(random.choice(CHANGES)):
        random.choice((_inputs_changed, _node_changed, _attribute_changed, _tensor_changed))(random, model.graph)
    changed: bytes = model.SerializeToString()
    return changed


def _inputs_changed(random: Random, graph: Any) -> None:
    """Wire a node otherwise, or take an input from it."""
    node = random.choice([node for node in graph.node if node.input])
    names = ["", *(name for other in graph.node for name in (*other.input, *other.output))]
    at = random.randrange(len(node.input))
    if random.random() < 0.5:
        node.input[at] = random.choice(names)
    else:
        del node.input[at]


def _node_changed(random: Random, graph: Any) -> None:
    """Make another op of a node, or take it out."""
    at = random.randrange(len(graph.node) - 1)
    if random.random() < 0.7:
        graph.node[at].op_type = random.choice([other.op_type for other in graph.node] + OTHER_OPS)
    elif len(graph.node) > max(CHANGES):
        del graph.node[at]


def _attribute_changed(random: Random, graph: Any) -> None:
    """Change an attribute of a node, or take it away."""
    nodes = [node for node in graph.node if node.attribute]
    if not nodes:
        return
    attributes = random.choice(nodes).attribute
    at = random.randrange(len(attributes))
    if random.random() < 0.3:
        del attributes[at]
        return
    attributes[at].i = random.choice(NUMBERS)
    attributes[at].ints[:] = random.choices(NUMBERS, k=random.randint(0, 5))


def _tensor_changed(random: Random, graph: Any) -> None:
    """Change extents of the input or of a constant, or what a constant holds."""
    tensor = random.choice(list(graph.initializer))
    if random.random() < 0.4:
        tensor.dims[:] = random.choices(NUMBERS, k=random.randint(0, 5))
    elif tensor.int64_data:
        tensor.int64_data[:] = random.choices(NUMBERS, k=len(tensor.int64_data))
    else:
        dims = graph.input[0].type.tensor_type.shape.dim
        dims[random.randrange(len(dims))].dim_value = random.choice(NUMBERS)
