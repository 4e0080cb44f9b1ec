"""Try many damaged inputs: `python -m tests.fuzz --inputs 100000 --seed 7`; those that fail are kept in a folder."""

import argparse
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from simulator.caches import SWITCH
from tests.fuzz.harness import outcomes
from tests.fuzz.subjects import SUBJECTS

os.environ[SWITCH] = "off"
KIB_OF_GIB = 1 << 20


def main() -> int:
    """Share the inputs out over all kinds; print failures as they come, then the figures of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=2000, help="how many, of all kinds together")
    parser.add_argument("--seed", type=int, default=0, help="number of the first input of each kind")
    parser.add_argument("--only", action="append", choices=SUBJECTS, help="kinds of input")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that share the inputs of a kind")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="folder for inputs that fail")
    options = parser.parse_args()
    subjects, failures = options.only or list(SUBJECTS), 0
    end = options.seed + -(-options.inputs // len(subjects))
    parts = [range(first, end, options.processes) for first in range(options.seed, options.seed + options.processes)]
    with ProcessPoolExecutor(options.processes) as pool:
        for subject in subjects:
            failures += fuzz(subject, parts, options.keep, pool)
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"{failures} failed; at most {memory / KIB_OF_GIB:.2f} GiB of memory")
    return int(failures > 0 or memory > KIB_OF_GIB)


def fuzz(subject: str, parts: list[range], keep: Path, pool: ProcessPoolExecutor) -> int:
    """Try one kind, each part of its inputs in a process; return how many inputs failed."""
    start = time.monotonic()
    tried = list(pool.map(partial(fuzz_part, subject, keep), parts))
    longest, sound, failures = (
        max(each[0] for each in tried),
        sum(each[1] for each in tried),
        sum(each[2] for each in tried),
    )
    figures = f"longest {longest:.2f} s, {sound} sound, {failures} failed"
    print(f"{subject}: {sum(map(len, parts))} in {time.monotonic() - start:.0f} s, {figures}", flush=True)
    return failures


def fuzz_part(subject: str, keep: Path, seeds: range) -> tuple[float, int, int]:
    """Try some inputs of a kind; return the longest time, and how many came to a result and how many failed."""
    longest, sound, failures = 0.0, 0, 0
    with TemporaryDirectory() as folder:
        for each in outcomes(subject, seeds, Path(folder)):
            longest, sound = max(longest, each.seconds), sound + (each.status == 0)
            if each.fault:
                failures += 1
                keep.mkdir(exist_ok=True)
                (keep / f"{subject.replace(', ', '_').replace(' ', '_')}-{each.seed}").write_bytes(each.content)
                print(each, flush=True)
    return longest, sound, failures


if __name__ == "__main__":
    sys.exit(main())
