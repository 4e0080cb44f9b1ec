"""Write the project's own layer list in YAML: everything that a network is, one line a layer."""

import re
from pathlib import Path

from simulator.network.ir import Network
from simulator.source.files import write_atomically
from simulator.source.parser import Value
from workloads.exporters.records import records_of

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./+-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def export_yaml(network: Network, path: Path) -> None:
    """Write a network to a file; `workloads.importers.yaml_layers` reads it back as it was."""
    write_atomically(path, yaml_text(network))


def yaml_text(network: Network) -> str:
    """Return a network as YAML."""
    lines = [f"name: {_scalar(network.name)}", "inputs:"]
    lines += [f"  {_scalar(name)}: {_flow(_extents(shape))}" for name, shape in network.inputs.items()]
    lines.append("layers:")
    for record in records_of(network):
        keys = ", ".join(f"{key}: {_flow(value)}" for key, value in record.items())
        lines.append(f"  - {{{keys}}}")
    lines.append(f"outputs: {_flow(list(network.outputs))}")
    if network.facts:
        lines.append("facts:")
        lines += [f"  {_scalar(key)}: {_quoted(value)}" for key, value in network.facts.items()]
    return "\n".join(lines) + "\n"


def _extents(shape: tuple[int, int, int, int]) -> list[Value]:
    return list(shape if shape[0] != 1 else shape[1:])


def _flow(value: Value) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_flow(entry) for entry in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _scalar(value) if isinstance(value, str) else repr(value)


def _scalar(text: str) -> str:
    """Return text as it can be read back as text: plain where that is safe."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else _quoted(text)


def _quoted(text: str) -> str:
    return f'"{"".join(_escaped(character) for character in text)}"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08X}"
