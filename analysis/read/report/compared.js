// Two runs: totals side by side, the way from one to the other by stage, and what changed by part, stage and layer.

const MOST_CHANGES = 40;
const [LESS, MORE] = ["#009E73", "#D55E00"];

function addCompared() {
  if (!page.compared) return;
  const { labels, cards, measures } = page.compared;
  const section = find("compared");
  section.hidden = false;
  const names = [...new Set(cards.flat().map((card) => card.label))];
  const text = (side, label) => (cards[side].find((card) => card.label === label) || { text: "-" }).text;
  const pictures = el("div", { class: "figures" });
  section.append(rows("Totals", ["", ...labels], names.map((name) => [name, text(0, name), text(1, name)])), pictures, el("div", { id: "changes" }));
  addFigure(pictures, "By stage", "From the first run to the second.", measures.map((measure) => measure.name), drawChanges, () => [], true);
  showChanges(measures[0]);
}

function drawChanges(choice) {
  const measure = page.compared.measures[choice];
  showChanges(measure);
  const stages = measure.stage;
  const ends = page.compared.labels.map(plain);
  const changes = stages.map(({ values }) => values[1] - values[0]);
  const cells = [measure.total.cells[0], ...stages.map(({ relative }) => relative), measure.total.cells[1]];
  const trace = {
    type: "waterfall",
    measure: ["absolute", ...stages.map(() => "relative"), "total"],
    x: [0, ...stages.map((_, i) => i + 1), stages.length + 1],
    y: [measure.total.values[0], ...changes, measure.total.values[1]],
    text: cells,
    textposition: "outside",
    cliponaxis: false,
    hovertext: [ends[0], ...stages.map(({ name, cells: [before, after] }) => `${plain(name)}: ${before} to ${after}`), ends[1]],
    hoverinfo: "text",
    increasing: { marker: { color: MORE } },
    decreasing: { marker: { color: LESS } },
    totals: { marker: { color: color("layer") } },
    connector: { line: { color: color("line") } },
  };
  const names = [ends[0], ...stages.map(({ name }) => plain(elide(name, 24))), ends[1]];
  const xaxis = axis("", { tickvals: trace.x, ticktext: names, showgrid: false });
  const most = 1.15 * Math.max(measure.total.values[0], measure.total.values[1]);
  return { traces: [trace], layout: { xaxis, yaxis: axis(measure.name, measure.unit in write ? ticks(most, measure.unit) : {}), showlegend: false } };
}

function showChanges(measure) {
  const head = ["", ...page.compared.labels, "change", "of the total", ""];
  const whole = Math.max(...["stage", "part", "layer"].flatMap((by) => measure[by].map((change) => Math.abs(change.contribution))), 1e-9);
  const cells = (change) => {
    const { contribution } = change;
    const name = change.detail ? [change.name, el("small", {}, change.detail)] : change.name;
    const share = `${contribution > 0 ? "+" : ""}${percent(contribution)}`;
    return [name, ...change.cells, change.relative, share, bar(Math.abs(contribution) / whole, contribution > 0 ? MORE : LESS)];
  };
  const tables = ["part", "stage", "layer"].map((by) => {
    const left = Math.max(0, measure[by].length - MOST_CHANGES);
    return rows(`${measure.name} by ${by}${left ? `, the ${MOST_CHANGES} largest changes of ${left + MOST_CHANGES}` : ""}`, head, measure[by].slice(0, MOST_CHANGES).map(cells));
  });
  find("changes").replaceChildren(...tables);
}
