"""Schedules as files: read and checked against network and machine, and written."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import get_args

from simulator.errors import InputError, Problem, nearest
from simulator.hardware.model import Hardware
from simulator.network.ir import Network
from simulator.schedule.check import Fault, faults
from simulator.schedule.check_cores import faults_of_cores
from simulator.schedule.choice import Schedule, Split
from simulator.schedule.schema import WrittenSchedule
from simulator.schedule.stacks import Part, Place, Stack
from simulator.source import Document, load_yaml, validate
from simulator.source.parser import OF_LAYERS

OF_STACKS: tuple[Part, ...] = tuple(part for part in get_args(Part) if part not in ("whole", "frames"))


def read_schedule(path: str | Path) -> tuple[WrittenSchedule, Document]:
    """Read a schedule file as it is written; raise InputError with every fault of its form."""
    document = load_yaml(path, OF_LAYERS)
    return validate(document, WrittenSchedule), document


def load_schedule(path: str | Path, network: Network, hardware: Hardware) -> Schedule:
    """Read a schedule file for a network on a machine; raise InputError with every problem."""
    written, document = read_schedule(path)
    addresses: dict[Place, int] = {(name, "whole"): address for name, address in written.kept.items()}
    addresses |= {(name, "frames"): address for name, address in written.weights.items()}
    for name, parts in written.parts.items():
        told = {part: getattr(parts, part) for part in OF_STACKS}
        addresses |= {(name, part): address for part, address in told.items() if address is not None}
    stacks = tuple(Stack(tuple(each.ops), each.strip_rows, each.weights, each.overlap) for each in written.stacks)
    splits = {name: Split(each.by, each.cores or hardware.cores) for name, each in written.split.items()}
    together = written.cores or ("pipelined" if written.pipeline else "split")
    schedule = Schedule(stacks, addresses, together, splits, tuple(written.pipeline))
    found = [*_order(written.order, network, hardware)] or [
        *faults(schedule, network, hardware),
        *faults_of_cores(schedule, network, hardware),
    ]
    if found:
        raise InputError(*(_problem(document, fault) for fault in found))
    return schedule


def _problem(document: Document, fault: Fault) -> Problem:
    told = {"expected": fault.expected, "got": fault.got, "suggestion": fault.suggestion}
    return document.problem(fault.path, fault.message, of_key=fault.of_key, **told)


def _order(order: Sequence[str], network: Network, hardware: Hardware) -> Iterator[Fault]:
    """Yield what speaks against an order of ops: it is that of the network, in which each finds its inputs made."""
    running = ops_that_run(network, hardware)
    for at, name in enumerate(order):
        if name not in running:
            yield Fault(("order", at), "no op of the network that runs by itself", None, name, nearest(name, running))
        elif name in order[:at]:
            yield Fault(("order", at), "given twice", "each op once", name)
    if missing := [name for name in running if name not in order]:
        yield Fault(("order",), f"{len(missing)} ops are missing", "every op that runs by itself", missing[0])
    if set(order) == set(running) and len(order) == len(running):
        for at, (name, expected) in enumerate(zip(order, running, strict=True)):
            if name != expected:
                message = "the order is against the graph's: ops run as the network lists them"
                yield Fault(("order", at), message, expected, name)
                return


def ops_that_run(network: Network, hardware: Hardware) -> list[str]:
    """Return the ops of a network that a machine neither fuses nor folds."""
    from simulator.schedule.fusion import fuse

    return list(fuse(network, hardware).groups)


def schedule_to_yaml(schedule: Schedule, order: Iterable[str], title: str) -> str:
    """Write a schedule as a file that `load_schedule` reads."""
    running = [f"- {_quoted(name)}" for name in order]
    lines = [f"# {title}", *(["order:", *running] if running else ["order: []"])]
    if schedule.stacks:
        lines.append("stacks:")
    for stack in schedule.stacks:
        lines.append(f"- ops: [{', '.join(map(_quoted, stack.ops))}]")
        lines += [f"  strip_rows: {stack.strip_rows}", f"  weights: {stack.weights}"]
        lines += [f"  overlap: {stack.overlap}"] if stack.overlap != "kept" else []
    kept = {name: address for (name, part), address in schedule.addresses.items() if part == "whole"}
    lines += ["kept:", *(f"  {_quoted(name)}: {address}" for name, address in kept.items())] if kept else []
    parts: dict[str, list[str]] = {}
    for (name, part), address in schedule.addresses.items():
        if part in OF_STACKS:
            parts.setdefault(name, []).append(f"{part}: {address}")
    lines += ["parts:"] if parts else []
    lines += [f"  {_quoted(name)}: {{{', '.join(told)}}}" for name, told in parts.items()]
    frames = schedule.frame_weights
    lines += ["weights:", *(f"  {_quoted(name)}: {address}" for name, address in frames.items())] if frames else []
    return "\n".join([*lines, *_of_cores(schedule)]) + "\n"


def _of_cores(schedule: Schedule) -> list[str]:
    """Return the lines on what several cores do; none for one."""
    lines = [f"cores: {schedule.together}"] if schedule.together != "split" or schedule.splits else []
    told = [f"  {_quoted(name)}: {{by: {by}, cores: {cores}}}" for name, (by, cores) in schedule.splits.items()]
    lines += ["split:", *told] if told else []
    return lines + (["pipeline:", *(f"- {_quoted(name)}" for name in schedule.pipeline)] if schedule.pipeline else [])


def _quoted(name: str) -> str:
    plain = re.fullmatch(r"[A-Za-z_][\w./-]*", name) and name.lower() not in ("null", "true", "false")
    return name if plain else "'" + name.replace("'", "''") + "'"
