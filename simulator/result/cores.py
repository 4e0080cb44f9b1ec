"""What a run says of several cores: fields are keys of its JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from simulator.result.run import LayerResult, Run

Broken = tuple[str, str, str, str]
"""Where, which field, the law, the figures."""

SplitBy = Literal["filters", "rows", "samples"]
Together = Literal["split", "pipelined", "frames"]


@dataclass(frozen=True, slots=True)
class CorePart:
    """What one core did of an op that is split: a slice of it, under a mapping of its own.

    It took `cycles` beside the others, and takes `alone_cycles` with the DRAM port to itself.
    """

    name: str
    macs: int
    effective_macs: int
    cycles: int
    alone_cycles: int
    compute_cycles: int
    mapped_pes: int
    dram_cycles: int  # at the port
    dram_bytes: int
    mapping: Mapping[str, object] | None  # as a mapping file holds it


@dataclass(frozen=True, slots=True)
class SplitResult:
    """How an op ran on several cores."""

    by: SplitBy
    parts: tuple[CorePart, ...]

    @property
    def waited_cycles(self) -> int:
        """Cycles that the core which ended last waited for others at the DRAM port."""
        last = max(self.parts, key=lambda part: part.cycles)
        return last.cycles - last.alone_cycles


@dataclass(frozen=True, slots=True)
class CoreRange:
    """The ops that a core runs by itself, one after the other, while the others run theirs: from the first to the last.

    All set out together on a frame each; this one took `cycles`, and takes `alone_cycles` with the port to itself.
    """

    first: str
    last: str
    cycles: int
    alone_cycles: int


@dataclass(frozen=True, slots=True)
class CoresResult:
    """What the cores of a machine did: ops `split` over them, or ops, or frames, of their own.

    `splits` are of ops that are; others ran on one core. Ranges are of cores that work on frames of their own, which
    `Run.steady` tells of.
    """

    count: int
    together: Together
    splits: Mapping[str, SplitResult] = field(default_factory=dict)
    ranges: tuple[CoreRange, ...] = ()
    streams: int = 1  # cores that the DRAM port serves at a time

    @property
    def period_cycles(self) -> int:
        """Cycles from one time that all cores set out on frames of their own to the next; 0 where they do not."""
        return max((each.cycles for each in self.ranges), default=0)

    @property
    def frames(self) -> int:
        """Frames, or batches, that are done in a period."""
        return len(self.ranges) if self.together == "frames" else 1


def mappings_of(cores: CoresResult | None) -> dict[str, Mapping[str, object] | None]:
    """Return the mappings of what cores did of ops that are split, by the names of the slices."""
    splits = cores.splits.values() if cores else ()
    return {part.name: part.mapping for split in splits for part in split.parts}


def note_of(layer: "LayerResult", run: "Run") -> str:
    """Say how an op was cut over cores, if it was."""
    split = run.cores.splits.get(layer.name) if run.cores else None
    return f"by {split.by} over {len(split.parts)} cores" if split else ""


def busy_pe_cycles(layer: "LayerResult", run: "Run") -> int:
    """MAC cycles x PEs that have work in them, of all cores."""
    split = run.cores.splits.get(layer.name) if run.cores else None
    if split is None:
        return layer.cycle_parts.get("compute", 0) * layer.mapped_pes
    return sum(part.compute_cycles * part.mapped_pes for part in split.parts)


def broken_cores(run: "Run") -> Iterator[Broken]:
    """Find what cores cannot have done: more or less than the op, in less time than any of them needs, or than all."""
    if run.cores is None:
        return
    if run.cores.streams < 1:
        yield "cores", "streams", "the port serves one core at a time, or more", str(run.cores.streams)
        return
    layers = {layer.name: layer for layer in run.layers}
    for name, split in run.cores.splits.items():
        if name not in layers or not 0 < len(split.parts) <= run.cores.count:
            yield name, "cores.splits", "ops are split over cores of the machine", f"{len(split.parts)} parts"
        else:
            yield from _of_split(layers[name], split, run.cores.streams)
    if run.cores.ranges:
        yield from _of_ranges(run)
    elif run.cores.together != "split":
        yield "cores", "ranges", "cores that have frames of their own have ranges", "none"


def _of_split(layer: "LayerResult", split: SplitResult, streams: int) -> Iterator[Broken]:
    parts = split.parts
    for field_, law, got, expected in (
        ("macs", "MACs of cores = those of the op", sum(part.macs for part in parts), layer.macs),
        (
            "effective_macs",
            "MACs of cores = those of the op",
            sum(part.effective_macs for part in parts),
            layer.effective_macs,
        ),
        ("dram_bytes", "bytes of cores = those of the op", sum(p.dram_bytes for p in parts), layer.bytes_at("dram")),
        ("cycles", "an op ends when its last core does", max(part.cycles for part in parts), layer.cycles),
    ):
        if got != expected:
            yield layer.name, f"cores.{field_}", law, f"{got} != {expected}"
    alone, port = [part.alone_cycles for part in parts], -(-sum(part.dram_cycles for part in parts) // streams)
    yield from _between(layer.name, layer.cycles, max(port, *alone), sum(alone))
    for part in parts:
        if part.cycles < part.alone_cycles:
            figures = f"{part.cycles} < {part.alone_cycles}"
            yield layer.name, "cores.cycles", "no core is faster beside others", figures


def _between(where: str, cycles: int, least: int, most: int) -> Iterator[Broken]:
    """Compare what cores take together with what each, and the DRAM port, takes alone, and one after the other."""
    if not least <= cycles <= most:
        figures = f"{cycles}, {least} to {most}"
        yield where, "cores.cycles", "cores take at least what each takes alone, at most the sum", figures


def _of_ranges(run: "Run") -> Iterator[Broken]:
    assert run.cores is not None
    fused, place = run.producer_of(), {layer.name: at for at, layer in enumerate(run.layers)}
    ranges, steady = run.cores.ranges, run.steady
    if any(name not in place for each in ranges for name in (each.first, each.last)):
        yield "cores", "ranges", "ranges are of ops of the network", ", ".join(each.first for each in ranges)
        return
    ends = [(place[each.first], place[each.last]) for each in ranges]
    told = [[layer for layer in run.layers[a : b + 1] if layer.cycles] for a, b in ends]
    running = [layer for layer in run.layers if layer.cycles and not layer.folded and layer.name not in fused]
    covered = [running] * len(ranges) if run.cores.together == "frames" else [running]
    got = told if run.cores.together == "frames" else [[layer for own in told for layer in own]]
    if [[layer.name for layer in each] for each in got] != [[layer.name for layer in each] for each in covered]:
        yield "cores", "ranges", "each op is in the range of one core", f"{len(ranges)} ranges"
    for own, each in zip(told, ranges, strict=True):
        if (cycles := sum(layer.cycles for layer in own)) != each.alone_cycles:
            yield (
                each.first,
                "cores.alone_cycles",
                "a range takes what its ops take",
                f"{each.alone_cycles} != {cycles}",
            )
        if each.cycles < each.alone_cycles:
            yield each.first, "cores.cycles", "no core is faster beside others", f"{each.cycles} < {each.alone_cycles}"
    alone = [each.alone_cycles for each in ranges]
    port = -(-sum(layer.bounds.get("dram", 0) for own in told for layer in own) // run.cores.streams)
    yield from _between("cores", run.cores.period_cycles, max(port, *alone), sum(alone))
    period = -(-run.cores.period_cycles // run.cores.frames)
    if steady is None or steady.cycles != period:
        yield "steady", "cycles", "frames come in the period of the cores", f"{steady and steady.cycles} != {period}"
