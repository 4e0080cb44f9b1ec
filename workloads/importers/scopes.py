"""Stages of a network from the scopes in its layers' names: `/layer1/layer1.0/conv1/Conv` or `layer1.0.conv1`.

A scope is a stage unless more than half of all layers are in it: then those below it are. What has no scope keeps the
stage that a graph gives it.
"""

from collections.abc import Mapping, Sequence

LARGEST_SHARE = 2  # of all layers, one in so many may be in one stage
Path = tuple[str, ...]


def stages_of(names: Sequence[str]) -> dict[str, str]:
    """Return the stage of each layer that has a scope.

    >>> stages_of(["/stem/conv/Conv", "/body/body.0/conv/Conv", "/body/body.1/conv/Conv"])
    {'/stem/conv/Conv': 'stem', '/body/body.0/conv/Conv': 'body.0', '/body/body.1/conv/Conv': 'body.1'}
    """
    paths = {name: scopes_of(name) for name in names}
    found: dict[str, str] = {}
    _divide(paths, 0, len(names), found)
    return {name: found[name] for name in names if name in found}


def scopes_of(name: str) -> Path:
    """Return the scopes around a layer, outermost first, each by its whole name."""
    separator = "/" if "/" in name.strip("/") else "."
    parts = name.strip("/").split(separator)[:-1]
    whole: list[str] = []
    for part in parts:
        says_all = not whole or part.startswith(f"{whole[-1]}.")
        whole.append(part if says_all else f"{whole[-1]}{separator}{part}")
    return tuple(whole)


def _divide(paths: Mapping[str, Path], depth: int, total: int, found: dict[str, str]) -> None:
    """Give stages to layers whose scopes agree up to a depth."""
    groups: dict[str, dict[str, Path]] = {}
    for name, path in paths.items():
        if len(path) > depth:
            groups.setdefault(path[depth], {})[name] = path
    for scope, inside in groups.items():
        found.update(dict.fromkeys(inside, scope))
        if LARGEST_SHARE * len(inside) > total:
            _divide(inside, depth + 1, total, found)
