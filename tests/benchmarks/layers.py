"""What many layers cost: `python -m tests.benchmarks.layers` prints the table of docs/performance.md.

Figures are CPU seconds of whole commands, kernels compiled, and the most memory that they take.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.unit.test_many_layers import side_by_side
from workloads.exporters import text_of

MACHINE = "squeezenext_16x16"
SOME, MOST = 5_000, 20_000


def cost(*arguments: str) -> tuple[float, float]:
    """Run a command; return its CPU seconds and the MB that it takes at most."""
    process = subprocess.Popen([sys.executable, "-m", "simulator", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def lines(folder: Path) -> Iterator[str]:
    """Yield a line for each command."""
    simulated = {}
    for layers in (10, SOME, MOST):
        file = folder / f"{layers}.csv"
        file.write_text(text_of(side_by_side(layers), "scalesim"))
        simulated[layers] = ("--hw", MACHINE, "--net", str(file), "--no-cache")
    run, out = str(folder / "run.json"), str(folder / "out")
    cost(*simulated[10])  # kernels are compiled
    cost(*simulated[MOST], "--json", run)
    size = f"{Path(run).stat().st_size / 1e6:.0f} MB"
    commands = {
        f"{SOME:,} layers simulated and printed": simulated[SOME],
        f"{MOST:,} layers": simulated[MOST],
        f"{SOME:,} layers, with `--out` and `--plot`": (*simulated[SOME], "--out", out, "--plot"),
        f"`check` of a run of {size}": ("check", run),
        "`report` of it": ("report", run),
        "`report --html` of it": ("report", run, "--html", str(folder / "run.html")),
        "`compare` of two of them": ("compare", run, run),
    }
    yield "| what | s | MB |"
    for name, arguments in commands.items():
        seconds, megabytes = cost(*arguments)
        yield f"| {name} | {seconds:.0f} | {megabytes:.0f} |"


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        for line in lines(Path(place)):
            print(line, flush=True)
