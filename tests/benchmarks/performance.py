"""What a search costs, and how near to its bound it ends: `python -m tests.benchmarks.performance` prints the tables of
docs/performance.md, in CPU time of one thread.
"""  # fmt: skip

from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from time import thread_time

from simulator.cost.convert import make_scratch
from simulator.cost.search import Request, search_layer
from simulator.hardware.load import load_hardware
from simulator.hardware.model import Hardware
from simulator.nest import LoopNest
from simulator.network.graph import Graph
from simulator.network.ir import Layer
from tests.benchmarks.subjects import best_case
from tests.benchmarks.test_speed import evaluate_often
from workloads.load import load_network

MACHINES = (
    "eyeriss_like",
    "squeezenext_16x16",
    "flexible_168",
    "edge_npu_like",
    "nvdla_64",
    "systolic_32x32",
    "tpu_v1",
)
NETWORKS = (
    "alexnet",
    "squeezenet",
    "squeezenext",
    "mobilenet_v2",
    "mobilenet_v3",
    "shufflenet_v2",
    "mnasnet",
    "efficientnet",
    "resnet:depth=50",
    "densenet",
    "googlenet",
)
OBJECTIVES = ("cycles", "cycles_then_energy", "energy", "edp", "dram")


def layers_of(*networks: str) -> list[Layer]:
    """Layers that multiply, each shape once."""
    found: dict[object, Layer] = {}
    for name in networks:
        for layer in load_network(name).layers:
            if layer.nest is not None:
                found.setdefault(layer.nest, layer)
    return list(found.values())


def timed(hardware: Hardware, layer: Layer, objective: str) -> tuple[float, float]:
    """Milliseconds of a search, and its gap."""
    start = thread_time()
    found = search_layer(Request(hardware, layer, objective), list(hardware.dataflows))
    return 1e3 * (thread_time() - start), found.gap if found else 0.0


def row(name: str, results: list[tuple[float, float]]) -> str:
    """Median and worst time, median gap, and how many searches end within 1% of their bound."""
    times, gaps = [time for time, _ in results], [gap for _, gap in results]
    within, nine = sum(gap <= 0.0101 for gap in gaps), sorted(times)[len(times) * 9 // 10]
    return (
        f"| {name} | {len(results)} | {median(times):.1f} | {nine:.0f} | {max(times):.0f} "
        f"| {sum(times) / 1e3:.1f} | {median(gaps):.1%} | {within / len(gaps):.0%} |"
    )


def product() -> Layer:
    """A product of a language model."""
    g = Graph("product")
    g.linear(g.input(14336, 1, 1, batch=2048), 4096, name="down")
    return g.build().layers[0]


def tables() -> Iterator[str]:
    """Every line of the tables, as soon as it is known."""
    warm, layers = load_hardware("flexible_168"), layers_of(*NETWORKS)
    for objective in OBJECTIVES:
        timed(warm, layers[0], objective)
    yield "| machine | layers | median ms | 9 in 10 ms | worst ms | all s | median gap | within 1% |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name in MACHINES:
        hardware = load_hardware(name)
        yield row(name, [timed(hardware, layer, "cycles") for layer in layers])
    yield "\n| objective | layers | median ms | 9 in 10 ms | worst ms | all s | median gap | within 1% |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for objective in OBJECTIVES:
        yield row(objective, [timed(warm, layer, objective) for layer in layers_of("squeezenext")])
    yield "\n| machine | ms | gap |\n| --- | --- | --- |"
    for name in MACHINES:
        time, gap = timed(load_hardware(name), product(), "cycles")
        yield f"| {name} | {time:.0f} | {gap:.1%} |"
    yield "\n| PEs | map | dataflows | ms |\n| --- | --- | --- | --- |"
    for rows, size, flows in (
        (8, 28, 6),
        (16, 28, 6),
        (32, 28, 6),
        (64, 28, 6),
        (16, 14, 6),
        (16, 112, 6),
        (16, 28, 1),
    ):
        hardware = replace(warm, array=replace(warm.array, rows=rows, columns=rows), dataflows=warm.dataflows[:flows])
        layer = replace(
            layers_of("mobilenet_v2")[0],
            input_shapes=((1, 64, size, size),),
            output_shape=(1, 128, size, size),
            kernel=(3, 3),
            stride=(1, 1),
            padding=(1, 1, 1, 1),
        )
        assert isinstance(layer.nest, LoopNest)
        yield f"| {rows} x {rows} | {size} x {size} | {flows} | {timed(hardware, layer, 'cycles')[0]:.0f} |"
    yield "\n| layer | tiles | us an evaluation |\n| --- | --- | --- |"
    for name in ("conv92", "conv39", "fc1000", "conv1"):
        case, scratch = best_case("squeezenext", name), make_scratch()
        evaluate_often(1, case, scratch)
        start = thread_time()
        evaluate_often(10_000, case, scratch)
        yield f"| {name} | {int(scratch.totals['tiles'])} | {1e2 * (thread_time() - start):.1f} |"


if __name__ == "__main__":
    for line in tables():
        print(line, flush=True)
