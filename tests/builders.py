"""Build runs that obey every law without simulating anything."""

from dataclasses import replace
from math import fsum, prod

from simulator.nest import OPERAND_NAMES
from simulator.network.ir import Op
from simulator.result.causes import bottleneck
from simulator.result.run import (
    CYCLE_PARTS,
    LayerResult,
    MachineFacts,
    NetworkFacts,
    Run,
    Traffic,
    total_of,
    utilization,
)

MACHINE = MachineFacts(
    name="toy_16x16",
    clock_hz=1_000_000_000,
    rows=16,
    columns=16,
    macs_per_cycle=1,
    dram_bytes_per_cycle=16.0,
    burst_bytes=64,
    buffer_bytes=128 * 1024,
    buffer_bytes_per_cycle=64,
    compressed=(),
    layer_order="serial",
    energy_table="toy_picojoules",
    energy_unit="pJ",
)
WORD_BYTES = 2


def conv_result(
    name: str,
    *,
    channels: int = 16,
    filters: int = 32,
    size: int = 14,
    kernel: tuple[int, int] = (3, 3),
    waiting: int = 0,
    dataflow: str = "weight_stationary",
    stage: str = "stage1",
    fused: tuple[str, ...] = (),
    machine: MachineFacts = MACHINE,
) -> LayerResult:
    """A convolution of stride 1 that keeps all PEs busy, waits for its DRAM traffic, and then `waiting` cycles."""
    macs = channels * filters * size * size * prod(kernel)
    words = (channels * size * size, channels * filters * prod(kernel), filters * size * size)
    footprint = {operand: count * WORD_BYTES for operand, count in zip(OPERAND_NAMES, words, strict=True)}
    compute = -(-macs // machine.pes)
    dram_bound = int(-(-sum(footprint.values()) // machine.dram_bytes_per_cycle))
    parts = dict.fromkeys(CYCLE_PARTS, 0) | {
        "compute": compute,
        "preload": compute // 10,
        "dram": max(0, dram_bound - compute) + waiting,
        "configuration": 7,
    }
    cycles = sum(parts.values())
    bounds = {"array": compute, "dram": dram_bound, "inputs": compute // 2}
    energy = mac_energy(macs, footprint, cycles)
    return replace(
        free_result(name, Op.CONV, stage=stage),
        input_shapes=((1, channels, size, size),),
        output_shape=(1, filters, size, size),
        kernel=kernel,
        fused=fused,
        dataflow=dataflow,
        macs=macs,
        effective_macs=macs,
        params=footprint["weights"] // WORD_BYTES + filters,
        cycles=cycles,
        cycle_parts=parts,
        utilization=utilization(macs, cycles, machine.peak_macs_per_cycle),
        energy_pj=fsum(energy.values()),
        energy_parts=energy,
        traffic=conv_traffic(macs, footprint),
        footprint_bytes=footprint,
        bottleneck=bottleneck(parts, bounds),
        bounds=bounds,
        tiles=4,
        mapping={"dataflow": dataflow, "dram": [], "buffer": [f"P{size}", f"Q{size}"], "rows": [f"C{channels}"]},
    )


def conv_traffic(macs: int, footprint: dict[str, int]) -> dict[str, dict[str, Traffic]]:
    """Each operand crosses DRAM once, the buffer four times, and the registers at every MAC."""
    inputs, weights, outputs = (footprint[operand] for operand in OPERAND_NAMES)
    words = macs * WORD_BYTES
    return {
        "dram": {"inputs": Traffic(inputs, 0), "weights": Traffic(weights, 0), "outputs": Traffic(0, outputs)},
        "buffer": {
            "inputs": Traffic(4 * inputs, inputs),
            "weights": Traffic(weights, weights),
            "outputs": Traffic(outputs, outputs),
        },
        "array": {"inputs": Traffic(words, 0), "weights": Traffic(weights, 0), "outputs": Traffic(0, outputs)},
        "rf": {"inputs": Traffic(words, 0), "weights": Traffic(words, weights), "outputs": Traffic(words, words)},
    }


def mac_energy(macs: int, footprint: dict[str, int], cycles: int) -> dict[str, float]:
    """Relative Eyeriss costs: one for a MAC, 6 for a buffer word, 200 for a DRAM word."""
    words = {operand: size / WORD_BYTES for operand, size in footprint.items()}
    return (
        {"mac": float(macs), "leakage": 0.1 * cycles}
        | {f"rf.{operand}": 1.1 * macs for operand in words}
        | {f"array.{operand}": 2.0 * count for operand, count in words.items()}
        | {f"buffer.{operand}": 6.0 * count for operand, count in words.items()}
        | {f"dram.{operand}": 200.0 * count for operand, count in words.items()}
    )


def vector_result(
    name: str, op: Op = Op.POOL, *, channels: int = 16, size: int = 14, stage: str = "stage1"
) -> LayerResult:
    """A pool or the like that streams its tensors through the vector unit."""
    words = channels * size * size
    volume = words * WORD_BYTES
    parts = dict.fromkeys(CYCLE_PARTS, 0) | {"vector": words // 16, "dram": words // 8}
    cycles = sum(parts.values())
    energy = {"vector": float(words), "dram.inputs": 200.0 * words, "dram.outputs": 200.0 * words}
    through = {"inputs": Traffic(volume, 0), "outputs": Traffic(0, volume)}
    return replace(
        free_result(name, op, stage=stage),
        input_shapes=((1, channels, size, size),),
        output_shape=(1, channels, size, size),
        kernel=(2, 2) if op is Op.POOL else (1, 1),
        cycles=cycles,
        cycle_parts=parts,
        energy_pj=fsum(energy.values()),
        energy_parts=energy,
        traffic={"dram": through, "buffer": {"inputs": Traffic(volume, volume), "outputs": Traffic(volume, volume)}},
        footprint_bytes={"inputs": volume, "outputs": volume},
        bottleneck="dram" if cycles else "",
        bounds={"vector": words // 16, "dram": words // 8},
        tiles=1,
    )


def free_result(name: str, op: Op, *, folded: bool = False, stage: str = "stage1") -> LayerResult:
    """A layer that costs nothing: folded into addressing, or fused into another."""
    return LayerResult(
        name=name,
        op=op,
        stage=stage,
        input_shapes=((1, 16, 14, 14),),
        output_shape=(1, 16, 14, 14),
        kernel=(1, 1),
        stride=(1, 1),
        groups=1,
        fused=(),
        folded=folded,
        dataflow="",
        macs=0,
        effective_macs=0,
        params=0,
        cycles=0,
        cycle_parts=dict.fromkeys(CYCLE_PARTS, 0),
        utilization=0.0,
        energy_pj=0.0,
        energy_parts={},
        traffic={},
        footprint_bytes={},
        bottleneck="",
        bounds={},
        tiles=0,
        mapping=None,
    )


def run_of(*layers: LayerResult, name: str = "toy_net", machine: MachineFacts = MACHINE) -> Run:
    """A run of these layers, its totals summed."""
    return Run(
        hardware=machine,
        network=NetworkFacts(name, sum(layer.macs for layer in layers), sum(layer.params for layer in layers)),
        options={"batch": 1, "dataflow": "best", "objective": "cycles", "mapping": None},
        provenance={"squeezesim": "0.1.0", "hardware_sha256": "0" * 64, "network_sha256": "1" * 64},
        total=total_of(layers, machine),
        layers=tuple(layers),
    )


def small_run() -> Run:
    """One of each kind: a convolution with a fused activation, a pool, a folded concat, a convolution bound by DRAM."""
    return run_of(
        conv_result("conv1", channels=3, filters=64, size=56, kernel=(7, 7), fused=("conv1_relu",), stage="stem"),
        free_result("conv1_relu", Op.ACTIVATION, stage="stem"),
        vector_result("pool1", channels=64, size=28, stage="stem"),
        conv_result("block1/squeeze", channels=64, kernel=(1, 1), waiting=3000, dataflow="output_stationary"),
        free_result("block1/concat", Op.CONCAT, folded=True),
    )


def deep_run(depth: int) -> Run:
    """`depth` convolutions in four stages, the early ones wide and slow, an add after every fourth."""
    layers: list[LayerResult] = []
    for index in range(depth):
        stage = 1 + 4 * index // depth
        name, size, channels = f"stage{stage}/block{index // 4}/conv{index % 4 + 1}", 112 >> stage, 16 << stage
        kernel = ((1, 1), (3, 1), (1, 3), (1, 1))[index % 4]
        layers.append(
            conv_result(
                name, channels=channels, filters=channels, size=size, kernel=kernel, stage=f"stage{stage}",
                waiting=40 * (index % 7), dataflow=("weight_stationary", "output_stationary")[index % 3 == 0],
            )
        )  # fmt: skip
        if index % 4 == 3:
            layers.append(
                vector_result(f"stage{stage}/block{index // 4}/add", Op.ADD, channels=channels, size=size,
                              stage=f"stage{stage}")
            )  # fmt: skip
    return run_of(*layers, name=f"deep_{depth}")
