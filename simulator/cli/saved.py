"""`simulate explain` and `simulate report`: what a saved run has to tell."""

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.inputs import Formats, NoCache
from simulator.cli.output import check_outputs, line_width, print_json, progress, write_text

RunFile = Annotated[Path, typer.Argument(metavar="RUN.json", help="a run saved with --json or --out")]


def explain(
    run_file: RunFile,
    layer: Annotated[str, typer.Argument(help="a layer of it; the whole network if left out")] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="print JSON instead of text, with every change tried")
    ] = False,
    no_cache: NoCache = False,
) -> None:
    """Explain a saved run: what bounds it, and what would help.

    Each change of the machine or the network is simulated by itself; what it saves is what simulating it again gives.
    """
    from analysis.drive.explain import explain_layer, explain_network
    from analysis.drive.explain.data import layer_data, network_data
    from analysis.drive.explain.text import layer_text, network_text
    from simulator.door import open_run

    run = open_run(run_file)
    with progress("changes") as advance:
        about_layer = explain_layer(run, layer, advance) if layer else None
        about_network = None if layer else explain_network(run, advance)
    if about_layer:
        lines, data = layer_text(about_layer, line_width()), layer_data(about_layer)
    else:
        assert about_network is not None
        lines, data = network_text(about_network, line_width()), network_data(about_network)
    if as_json:
        print_json(data)
        return
    for line in lines:
        print(line)


def report(
    run_file: RunFile,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder for pictures and CSV files")],
    formats: Formats = "png",
) -> None:
    """Draw a saved run.

    Its table of layers and every plot, with the rows of each as CSV, go into a folder.
    """
    from analysis.read.layout import csv_text
    from analysis.read.pictures import checked_formats
    from analysis.read.plots import write_plots
    from analysis.read.tables import layer_rows
    from simulator.door import open_run
    from simulator.source.folders import whole_folder

    kinds = checked_formats(formats.split(","))
    check_outputs({}, out)
    run = open_run(run_file)
    with whole_folder(out) as folder:
        table = folder / "layers.csv"
        write_text(table, csv_text(layer_rows(run)))
        written = [table, *write_plots(run, folder, kinds)]
    for path in written:
        print(out / path.relative_to(folder))
