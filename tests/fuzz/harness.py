"""Give a command a damaged file, and hold it to what every command owes: a result, or a clear complaint, soon."""

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from random import Random
from unittest.mock import patch

from analysis.drive.sweep import run as sweeping
from simulator.cli.exits import run
from tests.fuzz.subjects import SUBJECTS, companions

CLEAR = {0, 2}
"""Statuses that a damaged file may end with: it still means something, or it is bad input."""
LONGEST_SECONDS = 20.0
LONGEST_LINE = 2000


@dataclass(frozen=True)
class Outcome:
    """What a command made of a damaged file: the seed tells which. `seconds` are of processors."""

    subject: str
    seed: int
    content: bytes
    status: int
    said: str
    seconds: float

    @property
    def fault(self) -> str:
        """What the command still owes; empty if nothing."""
        if self.status not in CLEAR:
            return f"status {self.status}"
        if "Traceback" in self.said or "internal error" in self.said:
            return "a traceback"
        if self.status and (not self.said.strip() or max(map(len, self.said.splitlines())) > LONGEST_LINE):
            return "no clear line"
        return f"{self.seconds:.0f} s" if self.seconds > LONGEST_SECONDS else ""

    def __str__(self) -> str:
        return f"{self.subject}, seed {self.seed}: {self.fault}\n{self.said[-1500:]}"


def prepare(folder: Path) -> None:
    """Write what lies beside a damaged file."""
    for name, content in companions():
        (folder / name).write_bytes(content)


def damaged(subject: str, seed: int) -> bytes:
    """Return the content that a seed makes."""
    random, kind = Random(f"{subject} {seed}"), SUBJECTS[subject]
    return random.choice(kind.mutators)(random, random.choice(kind.seeds()))


def outcome(subject: str, seed: int, folder: Path) -> Outcome:
    """Run the command in a folder that is prepared, and in this process."""
    kind, content = SUBJECTS[subject], damaged(subject, seed)
    file = folder / kind.file
    file.write_bytes(content)
    said, start, before = io.StringIO(), time.process_time(), os.getcwd()
    os.chdir(folder)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(said), patch.object(sweeping, "cores", lambda: 0):
            status = run([part.format(kind.file) for part in kind.command])
    finally:
        os.chdir(before)
        for left in folder.glob("x.*"):
            left.unlink()
    return Outcome(subject, seed, content, status, said.getvalue(), time.process_time() - start)


def outcomes(subject: str, seeds: range, folder: Path) -> Iterator[Outcome]:
    """Yield what comes of every seed."""
    prepare(folder)
    return (outcome(subject, seed, folder) for seed in seeds)


def trace(subject: str, seed: int, folder: Path) -> None:
    """Run a case once more with its traceback shown."""
    prepare(folder)
    os.chdir(folder)
    kind = SUBJECTS[subject]
    Path(kind.file).write_bytes(damaged(subject, seed))
    with patch.object(sweeping, "cores", lambda: 0):
        sys.exit(run([*(part.format(kind.file) for part in kind.command), "--debug"]))
