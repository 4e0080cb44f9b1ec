"""The mappings of a run: as the file that replays them, as the model's own, and verified on integers."""

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from analysis.read.layout import elide, printable
from analysis.read.units import count, counted
from simulator.cli.output import FAILED_CHECK
from simulator.mapping.mapping import Mapping
from simulator.mapping.schema import WrittenMappings
from simulator.mapping.text import LevelNames, mappings_to_yaml, read_mapping
from simulator.nest import LoopNest
from simulator.network.ir import Layer, Network
from simulator.result.run import Run
from simulator.source import parse_yaml, validate
from simulator.source.parser import OF_LAYERS

if TYPE_CHECKING:
    from simulator.verify import VerifyResult

NAME_WIDTH = 32


def saved_mappings(run: Run, layers: tuple[Layer, ...]) -> Iterator[tuple[Layer, Mapping]]:
    """Yield each layer that multiplies with its mapping, read back from the form in which the run is saved."""
    by_name, levels = {layer.name: layer for layer in layers}, levels_of(run)
    document = parse_yaml(run_mappings(run), "mappings", OF_LAYERS)
    for name, written in validate(document, WrittenMappings).layers.items():
        mapping, problems = read_mapping(written, by_name[name], document, levels)
        if mapping is None:
            raise ValueError("a mapping cannot be read back: " + "; ".join(problem.render() for problem in problems))
        yield by_name[name], mapping


def levels_of(run: Run) -> LevelNames:
    """Name the memory levels of a run's machine: one, unless the run holds the machine and it says more."""
    from simulator.cost.legality import level_names
    from simulator.door import machine_of

    whole = run.documents is not None and run.documents.hardware is not None
    return level_names(machine_of(run)) if whole else LevelNames()


def run_mappings(run: Run) -> str:
    """Return the mappings of a run as the file that `--mapping` replays."""
    chosen = [(layer.name, dict(layer.mapping)) for layer in run.layers if layer.mapping is not None]
    return mappings_to_yaml(chosen, printable(f"{run.network.name} on {run.hardware.name}"))


def verify_run(run: Run, network: Network) -> None:
    """Execute the mappings of a run on integers and compare with plain convolution.

    Print a line per distinct layer and mapping, then the verdict; leave with status 1 unless all are right.
    """
    from simulator.verify import verify_layer

    groups: dict[tuple[LoopNest | None, Mapping], list[Layer]] = defaultdict(list)
    for layer, mapping in saved_mappings(run, network.layers):
        groups[layer.nest, mapping].append(layer)
    print()
    failures, outside = 0, levels_of(run).outside
    for (_, mapping), layers in groups.items():
        result = verify_layer(layers[0], mapping, outside=outside)
        failures += not result.passed
        print(_line(result, len(layers)), flush=True)
    mappings, layers_checked = len(groups), sum(len(layers) for layers in groups.values())
    of_layers = f"{counted(mappings, 'mapping')} of {counted(layers_checked, 'layer')}"
    if failures:
        print(f"verification failed: {failures} of {of_layers} compute something else than plain convolution")
        raise typer.Exit(FAILED_CHECK)
    print(f"verified: {of_layers} compute exactly what plain convolution does")


def _line(result: "VerifyResult", layers: int) -> str:
    alike = f" and {layers - 1} alike" if layers > 1 else ""
    name = f"{elide(printable(result.name), NAME_WIDTH - len(alike))}{alike}"
    if result.passed:
        return f"ok     {name:<{NAME_WIDTH}}  {result.outputs:>9} outputs  {count(result.macs, digits=4):>6} MACs"
    wrong = f"{result.mismatches} of {result.outputs} outputs differ"
    return f"WRONG  {name:<{NAME_WIDTH}}  {wrong}, {result.macs} of {result.expected_macs} MACs executed"
