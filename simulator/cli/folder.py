"""The folder of --out: the run, its layers, its mappings and, if wanted, its pictures."""

from pathlib import Path

from simulator.result.run import Run


def save_folder(run: Run, folder: Path, *, plot: bool) -> None:
    """Write run.json, layers.csv and mappings.yaml, and the plots beside them."""
    from analysis.read.layout import csv_text
    from analysis.read.tables import layer_rows
    from simulator.cli.mappings import run_mappings
    from simulator.result.json_io import save_run
    from simulator.source.files import write_atomically

    save_run(run, folder / "run.json")
    write_atomically(folder / "layers.csv", csv_text(layer_rows(run)))
    write_atomically(folder / "mappings.yaml", run_mappings(run))
    if plot:
        from analysis.read.plots import write_plots

        write_plots(run, folder)
