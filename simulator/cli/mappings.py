"""The mappings of a run, as the file that replays them and as the model's own."""

from collections.abc import Iterator

from analysis.read.layout import printable
from simulator.mapping.mapping import Mapping
from simulator.mapping.schema import WrittenMappings
from simulator.mapping.text import mappings_to_yaml, read_mapping
from simulator.network.ir import Layer
from simulator.result.run import Run
from simulator.source import parse_yaml, validate


def saved_mappings(run: Run, layers: tuple[Layer, ...]) -> Iterator[tuple[Layer, Mapping]]:
    """Yield each layer that multiplies with its mapping, read back from the form in which the run is saved."""
    by_name = {layer.name: layer for layer in layers}
    document = parse_yaml(run_mappings(run), "mappings")
    for name, written in validate(document, WrittenMappings).layers.items():
        mapping, problems = read_mapping(written, by_name[name], document)
        if mapping is None:
            raise ValueError("a mapping cannot be read back: " + "; ".join(problem.render() for problem in problems))
        yield by_name[name], mapping


def run_mappings(run: Run) -> str:
    """Return the mappings of a run as the file that `--mapping` replays."""
    chosen = [(layer.name, dict(layer.mapping)) for layer in run.layers if layer.mapping is not None]
    return mappings_to_yaml(chosen, printable(f"{run.network.name} on {run.hardware.name}"))
