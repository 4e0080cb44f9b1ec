"""`simulate list`: the names of what is bundled."""

from typing import Annotated

import typer

NETWORKS = "networks"


def list_names(
    kind: Annotated[
        str, typer.Argument(help="networks, hardware, dataflows, or a family of networks; all kinds if left out")
    ] = "",
) -> None:
    """List networks, machines and dataflows.

    A family of networks, such as squeezenext, lists those members that figures are published of.
    """
    from simulator.cli.bundle import KINDS
    from simulator.errors import InputError, Problem, nearest
    from workloads.registry import BUILDERS

    kinds = (*KINDS, NETWORKS)
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
    from simulator.cli.bundle import KINDS

    if kind == NETWORKS:
        _print_networks("")
        return
    found = KINDS[kind]()
    width = max(len(name) for name in found)
    for name, about in found.items():
        print(f"{indent}{name:<{width}}  {about}".rstrip())


def _print_networks(family: str) -> None:
    from analysis.read.listings import family_columns, family_rows, member_rows
    from simulator.cli.output import print_grid

    rows = member_rows(family) if family else family_rows()
    print_grid(rows, family_columns(rows))
