"""Explanations as text: tables of stages, layers and changes."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from analysis.drive.explain.explanation import Explanation
from analysis.drive.explain.ranking import LEAST_TOLD
from analysis.drive.explain.trials import Saving
from analysis.read import units
from analysis.read.layout import Column, fit, printable, text_lines
from analysis.read.losses import StageUse
from analysis.read.objective import objective_of
from analysis.read.tables import stacks_text
from simulator.result.rows import kernel_text, shape_text
from simulator.result.run import LayerResult

COSTLIEST = 8  # layers that a network's explanation tells of
WIDTH = 120  # of sentences, where the width is not limited
UNLIMITED = 10_000  # of tables, likewise
NARROWEST = 24  # characters that a change is wrapped to


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


def saving_columns(explanation: Explanation) -> tuple[Column[Saving], ...]:
    """Return the figures of a table of changes, what they are ranked by first; of layers, what these save, too."""
    run, asked = explanation.run, explanation.asked
    columns: list[Column[Saving]] = [
        Column("saves", 0, lambda row: _saved(row.saved_share)),
        Column("cycles", 1, lambda row: f"{row.saved:,}"),
        Column("MACs", 3, lambda row: _share(-row.macs_saved, run.total.macs)),
        Column("params", 3, lambda row: _share(-row.params_saved, run.network.params)),
        Column("DRAM", 3, lambda row: _share(-row.dram_bytes_saved, run.total.dram_bytes)),
        Column("energy", 4, lambda row: units.signed_percent(-row.energy_saved_share)),
        Column(
            "area", 4, lambda row: "-" if row.area_added_share is None else units.signed_percent(row.area_added_share)
        ),
        Column("accuracy", 4, lambda row: row.accuracy),
    ]
    objective = objective_of(run)
    if objective not in ("cycles", "energy"):  # these have columns
        columns.insert(0, Column(objective, 0, lambda row: _saved(row.worth)))
    if asked:
        title = "layer saves" if len(asked) == 1 else "layers save"
        columns.insert(0, Column(title, 0, lambda row: "-" if row.layer_worth is None else _saved(row.layer_worth)))
    return tuple(columns)


def _share(change: float, whole: float) -> str:
    return units.signed_percent(change / whole if whole else 0.0)


def _saved(share: float) -> str:
    """Write what is saved; what is lost has a minus."""
    return units.percent(share) if share >= 0 else f"-{units.percent(-share)}"


def explanation_text(explanation: Explanation, width: int | None = None) -> Iterator[str]:
    """Yield the lines of an explanation: of the network, of one layer, or of several."""
    if len(explanation.asked) == 1:
        yield from _layer_text(explanation, width)
    else:
        yield from _network_text(explanation, width)
    columns = saving_columns(explanation)
    for title, savings in told_changes(explanation).items():
        yield ""
        yield title
        yield from _savings(savings, columns, width)
    if left_out := left_out_text(explanation):
        yield ""
        yield from wrap(left_out, width or WIDTH)


def told_changes(explanation: Explanation) -> dict[str, tuple[Saving, ...]]:
    """Return the changes that are told, by the title of their table."""
    return {
        "changes of the network worth most that keep 99% of its MACs and parameters": explanation.best_keeping,
        "changes of the machine worth most, and of how it is used": explanation.best_of_machine,
        "changes worth most that cut MACs or parameters, to be trained anew": explanation.best_cutting,
    }


def _network_text(explanation: Explanation, width: int | None) -> Iterator[str]:
    run, asked = explanation.run, explanation.asked
    total = f"{run.total.cycles:,} cycles, utilization {units.percent(run.total.utilization)}"
    if asked:
        total = f"{len(asked)} layers of {total}"
    yield printable(f"{run.network.name} on {run.hardware.name}: {total}")
    if stacks := stacks_text(run):
        yield from wrap(f"stacks, strip by strip: {stacks}", width or WIDTH)
    yield ""
    yield "where the time goes, and what becomes of the PE-cycles"
    stages = [stage for stage in explanation.stages if not asked or stage.stage in {layer.stage for layer in asked}]
    yield from text_lines(fit(stages, STAGE_COLUMNS, width))
    yield ""
    yield "the layers that take most"
    yield from _verdicts(explanation, width)


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
        share = units.percent(sum(layer.cycles for layer in group) / whole if whole else 0.0)
        more = f" and {len(group) - 1} alike" if len(group) > 1 else ""
        head = f"{share:>6}  {group[0].name}{more} ({described(group[0])}): {verdicts[group[0].name].verdict}"
        yield from wrap(printable(head), width or WIDTH, subsequent_indent=" " * 8)


def described(layer: LayerResult) -> str:
    """Write what a layer is: stage, op, kernel and shape of its output."""
    parts = [layer.stage, layer.op.value, kernel_text(layer), f"to {shape_text(layer.output_shape)}"]
    return " ".join(part for part in parts if part)


def _savings(savings: Sequence[Saving], columns: Sequence[Column[Saving]], width: int | None) -> Iterator[str]:
    if not savings:
        yield f"none saves {units.percent(LEAST_TOLD)} or more"
        return
    figures = text_lines(fit(savings, columns, None))
    for line, what in zip(figures, ("change", *(saving.what for saving in savings)), strict=True):
        room = max(NARROWEST, (width or UNLIMITED) - len(line) - 2)
        first, *more = wrap(printable(what), room)
        yield f"{line}  {first}"
        yield from (f"{' ' * len(line)}  {rest}" for rest in more)


def left_out_text(explanation: Explanation) -> str:
    """Tell how many changes were not simulated, and why that is right; nothing where all were."""
    told = {(saving.lever, saving.target) for savings in told_changes(explanation).values() for saving in savings}
    others = [change for change in explanation.left_out if (change.lever, change.target) not in told]
    alike = len(explanation.left_out) - len(others)
    most = max((change.worth_at_most for change in others), default=0.0)
    amount = f"{units.percent(most)} at most" if most > 0 else "nothing"
    texts = [f"{units.counted(len(others), 'change')} that can save {amount}"] if others else []
    texts += (
        [f"{units.counted(alike, 'change')} that can save no more than what is told of the same lever"] if alike else []
    )
    return f"not simulated, by bounds on their ops: {'; '.join(texts)} (--all tells them)" if texts else ""


def _layer_text(explanation: Explanation, width: int | None) -> Iterator[str]:
    run, ((layer, verdict),) = explanation.run, explanation.verdicts
    head = f"{layer.name} ({described(layer)}) of {run.network.name} on {run.hardware.name}"
    yield from wrap(printable(head), width or WIDTH)
    bound = f", bound by {verdict.bound_by}" if verdict.bound_by else ""
    yield from wrap(printable(f"{verdict.verdict}{bound}"), width or WIDTH)
    if (own := layer.stacked) is not None:
        again = f", {units.counted(own.again_rows, 'row')} made again" if own.again_rows else ""
        yield printable(f"in a stack, {own.first} to {own.last}, in {units.counted(own.strips, 'strip')}{again}")
    for sentence in verdict.evidence:
        yield from wrap(printable(f"- {sentence}"), width or WIDTH, subsequent_indent="  ")
    yield from _mapping(layer)


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
