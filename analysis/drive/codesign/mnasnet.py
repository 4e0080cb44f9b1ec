"""MnasNet: its factorized space searched for accuracy and simulated latency, on two machines, by both its rewards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench
from analysis.drive.codesign.report import Claim, Illustration, Report, Section, Table, claims_table
from analysis.drive.codesign.tradeoff import Entry, entries_of, tradeoff_table
from analysis.drive.estimate.surrogate import Surrogate, published_surrogate
from analysis.read.layout import Row
from analysis.read.objective import LATENCY
from analysis.read.pictures import Picture
from analysis.read.units import millions, seconds
from simulator.errors import InputError, Problem
from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from workloads.blocks import SqueezeExcite, inverted_residual, round_channels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MACHINES = ("edge_npu_like", "nvdla_256")
REWARDS = {"soft": (-0.07, -0.07), "hard": (0.0, -1.0)}
"""Exponents of latency / target, below the target and above it: section 3 of the paper."""
TRIALS = 40  # of each search
SEED = 1
BASE = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
"""Filters, layers and stride of the seven blocks, MobileNetV2's: the space is drawn around them."""
OPS, KERNELS, SE, WIDTHS, DEPTHS = (
    ("conv", "separable", "expand3", "expand6"),
    (3, 5),
    (0, 0.25),
    (0.75, 1, 1.25),
    (-1, 0, 1),
)
PEERS = {
    "MobileNetV2": {"1.0": "mobilenet_v2", "1.4": "mobilenet_v2:width=1.4"},
    "MnasNet": {"A1": "mnasnet", "B1": "mnasnet:variant=b1"},
    "MobileNetV3": {"large": "mobilenet_v3", "small": "mobilenet_v3:size=small"},
}


@dataclass(frozen=True, slots=True)
class Block:
    """What a search chooses for all layers of a block."""

    op: str
    kernel: int
    se: float
    skip: bool
    width: float
    depth: int

    @property
    def scales(self) -> bool:
        """Whether it has squeeze-and-excite modules: plain convolutions have none."""
        return self.se > 0 and self.op != "conv"

    def __str__(self) -> str:
        """Tell the block in a few words."""
        words = [self.op, f"{self.kernel}x{self.kernel}"] + (["SE"] if self.scales else [])
        return " ".join([*words, "" if self.skip else "no skip", f"x{self.width:g}"]).replace("  ", " ")


Blocks = tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A network that was tried: its blocks, estimated accuracy, latency, size, and reward."""

    blocks: Blocks
    top1: float
    latency_s: float
    macs: int
    params: int
    reward: float


def build(blocks: Blocks) -> Network:
    """Build a network of the space."""
    g = Graph("factorized")
    x = g.conv(g.input(3, 224, 224), 32, 3, stride=2, padding="same", activation="relu", name="conv1")
    for number, (block, (filters, layers, stride)) in enumerate(zip(blocks, BASE, strict=True), start=1):
        for index in range(max(1, layers + block.depth)):
            with g.stage(f"stage{number}"), g.scope(f"block{number}_{index + 1}"):
                x = _layer(g, x, block, round_channels(filters * block.width), stride if index == 0 else 1)
    with g.stage("head"):
        x = g.conv(x, 1280, activation="relu", name="conv_last")
        g.softmax(g.linear(g.global_pool(x), 1000, bias=True, name="fc"))
    return g.build()


def _layer(g: Graph, x: Tensor, block: Block, filters: int, stride: int) -> Tensor:
    if block.op == "conv":
        y = g.conv(x, filters, block.kernel, stride, "same", activation="relu", name="conv")
        return g.add(x, y, name="add") if block.skip and x.shape == y.shape else y
    expansion = {"separable": 1, "expand3": 3, "expand6": 6}[block.op]
    se = SqueezeExcite(max(1, int(x.channels * block.se)), "relu", "sigmoid") if block.scales else None
    made = inverted_residual(
        g, x, filters, x.channels * expansion, block.kernel, stride, activation="relu", se=se, skip=block.skip
    )
    return made.output


def reward_of(top1: float, latency: float, target: float, kind: str) -> float:
    """Return ACC x (LAT / T)^w, w = alpha up to the target and beta beyond it (the paper's equation 2)."""
    alpha, beta = REWARDS[kind]
    return float(top1 * (latency / target) ** (alpha if latency <= target else beta))


def run(bench: Bench) -> Report:
    """Search the space on each machine with each reward; set the fronts beside published networks."""
    surrogate = published_surrogate()
    bench.expect(len(MACHINES) * (len(REWARDS) * TRIALS + 6))
    peers = {machine: entries_of(bench, machine, PEERS) for machine in MACHINES}
    found = {
        (machine, kind): search(bench, surrogate, machine, _entry(peers[machine], "mobilenet_v2").latency_s, kind)
        for machine in MACHINES
        for kind in REWARDS
    }
    sections = [
        Section("The paper's claims", (claims_table(_claims(peers, found)), _tolerance())),
        *(_machine_section(machine, peers[machine], found) for machine in MACHINES),
        _diversity(found),
        _proxy(found),
    ]
    return Report(
        "MnasNet: latency in the reward",
        'Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile", CVPR 2019, arXiv 1807.11626.'
        f" Networks of the space are trained by nobody: {surrogate.left_out.text}."
        + (
            "" if surrogate.left_out.concludes else " Nothing is concluded of accuracy: networks are held to V2's size."
        ),
        tuple(_findings(peers, found)),
        tuple(sections),
    )


def search(bench: Bench, surrogate: Surrogate, machine: str, target: float, kind: str) -> list[Found]:
    """Return all networks of a search by Optuna's TPE, which begins with MobileNetV2's blocks."""
    try:
        optuna: Any = import_module("optuna")
    except ImportError as error:
        expected = 'pip install "squeezesim[search]"'
        raise InputError(Problem("the experiment needs the extra search", expected=expected)) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEED, multivariate=False))
    study.enqueue_trial(_start())
    found = []
    for _ in range(TRIALS):
        trial = study.ask()
        one = _tried(bench, surrogate, machine, target, kind, _asked(trial))
        study.tell(trial, one.reward if one else 0.0)
        found += [one] if one else []
    return found


def _start() -> dict[str, Any]:
    chosen: dict[str, Any] = {"kernel": 3, "se": 0, "skip": True, "width": 1, "depth": 0}
    ops: dict[str, Any] = {f"op{n}": "separable" if n == 1 else "expand6" for n in range(1, 8)}
    return ops | {f"{key}{n}": value for key, value in chosen.items() for n in range(1, 8)}


def _asked(trial: Any) -> Blocks:
    choices: dict[str, Any] = {
        "op": OPS,
        "kernel": KERNELS,
        "se": SE,
        "skip": (True, False),
        "width": WIDTHS,
        "depth": DEPTHS,
    }
    return tuple(
        Block(**{key: trial.suggest_categorical(f"{key}{number}", values) for key, values in choices.items()})
        for number in range(1, 8)
    )


def _tried(bench: Bench, surrogate: Surrogate, machine: str, target: float, kind: str, blocks: Blocks) -> Found | None:
    """Estimate and simulate a network; None for one whose accuracy cannot be estimated."""
    network = build(blocks)
    try:
        top1 = surrogate.estimate(network).percent
    except InputError:
        return None
    latency = bench.run(machine, network).total.latency_s
    if surrogate.left_out.concludes:
        reward = reward_of(top1, latency, target, kind)
    else:  # nothing but latency tells networks of at most MobileNetV2's size from each other
        reward = target / latency if network.macs <= 300.8e6 and network.params <= 3.48e6 else 0.0
    return Found(blocks, top1, latency, network.macs, network.params, reward)


def best_of(found: Sequence[Found]) -> Found:
    """Return the network of the highest reward."""
    return max(found, key=lambda one: one.reward)


def _entry(entries: Sequence[Entry], spec: str) -> Entry:
    return next(entry for entry in entries if entry.spec == spec)


Peers = Mapping[str, Sequence[Entry]]
All = Mapping[tuple[str, str], Sequence[Found]]


def _tolerance() -> str:
    return "A ratio agrees within 25%; a search has 40 trials, where the paper's trained 8,000 networks."


def _claims(peers: Peers, found: All) -> list[Claim]:
    claims = []
    for machine in MACHINES:
        ratio = _entry(peers[machine], "mobilenet_v2:width=1.4").latency_s / _entry(peers[machine], "mnasnet").latency_s
        text = f"A1 is faster than MobileNetV2 1.4, {machine}"
        claims.append(Claim(text, "1.8x", f"{ratio:.2f}x", 1.8 / 1.25 <= ratio <= 1.8 * 1.25))
        spread = {kind: _spread(found[machine, kind]) for kind in REWARDS}
        text = f"the soft reward explores a wider range of latencies, {machine}"
        ours = f"{spread['soft']:.2f}x against {spread['hard']:.2f}x"
        claims.append(Claim(text, "soft above hard", ours, spread["soft"] > spread["hard"]))
    return claims


def _spread(found: Sequence[Found]) -> float:
    """Return the highest over the lowest latency of the better half of the trials."""
    better = sorted(found, key=lambda one: -one.reward)[: len(found) // 2]
    return max(one.latency_s for one in better) / min(one.latency_s for one in better)


def _machine_section(machine: str, peers: Sequence[Entry], found: All) -> Section:
    rows = [*(_found_row(kind, one) for kind in REWARDS for one in found[machine, kind]), *map(_peer_row, peers)]
    picture = Picture(f"front_{machine}", rows, lambda: _draw(peers, {k: found[machine, k] for k in REWARDS}))
    caption = f"Latency on {machine}: networks of the search with estimated, published ones with published accuracy."
    best = tuple(
        (kind, f"{one.top1:.1f}%", seconds(one.latency_s), millions(one.macs), millions(one.params))
        for kind in REWARDS
        for one in (best_of(found[machine, kind]),)
    )
    columns = ("best by reward", "top-1, estimated", "latency", "MACs, M", "params, M")
    return Section(f"On {machine}", (Illustration(picture, caption), Table(columns, best), tradeoff_table(peers)))


def _found_row(kind: str, one: Found) -> Row:
    return {
        "series": kind,
        "network": "; ".join(map(str, one.blocks)),
        "top1_percent": "",
        "top1_estimate_percent": one.top1,
        "latency_s": one.latency_s,
        "macs": one.macs,
        "params": one.params,
    }


def _peer_row(entry: Entry) -> Row:
    return {
        "series": entry.series,
        "network": entry.spec,
        "top1_percent": entry.top1_percent,
        "top1_estimate_percent": "",
        "latency_s": entry.latency_s,
        "macs": entry.macs,
        "params": entry.params,
    }


def _draw(peers: Sequence[Entry], found: Mapping[str, Sequence[Found]]) -> "Figure":
    figure, (axes,) = charts.panels(1, height=3.6)
    series = {f"{kind} reward, estimated": [(o.latency_s, o.top1, "") for o in some] for kind, some in found.items()}
    for name in PEERS:
        series[f"{name}, published"] = [(e.latency_s, e.top1_percent, e.word) for e in peers if e.series == name]
    charts.points(axes, series, LATENCY.tick, lambda value: f"{value:g}")
    axes.set(xlabel="latency", ylabel="top-1 accuracy, %")
    return figure


def _diversity(found: All) -> Section:
    rows = tuple(
        (str(number + 1), *(str(best_of(found[machine, "soft"]).blocks[number]) for machine in MACHINES))
        for number in range(len(BASE))
    )
    shares = []
    for machine in MACHINES:
        blocks = best_of(found[machine, "soft"]).blocks
        large, scaled = sum(block.kernel == 5 for block in blocks), sum(block.scales for block in blocks)
        shares.append(f"{machine}: {large} of 7 blocks are 5x5, {scaled} have SE")
    text = f"The paper's A1 has 5x5 in 2 and SE in 3 of 7 blocks. By the soft reward, {'; '.join(shares)}."
    return Section("What changes with the machine", (Table(("block", *MACHINES), rows), text))


def _proxy(found: All) -> Section:
    rows = []
    for machine in MACHINES:
        some = [one for kind in REWARDS for one in found[machine, kind]]
        close = [one for one in some if 250e6 <= one.macs <= 350e6] or some
        spread = max(one.latency_s for one in close) / min(one.latency_s for one in close)
        rows.append((machine, str(len(some)), f"{_rank(some):.2f}", f"{spread:.2f}x", str(len(close))))
    text = "The paper: MobileNet and NASNet of 575 M and 564 M MACs take 113 ms and 183 ms, 1.62x at equal MACs."
    columns = ("machine", "networks", "rank correlation of MACs and latency", "latencies at 250 M to 350 M", "of")
    return Section("MACs as a proxy", (text, Table(columns, tuple(rows))))


def _rank(found: Sequence[Found]) -> float:
    stats: Any = import_module("scipy.stats")
    return float(stats.spearmanr([one.macs for one in found], [one.latency_s for one in found]).statistic)


def _findings(peers: Peers, found: All) -> list[str]:
    lines = []
    for machine in MACHINES:
        best, base = best_of(found[machine, "soft"]), _entry(peers[machine], "mobilenet_v2")
        some = [one for kind in REWARDS for one in found[machine, kind]]
        lines.append(
            f"On {machine} the soft reward chooses {seconds(best.latency_s)} where MobileNetV2 takes"
            f" {seconds(base.latency_s)}, {best.top1:.1f}% estimated; MACs and latency correlate by rank"
            f" {_rank(some):.2f}."
        )
    return lines
