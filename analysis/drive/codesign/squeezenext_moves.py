"""Designs of SqueezeNext, and the moves that its profile suggests: those that the paper's authors made, and others."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from analysis.drive.codesign.bench import Bench
from analysis.drive.codesign.redesign import Bounds, Figures, Move, Problem
from analysis.read.losses import stage_uses
from simulator.hardware.model import Hardware
from simulator.result.run import Run
from workloads.load import load_network
from workloads.squeezenext import BLOCKS, Order, Squeezes

KERNELS = (3, 5, 7)
ORDERS: tuple[Order, ...] = ("alternating", "3x1_first", "1x3_first")


@dataclass(frozen=True, slots=True)
class Design:
    """A SqueezeNext of 21 blocks; as it stands, it is the paper's v1."""

    kernel: int = 7  # of the first layer
    squeezes: Squeezes = "input"  # what the head of a stage squeezes
    blocks: tuple[int, ...] = BLOCKS[23, "v1"]
    order: Order = "alternating"
    narrowest: int = 1  # least filters of a convolution in a block

    @property
    def spec(self) -> str:
        """The network's spec."""
        blocks = "-".join(map(str, self.blocks))
        text = f"squeezenext:blocks={blocks},kernel={self.kernel},squeezes={self.squeezes}"
        text += f",order={self.order}" if self.order != "alternating" else ""
        return text + (f",narrowest={self.narrowest}" if self.narrowest > 1 else "")

    def __str__(self) -> str:
        """Tell the design in a few words."""
        blocks = ",".join(map(str, self.blocks))
        words = [blocks, f"first {self.kernel}x{self.kernel}", f"squeezes the {self.squeezes}"]
        words += [self.order.replace("_", " ")] if self.order != "alternating" else []
        return "; ".join(words + ([f"at least {self.narrowest} wide"] if self.narrowest > 1 else []))


def published_design(variant: Literal["v1", "v2", "v3", "v4", "v5"]) -> Design:
    """Return the design of a published variant."""
    first = variant == "v1"
    return Design(7 if first else 5, "input" if first else "shortcut", BLOCKS[23, variant])


def figures_of(run: Run) -> Figures:
    """Return what a run tells of its design."""
    total = run.total
    return Figures(total.cycles, total.energy_pj, run.network.macs, run.network.params, stage_uses(run))


def smaller_kernel(design: Design) -> Iterator[Move[Design]]:
    """Propose the next smaller window for the first layer."""
    smaller = [kernel for kernel in KERNELS if kernel < design.kernel]
    if smaller:
        kernel = smaller[-1]
        yield Move(f"first layer {kernel}x{kernel}", "first layer", replace(design, kernel=kernel))


def moved_block(design: Design, source: int, target: int) -> Iterator[Move[Design]]:
    """Propose to move a block from a stage, unless it is the last one there, to another."""
    if design.blocks[source] > 1:
        blocks = list(design.blocks)
        blocks[source], blocks[target] = blocks[source] - 1, blocks[target] + 1
        text = f"a block from stage {source + 1} to {target + 1}"
        yield Move(text, "blocks", replace(design, blocks=tuple(blocks)))


def better_used(design: Design, figures: Figures) -> Iterator[Move[Design]]:
    """Propose to move a block from each stage to each one that uses the array better."""
    used = [use.utilization for use in figures.stages if use.stage.startswith("block")]
    for source, least in enumerate(used):
        for target, better in enumerate(used):
            if better > least:
                yield from moved_block(design, source, target)


def narrower(design: Design) -> Iterator[Move[Design]]:
    """Propose to move a block to each stage before its own, which has fewer channels and so fewer parameters."""
    for source in range(len(design.blocks)):
        for target in range(source):
            yield from moved_block(design, source, target)


def filled_width(design: Design, hardware: Hardware) -> Iterator[Move[Design]]:
    """Propose to widen what is narrower than the array to its rows or columns."""
    for size in sorted({hardware.array.rows, hardware.array.columns}):
        if size > design.narrowest:
            yield Move(f"no layer narrower than {size}", "width", replace(design, narrowest=size))


def other_orders(design: Design) -> Iterator[Move[Design]]:
    """Propose the other orders of 3x1 and 1x3."""
    for order in ORDERS:
        if order != design.order:
            yield Move(f"order {order.replace('_', ' ')}", "order", replace(design, order=order))


def other_squeeze(design: Design) -> Iterator[Move[Design]]:
    """Propose that the heads of stages squeeze what the shortcut has made already, or what they are given."""
    squeezes: Squeezes = "shortcut" if design.squeezes == "input" else "input"
    yield Move(f"squeeze the {squeezes}", "shortcut", replace(design, squeezes=squeezes))


def problem_on(
    bench: Bench, hardware: Hardware, bounds: Bounds, least_kernel: int = 3, most: int | None = None
) -> Problem[Design]:
    """Return the task of redesigning SqueezeNext for a machine, its first layer being at least so large.

    At `most` so many designs are simulated.
    """

    def propose(design: Design, figures: Figures) -> Iterator[Move[Design]]:
        yield from (move for move in smaller_kernel(design) if move.design.kernel >= least_kernel)
        yield from better_used(design, figures)
        yield from filled_width(design, hardware)
        yield from other_orders(design)
        yield from other_squeeze(design)

    def size(design: Design) -> tuple[int, int]:
        network = load_network(design.spec)
        return network.macs, network.params

    return Problem(lambda design: figures_of(bench.run(hardware, design.spec)), size, propose, narrower, bounds, most)
