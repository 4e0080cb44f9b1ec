"""`simulate fit`: a machine's unpublished costs from what was measured on it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.inputs import NoCache
from simulator.cli.output import STDOUT, check_outputs, print_grid, progress, write_text
from simulator.cli.verbose import Verbose

if TYPE_CHECKING:
    from analysis.drive.fit import Fit


def fit(
    hardware: Annotated[str, typer.Option("--hw", metavar="H", help="the machine, whose file is changed")],
    measured: Annotated[
        Path, typer.Option(metavar="ROWS.csv", help="network, layer, time [ms], ... as for simulate accuracy")
    ],
    network: Annotated[str, typer.Option("--net", metavar="N", help="the network of rows that name none")] = "",
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH=LOW:HIGH", help="what to fit; dram.efficiency and layers.launch if left out"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.yaml", help="write the machine; - is stdout")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="save values, intervals and every row as JSON; - is stdout")
    ] = None,
    no_cache: NoCache = False,
    verbose: Verbose = 0,
) -> None:
    """Fit a few costs of a machine to measured times: memory rates, latency, launch, host.

    Three rows of four are fitted on, the others judge. It says how sure each value is and what the rows cannot tell
    apart, and refuses rows that are too few. The machine is written with the rows beside each value.
    """
    from analysis.drive.fit import fit_machine, fitted_text, read_parameters
    from analysis.drive.measured import read_measurements
    from simulator.hardware.load import load_hardware
    from simulator.source.files import read_text
    from simulator.source.locate import locate
    from simulator.source.parser import MAX_BYTES

    check_outputs({"--output": output, "--json": json})
    machine, rows = load_hardware(hardware), read_measurements(measured, network)
    parameters = read_parameters(param or (), machine)
    with progress("fit") as advance:
        found = fit_machine(machine, rows, parameters, advance)
    if json:
        _save(found, json)
    if STDOUT not in (output, json):
        _print(found)
    if output:
        file = locate(hardware, "", "machine")
        at = file if output == STDOUT else output
        write_text(output, fitted_text(read_text(file, MAX_BYTES), file, at, found.estimates, len(found.fitted)))


def _save(found: "Fit", file: Path) -> None:
    from json import dumps

    from analysis.drive.fit.report import fit_data

    write_text(file, dumps(fit_data(found), indent=1, ensure_ascii=False) + "\n")


def _print(found: "Fit") -> None:
    from analysis.drive.fit.report import ERRORS, PARAMETERS, errors, remarks

    print_grid(found.estimates, PARAMETERS)
    print()
    print_grid(errors(found), ERRORS)
    print()
    for line in remarks(found):
        print(f"- {line}")
