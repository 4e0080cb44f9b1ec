"""Plans to sweep, and the command that does, in this process."""

from pathlib import Path
from unittest.mock import patch

from simulator.cli.exits import run

PLAN = """
machines: [squeezenext_16x16]
networks: ["tiny:filters=8"]
axes:
  array.rows, array.columns: [[4, 4], [8, 8]]
  dram.bandwidth: [4 GB/s, 16 GB/s]
  batch: [1, 2]
"""


def sweep(plan: Path, store: Path, *options: str) -> int:
    """Run the command in this process; what needs no new process is told the same way by both."""
    from analysis.drive.sweep import run as running

    with patch.object(running, "cores", lambda: 0):
        return run(["sweep", str(plan), "--store", str(store), *options])
