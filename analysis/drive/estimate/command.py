"""The accuracy of networks by a user's own command, in bounded time."""

import shlex
import subprocess

from simulator.errors import InputError, Problem
from simulator.network.ir import Network

PREFIX = "command:"
MOST_SECONDS = 60.0
"""That a command may take for a network."""
_SHOWN = 80  # letters of what a command says


class NoAccuracy(InputError):
    """Whatever a user gave to tell accuracies failed to: no result of a point, but the end of the sweep."""


def arguments_of(text: str) -> list[str]:
    """Return the words of a command as a shell would part them; nothing else of a shell holds.

    >>> arguments_of("python3 'my score.py' --fast")
    ['python3', 'my score.py', '--fast']
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError(Problem(f"no command: {error}", expected="a program and its arguments", got=text)) from error
    if not words:
        raise InputError(Problem("no command", expected="a program and its arguments", got=text))
    return words


def percent_by_command(words: list[str], spec: str, network: Network) -> float | None:
    """Run a command with the spec as its last argument and the layer list as YAML at its standard input.

    Return the number that it prints, in percent; None where it prints nothing. Raises NoAccuracy where it fails.
    """
    from workloads.exporters import text_of

    try:
        done = subprocess.run(
            [*words, spec],
            input=text_of(network, "yaml"),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(words, spec, f"takes longer than {MOST_SECONDS:g} s") from error
    except (OSError, ValueError) as error:  # ValueError: a byte that no argument can have
        raise _failed(words, spec, f"cannot be run: {getattr(error, 'strerror', None) or error}") from error
    if done.returncode:
        raise _failed(words, spec, f"ends with {done.returncode}", done.stderr)
    printed = done.stdout.strip()
    try:
        return float(printed) if printed else None
    except ValueError as error:
        raise _failed(words, spec, "prints no number", printed) from error


def _failed(words: list[str], spec: str, how: str, said: str = "") -> NoAccuracy:
    last = said.strip().splitlines()[-1:] or [""]
    expected = f"top-1 in percent, or nothing, printed within {MOST_SECONDS:g} s"
    message = f"the command of --accuracy {how}"
    return NoAccuracy(Problem(message, path=spec, expected=expected, got=last[0][:_SHOWN] or shlex.join(words)))
