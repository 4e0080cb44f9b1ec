"""Run a command as a user would, and return what it said."""

import pytest

from simulator.cli.exits import run


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what a command that does well prints."""
    status = run(arguments)
    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    return out


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what a command says of bad input, of which it prints no result."""
    status = run(arguments)
    out, err = capsys.readouterr()
    assert (status, out) == (2, "") and "Traceback" not in err
    return err
