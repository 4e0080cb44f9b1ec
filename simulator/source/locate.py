"""Find the file a user means by a path or by the name of something bundled."""

from pathlib import Path

from simulator.errors import InputError, Problem, nearest
from simulator.source.files import obstacle
from simulator.source.paths import data_dir


def bundled(folder: str = "") -> dict[str, Path]:
    """Return the YAML files of a bundled folder by name without suffix, alphabetically."""
    return {path.stem: path for path in sorted((data_dir() / folder).glob("*.yaml"))}


def locate(spec: str | Path, folder: str, kind: str) -> Path:
    """Return the file meant by a path or by a bundled name, with or without suffix.

    A file that exists comes before a bundled one, except that a bare name without suffix is bundled first.
    `kind` says in the error what was looked for. Raises InputError.
    """
    text, known = str(spec), bundled(folder)
    if text in known:
        return known[text]
    why_not = obstacle(text)
    if why_not is None:
        return Path(text)
    stem = text.removesuffix(".yaml")
    if stem in known:
        return known[stem]
    raise InputError(
        Problem(
            f"there is no {kind} of this name, and no file that can be read: {why_not}",
            expected=f"a path, or one of {', '.join(known)}",
            got=f'"{text}"',
            suggestion=nearest(Path(stem).name, known),
        )
    )
