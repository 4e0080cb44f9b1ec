"""Room that an op takes of the activations' buffer beside what stays there."""

from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import MAC_OPS, Layer
from simulator.network.ops import OPS
from simulator.network.shapes import tensor_bytes, window_reach


def strip_bytes(layer: Layer, hardware: Hardware, inputs_kept: bool, outputs_kept: bool) -> int:
    """Bytes that an op takes of the activations' buffer to run well: for a row of outputs, what is not kept there.

    Of the array's ops that is a row of one sample and group, as partial sums, the rows of inputs that it needs, and,
    where weights lie there too, one for each PE; of windows of the vector unit, rows of all channels. Other vector ops
    go element by element. What crosses the DRAM port is there as often as the buffer has slots.
    """
    buffer, array, entry = hardware.activation_buffer, hardware.array, OPS[layer.op]
    multiplies, slots = layer.op in MAC_OPS, 2 if buffer.double_buffered else 1
    if not multiplies and not entry.windowed:
        return 0
    (samples, channels, height, width), (_, filters, _, columns) = layer.input_shapes[0], layer.output_shape
    rows = min(height, window_reach(layer.kernel[0], layer.dilation[0]))
    deep = (1, channels // layer.groups, filters // layer.groups) if multiplies else (samples, channels, filters)
    inputs = tensor_bytes((deep[0], deep[1], rows, width), hardware.input_bits)
    sums = hardware.partial_sum_bits if multiplies else hardware.output_bits
    outputs = tensor_bytes((deep[0], deep[2], columns), sums)
    weights = tensor_bytes((array.rows, array.columns), hardware.weight_bits)
    size = 0 if inputs_kept else slots * inputs
    size += slots * weights if multiplies and Operand.WEIGHTS in buffer.holds else 0
    return size + (slots * outputs if not outputs_kept else outputs if multiplies else 0)
