"""Other simulators beside this one: `python -m tests.benchmarks.peers NAME=PYTHON ...` prints the table of
docs/performance.md.

NAME is `scalesim` or `zigzag`, PYTHON an interpreter in whose environment that peer is installed: the head of
run_NAME.py says how. Both simulators get the same layers and the same machine in one run, on one thread; CPU seconds
are without imports, ours with compiled kernels and no results of earlier runs.
"""  # fmt: skip

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import yaml

from simulator import simulate
from simulator.hardware.importers import machine_text
from simulator.network.ir import Network
from workloads.exporters import text_of
from workloads.importers.assembly import Assembly

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Shape:
    """A convolution of square maps without groups."""

    name: str
    channels: int
    filters: int
    output: int
    kernel: int
    stride: int


SHAPES = (
    Shape("resnet_block2", 64, 64, 56, 3, 1),
    Shape("resnet_block3", 64, 128, 28, 3, 2),
    Shape("mobilenet_expand", 64, 384, 14, 1, 1),
    Shape("squeezenet_expand", 32, 128, 27, 1, 1),
)


def network_of(shapes: Sequence[Shape]) -> Network:
    """Return layers that read inputs of their own, with padding in the map."""
    g = Assembly("layers")
    for at in shapes:
        size = (at.output - 1) * at.stride + at.kernel
        x = g.input(at.channels, size, size, f"{at.name}_input")
        g.conv(x, at.filters, at.kernel, stride=at.stride, name=at.name)
    return g.build()


def for_scalesim(folder: Path, shapes: Sequence[Shape]) -> None:
    """Write layers and machine as SCALE-Sim reads them, and the machine as `convert --to hw` makes it ours."""
    shutil.copy(HERE / "scalesim.cfg", folder / "machine.cfg")
    (folder / "layers.csv").write_text(text_of(network_of(shapes), "scalesim"))
    (folder / "ours.yaml").write_text(machine_text(folder / "machine.cfg"))


def for_zigzag(folder: Path, shapes: Sequence[Shape]) -> None:
    """Write layers as ZigZag reads them; both descriptions of the machine stand here."""
    for name in ("machine", "mapping", "ours"):
        shutil.copy(HERE / f"zigzag_{name}.yaml", folder / f"{name}.yaml")
    rows = [
        {
            "id": number,
            "name": "conv",
            "operator_type": "Conv",
            "equation": "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]",
            "dimension_relations": [f"i{axis}={at.stride}*o{axis}+1*f{axis}" for axis in "xy"],
            "loop_dims": ["B", "K", "C", "OY", "OX", "FY", "FX"],
            "loop_sizes": [1, at.filters, at.channels, at.output, at.output, at.kernel, at.kernel],
            "operand_precision": {"W": 8, "I": 8, "O": 32, "O_final": 8},
            "operand_source": {"W": number, "I": number},
        }
        for number, at in enumerate(shapes)
    ]
    (folder / "layers.yaml").write_text(yaml.safe_dump(rows))


PEERS: dict[str, Callable[[Path, Sequence[Shape]], None]] = {"scalesim": for_scalesim, "zigzag": for_zigzag}


def ours(folder: Path, shapes: Sequence[Shape]) -> tuple[float, list[int]]:
    """CPU seconds and cycles of each layer, with kernels compiled and loaded."""
    machine, network = str(folder / "ours.yaml"), network_of(shapes)
    simulate(machine, network, objective="cycles", threads=1)
    start = process_time()
    run = simulate(machine, network, objective="cycles", threads=1)
    return process_time() - start, [layer.cycles for layer in run.layers]


def compared(peer: str, python: str, shapes: Sequence[Shape] = SHAPES) -> list[str]:
    """Rows of the table of one peer: each layer, then CPU seconds of all."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        PEERS[peer](folder, shapes)
        command = [python, str(HERE / f"run_{peer}.py"), str(folder)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        theirs = json.loads(told.splitlines()[-1])
        cpu_s, cycles = ours(folder, shapes)
    rows = [
        f"| {peer} | {at.name}, cycles | {their:,.0f} | {our:,} | {our / their:.3f} |"
        for at, their, our in zip(shapes, theirs["cycles"], cycles, strict=True)
    ]
    return [*rows, f"| {peer} | all, CPU s | {theirs['cpu_s']:.1f} | {cpu_s:.3f} | {cpu_s / theirs['cpu_s']:.5f} |"]


def main() -> None:
    """Print the table."""
    print("| peer | what | theirs | ours | ours / theirs |\n|---|---|---|---|---|")
    for argument in sys.argv[1:]:
        peer, _, python = argument.partition("=")
        print("\n".join(compared(peer, python)), flush=True)


if __name__ == "__main__":
    main()
