"""Closed streams, readers that leave early and full disks, for every command that writes: a line at most, no half file.

A disk is full where a file may grow no further (`RLIMIT_FSIZE`), and behind `/dev/full`.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from simulator.source.files import STAGED
from tests.written_networks import YAML

SEARCHED = """
machines: [squeezenext_16x16]
networks: [net.yaml]
axes:
  array.rows, array.columns: [[4, 4], [8, 8]]
  batch: [1, 2]
"""
SEARCH = SEARCHED + "search: {objectives: [latency, energy], sampler: nsga2, trials: 8, population: 4, seed: 3}\n"
ON = ("--hw", "squeezenext_16x16", "--net", "net.yaml")
COMMANDS: dict[str, tuple[str, ...]] = {
    "run": (*ON, "--out", "out", "--plot", "--json", "written"),
    "sweep": ("sweep", "plan.yaml", "--store", "s.sqlite", "--out", "out", "--workers", "1"),
    "search": ("search", "search.yaml", "--store", "t.sqlite", "--out", "out", "--workers", "1"),
    "explain": ("explain", "run.json"),
    "report": ("report", "run.json", "--out", "out"),
    "experiment": ("experiment", "condensenet", "--out", "out"),
}
ROOM_BYTES = 4096
LEAST_ROOM_BYTES = 1
ENDS = {0, 1, 2, 141}
"""Statuses: done, could not write, refused, and that of a pipe whose reader has left."""


def with_room(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@dataclass(frozen=True)
class Fault:
    """What is done to a command: in a shell, and to its process."""

    shell: str = "{}"
    before: Callable[[], None] | None = None


FAULTS: dict[str, Fault] = {
    "stdout closed": Fault("{} >&-"),
    "stderr closed": Fault("{} 2>&-"),
    "all closed": Fault("{} <&- >&- 2>&-"),
    "a reader that leaves": Fault("{} | head -c 1 >/dev/null"),
    "a full device": Fault("{} >/dev/full"),
    "a full disk": Fault(before=partial(with_room, ROOM_BYTES)),
    "a disk without room": Fault(before=partial(with_room, LEAST_ROOM_BYTES)),
}


def prepare(folder: Path) -> None:
    """Write what the commands read."""
    for name, text in (("net.yaml", YAML), ("plan.yaml", SEARCHED), ("search.yaml", SEARCH)):
        (folder / name).write_text(text)
    suffer(folder, (*ON, "--json", "run.json"), Fault())


def suffer(folder: Path, words: tuple[str, ...], fault: Fault) -> subprocess.CompletedProcess[bytes]:
    """Run a command with a fault."""
    line = fault.shell.format(" ".join((sys.executable, "-m", "simulator", *words)))
    return subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, preexec_fn=fault.before, check=False)


def wrong(folder: Path, command: str, fault: str) -> str:
    """Say what a command owes under a fault; empty if nothing."""
    files = {path.name for path in folder.iterdir()}
    done = suffer(folder, COMMANDS[command], FAULTS[fault])
    said = done.stderr.decode(errors="replace")
    if "Traceback" in said or "internal error" in said or done.returncode not in ENDS:
        return f"{command}, {fault}: status {done.returncode}: {said[-300:]}"
    left = [name for name in os.listdir(folder) if name.startswith(STAGED)]
    if left or (done.returncode == 2 and "out" not in files and (folder / "out").exists()):
        return f"{command}, {fault}: left {left or 'half a folder'}"
    return ""


def try_streams(folder: Path) -> int:
    """Try every command with every fault; print what is wrong, and return how often that was."""
    prepare(folder)
    told = [text for command in COMMANDS for fault in FAULTS if (text := wrong(folder, command, fault))]
    print(*told, f"streams: {len(COMMANDS) * len(FAULTS)} faults, {len(told)} wrong", sep="\n", flush=True)
    return len(told)
