"""The packages that belong together: another of the same name, earlier on Python's path, is found in their place."""

from importlib.util import find_spec
from pathlib import Path

from simulator.errors import InputError, Problem

HOME = Path(__file__).resolve().parents[1]
NAMES = ("analysis", "workloads")


def check_packages() -> None:
    """Raise InputError, with the path of the other, where a package that is found is not ours."""
    problems = []
    for name in NAMES:
        spec = find_spec(name)
        places = [spec.origin] if spec and spec.origin else list(spec.submodule_search_locations or ()) if spec else []
        found = [Path(place).resolve() for place in places]
        if not any(place.is_relative_to(HOME / name) for place in found):
            there = str(found[0]) if found else None
            expected = f"{HOME / name}: take the other off PYTHONPATH, or start in another folder"
            message = f"another package named {name} hides that of squeezesim" if found else f"no package {name}"
            problems.append(Problem(message, there, expected=expected))
    if problems:
        raise InputError(*problems)
