"""What a shell may offer behind an option: names of what is bundled; files are the shell's own."""

from collections.abc import Callable, Iterable, Mapping


def starting(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Return a completion that offers the names that begin as what was typed so far, of a list its last part."""

    def complete(incomplete: str) -> list[str]:
        given, comma, last = incomplete.rpartition(",")
        return [f"{given}{comma}{name}" for name in names() if name.startswith(last)]

    return complete


def machines() -> Iterable[str]:
    """Names of bundled machines."""
    from simulator.source.locate import bundled

    return bundled()


def networks() -> Mapping[str, str]:
    """Names of bundled networks."""
    from workloads.registry import BUILDERS

    return BUILDERS


def dataflows() -> list[str]:
    """Names of bundled dataflows, and the word for each layer's best."""
    from simulator.source.locate import bundled

    return ["best", *bundled("dataflows")]


def objectives() -> Iterable[str]:
    """Names of objectives."""
    from simulator.hardware.model import OBJECTIVES

    return OBJECTIVES


def everything() -> list[str]:
    """Names of all that is bundled and can be shown."""
    from simulator.source.locate import bundled

    return [*machines(), *networks(), *bundled("dataflows"), *bundled("energy"), *bundled("mappings")]
