"""Name the kinds of op that a machine may fuse or fold, below both machines and networks."""

MAC_OP_NAMES = ("conv", "depthwise", "linear", "matmul")
VECTOR_OP_NAMES = ("pool", "add", "mul", "activation", "softmax", "lrn", "upsample")
MOVE_OP_NAMES = ("concat", "split", "shuffle", "gather", "reshape", "pad")
OP_NAMES = MAC_OP_NAMES + VECTOR_OP_NAMES + MOVE_OP_NAMES
"""All values of `simulator.network.ir.Op`, in its order."""
