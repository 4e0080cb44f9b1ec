"""The accuracy page: summary, picture, what is missed and why, and every figure."""

from collections.abc import Iterable, Iterator, Sequence

from analysis.drive.accuracy.anchor import Anchor, Evaluation, Missing, Row, Status
from analysis.drive.accuracy.expectation import EXPECTED, class_rows, exact_rows, predictions, without_anchor
from analysis.drive.accuracy.fitted import fitted_parameters
from analysis.drive.accuracy.summary import LONG, figure, miss_text, percent, share, summarize, with_unit, worst_text
from analysis.read.units import listed

INTRODUCTION = """\
# Accuracy

Published figures beside ours; a deviation is ours / published - 1. Exact counts (of networks, and of other simulators
with the same mappings) are equal or wrong. Predictions of chips, register-transfer models and machines of papers are
off by this much: half of them by no more than the first figure, nine in ten by no more than the second, of so many.
Some parameters were fitted on these very figures ([below](#fitted-parameters)): of a new chip, expect more.
"""
METHOD = """\
Every machine has one set of parameters, each with its source in its YAML file; none belongs to a layer, a network or a
row of these tables. `simulate accuracy` computes the page, and the checks of every change fail when a bound that held
holds no longer, or when the page is not what it computes. `simulate accuracy --hw H --measured ROWS.csv` puts your own
figures beside ours.
"""
ORDER = """\
Predictions only. Each figure counts once in median and worst; rows of other kinds (directions, sums, checks) only have
a bound, which reads ±5% of the deviation, or of our figure itself ≥1 or 30 to 50.
"""
FITTED = """\
Parameters that were chosen with the compared figures in view: of these rows, so many were seen. All others come from
what their files name.
"""


def page(evaluations: Sequence[Evaluation], picture: str | None = None) -> str:
    """Return the page as Markdown; `picture` is where its picture lies, as seen from the page."""
    lines = [INTRODUCTION, *_expectation(evaluations), METHOD, *_summary(evaluations)]
    if picture:
        lines += [f"![deviations of predictions, by anchor]({picture})", ""]
    lines += [*_exact(evaluations), *_missed(evaluations), *_fitted()]
    for evaluation in evaluations:
        lines += _section(evaluation)
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> list[str]:
    """Return a table; columns at the places in `numbers` are set to the right."""
    rule = ["---:" if i in numbers else "---" for i in range(len(titles))]
    return [f"| {' | '.join(cells)} |" for cells in (titles, rule, *rows)] + [""]


def _expectation(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """Yield how far off to expect a machine of each class, and the machines of which nothing is known."""
    yield from _table(("machines", *EXPECTED), class_rows(evaluations), range(1, 1 + len(EXPECTED)))
    none, untimed = without_anchor(evaluations)
    yield from (f"**No anchor at all**: {listed(none)}. Take the class of the machine that is most like yours.", "")
    yield from (f"**No time** to compare with, but exact counts, energy or area: {listed(untimed)}.", "")


def _exact(evaluations: Sequence[Evaluation]) -> list[str]:
    """Return how many of the exact counts are equal."""
    return ["## Exact counts", "", *_table(("anchor", "counts", "equal"), exact_rows(evaluations), (1, 2))]


def _fitted() -> list[str]:
    """Return the parameters that their files mark as fitted."""
    rows = [(f"`{key}`", str(rows), ", ".join(files)) for key, rows, files in fitted_parameters()]
    return ["## Fitted parameters", "", FITTED, *_table(("parameter", "rows", "files"), rows, (1,))]


def _summary(evaluations: Sequence[Evaluation]) -> list[str]:
    rows = []
    for evaluation in map(predictions, evaluations):
        if not evaluation.rows:
            continue
        summary = summarize(evaluation)
        name = f"[{evaluation.anchor.title}](#{evaluation.anchor.place})"
        held = f"{summary.held} of {summary.bounds}" if summary.bounds else "-"
        rows.append((name, figure(summary.figures), share(summary.median), worst_text(summary), held))
    titles = ("anchor", "figures", "median deviation", "worst", "bounds held")
    return ["## Predictions", "", *_table(titles, rows, (1, 2)), ORDER]


def _missed(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """Yield what every anchor misses, and why; then what is outside a bound without being explained."""
    yield from ("## Bounds missed", "")
    explained = [(e, missing) for e in evaluations for missing in e.anchor.missing]
    for evaluation, missing in explained:
        yield from _explanation(evaluation, missing)
    for evaluation in evaluations:
        for row in evaluation.having(Status.BROKEN):
            yield f"- **{evaluation.anchor.title}**, not explained: {row.key}: {miss_text(row)}"
    yield ""


def _explanation(evaluation: Evaluation, missing: Missing) -> Iterator[str]:
    rows = [row for row in evaluation.rows if row.key in missing.rows and row.excess]
    if rows:
        yield f"- **{evaluation.anchor.title}.** {missing.why}"
        yield from (f"  - {row.key}: {miss_text(row)}" for row in rows)


def _section(evaluation: Evaluation) -> Iterator[str]:
    """Yield an anchor: where it stands, what runs it, its tables, folded away where they are long."""
    anchor = evaluation.anchor
    yield from (f"## {anchor.title}", "", f"Source: {anchor.source}.", "")
    yield from (f"{_machines(anchor)}`simulate accuracy {anchor.name}` shows these rows alone.", "")
    for remark in anchor.remarks:
        yield from (f"- {remark}",)
    if anchor.remarks:
        yield ""
    long = len(evaluation.rows) > LONG
    if long:
        yield from (f"<details><summary>{len(evaluation.rows)} rows</summary>", "")
    yield from rows_tables(evaluation)
    if long:
        yield from ("</details>", "")


def _machines(anchor: Anchor) -> str:
    files = [f"[{name}](../hw_configs/{name}.yaml)" for name in anchor.machines]
    return f"{'Machine' if len(files) == 1 else 'Machines'}: {', '.join(files)}. " if files else ""


def rows_tables(evaluation: Evaluation) -> Iterator[str]:
    """Yield the table of each part under its name."""
    for part in dict.fromkeys(row.part for row in evaluation.rows):
        if part:
            yield from (f"**{part}**", "")
        yield from _rows_table(evaluation, [row for row in evaluation.rows if row.part == part])


def _rows_table(evaluation: Evaluation, rows: Sequence[Row]) -> list[str]:
    """Return the table of one part; columns in which no row has anything are left out."""
    units = {row.unit for row in rows}
    unit = units.pop() if len(units) == 1 else ""
    given = evaluation.anchor.given
    titles = ["", f"{given}{unit and ', ' + unit}", f"ours{unit and ', ' + unit}", "deviation", "bound", ""]
    cells = [
        (
            row.quantity,
            figure(row.published) if unit else with_unit(row.published, row.unit),
            figure(row.ours) if unit else with_unit(row.ours, row.unit),
            percent(row.deviation),
            row.bound.text if row.bound else "-",
            _verdict(evaluation.status(row)),
        )
        for row in rows
    ]
    kept = [i for i in range(len(titles)) if i in (0, 2) or any(line[i] not in ("-", "") for line in cells)]
    places = [at for at, i in enumerate(kept) if i in (1, 2, 3, 4)]
    return _table([titles[i] for i in kept], [[line[i] for i in kept] for line in cells], places)


def _verdict(status: Status) -> str:
    return {Status.MISSED: "**missed**", Status.BROKEN: "**broken**"}.get(status, "held" if status else "")
