"""The standard streams: there, even where whoever started the process has closed them, and safe for a terminal.

Names in files come from anybody. A character that would move the cursor, colour the screen or turn the direction of
text is shown by its code and not sent.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO, cast

_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Shown:
    """A stream of text that shows what would act; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text; characters that act are written as JSON writes them, so that JSON stays what it says."""
        return self.stream.write(shown(text))

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)


def shown(text: str) -> str:
    r"""Return a text in which what would act on a terminal is shown.

    >>> print(shown("red" + chr(27) + "[31m"))
    red\u001b[31m
    """
    return _ACTING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


@contextmanager
def safe_streams() -> Iterator[None]:
    """Let what is printed act on no terminal."""
    with redirect_stdout(cast(TextIO, Shown(sys.stdout))), redirect_stderr(cast(TextIO, Shown(sys.stderr))):
        yield


def terminal(stream: TextIO) -> TextIO:
    """Return the stream itself, for what colours its own text and has made names safe."""
    return stream.stream if isinstance(stream, Shown) else stream


def open_streams() -> None:
    """Open streams that are closed onto nothing, before a file that is opened takes their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8"))
