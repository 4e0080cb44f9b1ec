"""Timeloop: what it counts and how long it takes for the reference mapping of its Eyeriss-like exercise."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import EQUAL
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.network.ir import Layer, Network, Op
from simulator.result.run import LayerResult
from simulator.source.paths import data_dir

MACHINE = "timeloop_eyeriss_like"
MAPPING = data_dir() / "mappings" / "timeloop_eyeriss_like.yaml"
WORD_BYTES = 2


def rows() -> Iterator[Row]:
    """Yield cycles, utilization and the scalars that each memory moves."""
    run = simulate(MACHINE, reference_network(), mapping=MAPPING)
    (layer,) = run.layers
    ours = {"cycles": float(layer.cycles), "utilization": layer.utilization, **scalars_moved(layer, WORD_BYTES)}
    for row in published("timeloop_eyeriss_like"):
        yield Row(row["quantity"], float(row["value"]), ours[row["quantity"]], EQUAL, row["unit"])


def reference_network() -> Network:
    """Return the layer of the exercise.

    >>> reference_network().macs
    10838016
    """
    conv = Layer("conv", Op.CONV, ("data",), ((1, 3, 224, 224),), (1, 32, 112, 112), (3, 3), (2, 2), (1, 1, 1, 1))
    return Network("timeloop_exercise", {"data": (1, 3, 224, 224)}, (conv,), ("conv",))


def scalars_moved(layer: LayerResult, word_bytes: int) -> dict[str, float]:
    """Return reads + fills + updates of each memory as Timeloop counts them (its buffer.cpp).

    - Of inputs and weights, every read and every word filled from outside.
    - Of partial sums, a MAC is an update, and a read unless it is the first of a sum that begins here: that one finds
      nothing to add to. Sums that come back from outside are fills. Handing a sum on is the receiver's update alone.
    - Weights go past the global buffer.
    """
    traffic = layer.traffic
    buffer, array, rf = (traffic[level] for level in ("buffer", "array", "rf"))
    begun = array["outputs"].write_bytes - array["outputs"].read_bytes
    moved = {
        "DRAM": sum(operand.total_bytes for operand in traffic["dram"].values()),
        "shared_glb": buffer["inputs"].total_bytes + array["outputs"].read_bytes + buffer["outputs"].write_bytes,
        "psum_spad": rf["outputs"].total_bytes - begun + array["outputs"].read_bytes,
        "weights_spad": rf["weights"].total_bytes,
        "ifmap_spad": rf["inputs"].total_bytes,
    }
    return {memory: size / word_bytes for memory, size in moved.items()}


ANCHOR = Anchor(
    name="timeloop",
    title="Timeloop, Eyeriss-like machine with its reference mapping",
    source="Accelergy-Project/timeloop-accelergy-exercises, eyeriss_like",
    machines=(MACHINE,),
    rows=rows,
)
