"""The window of a Caffe layer: `kernel_size`, or `kernel_h` and `kernel_w`, and so on, each with its default."""

from dataclasses import dataclass

from simulator.network.shapes import Pair
from workloads.importers.from_caffe.text import Message


@dataclass(frozen=True, slots=True)
class WindowParam:
    """The name of a message of parameters."""

    name: str

    def param(self, layer: Message) -> Message:
        """Return the layer's parameters."""
        return layer.message(self.name)

    def is_depthwise(self, layer: Message) -> bool:
        """Return whether the type itself says that each channel has its own filter."""
        return "depthwise" in layer.text("type").lower()

    def kernel(self, param: Message) -> Pair:
        """Return the kernel."""
        pair = _pair(param, "kernel_size", "kernel_h", "kernel_w", 0)
        if min(pair) < 1:
            raise param.wrong("kernel_size", "the kernel has no size", "1 or more")
        return pair

    def stride(self, param: Message) -> Pair:
        """Return the stride."""
        pair = _pair(param, "stride", "stride_h", "stride_w", 1)
        if min(pair) < 1:
            raise param.wrong("stride", "wrong value", "1 or more")
        return pair

    def pad(self, param: Message) -> Pair:
        """Return the padding above and below, left and right."""
        pair = _pair(param, "pad", "pad_h", "pad_w", 0)
        if min(pair) < 0:
            raise param.wrong("pad", "wrong value", "0 or more")
        return pair

    def dilation(self, param: Message) -> Pair:
        """Return the dilation."""
        pair = _pair(param, "dilation", "dilation_h", "dilation_w", 1)
        if min(pair) < 1:
            raise param.wrong("dilation", "wrong value", "1 or more")
        return pair


def _pair(param: Message, both: str, vertical: str, horizontal: str, default: int) -> Pair:
    """Return (vertical, horizontal), from a field given once or twice, or one field for each."""
    values = param.ints(both)
    if len(values) > 2:
        raise param.wrong(both, "more than two numbers", "one for both directions, or one for each")
    first, second = (values[0], values[-1]) if values else (default, default)
    return param.int(vertical, first), param.int(horizontal, second)


CONVOLUTION = WindowParam("convolution_param")
POOLING = WindowParam("pooling_param")
