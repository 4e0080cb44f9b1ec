"""Networks as users write them, a text for each format."""

YAML = """\
name: tiny
inputs:
  data: [3, 32, 32]
layers:
  - {name: conv1, op: conv, filters: 8, kernel: 3, stride: 2, padding: 1, bias: true, activation: relu}
  - {name: dw, op: depthwise, kernel: [3, 1], padding: half}
  - {name: skip, op: conv, inputs: conv1, filters: 8}
  - {name: sum, op: add, inputs: [dw, skip], stage: joined}
  - {name: pool, op: max_pool, kernel: 2, stride: 2}
  - {op: global_pool}
  - {name: fc, op: linear, filters: 10, zero_weights_fraction: 0.5}
outputs: [fc]
facts: {source: a test}
"""

CSV = """\
name,op,inputs,filters,kernel,stride,padding,bias,activation,output,stage,zero_weights_fraction
tiny,network,,,,,,,,,,
data,input,,,,,,,,3x32x32,,
conv1,conv,data,8,3x3,2x2,1x1x1x1,true,relu,,,
dw,depthwise,,,3x1,,half,,,,,
skip,conv,conv1,8,,,,,,,,
sum,add,dw;skip,,,,,,,,joined,
pool,max_pool,,,2,2,,,,,,
,global_pool,,,,,,,,,,
fc,linear,,10,,,,,,,,0.5
,output,fc,,,,,,,,,
"""

SCALE_SIM = """\
Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
Conv1, 227, 227, 11, 11, 3, 96, 4,
Conv2_DP, 14, 14, 3, 3, 32, 1, 1,
Conv3, 8, 8, 3, 3, 16, 8, 2, 1, 2:4,
"""

TIMELOOP = """\
problem:
  version: 0.4
  shape:
    name: CNN_Layer
    dimensions: [C, M, R, S, N, P, Q]
    coefficients:
      - {name: Wstride, default: 1}
      - {name: Hstride, default: 1}
      - {name: Wdilation, default: 1}
      - {name: Hdilation, default: 1}
    data_spaces:
      - name: Weights
        projection: [[[C]], [[M]], [[R]], [[S]]]
      - name: Inputs
        projection: [[[N]], [[C]], [[R, Wdilation], [P, Wstride]], [[S, Hdilation], [Q, Hstride]]]
      - name: Outputs
        projection: [[[N]], [[M]], [[Q]], [[P]]]
        read_write: true
  instance: {C: 3, M: 32, R: 3, S: 3, N: 2, P: 112, Q: 112, Wstride: 2, Hstride: 2, densities: {Weights: 0.25}}
"""
