"""What points of a sweep cost: `python -m tests.benchmarks.sweeps` prints the tables of docs/performance.md.

Figures are CPU time: of this process for points, and of the processes of a Dask cluster for its efficiency.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time, sleep

from analysis.drive.sweep import load_plan
from analysis.drive.sweep.plan import Plan, point_of, spec_of
from analysis.drive.sweep.worker import Workshop
from simulator.caches import SWITCH
from workloads.load import load_network

PLAN = """
machines: [squeezenext_16x16]
networks: [{network}]
axes:
  dram.bandwidth: [4 GB/s, 8 GB/s]
  dataflow: [weight_stationary]
  vector.lanes: [8, 16, 24, 32]
"""
MANY = """
machines: [squeezenext_16x16]
networks: [mobilenet_v1]
axes:
  dram.bandwidth: [2 GB/s, 4 GB/s, 8 GB/s, 16 GB/s]
  dataflow: [weight_stationary]
  vector.lanes: [LANES]
"""
NETWORKS = ("squeezenext", "mobilenet_v2", "resnet:depth=50")
PORT = 18786
LANES = 240


def costs(plan: Plan) -> tuple[float, float, float]:
    """Seconds of a point: whose layers are new, mapped but for another machine, known as results."""
    shop, numbers = Workshop(plan), range(plan.points)
    lanes, new = len(plan.axes[-1].choices), 0.0
    begun = process_time()
    for number in numbers:
        before = process_time()
        shop.finish(number)
        new += process_time() - before if number % lanes == 0 else 0.0
    mapped = process_time() - begun - new
    begun = process_time()
    for number in numbers:
        shop.finish(number)
    again, points = process_time() - begun, plan.points
    return new / (points / lanes), mapped / (points - points / lanes), again / points


def tables(folder: Path) -> Iterator[str]:
    """Yield a line for each network: milliseconds of points, and layers looked up a second."""
    yield "| network | layers, of these on the array | new ms | mapped ms | known ms | mapped layers a second |"
    for name in NETWORKS:
        (folder / "plan.yaml").write_text(PLAN.format(network=name))
        plan = load_plan(folder / "plan.yaml")
        costs(plan)  # kernels are loaded
        new, mapped, known = costs(plan)
        layers = load_network(spec_of(plan, point_of(plan, 0))).layers
        on_array = sum(layer.nest is not None for layer in layers)
        figures = f"{1e3 * new:.0f} | {1e3 * mapped:.0f} | {1e3 * known:.0f} | {on_array / known:,.0f}"
        yield f"| {name} | {len(layers)}, {on_array} | {figures} |"


def started(*arguments: str) -> "subprocess.Popen[bytes]":
    """Start a module in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ended(process: "subprocess.Popen[bytes]") -> float:
    """Wait for a process; return its CPU seconds."""
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return usage.ru_utime + usage.ru_stime


def on_cluster(plan: Path) -> tuple[float, float]:
    """Run a sweep on a cluster of two workers; return the CPU seconds of these, and those of client and scheduler."""
    address = f"tcp://127.0.0.1:{PORT}"
    scheduler = started("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(PORT), "--no-dashboard")
    options = ["--nthreads", "1", "--no-nanny", "--no-dashboard"]
    workers = [started("distributed.cli.dask_worker", address, *options) for _ in range(2)]
    sleep(20)  # until both are there
    store = str(plan.with_suffix(".sqlite"))
    around = ended(started("simulator", "sweep", str(plan), "--store", store, "--scheduler", address))
    for process in (*workers, scheduler):
        process.kill()  # what they have done is told
    return sum(map(ended, workers)), around + ended(scheduler)


def efficiency(folder: Path) -> Iterator[str]:
    """Tell how much of a cluster's CPU time its workers have, all on one host.

    Of two plans that search the same mappings, the difference counts: starts and searches are left out.
    """
    plan, few = folder / "many.yaml", folder / "few.yaml"
    for path, lanes in ((plan, LANES), (few, LANES // 4)):
        path.write_text(MANY.replace("LANES", ", ".join(map(str, range(1, lanes + 1)))))
    (less, less_around), (more, more_around) = on_cluster(few), on_cluster(plan)
    points, work, around = load_plan(plan).points - load_plan(few).points, more - less, more_around - less_around
    share = f"{work / (work + around):.0%}"
    yield f"{points} points: {work:.1f} s of two workers, {around:.1f} s of client and scheduler: {share}"


if __name__ == "__main__":
    os.environ[SWITCH] = "off"  # what an earlier run has found
    with TemporaryDirectory() as place:
        for lines in (tables, efficiency):
            for line in lines(Path(place)):
                print(line, flush=True)
