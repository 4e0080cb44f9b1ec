"""Ctrl-C ends a command within a second, once, whatever it is doing."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.test_process import CODE

IN_C = "hashlib.pbkdf2_hmac('sha256', b'x', b'y', 10**9)"  # as a kernel does: no Python for minutes, and no lock held
IN_PYTHON = "time.sleep(60)"
START = """
import hashlib, sys, threading, time
import simulator.cli.exits as exits

def _invoke(arguments):
    print("there", flush=True)
    {work}

exits._invoke = _invoke
from simulator.cli import main
main()
"""
SECONDS = 1.0
SLOW_MACHINE = 3.0


def interrupted(work: str, times: int) -> tuple[int, str, float]:
    """Start a command that does some work, interrupt it; return its status, what it said, and how long that took."""
    process = subprocess.Popen(
        [sys.executable, "-c", START.format(work=work)],
        env=os.environ | {"PYTHONPATH": CODE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which jobs in a shell's background ignore
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    time.sleep(0.1)
    start = time.monotonic()
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    _, err = process.communicate(timeout=30)
    return process.returncode, err, time.monotonic() - start


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("work", [IN_C, IN_PYTHON], ids=["in a kernel", "in Python"])
def test_ctrl_c_ends_a_command_soon_and_says_so_once(work: str, times: int) -> None:
    status, err, seconds = interrupted(work, times)
    assert (status, err) == (130, "interrupted\n")
    assert seconds < SECONDS * SLOW_MACHINE


WHILE_LOADING = """
import os, runpy, signal, sys

class Interrupting:
    def find_spec(name, path, target=None):
        if name == "simulator.cli":
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupting)
runpy.run_module("simulator", run_name="__main__")
"""


def test_ctrl_c_while_the_command_line_loads_ends_it_with_its_line() -> None:
    environment = os.environ | {"PYTHONPATH": CODE}
    done = subprocess.run([sys.executable, "-c", WHILE_LOADING], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")
