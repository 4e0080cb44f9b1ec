"""The mappings of a run: as the file that replays them, and verified on integers."""

from collections import defaultdict
from typing import TYPE_CHECKING

import typer

from analysis.read.layout import elide, printable
from analysis.read.units import count, counted
from simulator.cli.output import FAILED_CHECK
from simulator.mapping.mapping import Mapping
from simulator.mapping.text import mappings_to_yaml
from simulator.nest import LoopNest
from simulator.network.ir import Layer, Network
from simulator.result.run import Run
from simulator.schedule import Schedule

if TYPE_CHECKING:
    from simulator.verify import VerifyResult

NAME_WIDTH = 32


def run_mappings(run: Run) -> str:
    """Return the mappings of a run as the file that `--mapping` replays."""
    chosen = [(name, dict(mapping)) for name, mapping in run.mappings().items()]
    return mappings_to_yaml(chosen, printable(f"{run.network.name} on {run.hardware.name}"))


def run_schedule(run: Run) -> str:
    """Return the schedule of a run as the file that `--schedule` replays."""
    from simulator.engine.schedules import schedule_of
    from simulator.schedule.files import schedule_to_yaml

    free = run.producer_of().keys() | {layer.name for layer in run.layers if layer.folded}
    order = [layer.name for layer in run.layers if layer.name not in free]
    title = printable(f"{run.network.name} on {run.hardware.name}")
    return schedule_to_yaml(schedule_of(run) or Schedule(), order, title)


def verify_run(run: Run, network: Network) -> None:
    """Execute the mappings of a run on integers and compare with plain convolution.

    Print a line per distinct layer and mapping, then the verdict; leave with status 1 unless all are right.
    """
    from simulator.door import memory_levels, saved_mappings
    from simulator.verify import verify_layer

    groups: dict[tuple[LoopNest | None, Mapping], list[Layer]] = defaultdict(list)
    for layer, mapping in saved_mappings(run, network.layers):
        groups[layer.nest, mapping].append(layer)
    print()
    failures, outside = 0, memory_levels(run).outside
    for (_, mapping), layers in groups.items():
        result = verify_layer(layers[0], mapping, outside=outside)
        failures += not result.passed
        print(_line(result, len(layers)), flush=True)
    wrong_stacks = _verify_stacks(run, network)
    mappings, layers_checked = len(groups), sum(len(layers) for layers in groups.values())
    of_layers = f"{counted(mappings, 'mapping')} of {counted(layers_checked, 'layer')}"
    if failures:
        print(f"verification failed: {failures} of {of_layers} compute something else than plain convolution")
        raise typer.Exit(FAILED_CHECK)
    if wrong_stacks:
        print(f"verification failed: {counted(wrong_stacks, 'stack')} compute something else strip by strip")
        raise typer.Exit(FAILED_CHECK)
    print(f"verified: {of_layers} compute exactly what plain convolution does")


def _verify_stacks(run: Run, network: Network) -> int:
    """Execute the stacks of a run strip by strip and compare with whole tensors; return how many differ."""
    if not any(layer.stacked for layer in run.layers):
        return 0
    from simulator.door import machine_of
    from simulator.engine.schedules import schedule_of
    from simulator.verify.stacks import verify_stack

    schedule, wrong = schedule_of(run) or Schedule(), 0
    for stack in schedule.stacks:
        found = verify_stack(network, machine_of(run), stack)
        wrong += not found.passed
        names = f"{elide(printable(stack.ops[0]), 24)} to {elide(printable(stack.ops[-1]), 24)}"
        told = f"{found.outputs} outputs in {counted(found.strips, 'strip')}"
        faults = f": {found.mismatches} differ, {counted(found.lost_rows, 'row')} gone too early"
        print(f"{'ok   ' if found.passed else 'WRONG'}  stack of {names}: {told}{'' if found.passed else faults}")
    return wrong


def _line(result: "VerifyResult", layers: int) -> str:
    alike = f" and {layers - 1} alike" if layers > 1 else ""
    name = f"{elide(printable(result.name), NAME_WIDTH - len(alike))}{alike}"
    if result.passed:
        return f"ok     {name:<{NAME_WIDTH}}  {result.outputs:>9} outputs  {count(result.macs, digits=4):>6} MACs"
    wrong = f"{result.mismatches} of {result.outputs} outputs differ"
    return f"WRONG  {name:<{NAME_WIDTH}}  {wrong}, {result.macs} of {result.expected_macs} MACs executed"
