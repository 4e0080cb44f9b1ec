"""The guidelines of ShuffleNetV2's paper: what slows a network down at equal MACs."""

from collections.abc import Callable, Iterator, Mapping

from analysis.drive.accuracy.anchor import Anchor, Missing, Row
from analysis.drive.accuracy.bounds import at_most
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.network.ir import Network
from workloads import guidelines

MACHINES = ("systolic_32x32", "flexible_168")


def rows() -> Iterator[Row]:
    """Yield the speed of each case against the one that its guideline recommends.

    The first machine's bear the bound that the recommended case is the fastest.
    """
    figures = published("shufflenet_v2_guidelines")
    for machine in MACHINES:
        cycles = [simulate(machine, network_of(row)).total.cycles for row in figures]
        recommended: dict[str, int] = {}
        for at, row in enumerate(figures):
            first = recommended.setdefault(row["guideline"], at)
            if at == first:
                continue
            theirs = float(row["batches_per_s"]) / float(figures[first]["batches_per_s"])
            bound = at_most(1.0) if machine == MACHINES[0] else None
            name = f"{row['guideline']}: {row['case']} / {figures[first]['case']}"
            yield Row(name, theirs, cycles[first] / cycles[at], bound, "speed", machine, counts=False)


def network_of(row: Mapping[str, str]) -> Network:
    """Build the stack of a case."""
    return BUILDERS[row["guideline"]](*row["arguments"].split())


BUILDERS: dict[str, Callable[..., Network]] = {
    "G1": lambda narrow, wide: guidelines.channel_ratio(int(narrow), int(wide)),
    "G2": lambda groups, channels: guidelines.grouped(int(groups), int(channels)),
    "G3": lambda fragments, arrangement: guidelines.fragmented(int(fragments), arrangement),
    "G4": lambda relu, shortcut: guidelines.elementwise(relu == "yes", shortcut == "yes"),
}
"""Guideline -> its network, from the words in which the published figures name a case."""


ANCHOR = Anchor(
    name="shufflenet_v2",
    title="ShuffleNetV2's guidelines, directions",
    source='Ma et al., "ShuffleNet V2", arXiv 1807.11164, tables 1 to 4, measured on a GPU',
    machines=MACHINES,
    rows=rows,
    missing=(
        Missing(
            "Maps of a quarter of the channels all stay on chip, those of one fragment do not: 0.5 MiB cross the DRAM "
            "port instead of 4.0. A GPU pays for four times as many kernels, this machine starts a layer at no cost.",
            ("systolic_32x32: G3: 4 in series / 1 fragment",),
        ),
    ),
    remarks=(
        "The figures are a GPU's, so only directions are compared: equal channels, one group, one fragment and no "
        "elementwise ops are fastest. They hold on an array for matrix products, but for four layers in series.",
        "On an array of 12 x 14 PEs under row-stationary and other dataflows, bound by MACs and with space for many "
        "spatial mappings, the shape of a layer matters little; only elementwise ops slow it down.",
        "Few channels make short runs of addresses, each in whole bursts: on the array for matrix products, whose "
        "tensors lie channel by channel (nhwc), unequal channels lose more than they would if tiles lay in one piece.",
    ),
)
