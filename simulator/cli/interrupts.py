"""Ctrl-C ends the command within a second, once, with one line, whatever the process is doing.

Python sees a signal between two of its own instructions only: not inside a kernel, nor while one is compiled. So the
first Ctrl-C raises KeyboardInterrupt as usual, and where nothing has come of that in time, a thread ends the process.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
"""Exit status of what was interrupted."""
PATIENCE_SECONDS = 0.6
"""How long an interrupted command may take to end by itself."""


def watch() -> None:
    """Handle Ctrl-C from now on, unless whoever started the process has it ignored, as for jobs in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return
    waiting, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.signal(signal.SIGINT, _interrupt)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)  # written to at once, unlike when Python gets to a handler
    threading.Thread(target=_end_in_time, args=(waiting,), daemon=True).start()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, the first time."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end_in_time(waiting: int) -> None:
    """Wait for Ctrl-C, then until the command should have ended, and end it."""
    while signal.SIGINT not in os.read(waiting, 1):
        pass
    threading.Event().wait(PATIENCE_SECONDS)
    end()


def end() -> NoReturn:
    """End the process at once, without waiting for anything."""
    with suppress(OSError):
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, b"interrupted\n")
    os._exit(INTERRUPTED)
