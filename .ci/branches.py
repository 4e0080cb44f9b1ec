"""Tell how many branches of the folders that make figures the tests of `mutation.yaml` take: `python .ci/branches.py`.

Every group of tests runs once, with kernels as plain Python where numba compiles what the group tests. Lists the lines
and branches that no test took, and ends with 1 below `LEAST` percent in any folder.
"""

import os
import subprocess
import sys
import tempfile
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
        for kernels in (True, False):
            for tests in dict.fromkeys(subject.tests for subject in subjects(kernels, [])):
                print(*tests, flush=True)
                command = ["run", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
                coverage(*command, **({PLAIN: "1"} if kernels else {})).check_returncode()
        coverage("combine", "-q").check_returncode()
        reports = [coverage("report", "-m", f"--include={name}/*", f"--fail-under={LEAST}") for name in FOLDERS]
        return any(report.returncode for report in reports)


def coverage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command of coverage.py."""
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, env=os.environ | environment)


if __name__ == "__main__":
    sys.exit(main())
