"""Dataflows and energy tables that a machine names: bundled ones, and files beside its own."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationInfo

from simulator.energy.schema import model_of
from simulator.errors import InputError, nearest
from simulator.mapping.schema import WrittenDataflow
from simulator.source import Rejected, load_yaml, validate
from simulator.source.document import RejectedElsewhere
from simulator.source.fields import Written
from simulator.source.files import obstacle
from simulator.source.locate import bundled

FOLDER = "folder"
"""Key of the validation context that holds the folder of the machine's file."""

ModelOf = Callable[[object], type[Written]]
"""What a value must be; the same function each time, as files are read once for it."""


def written_dataflow(value: object, info: ValidationInfo) -> object:
    """Return the dataflow that is named; a mapping stays what it is."""
    return _named(value, info, _dataflow, "dataflows", "dataflow")


def written_table(value: object, info: ValidationInfo) -> object:
    """Return the energy table that is named; a mapping stays what it is."""
    return _named(value, info, model_of, "energy", "energy table")


def _dataflow(_: object) -> type[Written]:
    return WrittenDataflow


def _named(value: object, info: ValidationInfo, model_of: ModelOf, folder: str, what: str) -> object:
    model = model_of(value)
    if isinstance(value, model) or (isinstance(value, dict) and value.keys() & model.model_fields.keys()):
        return value
    if not isinstance(value, str):
        raise Rejected("wrong value", f"the name of a bundled {what}, a .yaml file, or a mapping that is one")
    path = file_of(value, folder, what, Path((info.context or {}).get(FOLDER, ".")))
    try:
        state = path.stat()
        return _read(model_of, str(path), state.st_mtime_ns, state.st_size)
    except InputError as error:
        raise RejectedElsewhere(error.problems) from error


def file_of(name: str, folder: str, what: str, beside: Path) -> Path:
    """Return the file of a bundled name, or of a path relative to the file that names it."""
    known = bundled(folder)
    if name in known:
        return known[name]
    path, expected = beside / name, f"a .yaml file, or one of {', '.join(known)}"
    if not name.endswith((".yaml", ".yml")):
        near = f"{name}.yaml"
        raise Rejected(f"unknown {what}", expected, nearest(name, known) if obstacle(beside / near) else near)
    if reason := obstacle(path):
        raise Rejected(f"cannot read the file: {reason}", expected, nearest(Path(name).stem, known))
    return path


@lru_cache(maxsize=256)
def _read(model_of: ModelOf, path: str, modified_ns: int, size: int) -> Written:
    """Read a file once, as long as it stays the same: the points of a sweep name the same ones."""
    document = load_yaml(path)
    return validate(document, model_of(document.data))
