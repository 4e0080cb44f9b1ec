"""SCALE-Sim's configurations (`.cfg`, versions 1 to 3) as machines."""

import re
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path

from simulator.errors import InputError, Problem, nearest
from simulator.source.files import read_text
from simulator.source.parser import MAX_BYTES

DATAFLOWS = {"is": "input_stationary_lowered", "os": "output_stationary_lowered", "ws": "weight_stationary_lowered"}
SIZES = ("ArrayHeight", "ArrayWidth")
MEMORIES = {"IfmapSramSz": "inputs", "FilterSramSz": "weights", "OfmapSramSz": "outputs"}
"""Key of a memory's size in KiB -> what it holds; from version 2 on `kB` stands behind."""
READ = frozenset({*SIZES, *MEMORIES, *(f"{key}kB" for key in MEMORIES), "Dataflow", "Bandwidth"})
FREE = frozenset(
    {"IfmapOffset", "FilterOffset", "OfmapOffset", "MemoryBanks", "run_name", "InterfaceBandwidth", "UseRamulatorTrace"}
)
REFUSED = frozenset({"SparsitySupport", "OptimizedMapping"})
"""Keys that, set to true, ask for what is no part of a machine here."""
INTERFACES = 3  # of inputs, weights and outputs, each with the bandwidth

MACHINE = """\
# {file}, a configuration of SCALE-Sim: a systolic array with a memory for each operand.
name: {name}
source: Samajdar et al., SCALE-Sim, ISPASS 2020 (what an array of it does); {file} (sizes)
clock: 1 GHz                   # cycles are what it reports
precision_bits: {{inputs: 8, weights: 8, outputs: 8, partial_sums: 8}}    # words of one byte, its default

array:
  rows: {rows}                     # ArrayHeight
  columns: {columns}                  # ArrayWidth
  registers_words: {{inputs: 1, weights: 1, outputs: 1}}  # a PE keeps one operand and passes the others on
  skewed: true                 # operands enter as a wave front
  delivery:                    # a whole row or column enters each cycle; results leave unhindered
    inputs: {{network: systolic, words_per_cycle: edge, preload: exposed}}
    weights: {{network: systolic, words_per_cycle: edge, preload: exposed}}
    outputs: {{network: systolic, words_per_cycle: 1048576, directions: concurrent, reduce_along: rows}}

buffers:                       # double-buffered, as its memories are
{buffers}
dma: {{channels: 3}}             # an interface for each operand
dram: {{bandwidth: {bandwidth}, latency_cycles: 0, burst: 1 B}}    # {why}; it knows no latency

vector: {{lanes: {columns}}}           # none there; one a column
fuses: [activation, batch_norm]
folds: [concat, split, reshape]

layers:
  order: serial                # one layer after the other
  keep_activations: false

dataflows: [{dataflow}]    # Dataflow
energy: cmos                   # it has none: laws of circuits
"""


def text_of_configuration(path: Path) -> str:
    """Return the machine of a configuration; raise InputError with everything that is wrong with it."""
    options = _options(path)
    problems: list[Problem] = []
    rows, columns = (_number(options, key, path, problems) for key in SIZES)
    sizes = {holds: _number(options, _memory(options, key), path, problems) for key, holds in MEMORIES.items()}
    told = _told(options, "Dataflow").lower()
    if told not in DATAFLOWS:
        problems.append(_wrong(path, "Dataflow", "one of is, os, ws", told or "nothing"))
    if any(_told(options, key).lower() == "true" for key in REFUSED):
        problems.append(_wrong(path, "SparsitySupport", "false: zeros are shares of a layer here", "true"))
    bandwidth, why = _bandwidth(options, path, problems)
    if problems:
        raise InputError(*problems)
    kept = (f"  - {{name: {key}, holds: [{key}], capacity: {size} KiB}}\n" for key, size in sizes.items())
    name = re.sub(r"\W+", "_", _told(options, "run_name") or path.stem)[:100].lower() or "scalesim"
    return MACHINE.format(
        file=path.name,
        name=name,
        rows=rows,
        columns=columns,
        buffers="".join(kept),
        bandwidth=bandwidth,
        why=why,
        dataflow=DATAFLOWS[told],
    )


def _options(path: Path) -> Mapping[str, str]:
    """Return all options of all sections, keys without regard to case, as SCALE-Sim reads them."""
    parser = ConfigParser(interpolation=None, strict=False, inline_comment_prefixes=("#", ";"))
    try:
        parser.read_string(read_text(path, MAX_BYTES))
    except ConfigError as error:
        line = getattr(error, "lineno", None) or next((at for at, _ in getattr(error, "errors", ())), None)
        reason = "lines of `key: value` below `[section]`"
        raise InputError(Problem("not a configuration", str(path), line, expected=reason)) from error
    found = {key: value.strip().strip('"') for section in parser.sections() for key, value in parser[section].items()}
    if not found.keys() & {key.lower() for key in SIZES}:
        raise InputError(Problem("not a configuration of SCALE-Sim", str(path), expected="ArrayHeight and ArrayWidth"))
    return found


def _told(options: Mapping[str, str], key: str) -> str:
    return options.get(key.lower(), "")


def _memory(options: Mapping[str, str], key: str) -> str:
    return f"{key}kB" if f"{key}kb".lower() in options else key


def _number(options: Mapping[str, str], key: str, path: Path, problems: list[Problem]) -> int:
    text = _told(options, key)
    if text.isascii() and text.isdecimal() and 1 <= len(text) < 8 and int(text):
        return int(text)
    close = nearest(key, options)
    suggestion = close if not text and close and close not in {known.lower() for known in READ} else None
    problems.append(_wrong(path, key, "a whole number of 1 or more", text or "nothing", suggestion))
    return 0


def _bandwidth(options: Mapping[str, str], path: Path, problems: list[Problem]) -> tuple[str, str]:
    """Return the bandwidth of DRAM, and where it is from: none is stated where SCALE-Sim is asked what is needed."""
    if _told(options, "InterfaceBandwidth").upper() == "CALC":
        return "unlimited", "InterfaceBandwidth: CALC, it is worked out, not given"
    words = _told(options, "Bandwidth").partition(",")[0]
    if not words:
        return "unlimited", "no Bandwidth"
    if not (words.isdecimal() and len(words) < 6 and int(words)):
        problems.append(_wrong(path, "Bandwidth", "words a cycle", words))
        return "unlimited", ""
    return f"{INTERFACES * int(words)} GB/s", f"Bandwidth: {words} words a cycle at each of three interfaces"


def _wrong(path: Path, key: str, expected: str, got: str, suggestion: str | None = None) -> Problem:
    message = "missing key" if got == "nothing" else "wrong value"
    return Problem(message, str(path), path=key, expected=expected, got=got, suggestion=suggestion)
