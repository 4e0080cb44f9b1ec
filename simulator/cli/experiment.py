"""`simulate experiment`: run an experiment and write its report."""

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.inputs import Formats, NoCache, PictureSize
from simulator.cli.output import check_outputs, progress
from simulator.cli.verbose import Verbose


def experiment(
    name: Annotated[str, typer.Argument(help="an experiment; all are listed if left out")] = "",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="folder for report.md, pictures and data")] = None,
    formats: Formats = "png",
    size: PictureSize = "screen",
    no_cache: NoCache = False,
    verbose: Verbose = 0,
) -> None:
    """Run a co-design experiment and write a short illustrated report, a paper's claims beside ours."""
    from analysis.drive.codesign.registry import EXPERIMENTS, load_experiment
    from simulator.errors import InputError, Problem

    if not name:
        width = max(map(len, EXPERIMENTS))
        for known, about in EXPERIMENTS.items():
            print(f"{known:<{width}}  {about}")
        return
    run = load_experiment(name)
    if out is None:
        raise InputError(Problem("--out is missing", expected="a folder for the report: --out DIR"))
    from analysis.drive.codesign.bench import Bench
    from analysis.drive.codesign.report import write_report
    from analysis.read.pictures import checked_formats, checked_size
    from simulator.source.folders import whole_folder

    kinds, size = checked_formats(formats.split(",")), checked_size(size)
    check_outputs({}, out)
    with progress(name) as advance:
        report = run(Bench(advance))
    with whole_folder(out) as folder:
        files = write_report(report, folder, kinds, size)
    print(report.title)
    for finding in report.findings:
        print(f"- {finding}")
    print(out / files[0].name)
