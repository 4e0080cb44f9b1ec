"""`simulate show`: one network or machine."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from simulator.hardware.model import Hardware
    from simulator.network.ir import Network


def show(
    name: Annotated[str, typer.Argument(help="a network (squeezenext:variant=v5) or a machine, by name or file")],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of a table")] = False,
    batch: Annotated[
        int | None, typer.Option(min=1, max=65536, help="of a network; 1 if nothing says otherwise")
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="show ops of a network that are unknown")
    ] = False,
) -> None:
    """Show a network or a machine."""
    from simulator.cli.kinds import kind_of

    _check_name(name)
    if kind_of(name) == "network":
        from simulator.cli.loading import load

        _show_network(load(name, batch, skip_unknown), as_json)
    else:
        from simulator.hardware.load import load_hardware

        _show_machine(load_hardware(name), as_json)


def _check_name(spec: str) -> None:
    """Refuse what is neither a bundled name nor looks like a file, with the nearest of all names."""
    from simulator.errors import InputError, Problem, nearest
    from simulator.source.locate import bundled
    from workloads.load import is_file
    from workloads.registry import BUILDERS

    known = [*BUILDERS, *bundled()]
    if spec.partition(":")[0].removesuffix(".py") in known or spec.removesuffix(".yaml") in known or is_file(spec):
        return
    expected = f"a file, a network ({', '.join(BUILDERS)}) or a machine ({', '.join(bundled())})"
    raise InputError(
        Problem("nothing of this name to show", expected=expected, got=spec, suggestion=nearest(spec, known))
    )


def _show_network(network: "Network", as_json: bool) -> None:
    from simulator.cli.output import print_grid, print_json

    if as_json:
        from simulator.network.describe import network_to_dict

        print_json(network_to_dict(network))
        return
    from analysis.read.networks import COLUMNS, network_lines

    print_grid(network.layers, COLUMNS)
    print()
    for line in network_lines(network):
        print(line)


def _show_machine(hardware: "Hardware", as_json: bool) -> None:
    from simulator.cli.output import print_json

    if as_json:
        from simulator.result.facts import plain_data

        data = {key: plain_data(getattr(hardware, key)) for key in hardware.__dataclass_fields__}
        print_json(data | {"dataflows": list(hardware.dataflow_names), "energy": hardware.energy.name})
        return
    from analysis.read.machines import machine_lines

    for line in machine_lines(hardware):
        print(line)
