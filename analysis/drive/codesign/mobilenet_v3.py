"""MobileNetV3: its last stage, first layer and hard-swish on simulated machines; NetAdapt by simulated latency."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from analysis.drive.codesign import charts
from analysis.drive.codesign.bench import Bench
from analysis.drive.codesign.report import Claim, Illustration, Report, Section, Table, claims_table
from analysis.drive.estimate.surrogate import Surrogate, published_surrogate
from analysis.drive.explain.change import CannotChange
from analysis.drive.explain.layer_levers import alike
from analysis.drive.explain.shapes import Edit, edited
from analysis.drive.explain.ties import tied
from analysis.read.layout import Row as Cells
from analysis.read.objective import LATENCY
from analysis.read.pictures import Picture
from analysis.read.units import millions, seconds
from simulator.errors import InputError
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.network.ops import OPS, Channels
from workloads.blocks import SqueezeExcite, inverted_residual, round_channels
from workloads.load import load_network
from workloads.mobilenet_v3 import HIDDEN, ROWS, Row, Size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MACHINES = ("edge_npu_like", "nvdla_256", "eyeriss_like")
ADAPTED_ON = "edge_npu_like"
SEEDS: dict[Size, str] = {"large": "mnasnet", "small": "mnasnet:variant=small"}
"""Networks that shrinking begins with: the paper's large one begins with MnasNet-A1."""
STEPS, LEAST_STEP, SHRUNK = 5, 0.01, 0.75
"""Steps of NetAdapt; what a step has to save of the seed's latency (the paper's delta); filters that a step leaves."""
BOTTLENECK = {"large": 320, "small": 192}  # filters that the original last stage projects to; small by analogy


class Form(NamedTuple):
    """A MobileNetV3 with what the paper changed: filters of the first layer, its last stage, where hard-swish is."""

    stem: int = 16
    original_end: bool = False
    activation: str = ""  # of all layers; "" leaves each row's own, hard-swish in the deeper half


FORMS = {
    "as published": Form(),
    "original last stage": Form(original_end=True),
    "first layer of 32": Form(stem=32),
    "hard-swish everywhere": Form(activation="hard_swish"),
    "hard-swish nowhere": Form(activation="relu"),
}


@dataclass(frozen=True, slots=True)
class Adapted:
    """A network on NetAdapt's way: what was shrunk, its latency and size, and its estimated accuracy, if any."""

    what: str
    network: Network
    latency_s: float
    top1: float | None


def build(size: Size, form: Form) -> Network:
    """Build MobileNetV3 in a form; as published it has the layers of the bundled one.

    The original last stage is figure 5's of the paper: expand, convolve depthwise, project, expand to the classifier's
    features, and only then pool.
    """
    g = Graph("mobilenet_v3")
    rows = ROWS[size]
    last = rows[-1]
    if form.original_end:
        rows = (*rows, Row(3, 6 * last.filters, BOTTLENECK[size], False, "hard_swish", 1))
    first = form.activation or "hard_swish"
    x = g.conv(g.input(3, 224, 224), form.stem, 3, stride=2, padding="same", activation=first, name="conv1")
    for number, row in enumerate(rows, start=1):
        expanded = form.stem if number == 1 else row.expanded
        se = SqueezeExcite(round_channels(expanded / 4), "relu", "hard_sigmoid") if row.se else None
        act = form.activation or row.activation
        with g.scope(f"block{number}"):
            x = inverted_residual(
                g, x, row.filters, expanded, row.kernel, row.stride, activation=act, padding="same", se=se
            ).output
    if form.original_end:
        x = g.global_pool(g.conv(x, HIDDEN[size], activation=first, name="conv_last"))
    else:
        x = g.global_pool(g.conv(x, 6 * last.filters, activation=first, name="conv_last"))
        x = g.conv(x, HIDDEN[size], bias=True, activation=first, name="hidden")
    g.softmax(g.conv(x, 1000, bias=True, name="classifier"))
    return g.build()


def run(bench: Bench) -> Report:
    """Simulate the paper's changes on each machine, then shrink a seed network by simulated latency."""
    sizes: tuple[Size, ...] = ("large", "small")
    bench.expect(len(MACHINES) * len(sizes) * len(FORMS) + 2 * STEPS * 30)
    networks = {(size, name): build(size, form) for size in sizes for name, form in FORMS.items()}
    latency: Latencies = {
        (machine, *key): busy_seconds(bench, machine, network)
        for machine in MACHINES
        for key, network in networks.items()
    }
    surrogate = published_surrogate()
    ways = {size: adapt(bench, surrogate, seed) for size, seed in SEEDS.items()}
    target = {size: busy_seconds(bench, ADAPTED_ON, load_network(f"mobilenet_v3:size={size}")) for size in sizes}
    sections = (
        Section("The paper's claims", (claims_table(_claims(latency, networks)), TOLERANCE)),
        Section(
            "What each change does", (_forms_picture(latency), *(_forms_table(s, latency, networks) for s in sizes))
        ),
        *(_way_section(size, way, target[size], surrogate) for size, way in ways.items()),
    )
    return Report(
        "MobileNetV3: shrunk by latency, redesigned at its ends",
        'Howard et al., "Searching for MobileNetV3", ICCV 2019, arXiv 1905.02244: latencies of a Pixel 1, one core.',
        tuple(_findings(latency, ways)),
        sections,
    )


def busy_seconds(bench: Bench, machine: str, network: Network) -> float:
    """Return the time that the machine itself takes: what the host adds is the same for all networks."""
    run = bench.run(machine, network)
    return run.total.cycles / run.hardware.clock_hz


def adapt(bench: Bench, surrogate: Surrogate, seed: str) -> list[Adapted]:
    """Shrink a network as NetAdapt does: of what saves enough latency, what loses least accuracy for it.

    A step shrinks one expansion, or one bottleneck in all blocks that share it. Where accuracy cannot be estimated, or
    estimates conclude nothing, MACs take its place.
    """
    network = replace(load_network(seed), facts={})
    way = [_adapted(bench, surrogate, network, seed)]
    for _ in range(STEPS):
        now = way[-1]
        tried = [_adapted(bench, surrogate, changed, what) for what, changed in shrunk(now.network)]
        enough = [one for one in tried if now.latency_s - one.latency_s >= LEAST_STEP * way[0].latency_s]
        if not enough:
            break
        way.append(min(enough, key=lambda one: _loss(now, one) / (now.latency_s - one.latency_s)))
    return way


def _adapted(bench: Bench, surrogate: Surrogate, network: Network, what: str) -> Adapted:
    top1 = None
    if surrogate.left_out.concludes:
        with suppress(InputError):
            top1 = surrogate.estimate(network).percent
    return Adapted(what, network, busy_seconds(bench, ADAPTED_ON, network), top1)


def _loss(now: Adapted, after: Adapted) -> float:
    if now.top1 is None or after.top1 is None:
        return (now.network.macs - after.network.macs) / now.network.macs
    return now.top1 - after.top1


def shrunk(network: Network) -> Iterator[tuple[str, Network]]:
    """Yield the network with fewer filters in each group of alike layers, and in all that are tied to them."""
    done: set[frozenset[str]] = set()
    for layers in alike(network):
        if OPS[layers[0].op].channels is not Channels.CHOSEN or layers[0].output_shape[1] <= 8:
            continue
        filters = layers[0].output_shape[1]
        fewer = min(filters - 8, round_channels(SHRUNK * filters))
        try:
            together = frozenset[str]().union(*(tied(network, layer.name) for layer in layers))
            if fewer < 8 or together in done:
                continue
            done.add(together)
            changed = edited(network, {name: Edit(filters=fewer) for name in together})
        except CannotChange:
            continue
        yield f"{layers[0].name}: {filters} to {fewer} filters", changed


Latencies = dict[tuple[str, str, str], float]
Networks = dict[tuple[Size, str], Network]

TOLERANCE = (
    "Shares of the time agree within a factor of two, as the paper's machine is a core of a phone; MACs within 5 M,"
    " half of the only digit that the paper gives. Time is the machine's own, without its host. The new last stage"
    " saves MACs on a map of 7x7, but its hidden layer has more weights: a machine that waits for DRAM there gains"
    " less, or loses. Where activations are fused, it does not matter to time where hard-swish is."
)
DIGIT = 5e6  # MACs: half of the digit that the paper rounds to


def _share(latency: Latencies, machine: str, form: str, size: str = "large") -> float:
    """Return what a form takes beyond the published network, as a share of the form's time."""
    return 1 - latency[machine, size, "as published"] / latency[machine, size, form]


def _claims(latency: Latencies, networks: Networks) -> list[Claim]:
    published = networks["large", "as published"].macs
    saved = networks["large", "original last stage"].macs - published
    claims = [Claim("the new last stage saves MACs", "30 M", f"{saved / 1e6:.0f} M", abs(saved - 30e6) <= DIGIT)]
    first = networks["large", "first layer of 32"].macs - published
    claims.append(
        Claim("16 filters in the first layer save MACs", "10 M", f"{first / 1e6:.0f} M", abs(first - 10e6) <= DIGIT)
    )
    for form, paper, text in (
        ("original last stage", 0.11, "the new last stage saves 7 ms"),
        ("first layer of 32", 0.03, "16 filters in the first layer save 2 ms (3% if 7 ms are 11%)"),
    ):
        for machine in MACHINES:
            ours = _share(latency, machine, form)
            agrees = paper / 2 <= ours <= 2 * paper
            claims.append(Claim(f"{text}, {machine}", f"{paper:.0%} of the time", f"{ours:.1%}", agrees))
    return claims


def _forms_table(size: Size, latency: Latencies, networks: Networks) -> Table:
    rows = []
    for name in FORMS:
        network = networks[size, name]
        relative = (f"{latency[m, size, name] / latency[m, size, 'as published']:.3f}" for m in MACHINES)
        rows.append((f"{size}, {name}", millions(network.macs), millions(network.params), *relative))
    return Table(("network", "MACs, M", "params, M", *(f"time on {machine}" for machine in MACHINES)), tuple(rows))


def _forms_picture(latency: Latencies) -> Illustration:
    rows: list[Cells] = [
        {"machine": machine, "size": size, "form": form, "latency_s": value}
        for (machine, size, form), value in latency.items()
    ]
    caption = "Time of MobileNetV3-Large in each form, the published one = 1; the axis begins at 0.8."
    return Illustration(Picture("forms", rows, lambda: _draw_forms(latency)), caption)


def _draw_forms(latency: Latencies) -> "Figure":
    figure, (axes,) = charts.panels(1, height=3.0)
    series: dict[str, list[float | None]] = {
        machine: [latency[machine, "large", form] / latency[machine, "large", "as published"] for form in FORMS]
        for machine in MACHINES
    }
    labels = [form.replace(" last", "\nlast").replace(" of", "\nof").replace("swish ", "swish\n") for form in FORMS]
    charts.grouped_bars(axes, labels, series, tick=lambda value: f"{value:g}")
    axes.set_ylabel("time, as published = 1")
    axes.set_ylim(0.8)
    return figure


def _way_section(size: str, way: Sequence[Adapted], target: float, surrogate: Surrogate) -> Section:
    lines = tuple(
        (
            str(number),
            one.what,
            seconds(one.latency_s),
            f"{1 - one.latency_s / way[0].latency_s:.1%}",
            "-" if one.top1 is None else f"{one.top1:.2f}",
            millions(one.network.macs),
            millions(one.network.params),
        )
        for number, one in enumerate(way)
    )
    columns = ("step", "shrunk", "latency", "saved", "top-1 %, estimated", "MACs, M", "params, M")
    rows: list[Cells] = [
        {"step": number, "shrunk": one.what, "latency_s": one.latency_s, "top1_estimate_percent": one.top1 or ""}
        for number, one in enumerate(way)
    ]
    picture = Picture(f"netadapt_{size}", rows, lambda: _draw_way(way, target))
    caption = f"Latency on {ADAPTED_ON}, step by step; the line is MobileNetV3-{size.capitalize()} as published."
    text = f"A step saves at least {LEAST_STEP:.0%} of the seed's time. Accuracy is an estimate:"
    text += f" {surrogate.left_out.text}."
    return Section(f"NetAdapt, {size}", (text, Illustration(picture, caption), Table(columns, lines)))


def _draw_way(way: Sequence[Adapted], target: float) -> "Figure":
    figure, (axes,) = charts.panels(1, height=2.8)
    labels = ["seed" if number == 0 else f"step {number}" for number in range(len(way))]
    charts.lines(axes, labels, {"latency": [one.latency_s for one in way]}, LATENCY.tick, legend=False)
    low, high = min(target, way[-1].latency_s), max(target, way[0].latency_s)
    axes.set_ylim(low - 0.1 * (high - low), high + 0.15 * (high - low))
    charts.reference(axes, target, f"as published: {seconds(target)}")
    axes.set_ylabel("latency")
    return figure


def _findings(latency: Latencies, ways: dict[Size, list[Adapted]]) -> Iterator[str]:
    for form, what in (("original last stage", "The new last stage"), ("first layer of 32", "A first layer of 16")):
        found = "; ".join(f"{_share(latency, machine, form):.1%} on {machine}" for machine in MACHINES)
        yield f"{what} saves of the time: {found}."
    for size, way in ways.items():
        saved = 1 - way[-1].latency_s / way[0].latency_s
        first, last = way[0].top1, way[-1].top1
        told = f", {last - first:+.1f} points of estimated accuracy" if first is not None and last is not None else ""
        steps = f"in {len(way) - 1} steps ({size})"
        yield f"Shrinking {way[0].what} {steps} saves {saved:.1%} of its time on {ADAPTED_ON}{told}."
