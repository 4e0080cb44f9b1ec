"""Join the subcommands into one command."""

from collections.abc import Callable
from functools import cache as once

import typer
from typer.core import TyperGroup
from typer.main import get_command

from simulator.cli import (
    accuracy,
    cache,
    check,
    compare,
    convert,
    experiment,
    fit,
    redesign,
    reference,
    saved,
    search,
    show,
    simulate,
    sweep,
)

COMMANDS: dict[str, Callable[..., None]] = {
    "accuracy": accuracy.accuracy,
    "cache": cache.cache,
    "check": check.check,
    "compare": compare.compare,
    "convert": convert.convert,
    "experiment": experiment.experiment,
    "docs": reference.docs,
    "explain": saved.explain,
    "fit": fit.fit,
    "init": reference.init,
    "list": show.list_names,
    "redesign": redesign.redesign,
    "report": saved.report,
    "schema": reference.schema,
    "search": search.search,
    "show": show.show,
    "sweep": sweep.sweep,
}


def build() -> typer.Typer:
    """Return the application: `simulate` by itself simulates, `simulate COMMAND` does something else."""
    app = typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(simulate.simulate_command)
    for name, function in COMMANDS.items():
        app.command(name)(function)
    return app


@once
def command() -> TyperGroup:
    """Return what runs the application; to read all options of all commands takes some 20 ms, once a process."""
    made = get_command(build())
    assert isinstance(made, TyperGroup)
    return made
