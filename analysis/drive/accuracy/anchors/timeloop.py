"""Timeloop: what it counts and how long it takes for the reference mappings of its exercises."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import EQUAL
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.network.ir import Layer, Network, Op
from simulator.result.run import LayerResult

MACHINE = "timeloop_eyeriss_like"
LEVELS = ("timeloop_simple_output_stationary", "timeloop_simple_weight_stationary")
WORD_BYTES = 2
REGISTERS = {"input_activation_reg": "inputs", "weight_reg": "weights", "output_activation_reg": "outputs"}


def rows() -> Iterator[Row]:
    """Yield the rows of the Eyeriss-like machine, then those of the machines with memories in their PEs."""
    yield from eyeriss_like_rows()
    for machine in LEVELS:
        yield from level_rows(machine)


def replayed(machine: str) -> LayerResult:
    """Return the layer of the exercise on a machine with its reference mapping, of the same name."""
    (layer,) = simulate(machine, reference_network(), mapping=machine).layers
    return layer


def eyeriss_like_rows() -> Iterator[Row]:
    """Yield cycles, utilization and the scalars that each memory moves."""
    layer = replayed(MACHINE)
    ours = {"cycles": float(layer.cycles), "utilization": layer.utilization, **scalars_moved(layer, WORD_BYTES)}
    for row in published("timeloop_eyeriss_like"):
        yield Row(row["quantity"], float(row["value"]), ours[row["quantity"]], EQUAL, row["unit"])


def level_rows(machine: str) -> Iterator[Row]:
    """Yield cycles, PEs in use, and reads, fills and updates of each memory, those in PEs of one of them."""
    layer = replayed(machine)
    title = machine.removeprefix("timeloop_").replace("_", " ")
    figures = {"cycles": layer.cycles, "instances": layer.mapped_pes}
    for row in published("timeloop_levels"):
        if row["machine"] == machine:
            count, memory = row["count"], row["memory"]
            ours = counts_of(layer, memory, row["operand"])[count] if memory else figures[count]
            what = f"{memory}.{row['operand']} {count}" if memory else count
            yield Row(f"{title}: {what}", float(row["value"]), float(ours), EQUAL, "scalars" if memory else "")


def counts_of(layer: LayerResult, memory: str, operand: str) -> dict[str, float]:
    """Return reads, fills and updates of an operand in one instance of a memory as Timeloop counts them.

    Of inputs and weights, a read is one, and so is a word filled from outside. What comes from inside are updates of
    partial sums; their reads are those that go back inside, so neither first ones nor those that are handed outwards.
    A sum that comes back fills the register of every PE that shares the output. The registers below Timeloop's last
    level are ours; of weights it is the register itself that we call a memory where loops lie inside it.
    """
    traffic, word = layer.traffic, WORD_BYTES
    bottom = REGISTERS.get(memory) == operand
    level = traffic["rf" if bottom else "dram" if memory == "DRAM" else memory][operand]
    each = word if memory in ("DRAM", "shared_glb") else word * layer.mapped_pes
    if operand != "outputs":
        return {"reads": level.read_bytes / each, "fills": level.write_bytes / each, "updates": 0}
    if memory == "DRAM":
        return {"reads": level.read_bytes / each, "fills": 0, "updates": level.write_bytes / each}
    if bottom:
        back = returned_to_registers(layer)
        return {"reads": back / each, "fills": back / each, "updates": level.write_bytes / each}
    handed_out = traffic["dram"]["outputs"].write_bytes
    return {"reads": (level.read_bytes - handed_out) / each, "fills": 0, "updates": level.write_bytes / each}


def returned_to_registers(layer: LayerResult) -> float:
    """Bytes of partial sums that come back to the registers, one copy for each PE that shares the output."""
    traffic, sums = layer.traffic, layer.traffic["array"]["outputs"]
    if "outputs" in traffic.get("pe_spad", {}):
        return traffic["pe_spad"]["outputs"].read_bytes - sums.write_bytes
    return sums.read_bytes * sums.write_bytes / traffic["shared_glb"]["outputs"].write_bytes


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
    title="Timeloop, three machines of its exercises with their reference mappings",
    source="Accelergy-Project/timeloop-accelergy-exercises: eyeriss_like, simple_output_stationary, "
    "simple_weight_stationary",
    machines=(MACHINE, *LEVELS),
    rows=rows,
)
