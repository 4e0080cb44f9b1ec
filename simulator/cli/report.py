"""`simulate report`: tables and pictures of a saved run."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run_file: Annotated[Path, typer.Argument(metavar="RUN.json", help="a run saved with --json or --out")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder for pictures and CSV files")],
    formats: Annotated[str, typer.Option("--format", help="png, svg, pdf, or several: png,pdf")] = "png",
) -> None:
    """Draw a saved run.

    Its table of layers and every plot, with the rows of each as CSV, go into a folder.
    """
    from analysis.read.layout import csv_text
    from analysis.read.pictures import checked_formats
    from analysis.read.plots import write_plots
    from analysis.read.tables import layer_rows
    from simulator.cli.destinations import check_folder
    from simulator.result.json_io import load_run
    from simulator.source.files import write_atomically

    kinds = checked_formats(formats.split(","))
    check_folder(out)
    run = load_run(run_file)
    table = out / "layers.csv"
    write_atomically(table, csv_text(layer_rows(run)))
    for path in [table, *write_plots(run, out, kinds)]:
        print(path)
