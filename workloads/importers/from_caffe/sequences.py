"""Layers over sequences: recurrent ones, and embeddings."""

from collections.abc import Sequence
from math import prod

from simulator.network.ir import Layer, Op
from workloads.importers import lowering
from workloads.importers.from_caffe.context import Context
from workloads.importers.from_caffe.text import Message
from workloads.importers.recurrence import recurrent
from workloads.importers.views import View, look

Views = Sequence[View]


def lstm(c: Context, layer: Message, views: Views) -> Views:
    """LSTM: over blobs [steps, batch, ...]; the one that tells where sequences go on is no operand."""
    return [recurrent(c.g, _steps(c, layer, views[0]), "lstm", _hidden(layer), 1, (True, False), c.name(layer))]


def rnn(c: Context, layer: Message, views: Views) -> Views:
    """RNN: a state, and an output made of it."""
    hidden, name = _hidden(layer), c.name(layer)
    state = recurrent(c.g, _steps(c, layer, views[0]), "rnn", hidden, 1, (True, False), c.g.unique(f"{name}_hidden"))
    product = lowering.linear(c.g, state, hidden, True, c.g.unique(f"{name}_output"))
    return [lowering.unary(c.g, product, lambda x: c.g.activation(x, "tanh", name))]


def embed(c: Context, layer: Message, views: Views) -> Views:
    """Embed: rows of a matrix of weights, picked by the bottom."""
    param, x = layer.message("embed_param"), lowering.settle(c.g, views[0])
    features, count = param.int("num_output", 0), prod(x.shape[1:])
    if features < 1:
        raise layer.wrong("embed_param", "the embedding has no size", "num_output of 1 or more")
    shape = (x.shape[0], features, count, 1)
    y = c.g.put(Layer(c.name(layer), Op.GATHER, (x.name,), (x.shape,), shape))
    return [lowering.reshape(c.g, look(y, (0, 2, 1)), (*views[0].dims, features), c.name(layer))]


def _hidden(layer: Message) -> int:
    hidden = layer.message("recurrent_param").int("num_output", 0)
    if hidden < 1:
        raise layer.wrong("recurrent_param", "the state has no size", "num_output of 1 or more")
    return hidden


def _steps(c: Context, layer: Message, view: View) -> View:
    """Return a blob as [steps, batch, features]."""
    if len(view.dims) < 2:
        raise layer.wrong("bottom", "no sequence", "a blob of [steps, batch, ...]")
    return lowering.reshape(c.g, view, (*view.dims[:2], prod(view.dims[2:])), layer.text("name"))
