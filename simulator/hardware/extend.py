"""A machine that says only what it has other than another one: `extends: dpu_b4096`."""

from dataclasses import replace
from pathlib import Path

from simulator.errors import InputError
from simulator.hardware.named import file_of
from simulator.source import Document, Rejected
from simulator.source.document import mark, show
from simulator.source.parser import Value

EXTENDS, BUFFERS, NAME = "extends", "buffers", "name"
LONGEST_CHAIN = 16


def base_file(document: Document, below: tuple[Path, ...]) -> Path:
    """Return the file of the machine that another extends: a bundled name, or a path relative to the file.

    `below` are the files of those that extend it in turn. Raises InputError for an unknown name and for a loop.
    """
    name = document.get(EXTENDS)
    try:
        if not isinstance(name, str):
            raise Rejected("wrong value", "the name of a bundled machine, or a .yaml file")
        path = file_of(name, "", "machine", Path(document.file).parent).resolve()
        if path in below:
            loop = " > ".join(file.stem for file in (*below[below.index(path) :], path))
            raise Rejected(f"a machine that extends itself: {loop}", "a machine that is whole, or extends another")
        if len(below) > LONGEST_CHAIN:
            raise Rejected("too long a chain of machines", f"at most {LONGEST_CHAIN}")
    except Rejected as error:
        problem = document.problem(
            EXTENDS, error.message, expected=error.expected, got=show(name), suggestion=error.suggestion
        )
        raise InputError(problem) from error
    return path


def joined(document: Document, base: dict[str, Value]) -> Document:
    """Return a machine's own keys over those of the machine that it extends, which its own name is not among.

    Mappings are joined key by key, buffers by their names, all else is replaced; a key without a value takes back what
    the base says. What comes from there stands where `extends` does.
    """
    own = {key: value for key, value in document.data.items() if key != EXTENDS}
    data = _over({key: value for key, value in base.items() if key != NAME}, own)
    names = _names(data.get(BUFFERS))
    moved = {str(i): str(names.index(name)) for i, name in enumerate(_names(own.get(BUFFERS))) if name in names}
    places = dict(document.places)
    mark(data, "", document.place(EXTENDS), places)
    places |= {_moved(path, moved): place for path, place in document.places.items()}
    key_places = {_moved(path, moved): place for path, place in document.key_places.items()}
    return replace(document, data=data, places=places, key_places=key_places)


def _over(base: dict[str, Value], own: dict[str, Value]) -> dict[str, Value]:
    result = {key: value for key, value in base.items() if own.get(key, value) is not None}
    for key, value in own.items():
        was = base.get(key)
        if isinstance(value, dict) and isinstance(was, dict):
            result[key] = _over(was, value)
        elif key == BUFFERS and isinstance(value, list) and isinstance(was, list):
            result[key] = _by_name(was, value)
        elif value is not None or key not in base:
            result[key] = value
    return result


def _by_name(base: list[Value], own: list[Value]) -> list[Value]:
    """Return the base's buffers, each changed by the one of its name, and behind them those of other names."""
    result, names = list(base), _names(base)
    for buffer, name in zip(own, _names(own), strict=True):
        at = names.index(name) if name is not None and name in names else len(result)
        was = base[at] if at < len(base) else None
        whole = _over(was, buffer) if isinstance(was, dict) and isinstance(buffer, dict) else buffer
        result[at : at + 1] = [whole]
        names[at : at + 1] = [None]  # given twice, it is not the base's any more
    return result


def _names(buffers: Value) -> list[Value]:
    items = buffers if isinstance(buffers, list) else []
    return [item.get(NAME) if isinstance(item, dict) else None for item in items]


def _moved(path: str, moved: dict[str, str]) -> str:
    """Return the path at which a value of the extending file stands in the joined one."""
    first, _, rest = path.partition(".")
    index, dot, inner = rest.partition(".")
    return f"{first}.{moved[index]}{dot}{inner}" if first == BUFFERS and index in moved else path
