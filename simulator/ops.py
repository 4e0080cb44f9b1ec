"""Name the kinds of op that a machine may fuse or fold, below both machines and networks."""

MAC_OP_NAMES = ("conv", "depthwise", "linear", "matmul")
VECTOR_OP_NAMES = ("pool", "add", "mul", "activation", "softmax", "lrn", "upsample")
MOVE_OP_NAMES = ("concat", "split", "shuffle", "gather", "reshape", "pad", "unknown")
OP_NAMES = MAC_OP_NAMES + VECTOR_OP_NAMES + MOVE_OP_NAMES
"""All values of `simulator.network.ir.Op`, in its order."""

NEVER_FREE_OP_NAMES = (*MAC_OP_NAMES, "unknown")
"""What no machine fuses or folds; of an op that nobody knows, the traffic at least is counted."""
