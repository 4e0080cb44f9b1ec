"""A run and a sweep killed at 30 moments each: results are the old set or the new one, and a sweep goes on."""

import os
import subprocess
import sys
from pathlib import Path

from tests.cli.test_sweep_killed import CODE, ROOT


def test_what_a_killed_run_and_a_killed_sweep_leave_is_whole(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": f"{CODE}{os.pathsep}{ROOT}"}
    arguments = [sys.executable, "-m", "tests.faults.kills", str(tmp_path), "30"]
    done = subprocess.run(arguments, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
