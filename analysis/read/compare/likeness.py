"""What runs that are compared have in common: names that tell them apart, warnings of what cannot be compared."""

from collections.abc import Sequence

from analysis.read import units
from analysis.read.objective import CYCLES, ENERGY, Measure, objective_of
from simulator.errors import InputError, Problem, nearest
from simulator.result.run import Run

ASKED = ("network", "machine")


def _choice(run: Run) -> str:
    return "mapped by file" if run.options.get("mapping") else f"{run.options.get('dataflow', 'best')} dataflow"


def features(run: Run) -> dict[str, str]:
    """Return what a run is of, a short text each; a setting of the machine is part of its name."""
    return {
        "network": run.network.name,
        "machine": run.hardware.name,
        "batch": f"batch {run.options.get('batch', 1)}",
        "objective": f"for {objective_of(run)}",
        "choice": _choice(run),
    }


def run_labels(runs: Sequence[Run], files: Sequence[str] = ()) -> list[str]:
    """Name runs as shortly as tells them apart: by all that is not the same in all of them, else by file or number."""
    found = [features(run) for run in runs]
    differing = [name for name in found[0] if len({each[name] for each in found}) > 1]
    labels = [_label(each, differing) if differing else _label(each, ASKED) for each in found]
    if len(set(labels)) == len(labels):
        return labels
    labels = [_label(each, [*ASKED, *(name for name in differing if name not in ASKED)]) for each in found]
    if len(set(files)) == len(runs):
        return [f"{file} ({label})" for file, label in zip(files, labels, strict=True)]
    return [f"{number}: {label}" for number, label in enumerate(labels, start=1)]


def _label(found: dict[str, str], names: Sequence[str]) -> str:
    """Write "NETWORK on MACHINE, batch 4, for energy" of those features that are asked for."""
    named = " on ".join(found[name] for name in ASKED if name in names)
    return ", ".join([*filter(None, [named]), *(found[name] for name in names if name not in ASKED)])


def unlike(runs: Sequence[Run], measure: Measure) -> list[str]:
    """Return, a line each, in what runs differ that makes their figures speak of different things."""
    wrong = {
        "batch": "totals are of the whole batch, not of one inference",
        "objective": "their mappings minimize different things",
        "choice": "their mappings were chosen in different ways",
    }
    found = [features(run) for run in runs]
    told = {name: list(dict.fromkeys(each[name] for each in found)) for name in wrong}
    lines = [f"{' and '.join(told[name])}: {why}" for name, why in wrong.items() if len(told[name]) > 1]
    clocks = sorted({run.hardware.clock_hz for run in runs})
    if measure is CYCLES and len(clocks) > 1:
        span = " to ".join(units.clock(clock) for clock in (clocks[0], clocks[-1]))
        lines.append(f"clocks of {span}: cycles of one are not those of another; see latency and `in time`")
    versions = sorted({run.provenance.get("squeezesim", "") for run in runs})
    if len(versions) > 1:
        lines.append(f"made by versions {' and '.join(versions)}: the model may have changed between them")
    tables = list(dict.fromkeys(run.hardware.energy_table for run in runs))
    if measure is ENERGY and len(tables) > 1:
        lines.append(f"energies by the tables {' and '.join(tables)}, which price the same action differently")
    return lines


def ordered(runs: Sequence[Run], files: Sequence[str], baseline: str) -> tuple[list[Run], list[str]]:
    """Return runs and their labels, that one first which `baseline` names: by file, label, network or machine."""
    labels = run_labels(runs, files)
    if not baseline:
        return list(runs), labels
    names = [{label, *files[i : i + 1], runs[i].network.name, runs[i].hardware.name} for i, label in enumerate(labels)]
    meant = [i for i, known in enumerate(names) if baseline in known]
    if len(meant) != 1:
        message = "several runs of this name" if meant else "no run of this name"
        expected = f"one of {'; '.join(labels)}"
        suggestion = nearest(baseline, {name for known in names for name in known})
        raise InputError(Problem(message, "--baseline", expected=expected, got=baseline, suggestion=suggestion))
    order = [*meant, *(i for i in range(len(runs)) if i not in meant)]
    return [runs[i] for i in order], [labels[i] for i in order]
