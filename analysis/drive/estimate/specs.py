"""When two specs mean the same network."""

from workloads.load import is_file, load_builder
from workloads.spec import parameters_of, parse_parameters, split_spec


def meaning(spec: str) -> tuple[object, ...]:
    """Return what a spec says, defaults filled in; raise InputError for one that says nothing.

    >>> meaning("mobilenet_v2") == meaning("mobilenet_v2:width=1.0")
    True
    """
    if is_file(spec):
        return (spec,)
    name, texts = split_spec(spec)
    name = name.removesuffix(".py")
    builder = load_builder(name)
    defaults = {key: parameter.default for key, parameter in parameters_of(builder).items()}
    return (name, *sorted((defaults | parse_parameters(name, builder, texts)).items(), key=lambda pair: pair[0]))
