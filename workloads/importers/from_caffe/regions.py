"""Layers of detectors that pool regions of maps.

Which regions there are is worked out on the host: a Proposal stands for an input of the network, as many rows of five
numbers as it keeps.
"""

from collections.abc import Sequence

from simulator.network.ir import Layer, Op
from workloads.importers import lowering
from workloads.importers.from_caffe.context import Context
from workloads.importers.from_caffe.text import Message
from workloads.importers.views import MAPS, VECTOR, View, fan, look

Views = Sequence[View]
REGIONS = 300  # that a Proposal keeps unless it says otherwise, as the authors of Faster R-CNN test it
NUMBERS = 5  # of a region: the sample and four edges
PROPOSAL = "proposallayer"  # the class in Python that does what a Proposal does


def proposal(c: Context, layer: Message) -> None:
    """Proposal: regions worked out on the host."""
    name, *others = layer.texts("top") or [layer.text("name", "rois")]
    count = layer.message("proposal_param").int("post_nms_topn", REGIONS)
    if count < 1:
        raise layer.wrong("proposal_param", "no region is kept", "post_nms_topn of 1 or more")
    c.blobs[name] = fan(c.g.declare(c.g.unique(name), (count, NUMBERS, 1, 1)), VECTOR, (count, NUMBERS))
    c.blobs |= dict.fromkeys(others)
    c.g.warnings.append(f"{layer.text('name', name)}: regions are worked out on the host, which is not counted")


def roi_pooling(c: Context, layer: Message, views: Views) -> Views:
    """ROIPooling and ROIAlign: each region of the maps at the same size."""
    param = layer.message("roi_pooling_param")
    x = lowering.as_maps(c.g, views[0], layer.text("name"))
    return [_pooled(c, layer, views, x.channels, (param.int("pooled_h", 0), param.int("pooled_w", 0)))]


def psroi_pooling(c: Context, layer: Message, views: Views) -> Views:
    """PSROIPooling: each part of a region from channels of its own."""
    param = layer.message("psroi_pooling_param")
    size = param.int("group_size", 0)
    return [_pooled(c, layer, views, param.int("output_dim", 0), (size, size))]


def _pooled(c: Context, layer: Message, views: Views, channels: int, size: tuple[int, int]) -> View:
    if len(views) < 2:
        raise layer.wrong("bottom", "nothing tells how many regions there are", "maps, and regions of 5 numbers each")
    if min(*size, channels) < 1:
        raise layer.wrong("type", "the regions have no size", "1 or more in each direction")
    x = lowering.as_maps(c.g, views[0], layer.text("name"))
    shape = (views[1].dims[0], channels, *size)
    return look(c.g.put(Layer(c.name(layer), Op.ACTIVATION, (x.name,), (x.shape,), shape, variant="roi_pool")), MAPS)
