"""Tell how many branches of the folders that make figures the tests of `mutation.yaml` take: `python .ci/branches.py`.

Every group of tests runs once, with kernels as plain Python where numba compiles what the group tests. Lists the lines
and branches that no test took, and ends with 1 below `LEAST` percent in any folder.
"""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutate import PLAIN, ROOT, SETTINGS, subjects

FOLDERS = ("simulator/cost", "simulator/energy", "simulator/engine", "simulator/result")
LEAST = 95
CONFIGURATION = """
[run]
branch = true
parallel = true
source = simulator
[report]
exclude_also =
    if TYPE_CHECKING:
    ^\\s*def .*: \\.\\.\\.$
"""


def main() -> int:
    """Run the groups, and report folder by folder."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "coveragerc").write_text(CONFIGURATION)
        os.environ.update(SETTINGS, COVERAGE_FILE=f"{folder}/branches", COVERAGE_RCFILE=f"{folder}/coveragerc")
        groups = [(kernels, each.tests) for kernels in (True, False) for each in subjects(kernels, [])]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for ended in pool.map(run_group, dict.fromkeys(groups)):
                ended.check_returncode()
        coverage("combine", "-q").check_returncode()
        reports = [coverage("report", "-m", f"--include={name}/*", f"--fail-under={LEAST}") for name in FOLDERS]
        return any(report.returncode for report in reports)


def run_group(group: tuple[bool, tuple[str, ...]]) -> subprocess.CompletedProcess[bytes]:
    """Run tests that some modules share: whether with kernels as plain Python, and which."""
    kernels, tests = group
    command = ["run", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
    return coverage(*command, **({PLAIN: "1"} if kernels else {}))


def coverage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command of coverage.py."""
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, env=os.environ | environment)


if __name__ == "__main__":
    sys.exit(main())
