"""`--verify`: execute the mappings of a run on integers and compare with plain convolution."""

from collections import defaultdict

import typer

from analysis.read.layout import elide, printable
from analysis.read.units import count, counted
from simulator.cli.codes import FAILED_CHECK
from simulator.cli.mappings import saved_mappings
from simulator.mapping.mapping import Mapping
from simulator.nest import LoopNest
from simulator.network.ir import Layer, Network
from simulator.result.run import Run
from simulator.verify import VerifyResult, verify_layer

NAME_WIDTH = 32


def verify_run(run: Run, network: Network) -> None:
    """Print a line per distinct layer and mapping, then the verdict; leave with status 1 unless all are right."""
    groups: dict[tuple[LoopNest | None, Mapping], list[Layer]] = defaultdict(list)
    for layer, mapping in saved_mappings(run, network.layers):
        groups[layer.nest, mapping].append(layer)
    print()
    failures = 0
    for (_, mapping), layers in groups.items():
        result = verify_layer(layers[0], mapping)
        failures += not result.passed
        print(_line(result, len(layers)), flush=True)
    mappings, layers_checked = len(groups), sum(len(layers) for layers in groups.values())
    of_layers = f"{counted(mappings, 'mapping')} of {counted(layers_checked, 'layer')}"
    if failures:
        print(f"verification failed: {failures} of {of_layers} compute something else than plain convolution")
        raise typer.Exit(FAILED_CHECK)
    print(f"verified: {of_layers} compute exactly what plain convolution does")


def _line(result: VerifyResult, layers: int) -> str:
    alike = f" and {layers - 1} alike" if layers > 1 else ""
    name = f"{elide(printable(result.name), NAME_WIDTH - len(alike))}{alike}"
    if result.passed:
        return f"ok     {name:<{NAME_WIDTH}}  {result.outputs:>9} outputs  {count(result.macs, digits=4):>6} MACs"
    wrong = f"{result.mismatches} of {result.outputs} outputs differ"
    return f"WRONG  {name:<{NAME_WIDTH}}  {wrong}, {result.macs} of {result.expected_macs} MACs executed"
