"""Write a run as JSON, the same bytes on any machine, and read it back with every problem reported at once."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.nest import OPERAND_NAMES
from simulator.result.causes import bottleneck
from simulator.result.facts import fingerprints
from simulator.result.json_layers import LayerTexts, layers_in
from simulator.result.json_parse import COUNTED, complaints, negative, parse, shortened
from simulator.result.laws import Violation, broken_laws
from simulator.result.relative import with_joules
from simulator.result.run import (
    CYCLE_PARTS,
    SCHEMA_VERSION,
    Documents,
    LayerResult,
    MachineFacts,
    Run,
    dense_speedup,
    utilization,
)
from simulator.result.version1 import updated
from simulator.source.files import read_text, write_atomically

MAX_FILE_BYTES = 64 * 2**20
OLDER_VERSIONS = (1, 2)
MAX_PROBLEMS = 50  # a foreign file breaks every line the same way

POSITIVE = (
    *("clock_hz", "rows", "columns", "macs_per_cycle", "arrays", "burst_bytes", "atom_channels"),
    *("energy_unit_pj", "residual_width", "dram_bytes_per_cycle", "buffer_bytes_per_cycle"),
)

_KEY_ORDER = {key: place for place, key in enumerate(CYCLE_PARTS)}
_TOP_KEYS = ("schema_version", "hardware", "network", "options", "provenance", "total", "layers")


def run_to_json(run: Run) -> str:
    """Return the run as JSON text, one layer a line; what was simulated comes last.

    Keys follow the fields of the dataclasses; those of free dictionaries are sorted. Floats are written so that
    reading them back yields the same bits.
    """
    head = [f"{json.dumps(key)}: {_line(getattr(run, key))}" for key in _TOP_KEYS[:-1]]
    layers = ",\n    ".join(_line(layer) for layer in run.layers)
    body = [*head, f'"layers": [\n    {layers}\n  ]' if layers else '"layers": []']
    for key, told in (("cores", run.cores), ("steady", run.steady)):
        if told is not None:
            body.insert(len(head), f'"{key}": {_line(told)}')
    if run.documents is not None:
        body.append(f'"documents": {_documents_text(run.documents)}')
    return "{\n  " + ",\n  ".join(body) + "\n}\n"


def _documents_text(documents: Documents) -> str:
    """Write what was simulated, a layer of the network a line; dictionaries keep their order, as in a user's file."""
    parts = {"hardware": documents.hardware, "network": documents.network}
    lines = [f"{json.dumps(part)}: {'null' if data is None else _lines(data)}" for part, data in parts.items()]
    return "{\n    " + ",\n    ".join(lines) + "\n  }"


def _lines(data: Mapping[str, object]) -> str:
    """Write a key a line, and the items of `layers`, if that is a list, likewise."""
    inner = []
    for key, value in data.items():
        items = ",\n        ".join(_dump(item) for item in value) if isinstance(value, list) else ""
        in_lines = key == "layers" and isinstance(value, list)
        inner.append(f"{json.dumps(key)}: " + (f"[\n        {items}\n      ]" if in_lines else _dump(value)))
    return "{\n      " + ",\n      ".join(inner) + "\n    }"


def run_from_json(text: str, file: str | None = None) -> Run:
    """Read a run from JSON text.

    Raises InputError with every problem: wrong syntax, an unknown schema version, missing or mistyped keys, figures
    that break a conservation law, a machine or a network that is not the one of the run. A run of an older version is
    read as one of today's. `file` names the source in messages.
    """
    texts, data, signed = _parts(text, file)
    version = _version(data, file)
    if version == 1 or with_joules(data) is not data:
        then = _object(parse(text, file)[0], file)
        text = json.dumps(with_joules(updated(then, file) if version == 1 else then))
        del then
        texts, data, signed = _parts(text, file)
    around = texts.around if texts else text
    del text  # of a large run it takes as much room as the run itself
    below = [each for key in COUNTED for each in negative(key, data.get(key), file)] if signed else []
    data.clear()  # the run holds its own
    run, impossible = _read(around, texts, below, file)
    impossible += [*_not_positive(run, file), *_unknown_traffic(run, file)]
    if impossible:
        raise InputError(*_bounded(impossible, file))
    if version in OLDER_VERSIONS:
        run = restated(run)
    broken = [
        Problem(f"{law.law} does not hold", file, path=f"{law.where}.{law.field}", got=law.figures)
        for law in _broken_laws(run, texts)
    ]
    broken += _altered(run, file)
    if broken:
        raise InputError(*_bounded(broken, file))
    return run


def _parts(text: str, file: str | None) -> tuple[LayerTexts | None, dict[str, object], bool]:
    """Return the layers of a text, the object around them, and whether any number of that has a sign.

    Where no layers can be told apart, the object is the whole.
    """
    texts = layers_in(text, file)
    if texts:
        return texts, texts.data, texts.signed
    data, signed = parse(text, file)
    return None, _object(data, file), signed


def _object(data: object, file: str | None) -> dict[str, object]:
    if not isinstance(data, dict):
        raise InputError(Problem("not a saved run", file, expected="a JSON object", got=shortened(data)))
    return data


def _version(data: Mapping[str, object], file: str | None) -> int:
    version = data.get("schema_version")
    if isinstance(version, int) and not isinstance(version, bool) and version in (*OLDER_VERSIONS, SCHEMA_VERSION):
        return version
    expected = f"a saved run of schema version 1 to {SCHEMA_VERSION} (simulate --json writes one)"
    got = "no such key" if version is None else json.dumps(version)[:80]
    raise InputError(Problem("not a run that can be read", file, path="schema_version", expected=expected, got=got))


def _read(around: str, texts: LayerTexts | None, below: list[Problem], file: str | None) -> tuple[Run, list[Problem]]:
    """Return a run with its layers, and its numbers below 0; raise InputError for one of another form."""
    from pydantic import TypeAdapter, ValidationError

    layers, wrong, of_layers = texts.read(file) if texts else ([], [], [])
    try:
        run: Run = TypeAdapter(Run).validate_json(around, strict=True)
    except ValidationError as error:
        wrong = [*complaints(error, file), *wrong]
    if wrong:
        raise InputError(*_bounded(wrong, file))
    return replace(run, layers=tuple(layers)) if texts else run, [*below, *of_layers]


def _broken_laws(run: Run, texts: LayerTexts | None) -> list[Violation]:
    """Return the laws that a run breaks; those of a layer by itself are looked at once for all that are equal."""
    found = list(broken_laws(run, _equal_layers(run, texts) if texts else ()))
    return list(broken_laws(run)) if found and texts else found


def _equal_layers(run: Run, texts: LayerTexts) -> set[str]:
    """Name the layers that are equal, but for names, to one before, and so are the ops fused into them."""
    shapes = {layer.name: len(layer.input_shapes) for layer in run.layers}
    first, equal, seen = set[str](), set[str](), set[tuple[int, ...]]()
    for layer, first_like_it in zip(run.layers, texts.kinds, strict=True):
        kind = (first_like_it, *(shapes.get(name, 1) for name in layer.fused))
        (equal if kind in seen else first).add(layer.name)
        seen.add(kind)
    return equal - first


def _not_positive(run: Run, file: str | None) -> Iterator[Problem]:
    """Yield what a machine or a tensor has at least something of; figures are divided by it."""
    for fact in POSITIVE:
        value = getattr(run.hardware, fact)
        if value is not None and value <= 0:
            yield Problem("out of range", file, path=f"hardware.{fact}", expected="more than 0", got=str(value))
    for at, layer in enumerate(run.layers):
        if min(*layer.output_shape, *(extent for shape in layer.input_shapes for extent in shape)) < 1:
            yield Problem("a shape is out of range", file, path=f"layers.{at}", expected="extents of 1 or more")


def _unknown_traffic(run: Run, file: str | None) -> Iterator[Problem]:
    """Yield traffic at levels that the machine has not, of what is no operand, and without a price among prices."""
    if run.hardware.energy_pj_per_byte and "mac" not in run.hardware.energy_pj_per_action:
        yield Problem("missing key", file, path="hardware.energy_pj_per_action.mac")
    strange: dict[int, list[tuple[str, str]]] = {}  # by the object that layers of a kind share
    for at, layer in enumerate(run.layers):
        if id(layer.traffic) not in strange:
            strange[id(layer.traffic)] = [*_strange(layer, run.hardware)]
        for level, name in strange[id(layer.traffic)]:
            path = f"layers.{at}.traffic.{level}"
            yield Problem("traffic that is not known, or has no price", file, path=path, got=name)


def _strange(layer: LayerResult, machine: MachineFacts) -> Iterator[tuple[str, str]]:
    """Yield where a layer has traffic that the machine does not know, and of what."""
    prices = machine.energy_pj_per_byte
    for level, operands in layer.traffic.items():
        known = set(prices.get(level, {}) if prices else OPERAND_NAMES) & set(OPERAND_NAMES)
        for name in operands.keys() - known if level in machine.levels else (level,):
            yield level, name


def restated(run: Run) -> Run:
    """Work out anew what versions before 3 said in another sense, from counts that mean what they did.

    Their utilization was that of dense MACs, by PEs; a network's operand stood for `delivery` as a bottleneck.
    """
    peak, total = run.hardware.peak_macs_per_cycle, run.total
    layers = tuple(
        replace(
            layer,
            utilization=utilization(layer.effective_macs, layer.cycles, peak),
            bottleneck=bottleneck(layer.cycle_parts, layer.bounds),
        )
        for layer in run.layers
    )
    executed = sum(layer.effective_macs for layer in layers)
    total = replace(
        total,
        utilization=utilization(executed, total.cycles, peak),
        effective_macs=executed,
        dense_speedup=dense_speedup(total.macs, executed),
    )
    return replace(run, layers=layers, total=total, schema_version=SCHEMA_VERSION)


def _altered(run: Run, file: str | None) -> list[Problem]:
    """Complain of machine or network where they are not those that the run was made of."""
    return [
        Problem("altered since the run was made", file, path=f"provenance.{key}", expected=run.provenance[key], got=got)
        for key, got in (fingerprints(run.documents) if run.documents else {}).items()
        if run.provenance.get(key, got) != got
    ]


def save_run(run: Run, path: str | Path) -> None:
    """Write the run to a file, whole or not at all; raise InputError for one that `load_run` would refuse."""
    content = run_to_json(run).encode()
    if len(content) > MAX_FILE_BYTES:
        expected = f"at most {MAX_FILE_BYTES} bytes: fewer layers, or shorter names"
        raise InputError(Problem("the run is too large to be read again", str(path), expected=expected))
    write_atomically(path, content)


def load_run(path: str | Path) -> Run:
    """Read a saved run; raises InputError when the file is missing, too large, or not a run."""
    return run_from_json(read_text(path, MAX_FILE_BYTES), str(path))


def _line(value: object) -> str:
    return _dump(_tree(value))


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _tree(value: object) -> object:
    """Turn dataclasses into dictionaries and give every dictionary one order; a mapping keeps its own."""
    if value is None or isinstance(value, int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_tree(item) for item in value]
    if isinstance(value, dict | Mapping):
        keys = sorted(value, key=lambda key: (_KEY_ORDER.get(key, len(_KEY_ORDER)), key))
        return {key: _tree(value[key]) for key in keys}
    names = value.__dataclass_fields__  # type: ignore[attr-defined]
    return {name: getattr(value, name) if name == "mapping" else _tree(getattr(value, name)) for name in names}


def _bounded(problems: list[Problem], file: str | None) -> list[Problem]:
    if len(problems) <= MAX_PROBLEMS:
        return problems
    return [*problems[:MAX_PROBLEMS], Problem(f"and {len(problems) - MAX_PROBLEMS} more problems", file)]
