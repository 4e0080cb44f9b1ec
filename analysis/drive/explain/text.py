"""Explanations as text: tables of stages, layers and changes."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from analysis.drive.explain.explanation import Explanation, LayerExplanation, Saving
from analysis.read import units
from analysis.read.layout import Column, fit, printable, text_lines
from analysis.read.losses import StageUse
from analysis.read.objective import objective_of
from analysis.read.tables import kernel_text, shape_text, stacks_text
from simulator.result.run import LayerResult, Run

COSTLIEST = 8  # layers that a network's explanation tells of
WIDTH = 120  # of sentences, where the width is not limited
UNLIMITED = 10_000  # of tables, likewise
NARROWEST = 24  # characters that a change is wrapped to


def _macs(row: Saving, run: Run) -> str:
    return units.signed_percent(-row.macs_saved / run.total.macs if run.total.macs else 0.0)


def _filters(row: StageUse) -> str:
    low, high = row.filters
    return "-" if not high else str(low) if low == high else f"{low}-{high}"


STAGE_COLUMNS: tuple[Column[StageUse], ...] = (
    Column("stage", 0, lambda row: row.stage or "-", is_number=False),
    Column("layers", 7, lambda row: str(row.layers)),
    Column("filters", 6, _filters),
    Column("cycles", 1, lambda row: units.count(row.cycles, digits=4)),
    Column("share", 2, lambda row: units.percent(row.cycles_share)),
    Column("of MACs", 3, lambda row: units.percent(row.macs_share)),
    Column("executed", 4, lambda row: units.percent(row.use.fraction("executed"))),
    Column("spatial", 5, lambda row: units.percent(row.use.fraction("spatial"))),
    Column("temporal", 5, lambda row: units.percent(row.use.fraction("temporal"))),
    Column("stall", 5, lambda row: units.percent(row.use.fraction("stall"))),
)


def saving_columns(run: Run, layer: LayerResult | None = None) -> tuple[Column[Saving], ...]:
    """Return the figures of a table of changes, what they are ranked by first; with a layer, what it saves too."""
    columns: list[Column[Saving]] = [
        Column("saves", 0, lambda row: _saved(row.saved_share)),
        Column("cycles", 1, lambda row: f"{row.saved:,}"),
        Column("MACs", 3, lambda row: _macs(row, run)),
        Column("energy", 4, lambda row: units.signed_percent(-row.energy_saved_share)),
    ]
    objective = objective_of(run)
    if objective not in ("cycles", "energy"):  # these have columns
        columns.insert(0, Column(objective, 0, lambda row: _saved(row.worth)))
    if layer is not None:
        columns.insert(0, Column("layer saves", 0, lambda row: _layer_saves(row, layer.cycles)))
    return tuple(columns)


def _saved(share: float) -> str:
    """Write what is saved; what is lost has a minus."""
    return units.percent(share) if share >= 0 else f"-{units.percent(-share)}"


def _layer_saves(row: Saving, before: int) -> str:
    return "-" if row.layer_cycles is None else f"{before - row.layer_cycles:,}"


def network_text(explanation: Explanation, width: int | None = None) -> Iterator[str]:
    """Yield the lines of a network's explanation."""
    run = explanation.run
    total = f"{run.total.cycles:,} cycles, utilization {units.percent(run.total.utilization)}"
    yield printable(f"{run.network.name} on {run.hardware.name}: {total}")
    if stacks := stacks_text(run):
        yield from wrap(f"stacks, strip by strip: {stacks}", width or WIDTH)
    yield ""
    yield "where the time goes, and what becomes of the PE-cycles"
    yield from text_lines(fit(explanation.stages, STAGE_COLUMNS, width))
    yield ""
    yield "the layers that take most"
    yield from _verdicts(explanation, width)
    for title, savings in (
        ("changes of the network worth most, each by itself", explanation.best_of_network),
        ("changes worth most that keep its MACs within 1%", explanation.best_at_equal_macs),
        ("changes of the machine worth most, each by itself", explanation.best_of_machine),
    ):
        yield ""
        yield title
        yield from _savings(savings, saving_columns(run), width)


def _verdicts(explanation: Explanation, width: int | None) -> Iterator[str]:
    """Tell the verdict of the costliest layers; those that are alike are told once."""
    groups: dict[tuple[object, ...], list[LayerResult]] = {}
    verdicts = {layer.name: verdict for layer, verdict in explanation.verdicts}
    for layer, verdict in explanation.verdicts:
        key = (layer.stage, layer.op, layer.kernel, layer.input_shapes, layer.output_shape, verdict.verdict)
        groups.setdefault(key, []).append(layer)
    costliest = sorted(groups.values(), key=lambda group: -sum(layer.cycles for layer in group))
    whole = explanation.run.total.cycles
    for group in costliest[:COSTLIEST]:
        share = units.percent(sum(layer.cycles for layer in group) / whole)
        more = f" and {len(group) - 1} alike" if len(group) > 1 else ""
        head = f"{share:>6}  {group[0].name}{more} ({described(group[0])}): {verdicts[group[0].name].verdict}"
        yield from wrap(printable(head), width or WIDTH, subsequent_indent=" " * 8)


def described(layer: LayerResult) -> str:
    """Write what a layer is: stage, op, kernel and shape of its output."""
    parts = [layer.stage, layer.op.value, kernel_text(layer), f"to {shape_text(layer.output_shape)}"]
    return " ".join(part for part in parts if part)


def _savings(savings: Sequence[Saving], columns: Sequence[Column[Saving]], width: int | None) -> Iterator[str]:
    idle = [saving for saving in savings if not saving.worth and not saving.saved]
    effective = [saving for saving in savings if saving not in idle]
    if effective:
        figures = text_lines(fit(effective, columns, None))
        for line, what in zip(figures, ("change", *(saving.what for saving in effective)), strict=True):
            room = max(NARROWEST, (width or UNLIMITED) - len(line) - 2)
            first, *more = wrap(printable(what), room)
            yield f"{line}  {first}"
            yield from (f"{' ' * len(line)}  {rest}" for rest in more)
    else:
        yield "none of those tried saves anything"
    if idle:
        text = "without effect: " + "; ".join(saving.what for saving in idle)
        yield from wrap(printable(text), width or WIDTH, subsequent_indent="  ")


def layer_text(explanation: LayerExplanation, width: int | None = None) -> Iterator[str]:
    """Yield the lines of a layer's explanation."""
    run, layer, verdict = explanation.run, explanation.layer, explanation.verdict
    head = f"{layer.name} ({described(layer)}) of {run.network.name} on {run.hardware.name}"
    yield from wrap(printable(head), width or WIDTH)
    bound = f", bound by {verdict.bound_by}" if verdict.bound_by else ""
    yield from wrap(printable(f"{verdict.verdict}{bound}"), width or WIDTH)
    if (own := layer.stacked) is not None:
        yield printable(f"in a stack, {own.first} to {own.last}, in {units.counted(own.strips, 'strip')}")
    for sentence in verdict.evidence:
        yield from wrap(printable(f"- {sentence}"), width or WIDTH, subsequent_indent="  ")
    yield from _mapping(layer)
    for title, savings in (
        ("changes of the network, each by itself", explanation.network_changes),
        ("changes of the machine, each by itself", explanation.machine_changes),
    ):
        yield ""
        yield title
        yield from _savings(savings, saving_columns(run, layer), width)


def _mapping(layer: LayerResult) -> Iterator[str]:
    """Show the mapping of a layer, or of each shape of its strips."""
    mappings = {"mapping": layer.mapping}
    if layer.stacked:
        mappings = {
            f"mapping of {each.name}, {units.counted(each.times, 'strip')}": each.mapping
            for each in layer.stacked.shapes
        }
    for title, mapping in mappings.items():
        if mapping:
            yield ""
            yield printable(title)
            for level, loops in mapping.items():
                yield f"  {level:<10} {' '.join(loops) if isinstance(loops, list) else loops}".rstrip()
