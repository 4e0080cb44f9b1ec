"""`simulate convert`: write a network in another format."""

import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.inputs import load
from simulator.cli.output import STDOUT, check_outputs

if TYPE_CHECKING:
    from simulator.network.ir import Network

MACHINE = "hw"  # what machines of other tools are written as

FOLDER = "timeloop"  # the format that is a folder of files


def convert(
    network: Annotated[str, typer.Argument(metavar="NET", help="NAME, NAME:KEY=VALUE,... or a file")],
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="FORMAT", help="csv, onnx, prototxt, scalesim, tflite, timeloop or yaml; of a machine hw"
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="for timeloop a folder; texts go to stdout unless given"),
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, max=65536, help="1 if nothing says otherwise")] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="keep a file's unknown ops as such instead of refusing them")
    ] = False,
) -> None:
    """Write a network as a layer list, an ONNX or TFLite model, a prototxt, a SCALE-Sim topology or Timeloop problems.

    With `--to hw` NET is a machine of another tool, a .cfg of SCALE-Sim or an architecture of Timeloop, to be written
    as ours.

    Models and Timeloop files are called like the network unless -o says otherwise.
    """
    from simulator.source.folders import whole_folder
    from workloads.exporters import NESTS_ONLY, TEXTS, check_format, text_of
    from workloads.exporters import convert as write

    if to == MACHINE:
        _machine(network, output)
        return
    check_format(to)
    if to == FOLDER:
        check_outputs({}, output)
    else:
        check_outputs({"-o": output})
    loaded = load(network, batch, skip_unknown)
    if to in NESTS_ONLY:
        _tell_left_out(loaded)
    if output == STDOUT or (output is None and to in TEXTS):
        print(text_of(loaded, to), end="")
        return
    path = output or _path_for(loaded.name, to)
    if to == FOLDER:
        with whole_folder(path) as folder:
            write(loaded, to, folder)
    else:
        write(loaded, to, path)
    print(path)


def _machine(file: str, output: Path | None) -> None:
    """Write a machine of another tool as ours."""
    from simulator.hardware.importers import machine_text
    from simulator.source.files import write_atomically

    check_outputs({"-o": output})
    text = machine_text(Path(file))
    if output is None or output == STDOUT:
        print(text, end="")
        return
    write_atomically(output, text)
    print(output)


def _tell_left_out(network: "Network") -> None:
    """Say on stderr which ops a format of layers that multiply leaves out."""
    counts = Counter(layer.op.value for layer in network.layers if layer.nest is None)
    if counts:
        ops = ", ".join(f"{count} {op}" for op, count in sorted(counts.items()))
        print(f"warning: left out, as the format holds loop nests of MACs: {ops}", file=sys.stderr)


def _path_for(name: str, to: str) -> Path:
    """Return a path in the current folder named after the network; raise InputError if something is there already."""
    from simulator.errors import InputError, Problem
    from workloads.exporters import SUFFIXES

    path = Path(re.sub(r"[^A-Za-z0-9_.,=+-]+", "_", name)[:100] + SUFFIXES[to])
    if os.path.lexists(path):
        raise InputError(Problem("there already", str(path), expected="-o FILE, to say where or to overwrite"))
    return path
