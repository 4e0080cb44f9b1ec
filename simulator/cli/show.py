"""`simulate list` and `simulate show`: the names of what is bundled, and one network or machine of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.completion import everything, starting
from simulator.cli.inputs import BUNDLED as BUNDLED_IN
from simulator.cli.inputs import Sets, check_settings, kind_of, load
from simulator.cli.output import check_outputs, print_grid, print_json

if TYPE_CHECKING:
    from simulator.hardware.model import Hardware
    from simulator.network.ir import Network


NETWORKS = "networks"


def _in_folder(folder: str) -> dict[str, str]:
    from simulator.source.locate import bundled

    return {name: _headline(path) for name, path in bundled(folder).items()}


def _headline(path: Path) -> str:
    """Return the first sentence of the comment at the top of a file."""
    with path.open(encoding="utf-8") as lines:
        first = lines.readline()
    return first.removeprefix("#").strip().partition(". ")[0].rstrip(".") if first.startswith("#") else ""


BUNDLED: Mapping[str, Callable[[], dict[str, str]]] = {
    "dataflows": lambda: _in_folder("dataflows"),
    "energy": lambda: _in_folder("energy"),
    "hardware": lambda: _in_folder(""),
    "mappings": lambda: _in_folder("mappings"),
}
"""Kind -> a function that returns each name with a line about it."""


def list_names(
    kind: Annotated[
        str,
        typer.Argument(
            help="networks, hardware, dataflows, energy, mappings, or a family of networks; all if left out"
        ),
    ] = "",
) -> None:
    """List networks, machines, dataflows, energy tables and mappings.

    A family of networks, such as squeezenext, lists those members that figures are published of.
    """
    from simulator.errors import InputError, Problem, nearest
    from workloads.registry import BUILDERS

    kinds = (*BUNDLED, NETWORKS)
    if kind in BUILDERS:
        _print_networks(kind)
    elif kind:
        if kind not in kinds:
            suggestion = nearest(kind, (*kinds, *BUILDERS))
            expected = f"{', '.join(kinds)}, or a family of networks"
            raise InputError(
                Problem("nothing of this kind to list", expected=expected, got=kind, suggestion=suggestion)
            )
        _print_kind(kind)
    else:
        for title in kinds:
            print(f"{title}:")
            _print_kind(title, indent="  ")


def _print_kind(kind: str, indent: str = "") -> None:
    if kind == NETWORKS:
        _print_networks("")
        return
    found = BUNDLED[kind]()
    width = max(len(name) for name in found)
    for name, about in found.items():
        print(f"{indent}{name:<{width}}  {about}".rstrip())


def _print_networks(family: str) -> None:
    from analysis.read.listings import family_columns, family_rows, member_rows

    rows = member_rows(family) if family else family_rows()
    print_grid(rows, family_columns(rows))


def show(
    name: Annotated[
        str,
        typer.Argument(
            help="a network (squeezenext:variant=v5), machine, dataflow, ... by name or file",
            autocompletion=starting(everything),
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of a table")] = False,
    batch: Annotated[
        int | None, typer.Option(min=1, max=65536, help="of a network; 1 if nothing says otherwise")
    ] = None,
    settings: Sets = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="draw a machine: .png, .svg or .pdf")] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="show ops of a network that are unknown")
    ] = False,
) -> None:
    """Show a network or a machine, or a dataflow, energy table or file of mappings as it is written."""
    _check_name(name)
    check_settings(name, settings)
    kind = kind_of(name)
    if plot:
        _plot(name, kind, settings or (), plot)
    elif kind in FILES:
        _show_file(name, kind, as_json)
    elif kind == "network":
        _show_network(load(name, batch, skip_unknown), as_json)
    else:
        from simulator.hardware.load import load_hardware
        from simulator.hardware.settings import with_settings

        _show_machine(with_settings(load_hardware(name), settings or ()), as_json)


def _show_file(name: str, kind: str, as_json: bool) -> None:
    """Print a file with its comments, or its data as JSON; it is in order in itself."""
    from simulator.source import load_yaml
    from simulator.source.files import read_text
    from simulator.source.locate import locate
    from simulator.source.parser import MAX_BYTES, OF_LAYERS

    path = locate(name, BUNDLED_IN[kind], kind) if kind in BUNDLED_IN else name
    FILES[kind](name)
    if as_json:
        print_json(load_yaml(path, OF_LAYERS).data)
    else:
        print(read_text(path, MAX_BYTES * OF_LAYERS), end="")


def _check_dataflow(name: str) -> None:
    from simulator.mapping.dataflow import load_dataflow

    load_dataflow(name)


def _check_energy(name: str) -> None:
    from simulator.energy.table import load_energy

    load_energy(name)


def _check_mappings(name: str) -> None:
    from simulator.mapping.schema import WrittenMappings
    from simulator.source import load_yaml, validate
    from simulator.source.locate import locate
    from simulator.source.parser import OF_LAYERS

    validate(load_yaml(locate(name, BUNDLED_IN["mapping"], "mapping"), OF_LAYERS), WrittenMappings)


def _check_schedule(name: str) -> None:
    from simulator.schedule.files import read_schedule

    read_schedule(name)


FILES: Mapping[str, Callable[[str], None]] = {
    "dataflow": _check_dataflow,
    "energy": _check_energy,
    "mapping": _check_mappings,
    "schedule": _check_schedule,
}
"""Kind of file that is shown as it is written -> what complains if it is not in order."""


def _check_name(spec: str) -> None:
    """Refuse what is neither a bundled name nor looks like a file, with the nearest of all names."""
    from simulator.errors import InputError, Problem, nearest
    from simulator.source.locate import bundled
    from workloads.load import is_file
    from workloads.registry import BUILDERS

    known = [*BUILDERS, *(name for folder in BUNDLED_IN.values() for name in bundled(folder))]
    if spec.partition(":")[0].removesuffix(".py") in known or spec.removesuffix(".yaml") in known or is_file(spec):
        return
    expected = "a file, or a name that simulate list prints"
    raise InputError(
        Problem("nothing of this name to show", expected=expected, got=spec, suggestion=nearest(spec, known))
    )


def _show_network(network: "Network", as_json: bool) -> None:

    if as_json:
        from simulator.network.describe import network_to_dict

        print_json(network_to_dict(network))
        return
    from analysis.read.listings import layer_columns, network_lines

    print_grid(network.layers, layer_columns(network))
    print()
    for line in network_lines(network):
        print(line)


def _plot(name: str, kind: str, settings: Sequence[str], file: Path) -> None:
    """Draw a machine into a file, in the format that its suffix tells."""
    from analysis.read.machine_picture import draw_machine
    from analysis.read.pictures import checked_formats, write_figure
    from simulator.errors import InputError, Problem
    from simulator.hardware.load import load_hardware
    from simulator.hardware.settings import with_settings

    if kind != "machine":
        raise InputError(Problem("--plot draws machines", expected="the name or file of one", got=name))
    checked_formats([file.suffix.removeprefix(".")])
    check_outputs({"--plot": file})
    hardware = with_settings(load_hardware(name), settings)
    write_figure(lambda: draw_machine(hardware), [file])


def _show_machine(hardware: "Hardware", as_json: bool) -> None:

    if as_json:
        from simulator.hardware.peak import peak_of
        from simulator.result.facts import plain_data

        data = {key: plain_data(getattr(hardware, key)) for key in hardware.__dataclass_fields__}
        data |= {"dataflows": list(hardware.dataflow_names), "energy": hardware.energy.name}
        print_json(data | {"peak": peak_of(hardware)})
        return
    from analysis.read.listings import machine_lines

    for line in machine_lines(hardware):
        print(line)
