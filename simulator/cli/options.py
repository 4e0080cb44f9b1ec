"""Options of simulations and comparisons: what each is called, takes and means."""

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.completion import dataflows, machines, networks, objectives, starting
from simulator.hardware.model import OBJECTIVES

MINIMIZED = f"what mappings minimize: {', '.join(OBJECTIVES)}"


def _print_version(chosen: bool) -> None:
    """Print the version and leave."""
    if chosen:
        from simulator.caches import installed_version

        print(f"squeezesim {installed_version()}")
        raise typer.Exit


Machine = Annotated[
    str,
    typer.Option("--hw", metavar="H", help="machine: a bundled name or a YAML file", autocompletion=starting(machines)),
]
NetworkSpec = Annotated[
    str,
    typer.Option(
        "--net", metavar="N", help="network: NAME, NAME:KEY=VALUE,... or a file", autocompletion=starting(networks)
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(min=1, max=65536, show_default="1, or what the file states", help="inputs processed together"),
]
Dataflow = Annotated[
    str, typer.Option(metavar="NAME", help="a dataflow, or best: each layer's own", autocompletion=starting(dataflows))
]
Objective = Annotated[
    str | None,
    typer.Option(metavar="NAME", show_default="the machine's", help=MINIMIZED, autocompletion=starting(objectives)),
]
MappingFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="replay the mappings of a file, or bundled ones")
]
ScheduleFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="replay what stays on chip, and which ops run in stacks")
]
RunFolder = Annotated[
    Path | None, typer.Option(metavar="DIR", help="save the run here, as data, tables, files to replay and a page")
]
Parquet = Annotated[Path | None, typer.Option(metavar="FILE", help="save the rows for data frames (extra frames)")]
Timeline = Annotated[Path | None, typer.Option(metavar="FILE", help="save a trace of tiles for Perfetto")]
Verify = Annotated[
    bool, typer.Option("--verify", help="execute every mapping on integers and compare with plain convolution")
]
SkipUnknown = Annotated[
    bool, typer.Option("--skip-unknown", help="count the traffic of a file's unknown ops instead of refusing them")
]
Prove = Annotated[
    bool, typer.Option("--prove", help="search until no mapping is better; may take long for large layers")
]
Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version")]
By = Annotated[str, typer.Option(metavar="GROUP", help="sum the table up by stage or op")]
Sort = Annotated[str, typer.Option(metavar="COLUMN", help="sort the table, the largest first")]
Top = Annotated[int | None, typer.Option(min=0, metavar="N", help="the N rows that take most, the others summed up")]
Shown = Annotated[
    str, typer.Option("--columns", metavar="A,B,...", help="columns of the table, those of layers.csv included")
]
Machines = Annotated[
    str,
    typer.Option("--hw", metavar="H,H,...", help="machines to simulate on instead", autocompletion=starting(machines)),
]
Networks = Annotated[
    str,
    typer.Option("--net", metavar="N,N,...", help="networks to simulate instead", autocompletion=starting(networks)),
]
Baseline = Annotated[
    str, typer.Option(metavar="RUN", help="what the others are compared with: a file, network or machine of them")
]
FailIf = Annotated[
    list[str] | None,
    typer.Option(metavar="CONDITION", help="exit with 1 if a run is so: cycles>2%, conv1.dram>5%, latency>5 ms"),
]
