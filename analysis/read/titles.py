"""What a picture says that it is of: network with its variant, machine, batch, objective."""

from analysis.read.layout import printable
from analysis.read.objective import objective_of
from simulator.errors import InputError
from simulator.result.run import Run
from workloads.load import load_builder
from workloads.spec import parameters_of, split_spec

VARIANTS = 2  # parameters with choices that are told, in the order of the builder's


def variant_of(network: str) -> str:
    """Return the choices that a bundled network was left at, "" where it has none or is not bundled.

    >>> variant_of("resnet"), variant_of("resnet:depth=18"), variant_of("mine.onnx")
    ('depth 50, variant v1', 'variant v1', '')
    """
    try:
        name, given = split_spec(network)
        parameters = parameters_of(load_builder(name)).values()
    except InputError:
        return ""
    chosen = [parameter for parameter in parameters if parameter.choices and parameter.default is not None]
    return ", ".join(f"{each.name} {each.default}" for each in chosen[:VARIANTS] if each.name not in given)


def run_title(run: Run, told: str) -> str:
    """Return the title of a picture of a run."""
    return printable(f"{run.network.name} on {run.hardware.name}: {told}")


def run_subtitle(run: Run, *more: str) -> str:
    """Return what a title leaves open: variant, batch, objective, and a dataflow or mapping that was asked for."""
    asked = run.options.get("dataflow", "best")
    words = (
        variant_of(run.network.name),
        f"batch {run.options.get('batch', 1)}",
        f"mapped for {objective_of(run).replace('_', ' ')}",
        "mapped by a file" if run.options.get("mapping") else "",
        "" if asked == "best" else f"{str(asked).replace('_', ' ')} throughout",
        *more,
    )
    return printable("; ".join(filter(None, words)))
