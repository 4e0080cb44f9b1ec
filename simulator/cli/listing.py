"""`simulate list`: the names of what is bundled."""

from typing import Annotated

import typer


def list_names(
    kind: Annotated[str, typer.Argument(help="networks, hardware or dataflows; all of them if left out")] = "",
) -> None:
    """List networks, machines and dataflows."""
    from simulator.cli.bundle import KINDS
    from simulator.errors import InputError, Problem, nearest

    if kind and kind not in KINDS:
        known = ", ".join(KINDS)
        raise InputError(
            Problem("nothing of this kind to list", expected=known, got=kind, suggestion=nearest(kind, KINDS))
        )
    for title in [kind] if kind else KINDS:
        if not kind:
            print(f"{title}:")
        found = KINDS[title]()
        width = max(len(name) for name in found)
        for name, about in found.items():
            print(f"{'' if kind else '  '}{name:<{width}}  {about}".rstrip())
