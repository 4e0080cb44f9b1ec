"""What points of a sweep cost: `python -m tests.benchmarks.sweeps` prints the tables of docs/performance.md.

Figures are CPU time: of this process for points, and of all processes of a Dask cluster for its efficiency.
"""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time, sleep

from analysis.drive.sweep import load_plan
from analysis.drive.sweep.keys import Keys
from analysis.drive.sweep.plan import Plan, point_of, spec_of
from analysis.drive.sweep.worker import Workshop
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


def costs(plan: Plan) -> tuple[float, float, float, float]:
    """Seconds of a point: whose layers are new, mapped but for another machine, known as results; of naming one."""
    shop, keys, numbers = Workshop(plan), Keys(plan), range(plan.points)
    lanes = len(plan.axes[-1].choices)
    begun = process_time()
    for number in numbers:
        keys.key(point_of(plan, number))
    named, new = process_time() - begun, 0.0
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
    return new / (points / lanes), mapped / (points - points / lanes), again / points, named / points


def tables(folder: Path) -> Iterator[str]:
    """Yield a line for each network: milliseconds of points, and layers looked up a second."""
    yield "| network | layers, of these mapped | new ms | mapped ms | known ms | mapped layers a second |"
    for name in NETWORKS:
        (folder / "plan.yaml").write_text(PLAN.format(network=name))
        plan = load_plan(folder / "plan.yaml")
        costs(plan)  # kernels are loaded
        new, mapped, known, _ = costs(plan)
        layers = load_network(spec_of(plan, point_of(plan, 0))).layers
        on_array = sum(layer.nest is not None for layer in layers)
        figures = f"{1e3 * new:.0f} | {1e3 * mapped:.0f} | {1e3 * known:.0f} | {on_array / known:,.0f}"
        yield f"| {name} | {len(layers)}, {on_array} | {figures} |"


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """Run a scheduler and workers, end them, and wait for them, so that their CPU time counts here."""
    address = f"tcp://127.0.0.1:{PORT}"
    started = [["scheduler", "--host", "127.0.0.1", "--port", str(PORT), "--no-dashboard"]]
    started += [["worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]] * workers
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [
        subprocess.Popen([sys.executable, "-m", f"distributed.cli.dask_{role}", *options], **silent)
        for role, *options in started
    ]
    try:
        sleep(1)
        yield address
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()


def spent() -> float:
    """CPU seconds of processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def sweep_of(plan: Path, store: str, *options: str) -> None:
    """Run the command in a process of its own."""
    arguments = ["sweep", str(plan), "--store", str(plan.with_name(store)), *options]
    subprocess.run([sys.executable, "-m", "simulator", *arguments], check=True, stdout=subprocess.DEVNULL)


def efficiency(folder: Path) -> Iterator[str]:
    """Compare the CPU time of points in one process with all that a cluster takes.

    Of two plans that search the same mappings, the difference counts: starts and searches are left out.
    """
    plan, few = folder / "many.yaml", folder / "few.yaml"
    for path, lanes in ((plan, LANES), (few, LANES // 4)):
        path.write_text(MANY.replace("LANES", ", ".join(map(str, range(1, lanes + 1)))))
    taken = {}
    for name, path in (("few", few), ("many", plan)):
        before = spent()
        sweep_of(path, f"local_{name}.sqlite", "--workers", "1")
        taken["local", name] = spent() - before
        before = spent()
        with cluster(2) as address:
            sweep_of(path, f"cluster_{name}.sqlite", "--scheduler", address)
        taken["cluster", name] = spent() - before
    one, two = (taken[who, "many"] - taken[who, "few"] for who in ("local", "cluster"))
    points = load_plan(plan).points - load_plan(few).points
    yield f"{points} points: {one:.1f} s by one process and its parent, {two:.1f} s by a cluster: {one / two:.0%}"


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        for lines in (tables, efficiency):
            for line in lines(Path(place)):
                print(line, flush=True)
