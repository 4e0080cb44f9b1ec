"""Where a prototxt's images come from: `input`, Input layers, and data layers of all kinds.

A data layer's batch size says how the network was trained or tested: it stands for one image.
"""

from simulator.network.graph import Tensor
from workloads.importers.from_caffe.context import IGNORED, Context, kind
from workloads.importers.from_caffe.text import Message
from workloads.importers.views import LINES, STEPS, fan, layout_of, shape_in

CHANNELS = 3  # of an image in a database, unless it is forced to gray
MOST_AXES = 4
REMEDY = 'layer { type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 224 dim: 224 } } }'
SEQUENTIAL = frozenset({"lstm", "rnn"})


def declare_inputs(c: Context, root: Message) -> None:
    """Declare the inputs at the top of the file: `input: "data"` with four `input_dim` or an `input_shape` each."""
    names, dims, shapes = root.texts("input"), root.ints("input_dim"), root.messages("input_shape")
    if names and len(dims) != 4 * len(names) and len(shapes) != len(names):
        raise root.wrong("input", "an input has no shape", "four input_dim or one input_shape for each input")
    for at, name in enumerate(names):
        extents = shapes[at].ints("dim") if len(shapes) == len(names) else dims[4 * at : 4 * at + 4]
        _declare(c, root, name, extents)


def input_layer(c: Context, layer: Message) -> None:
    """Input and DummyData: shapes written out, for each top or one for all."""
    param = layer.message("input_param") if "input_param" in layer.fields else layer.message("dummy_data_param")
    shapes = [shape.ints("dim") for shape in param.messages("shape")]
    if not shapes:
        sides = [param.ints(name) for name in ("num", "channels", "height", "width")]
        shapes = [list(extents) for extents in zip(*sides, strict=False)]
    for at, name in enumerate(layer.texts("top")):
        if not shapes:
            raise layer.wrong("input_param", "the input has no shape", "shape { dim: 1 dim: 3 dim: 224 dim: 224 }")
        _declare(c, layer, name, shapes[min(at, len(shapes) - 1)])


def memory_data(c: Context, layer: Message) -> None:
    """MemoryData."""
    param = layer.message("memory_data_param")
    _image(c, layer, [1, *(param.int(name, 0) for name in ("channels", "height", "width"))])


def image_data(c: Context, layer: Message) -> None:
    """Images of a database, a list of files or regions: as large as they are cropped or resized to."""
    transform = layer.message("transform_param")
    params = [layer.message(name) for name in ("data_param", "image_data_param", "window_data_param")]
    sizes = [param.int("crop_size", 0) for param in (transform, *params)]
    resized = transform.message("resize_param")
    crop, new = transform.int("crop_h", max(sizes)), params[1].int("new_height", 0)
    height = crop or resized.int("height", 0) or new
    width = transform.int("crop_w", max(sizes)) or resized.int("width", 0) or params[1].int("new_width", 0)
    if not (height and width):
        expected = f"transform_param {{ crop_size: 224 }}, or in place of the layer {REMEDY}"
        raise layer.wrong("transform_param", "nothing tells the size of the images", expected)
    gray = transform.flag("force_gray", False)
    _image(c, layer, [1, 1 if gray else CHANNELS, height, width])


def no_size(c: Context, layer: Message) -> None:
    """Refuse a layer that reads no blob and does not say what it makes, such as HDF5Data or a Python data layer."""
    raise layer.wrong("type", "the layer reads no blob, and nothing tells the size of what it makes", REMEDY)


def _image(c: Context, layer: Message, extents: list[int]) -> None:
    """Declare the first top; the others are labels."""
    names = layer.texts("top")
    if not names:
        raise layer.wrong("top", "a data layer makes nothing", 'top: "data"')
    _declare(c, layer, names[0], extents)
    for name in names[1:]:
        c.blobs[name] = IGNORED


def _declare(c: Context, at: Message, name: str, extents: list[int]) -> None:
    if not 1 <= len(extents) <= MOST_AXES or min(extents) < 1:
        got = "x".join(map(str, extents)) or "nothing"
        raise at.wrong("shape", f"not a shape of {name}: {got}", "one to four numbers of 1 or more")
    is_sequence = any(kind(layer) in SEQUENTIAL and name in layer.texts("bottom") for layer in c.layers)
    layout = LINES if len(extents) == len(LINES) else layout_of(len(extents))
    layout = STEPS[: len(extents)] if is_sequence and len(extents) <= len(STEPS) else layout
    tensor: Tensor = c.g.declare(c.g.unique(name), shape_in(layout, extents))
    c.blobs[name] = fan(tensor, layout, extents)
