"""A slow simulator of whole networks on machines of one memory level, to hold the fast one against.

It shares no code with the cost model. A layer is played as hardware would play it: tile after tile, step after step, PE
after PE, MAC after MAC. Words are tuples of indices, what a memory holds is a set of them, and what enters or leaves is
counted word by word. Times are those of events: a transfer starts when its data, its channel and the port are free.
"""

from fractions import Fraction
from itertools import product
from math import ceil

from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping
from simulator.nest import Operand
from simulator.network.ir import MAC_OPS, Network, Op
from tests.oracle.slow_layer import MacOp
from tests.oracle.slow_port import Played, moved_energy, standing_energy
from tests.oracle.slow_schedule import Job, schedule
from tests.oracle.slow_vector import VectorOp, operations

WEIGHTED = MAC_OPS - {Op.MATMUL}
"""Ops with weights that are there before anything runs."""


def play_network(network: Network, machine: Hardware, mappings: dict[str, Mapping]) -> dict[str, Played]:
    """What every op that runs costs, by its name."""
    jobs, played = schedule(network, machine), {}
    come = 0
    for job, following in zip(jobs, [*jobs[1:], None], strict=False):
        ahead = 0
        if machine.layer_order == "prefetch_weights" and following and following.layer.op in WEIGHTED:
            ahead = MacOp(following, machine, mappings[following.layer.name]).first_weights()
        op = MacOp(job, machine, mappings[job.layer.name]) if job.layer.op in MAC_OPS else VectorOp(job, machine)
        ahead = ahead if ahead <= op.free_bytes() else 0
        played[job.layer.name] = op.play(come, ahead)
        played[job.layer.name].come = come
        add_up(played[job.layer.name], job, machine)
        come = ahead
    return played


def in_two_stages(array: int, behind: int, tiles: int) -> int:
    """Cycles until equal tiles have gone through the array and what is behind it, one after the other."""
    made = done = Fraction(0)
    for _ in range(tiles):
        made += Fraction(array, tiles)
        done = max(made, done) + Fraction(behind, tiles)
    return ceil(done)


def add_up(played: Played, job: Job, machine: Hardware) -> None:
    """Add products that meet in an output, one by one, behind the array: what that takes longer, everything waits.

    Each output is worked on there, too, beside the array or while it waits.
    """
    adds = products = sum(operations(layer) for layer in job.fused if layer.op is Op.COL2IM)
    if job.layer.op in MAC_OPS:
        adds += machine.epilogue.operations * len([*product(*map(range, job.layer.output_shape))])
    if not adds:
        return
    took = sum(played.parts.values()) - played.parts["configuration"]
    lasts = played.bounds["vector"] = ceil(adds / machine.vector_lanes)
    waits = played.parts["fill"] + played.parts["wait"] + played.parts["drain"]
    if lasts > max(played.bounds["array"], played.bounds["dram"], waits):
        played.bottleneck = "vector"
    until = lasts + took if machine.epilogue.array_waits else in_two_stages(took, lasts, max(1, len(played.tiles)))
    played.parts["vector"] = until - took
    read, written = played.traffic["buffer", Operand.OUTPUTS]
    played.traffic["buffer", Operand.OUTPUTS] = read + ceil(products * machine.partial_sum_bits / 8), written
    played.energy |= moved_energy({("buffer", Operand.OUTPUTS): played.traffic["buffer", Operand.OUTPUTS]}, machine)
    played.energy |= standing_energy(machine, {"vector": adds}, until)
