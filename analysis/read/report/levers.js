// What would help: changes of machine and network that were simulated, each by itself.

const HOW = "simulate explain RUN.json --html FILE tries changes of the machine and of the network, and tells here what each saves.";
const MOST_LEVERS = 5;

function leverTable(title, changes) {
  const most = Math.max(...changes.map((change) => change.worth), 1e-9);
  const body = changes.map(({ what, cells, worth, layers }) => {
    const index = state.run.layers.findIndex((layer) => layers.includes(layer.name));
    const name = index < 0 ? what : el("button", { type: "button", class: "link", title: "open its layer", click: () => openLayer(index) }, what);
    return [name, ...cells, bar(worth / most, color("work"))];
  });
  return rows(title, ["change", ...state.run.levers.head, ""], body);
}

function layerLevers(layer) {
  if (!state.run.levers) return null;
  const own = state.run.levers.changes.filter((change) => change.layers.includes(layer.name)).slice(0, MOST_LEVERS);
  return own.length ? el("div", { class: "levers" }, leverTable("What would help: changes of it, of those alike or of its stage", own)) : null;
}

function showLevers() {
  const { levers } = state.run;
  find("levers").hidden = !levers && page.runs.length > 1;
  const note = el("p", { class: "hint" }, levers ? levers.note : HOW);
  const tables = levers ? levers.tables.map(({ title, rows: changes }) => leverTable(title, changes)) : [];
  find("levers").querySelector("div").replaceChildren(...tables, note);
}
