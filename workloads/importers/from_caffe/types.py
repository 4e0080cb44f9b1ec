"""All types of layers that are known, and what becomes of each."""

from collections.abc import Callable, Mapping, Sequence

from simulator.network.ir import Op
from simulator.network.ops import OPS as TABLE
from simulator.network.ops import VECTOR_OPS
from workloads.importers.from_caffe import moves, ops, regions, sequences, sources
from workloads.importers.from_caffe.context import Context
from workloads.importers.from_caffe.text import Message
from workloads.importers.views import View

Handler = Callable[[Context, Message, Sequence[View]], Sequence[View]]

SOURCES: Mapping[str, Callable[[Context, Message], None]] = {
    "annotateddata": sources.image_data,
    "data": sources.image_data,
    "dummydata": sources.input_layer,
    "hdf5data": sources.no_size,
    "imagedata": sources.image_data,
    "imagesegdata": sources.image_data,
    "input": sources.input_layer,
    "memorydata": sources.memory_data,
    "proposal": regions.proposal,
    "windowdata": sources.image_data,
}
"""Types whose tops come from outside."""
NAMED: Mapping[str, Handler] = {
    name.lower(): ops.plain(op, variant)
    for op in VECTOR_OPS
    if TABLE[op].inputs == 1 and not TABLE[op].windowed
    for variant, name in TABLE[op].caffe.items()
}
"""Types that the table of ops names."""
OWN: Mapping[str, Handler] = {
    "argmax": ops.arg_max,
    "axpy": ops.axpy,
    "batchnorm": ops.batch_norm,
    "bias": ops.bias,
    "bn": ops.batch_norm,
    "clip": ops.clip,
    "concat": moves.concat,
    "convolution": ops.convolution,
    "convolutiondepthwise": ops.convolution,
    "convolutionristretto": ops.convolution,
    "crop": moves.crop,
    "deconvolution": ops.deconvolution,
    "deconvolutionristretto": ops.deconvolution,
    "depthwiseconvolution": ops.convolution,
    "dropout": ops.same,
    "eltwise": ops.eltwise,
    "embed": sequences.embed,
    "fcristretto": ops.inner_product,
    "flatten": moves.flatten,
    "hsigmoid": ops.activation("hard_sigmoid"),
    "hswish": ops.activation("hard_swish"),
    "im2col": moves.im2col,
    "innerproduct": ops.inner_product,
    "interp": moves.interp,
    "lrn": ops.lrn,
    "lrnristretto": ops.lrn,
    "lstm": sequences.lstm,
    "permute": moves.permute,
    "pooling": ops.pooling,
    "power": ops.power,
    "psroipooling": regions.psroi_pooling,
    "reduction": ops.reduction,
    "relu": ops.relu,
    "reorg": moves.reorg,
    "reshape": moves.reshape,
    "rnn": sequences.rnn,
    "roialign": regions.roi_pooling,
    "roipooling": regions.roi_pooling,
    "scale": ops.scale,
    "shufflechannel": moves.shuffle,
    "slice": moves.cut,
    "softmaxloss": ops.plain(Op.SOFTMAX),
    "softmaxwithloss": ops.plain(Op.SOFTMAX),
    "spatialdropout": ops.same,
    "split": ops.split,
    "spp": ops.pyramid,
    "threshold": ops.activation("threshold"),
    "tile": moves.tile,
    "transpose": moves.permute,
    "upsample": moves.upsample,
}
OPS: Mapping[str, Handler] = dict(sorted({**NAMED, **OWN}.items()))
"""Type in small letters, without underscores -> what adds it."""
REFUSED: Mapping[str, str] = {
    "batchreindex": "which samples are taken depends on the data",
    "filter": "which samples are kept depends on the data",
    "lstmunit": "it is the inside of an LSTM, which is a type of its own",
    "parameter": "weights are no activation, but an input of that shape would do",
    "python": "what Python code does is not in the file",
}
"""Types that are known and cannot be counted, and why."""
