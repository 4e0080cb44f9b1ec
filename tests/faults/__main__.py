"""Kill runs and sweeps at many moments: `python -m tests.faults --kills 30`; what they leave must be whole.

Then close streams and fill disks, for every command that writes.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.streams import try_streams

RUN = ("--hw", "squeezenext_16x16", "--net", "squeezenet", "--plot", "--out", "out")
OTHER = ("--hw", "squeezenext_16x16", "--net", "alexnet", "--plot", "--out", "out")
SWEEP = ("sweep", "plan.yaml", "--store", "s.sqlite", "--out", "points", "--workers", "2")
PLAN = """
machines: [squeezenext_16x16]
networks: [squeezenet]
axes:
  array.rows, array.columns: [[8, 8], [16, 16], [32, 32]]
  dram.bandwidth: [8 GB/s, 16 GB/s]
  batch: [1, 2]
"""


def start(folder: Path, words: tuple[str, ...]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "simulator", *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def contents(folder: Path) -> dict[str, bytes]:
    """Files of a folder of results, but for what a run says of its time."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def finished(folder: Path, words: tuple[str, ...], out: str) -> tuple[dict[str, bytes], float]:
    """Run a command to its end; return what it wrote, and the seconds it took."""
    before = time.monotonic()
    assert start(folder, words).wait() == 0
    return contents(folder / out), time.monotonic() - before


def kill_runs(kills: int, folder: Path) -> int:
    """Kill a run that replaces the results of another; return how often a mixture was left."""
    old, _ = finished(folder, OTHER, "out")
    shutil.copytree(folder / "out", folder / "old")
    new, seconds = finished(folder, RUN, "out")
    mixed = 0
    for _ in range(kills):
        shutil.rmtree(folder / "out")
        shutil.copytree(folder / "old", folder / "out")
        process = start(folder, RUN)
        time.sleep(random.uniform(0.3, 1.05) * seconds)
        process.kill()
        process.wait()
        mixed += contents(folder / "out") not in (old, new)
    assert finished(folder, RUN, "out")[0] == new
    left = sorted(path.name for path in folder.iterdir() if path.name not in ("old", "out"))
    print(f"run: {kills} kills, {mixed} mixtures, left behind: {left or 'nothing'}")
    return mixed + len(left)


def kill_sweeps(kills: int, folder: Path) -> int:
    """Kill a sweep that goes on from where the last one was killed; return how often it ended otherwise."""
    (folder / "plan.yaml").write_text(PLAN)
    whole, seconds = finished(folder, SWEEP, "points")
    wrong = 0
    for kill in range(kills):
        if kill % 3 == 0:
            (folder / "s.sqlite").unlink()
        process = start(folder, SWEEP)
        time.sleep(random.uniform(0.2, 1.0) * seconds)
        process.kill()
        process.wait()
        wrong += contents(folder / "points") != whole
    wrong += finished(folder, SWEEP, "points")[0] != whole
    print(f"sweep: {kills} kills, {wrong} times other results")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="of a run, and of a sweep")
    options = parser.parse_args()
    os.environ |= {"SQUEEZESIM_CACHE": "off", "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    faults = 0
    for kill in (kill_runs, kill_sweeps):
        with TemporaryDirectory() as folder:
            faults += kill(options.kills, Path(folder)) if options.kills else 0
    with TemporaryDirectory() as folder:
        faults += try_streams(Path(folder))
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
