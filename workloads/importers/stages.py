"""Stages of an imported network: the scopes of its layers' names, or, where names tell nothing, its blocks."""

from workloads.importers.assembly import Assembly
from workloads.importers.blocks import blocks_of
from workloads.importers.scopes import stages_of

SCOPED_SHARE = 2  # names tell the stages if one in so many layers has a scope


def give_stages(g: Assembly) -> None:
    """Give each layer its stage; one without is of the stage of what it reads."""
    layers = [layer for name in g.names if (layer := g.layer(name))]
    scopes = stages_of(g.names)
    stages = scopes if SCOPED_SHARE * len(scopes) >= len(layers) else blocks_of(layers) | scopes
    for layer in layers:
        stage = stages.get(layer.name) or stages.get(layer.inputs[0])
        if stage:
            stages[layer.name] = stage
            g.revise(layer.name, stage, "", (None, None, None))
