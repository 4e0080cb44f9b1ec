"""`simulate docs`, `simulate schema` and `simulate init`: what may stand in files, and first ones to start from."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.completion import starting
from simulator.cli.output import STDOUT, check_outputs, print_json, write_text

ALL = ("machine", "dataflow", "energy", "network", "mapping", "sweep")
TEMPLATES = ("machine", "network", "dataflow", "sweep")
KindName = Annotated[str, typer.Argument(help=", ".join(ALL), autocompletion=starting(lambda: ALL))]


def docs(
    kind: KindName,
    field: Annotated[str, typer.Argument(help="a field of such a file: array.delivery; all of them if left out")] = "",
) -> None:
    """Tell what a field of a file means: its values, unit, default and range.

    Example: simulate docs machine array.delivery
    """
    from analysis.drive.reference import checked_kind, field_lines

    for line in field_lines(checked_kind(kind), field):
        print(line)


def schema(
    kind: KindName,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="save it; printed if left out")
    ] = None,
) -> None:
    """Print the JSON Schema of a kind of file, by which editors complete and check it.

    Name it in the first line: # yaml-language-server: $schema=machine.schema.json
    """
    from analysis.drive.reference import checked_kind, editor_schema

    found = editor_schema(checked_kind(kind))
    if out is None:
        print_json(found)
        return
    check_outputs({"--out": out})
    _save_schema(found, out)


def _save_schema(found: dict[str, object], path: Path) -> None:
    import json

    write_text(path, json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def init(
    kind: Annotated[str, typer.Argument(help=", ".join(TEMPLATES), autocompletion=starting(lambda: TEMPLATES))],
    like: Annotated[str, typer.Option(metavar="NAME", help="begin with this one: a bundled name or a file")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="save it, with its schema beside")
    ] = None,
) -> None:
    """Write a first machine, network, dataflow or plan of a sweep, with comments; it loads as it is.

    Example: simulate init machine --like eyeriss_like -o mine.yaml
    """
    from analysis.drive.reference import checked_kind, editor_schema, template_of
    from simulator.errors import InputError, Problem

    chosen = checked_kind(kind, TEMPLATES)
    file = None if out == STDOUT else out
    if file and file.exists():
        raise InputError(Problem("there is a file of this name already", str(file), expected="another name"))
    check_outputs({"--out": file})
    text = template_of(chosen, like, file.stem if file else "")
    if file is None:
        print(text, end="")
        return
    write_text(file, text)
    beside = file.parent / chosen.schema_file
    if not beside.exists():
        _save_schema(editor_schema(chosen), beside)
    print(f"wrote {file} and, for editors, {beside}; see simulate docs {kind}", file=sys.stderr)
