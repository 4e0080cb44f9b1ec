"""Changes of stages: each function yields networks that have other blocks in them."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from analysis.drive.explain.blocks import Block, residual_blocks, with_block_again, without_block
from analysis.drive.explain.change import UNKNOWN, Change
from simulator.network.ir import Network

Changed = tuple[str, str, Network]  # the stage, what was changed, and the network that results
Stages = Mapping[str, Sequence[Block]]


def block_dropped(network: Network, stages: Stages) -> Iterator[Changed]:
    """Take the last residual block of a stage away."""
    for stage, blocks in stages.items():
        yield stage, f"{_named(stages, stage)}: one residual block fewer", without_block(network, blocks[-1])


def block_moved(network: Network, stages: Stages) -> Iterator[Changed]:
    """Take the last residual block of a stage away and repeat the last one of another: the depth remains."""
    for stage in stages:
        for other, changed in _moved(network, stages, stage, count=1):
            yield stage, f"{_named(stages, stage)}: one residual block to {_named(stages, other)}", changed


def blocks_moved(network: Network, stages: Stages) -> Iterator[Changed]:
    """Move half of a stage's residual blocks to another stage, where that is more than one."""
    for stage, blocks in stages.items():
        count = len(blocks) // 2
        if count > 1:
            for other, changed in _moved(network, stages, stage, count):
                moved = f"{count} of {len(blocks)} residual blocks"
                what = f"{_named(stages, stage)}: {moved} to {_named(stages, other)}"
                yield stage, what, changed


def _named(stages: Stages, stage: str) -> str:
    """Name a stage with the filters of its blocks' layers, the fewest and the most."""
    filters = [layer.output_shape[1] for block in stages[stage] for layer in block.layers if layer.nest]
    return f"{stage} ({min(filters)} to {max(filters)} filters)" if filters else stage


def _moved(network: Network, stages: Stages, stage: str, count: int) -> Iterator[tuple[str, Network]]:
    """Yield each other stage and the network with the last `count` blocks of a stage there; last ones go first."""
    shorter = network
    for block in reversed(stages[stage][-count:]):
        shorter = without_block(shorter, block)
    for other in stages:
        if other != stage:
            longer = shorter
            for _ in range(count):
                model = [block for block in residual_blocks(longer) if block.stage == other][-1]
                longer = with_block_again(longer, model)
            yield other, longer


STAGE_LEVERS: dict[str, Callable[[Network, Stages], Iterator[Changed]]] = {
    "block_dropped": block_dropped,
    "block_moved": block_moved,
    "blocks_moved": blocks_moved,
}


def stage_changes(network: Network) -> Iterator[Change]:
    """Yield every change of the stages that have residual blocks."""
    stages: dict[str, list[Block]] = {}
    for block in residual_blocks(network):
        stages.setdefault(block.stage, []).append(block)
    for name, lever in STAGE_LEVERS.items():
        for stage, what, changed in lever(network, stages):
            yield Change(name, stage, what, network=changed, accuracy=UNKNOWN)
