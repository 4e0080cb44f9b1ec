"""`-v`: what the simulator does, line by line on stderr, while it does it."""

import logging
import sys
from typing import Annotated

import typer

from simulator.log import LOG

LEVELS = (logging.INFO, logging.DEBUG)
"""For -v and -vv."""


class _Told(logging.Handler):
    """Writes to whatever stderr is by then: a progress bar moves below what is printed."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line."""
        print(self.format(record), file=sys.stderr, flush=True)


def _tell(context: typer.Context, times: int) -> int:
    """Listen until the command ends."""
    if times and not context.resilient_parsing:
        told, level = _Told(), LOG.level
        told.setFormatter(logging.Formatter("%(relativeCreated)7.0f ms  %(message)s"))
        LOG.addHandler(told)
        LOG.setLevel(LEVELS[min(times, len(LEVELS)) - 1])
        context.call_on_close(lambda: _hush(told, level))
    return times


def _hush(told: logging.Handler, level: int) -> None:
    LOG.removeHandler(told)
    LOG.setLevel(level)


Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        callback=_tell,
        show_default=False,
        help="tell on stderr what is done, found and written, with times; -vv each mapping and file",
    ),
]
