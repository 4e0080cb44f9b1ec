"""Timeloop's architectures (YAML of versions 0.2 to 0.4) as machines.

An architecture is a tree, outermost first: DRAM, memories, and PEs of which there are many. Here it is one line of
memories, and where the instances become many the PEs begin. The innermost memory of an operand in a PE is its
registers; others are levels. What a tree says beyond that is refused by name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

from simulator.errors import InputError
from simulator.hardware.schema import MAX_LEVELS
from simulator.nest import OPERAND_NAMES
from simulator.source.document import Document, parse_yaml, show
from simulator.source.files import read_text
from simulator.source.parser import MAX_BYTES, Value
from simulator.source.units import frequency_text

TAGS = re.compile(r"(^|[\s\[,{-])(!(?:Component|Container|Hierarchical|Nothing|Parallel))\b")
RANGE = re.compile(r"(.*)\[(\d+)\.\.(\d+)\]")
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
VERSIONS = ("0.2", "0.3", "0.4")
DUMMY = ("dummy",)
"""How names begin of memories that only stand for a place."""
DATA_SPACES = {"inputs": "inputs", "outputs": "outputs", "weights": "weights"}
BY_NAME = {
    "inputs": re.compile(r"ifmap|input|iact"),
    "weights": re.compile(r"weight|filter|wght"),
    "outputs": re.compile(r"psum|ofmap|output|accum"),
}
"""Operand -> names of memories that are for it alone."""
USUAL_BITS = 16
USUAL_WORDS = 16  # a cycle over each network, where none are stated and the array is smaller
USUAL_SECONDS = 1e-9
REFUSED_PARTS = ("sparse_optimizations",)

MACHINE = """\
# {file}, an architecture of Timeloop.
name: {name}
source: Parashar et al., Timeloop, ISPASS 2019 (what an architecture means); {file} (sizes)
clock: {clock}                 # {clock_from}
precision_bits: {{inputs: {bits}, weights: {bits}, outputs: {bits}, partial_sums: {bits}}}    # word-bits, datawidth

array:
  rows: {rows}                     # meshY
  columns: {columns}                  # meshX
  registers_words: {{inputs: {inputs}, weights: {weights}, outputs: {outputs}}}    # innermost memories of a PE
  delivery:                    # {words_from}
    inputs: {{network: multicast, words_per_cycle: {words}}}
    weights: {{network: multicast, words_per_cycle: {words}}}
    outputs: {{network: multicast, words_per_cycle: {words}, directions: concurrent, reduce_along: both}}

buffers:                       # outermost first
{buffers}
dma: {{padding: moved, halo: kept}}  # Timeloop knows no padding, and keeps what a tile shares with the one before
dram: {{bandwidth: {bandwidth}, latency_cycles: 0, burst: {burst} B}}    # {dram_from}; it knows no latency

vector: {{lanes: {columns}}}           # none there; one a column
fuses: [activation, batch_norm]
folds: [concat, split, reshape]

dataflows: [row_stationary, weight_stationary, output_stationary_channels, input_stationary, no_local_reuse]    # any
energy: eyeriss_relative       # its own table comes out of Accelergy's plug-ins
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A memory or a multiplier: its path in the file, its attributes, and the instances of it along either axis."""

    path: str
    name: str
    kind: str
    attributes: Mapping[str, Value]
    keep: Value
    bypass: Value
    columns: int
    rows: int

    @property
    def instances(self) -> int:
        """How many there are."""
        return self.columns * self.rows


@dataclass(slots=True)
class _Tree:
    """The file on its way into a line of parts."""

    document: Document
    parts: list[Part] = field(default_factory=list)

    def wrong(self, path: str, message: str, expected: str, got: str | None = None) -> InputError:
        return InputError(self.document.problem(path, message, expected=expected, got=got))

    def number(self, value: Value, path: str, around: Mapping[str, Value]) -> float:
        """Return a number; a word stands for another attribute, and products of both are worked out."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        factors = [part.strip() for part in str(value).split("*")]
        if all(NUMBER.fullmatch(part) or (part in around and around[part] != value) for part in factors):
            return prod(float(p) if NUMBER.fullmatch(p) else self.number(around[p], path, {}) for p in factors)
        raise self.wrong(path, "not a number", "a number, or the name of another attribute", show(value))


def text_of_architecture(path: Path) -> str:
    """Return the machine of an architecture; raise InputError with what of it a machine cannot say."""
    text = TAGS.sub(lambda match: match[1] + " " * len(match[2]), read_text(path, MAX_BYTES))
    document = parse_yaml(text, str(path))
    tree = _Tree(document)
    _read(tree)
    return _written(tree, path)


def _read(tree: _Tree) -> None:
    """Collect the parts of the tree, outermost first."""
    data = tree.document.data
    for part in REFUSED_PARTS:
        if part in data:
            raise tree.wrong(part, "zeros are no part of a machine", "an architecture without it")
    root = data.get("architecture")
    if not isinstance(root, dict):
        raise tree.wrong("", "not an architecture of Timeloop", "`architecture:`", ", ".join(data))
    version = str(root.get("version", VERSIONS[0]))
    if version not in VERSIONS:
        raise tree.wrong(
            "architecture.version", "a version that is not known", f"one of {', '.join(VERSIONS)}", version
        )
    if "nodes" in root:
        _flat(tree, root["nodes"], "architecture.nodes")
    else:
        _nested(tree, root, "architecture", {}, (1, 1))


def _flat(tree: _Tree, nodes: Value, path: str) -> None:
    """Read the list of version 0.4: what stands below a container has as many instances as it and its own mesh."""
    inherited: dict[str, Value] = {}
    mesh = (1, 1)
    for at, node in enumerate(nodes if isinstance(nodes, list) else ()):
        here = f"{path}.{at}"
        if not isinstance(node, dict):
            raise tree.wrong(here, "not a node", "a mapping with a name", show(node))
        if "nodes" in node:
            raise tree.wrong(f"{here}.nodes", "several parts beside one another", "one part after the other")
        own = {key: inherited.get(key, value) if value == key else value for key, value in _attributes(node)}
        spatial = _mapping(node.get("spatial"))
        sizes = [
            int(tree.number(spatial.get(key, 1), f"{here}.spatial.{key}", inherited)) for key in ("meshX", "meshY")
        ]
        mesh_here = (mesh[0] * sizes[0], mesh[1] * sizes[1])
        if "class" in node:
            kept = _mapping(_mapping(node.get("constraints")).get("dataspace"))
            told = str(node.get("name", "")), str(node["class"])
            tree.parts.append(Part(here, *told, inherited | own, kept.get("keep"), kept.get("bypass"), *mesh_here))
        else:
            inherited, mesh = inherited | own, mesh_here


def _nested(
    tree: _Tree, node: Mapping[str, Value], path: str, inherited: Mapping[str, Value], mesh: tuple[int, int]
) -> None:
    """Read the trees of versions 0.2 and 0.3: `local` parts, then one `subtree`; `PE[0..167]` are 168 of one kind."""
    inherited = {**inherited, **_mapping(node.get("attributes"))}
    for at, part in enumerate(_list(node.get("local"))):
        here = f"{path}.local.{at}"
        attributes = {**inherited, **_mapping(part.get("attributes"))}
        count, name = _counted(str(part.get("name", "")), mesh[0] * mesh[1])
        columns = min(int(tree.number(attributes.get("meshX", count), f"{here}.meshX", inherited)), count)
        if columns < 1 or count % columns:
            raise tree.wrong(here, "instances do not divide into columns", f"a divisor of {count}", str(columns))
        told = (name, str(part.get("class", "")), attributes, None, None)
        tree.parts.append(Part(here, *told, columns, count // columns))
    below = _list(node.get("subtree"))
    if len(below) > 1:
        raise tree.wrong(f"{path}.subtree", "several kinds of part beside one another", "one subtree a level")
    for part in below:
        count, _ = _counted(str(part.get("name", "")), 1)
        _nested(tree, part, f"{path}.subtree.0", inherited, (mesh[0] * count, mesh[1]))


def _counted(name: str, instances: int) -> tuple[int, str]:
    """Return how many instances a name stands for, and the name alone."""
    match = RANGE.fullmatch(name)
    return (instances * (int(match[3]) - int(match[2]) + 1), match[1]) if match else (instances, name)


def _attributes(node: Mapping[str, Value]) -> Iterable[tuple[str, Value]]:
    return _mapping(node.get("attributes")).items()


def _mapping(value: Value) -> dict[str, Value]:
    return value if isinstance(value, dict) else {}


def _list(value: Value) -> list[dict[str, Value]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class _Memory:
    """A memory on chip: what it holds, its words, and whether each PE has one."""

    part: Part
    holds: tuple[str, ...]
    words: int
    in_pe: bool


def _written(tree: _Tree, path: Path) -> str:
    """Return the text of the machine that the parts are."""
    parts = [part for part in tree.parts if not part.name.lower().startswith(DUMMY)]
    macs = [part for part in parts[1:] if "mac" in part.kind.lower() or part.kind.lower() == "compute"]
    if not parts or parts[0].kind.lower() != "dram" or len(macs) != 1:
        raise tree.wrong("architecture", "no line from DRAM to MACs", "a part of class DRAM first, and one kind of MAC")
    dram = parts[0]
    bits = int(_attribute(tree, dram, USUAL_BITS, "word-bits", "word_bits", "datawidth"))
    memories = list(_memories(tree, [part for part in parts[1:] if part is not macs[0]], macs[0]))
    registers, levels = _registers(memories)
    outer = levels[0] if levels and not levels[0].in_pe else None
    if outer is None:
        raise tree.wrong("architecture", "no memory outside of the PEs", "one between DRAM and the array")
    seconds, words = _seconds(tree, dram), _attribute(tree, outer.part, 0, "read_bandwidth")
    wide = _attribute(tree, dram, 0, "shared_bandwidth", "read_bandwidth")
    return MACHINE.format(
        file=path.name,
        name=re.sub(r"\W+", "_", path.stem)[:100].lower() or "timeloop",
        clock=frequency_text(round(1 / seconds)),
        clock_from="global_cycle_seconds, 1 ns unless told",
        bits=bits,
        rows=macs[0].rows,
        columns=macs[0].columns,
        **registers,
        words=max(1, int(words)) if words else max(macs[0].rows, macs[0].columns, USUAL_WORDS),
        words_from=f"read_bandwidth of {outer.part.name}" if words else "no bandwidth is stated: wide enough",
        buffers="".join(_buffers(tree, levels, bits)),
        bandwidth=f"{round(wide * bits / 8 / seconds / 1e6)} MB/s" if wide else "unlimited",
        burst=max(1, bits // 8),
        dram_from="bandwidth in words a cycle" if wide else "none is stated",
    )


def _seconds(tree: _Tree, part: Part) -> float:
    seconds = _attribute(tree, part, USUAL_SECONDS, "global_cycle_seconds", "cycle_seconds")
    if not 1e-12 <= seconds <= 1e-6:
        raise tree.wrong(part.path, "not a time of a cycle", "1e-12 to 1e-6 seconds", str(seconds))
    return seconds


def _attribute(tree: _Tree, part: Part, usual: float, *names: str) -> float:
    """Return the first of some attributes that is there."""
    for name in names:
        if part.attributes.get(name) is not None:
            return tree.number(part.attributes[name], part.path, part.attributes)
    return usual


def _memories(tree: _Tree, parts: Sequence[Part], macs: Part) -> Iterator[_Memory]:
    """Yield the memories, outermost first."""
    for part in parts:
        if part.instances not in (1, macs.instances):
            expected = f"1 of it, or {macs.instances}, one for each PE"
            raise tree.wrong(part.path, f"{part.name}: memories between chip and PE", expected, str(part.instances))
        words = _words(tree, part)
        holds = _held(tree, part)
        if holds:
            yield _Memory(part, holds, words, part.instances > 1 or macs.instances == 1)


def _words(tree: _Tree, part: Part) -> int:
    """Return the words of a memory: entries, or depth x width / bits of a word, or KiB."""
    bits = _attribute(tree, part, USUAL_BITS, "word-bits", "word_bits", "datawidth")
    entries = _attribute(tree, part, 0, "entries")
    depth = _attribute(tree, part, 0, "depth", "memory_depth")
    width = _attribute(tree, part, bits, "width", "memory_width")
    block = _attribute(tree, part, 1, "block-size", "block_size")
    kib = _attribute(tree, part, 0, "sizeKB")
    words = entries or (depth * max(width, block * bits) / bits) or kib * 1024 * 8 / bits
    if not 1 <= words <= 1 << 40:
        raise tree.wrong(part.path, f"{part.name}: nothing tells its size", "depth and width, entries, or sizeKB")
    return int(words)


def _held(tree: _Tree, part: Part) -> tuple[str, ...]:
    """Return the operands that a memory keeps: by its constraints, else by its name, else all."""
    keep, bypass = (_operands(value) for value in (part.keep, part.bypass))
    named = tuple(operand for operand, pattern in BY_NAME.items() if pattern.search(part.name.lower()))
    if keep or bypass:
        return tuple(o for o in OPERAND_NAMES if o in keep or (not keep and o not in bypass))
    return named if len(named) == 1 else tuple(OPERAND_NAMES)


def _operands(value: Value) -> set[str]:
    names = value if isinstance(value, list) else re.findall(r"\w+", str(value or ""))
    return {DATA_SPACES[str(name).lower()] for name in names if str(name).lower() in DATA_SPACES}


def _registers(memories: Sequence[_Memory]) -> tuple[dict[str, int], list[_Memory]]:
    """Return the registers of each operand, and the memories that are levels: all but what registers are.

    A memory of one operand in each PE, with none of it further in, is that operand's registers.
    """
    registers = dict.fromkeys(OPERAND_NAMES, 1)
    levels = list(memories)
    for operand in OPERAND_NAMES:
        inner = [memory for memory in levels if operand in memory.holds]
        outside = [memory for memory in inner[:-1] if not memory.in_pe]
        if inner and inner[-1].in_pe and inner[-1].holds == (operand,) and outside:
            registers[operand] = inner[-1].words
            levels.remove(inner[-1])
    return registers, levels


def _buffers(tree: _Tree, memories: Sequence[_Memory], bits: int) -> Iterator[str]:
    """Yield a line for each memory: it lies below the last one that holds one of its operands or is outside of PEs."""
    above: list[list[_Memory]] = []
    for memory in memories:
        beside = above and not {o for other in above[-1] for o in other.holds} & set(memory.holds)
        if beside and above[-1][-1].in_pe == memory.in_pe:
            above[-1].append(memory)
        else:
            above.append([memory])
        if len(above) > MAX_LEVELS:
            raise tree.wrong(memory.part.path, "too many levels of memories", f"at most {MAX_LEVELS}")
        below = f", below: {_name(above[-2][0])}" if len(above) > 1 else ""
        inside = ", in_pe: true" if memory.in_pe else ", double_buffered: false"
        size = max(1, memory.words * bits // 8)
        yield f"  - {{name: {_name(memory)}{below}{inside}, holds: [{', '.join(memory.holds)}], capacity: {size} B}}\n"


def _name(memory: _Memory) -> str:
    return re.sub(r"\W+", "_", memory.part.name) or "memory"
