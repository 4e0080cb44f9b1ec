"""Run a command and turn whatever happens into an exit status and, at most, a few lines on stderr."""

import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import Protocol, runtime_checkable

from simulator.cli.interrupts import INTERRUPTED
from simulator.cli.output import BAD_INPUT, BROKEN_PIPE, FAILED_CHECK, SUCCESS
from simulator.cli.streams import safe_streams
from simulator.errors import InputError

COMPLETION = "_SIMULATE_COMPLETE"
"""Environment variable by which a shell asks how a command line may go on."""


@runtime_checkable
class UsageError(Protocol):
    """What the option parser raises; it has no public base class of one name over its versions."""

    exit_code: int

    def format_message(self) -> str:
        """Return what is wrong with the arguments."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal of few letters is no reason to fail
    warnings.showwarning = _note
    with safe_streams():
        return _status(arguments)


def _status(arguments: Sequence[str]) -> int:
    try:
        status = _invoke(arguments)
        sys.stdout.flush()
        return status
    except InputError as error:
        return _complain(error.render(), BAD_INPUT)
    except BrokenPipeError:
        return _leave_pipe()
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except Exception as error:
        return _unexpected(error, debug="--debug" in arguments)


def _invoke(arguments: Sequence[str]) -> int:
    import typer

    from simulator.cli.app import command

    root = command()
    if COMPLETION in os.environ:
        root.main(prog_name="simulate")  # answers the shell and exits
    try:
        with root.make_context("simulate", list(arguments)) as context:
            root.invoke(context)
    except typer.Exit as exit_:
        return exit_.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    return SUCCESS


def _unexpected(error: Exception, *, debug: bool) -> int:
    if isinstance(error, UsageError):
        return _complain(f"{error.format_message()}\nsee simulate --help", BAD_INPUT)
    if isinstance(error, OSError) and error.strerror:
        place = error.filename or "cannot write the output"
        return _complain(f"{place}: {error.strerror}", FAILED_CHECK)
    if debug:
        raise error
    from simulator.result.laws import LawViolation

    if isinstance(error, LawViolation):
        return _complain(f"{error}\nthis is a bug of the simulator; --debug shows where", FAILED_CHECK)
    kind = type(error).__name__
    return _complain(f"internal error: {kind}: {error}\nthis is a bug; --debug shows where", FAILED_CHECK)


def _note(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as a line for the user."""
    _complain(f"note: {message}", SUCCESS)


def _complain(text: str, status: int) -> int:
    """Print to stderr, which may be closed as well."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)
    return status


def _leave_pipe() -> int:
    """Point stdout nowhere, or the interpreter complains when it flushes on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE
