"""Import the project's own layer list in YAML.

It reads like the table of a paper; shapes follow by themselves.

    name: tiny
    inputs:
      data: [3, 32, 32]                # channels, height, width; with the batch before them if it is not 1
    layers:                            # in order: a layer reads what stands above it
      - {name: conv1, op: conv, filters: 8, kernel: 3, stride: 2, padding: 1, bias: true, activation: relu}
      - {name: dw, op: depthwise, kernel: [3, 1], padding: half}
      - {name: skip, op: conv, inputs: conv1, filters: 8}
      - {name: sum, op: add, inputs: [dw, skip]}
      - {op: global_pool}
      - {name: fc, op: linear, filters: 10}
    outputs: [fc]                      # unless given, what no layer reads

A layer reads the one above it unless it says `inputs`, and needs a `name` only if others refer to it; with
`activation` its name stands for what the activation makes. Kernels, strides and dilations are one number or [vertical,
horizontal]; `padding` is one number, [vertical, horizontal], [top, left, bottom, right], `same` or `half`.

Ops and their keys, those in brackets may be left out:

    conv: filters [kernel stride padding dilation groups bias activation]
    depthwise: kernel [stride padding dilation filters bias activation]
    linear: filters [bias groups activation]         maps are flattened first
    matmul: output [groups]                          of two inputs, each group with a matrix of its own
    max_pool, avg_pool: kernel [stride padding dilation ceil]; global_pool [variant: max]
    add, mul: of any number of inputs                activation: variant (relu, hard_swish, ...)
    softmax; lrn [size variant]; upsample: size [variant]    concat [axis: 0 to 3]; split: channels [start, stop]
    col2im: kernel output                            sums of a transposed convolution, of the products of all its taps
    layer_norm, rms_norm, instance_norm, group_norm, ... [groups size]: of a group of channels or so many elements
    shuffle: groups; gather: channels; reshape: shape; flatten; pad: padding

A layer that does not multiply may have `constant_elements`: elements of operands beside its inputs, which lie in DRAM,
as those of a table of positions that an `add` of one input adds, of one of which a `gather` picks rows, or of the
weights of an op that nobody knows.

Any layer may have `stage` (to be reported together), `zero_inputs_fraction`, `zero_weights_fraction` and
`zero_outputs_fraction` (measured shares of zeros), `zero_columns` (zero weights are whole channels of a filter), and
`output`, the shape of what it makes: for a convolution it is checked, for others it is taken where it does not follow.
A layer with `output` is of the very op that is written; without, a convolution with as many groups as channels is a
depthwise one. Layers without `stage` belong to that of the layer before them, `stage: ""` is none.

Saved runs hold their networks in this form, all outputs stated.
"""

from simulator.network.ir import Network
from simulator.source import Document
from workloads.importers.layer_list import network_of


def import_layers(document: Document, name: str, skip_unknown: bool = False) -> Network:
    """Return the network of a document."""
    return network_of(document, name, skip_unknown)
