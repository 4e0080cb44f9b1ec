// Two runs: cards side by side, and what changed by stage, part and layer.

const MOST_CHANGES = 40;

function addCompared() {
  if (!page.compared) return;
  const { labels, cards, measures } = page.compared;
  const section = find("compared");
  section.hidden = false;
  const names = [...new Set(cards.flat().map((card) => card.label))];
  const text = (side, label) => (cards[side].find((card) => card.label === label) || { text: "-" }).text;
  section.append(rows("Totals", ["", ...labels], names.map((name) => [name, text(0, name), text(1, name)])));
  const chooser = el("select", { id: "measure", change: () => showChanges() }, measures.map((measure, i) => el("option", { value: i }, measure.name)));
  section.append(el("label", {}, "Changes of ", chooser), el("div", { id: "changes" }));
  showChanges();
}

function showChanges() {
  const measure = page.compared.measures[Number(find("measure").value)];
  const { labels } = page.compared;
  const head = ["", ...labels, "change", "of the total", ""];
  const whole = Math.max(...["stage", "part", "layer"].flatMap((by) => measure[by].map((change) => Math.abs(change.contribution))), 1e-9);
  const cells = (change) => {
    const { contribution } = change;
    const sign = contribution > 0 ? "+" : "";
    const name = change.detail ? el("span", { title: change.detail }, change.name) : change.name;
    return [name, ...change.cells, change.relative, `${sign}${percent(contribution)}`, bar(Math.abs(contribution) / whole, contribution > 0 ? "#D55E00" : "#009E73")];
  };
  const tables = ["part", "stage", "layer"].map((by) => {
    const left = Math.max(0, measure[by].length - MOST_CHANGES);
    const body = measure[by].slice(0, MOST_CHANGES).map(cells);
    return rows(`By ${by}${left ? `, the ${MOST_CHANGES} largest; ${left} more` : ""}`, head, body);
  });
  const total = rows(`All ${measure.name}`, head.slice(0, 5), [cells(measure.total).slice(0, 5)]);
  find("changes").replaceChildren(total, ...tables);
}
