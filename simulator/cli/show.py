"""`simulate show`: one network, machine or dataflow."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from simulator.hardware.model import Hardware
    from simulator.network.ir import Network


def show(
    name: Annotated[str, typer.Argument(help="a network (squeezenext:variant=v5) or a machine, by name or file")],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of a table")] = False,
) -> None:
    """Show a network or a machine."""
    kind = _kind_of(name)
    if kind == "network":
        from workloads.load import load_network

        _show_network(load_network(name), as_json)
    else:
        from simulator.hardware.load import load_hardware

        _show_machine(load_hardware(name), as_json)


def _kind_of(spec: str) -> str:
    """Tell network from machine by the name; a machine may also be a file."""
    from simulator.errors import InputError, Problem, nearest
    from simulator.source.locate import bundled
    from workloads.registry import BUILDERS

    name = spec.partition(":")[0].removesuffix(".py")
    machines = bundled()
    if name in BUILDERS:
        return "network"
    if name.removesuffix(".yaml") in machines or name.endswith((".yaml", ".yml")):
        return "machine"
    known = [*BUILDERS, *machines]
    expected = f"a network ({', '.join(BUILDERS)}) or a machine ({', '.join(machines)})"
    raise InputError(
        Problem("nothing of this name to show", expected=expected, got=spec, suggestion=nearest(name, known))
    )


def _show_network(network: "Network", as_json: bool) -> None:
    from simulator.cli.output import print_grid, print_json

    if as_json:
        from simulator.network.describe import network_to_dict

        print_json(network_to_dict(network))
        return
    from analysis.networks import COLUMNS, network_lines

    print_grid(network.layers, COLUMNS)
    print()
    for line in network_lines(network):
        print(line)


def _show_machine(hardware: "Hardware", as_json: bool) -> None:
    from simulator.cli.output import print_json

    if as_json:
        from simulator.result.facts import plain_data

        print_json(plain_data(hardware))
        return
    from analysis.machines import machine_lines

    for line in machine_lines(hardware):
        print(line)
