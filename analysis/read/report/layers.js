// The table of layers: sorted, filtered, grouped by stage; a row opens in place.

const table = { column: null, descending: false, open: new Set(), shut: new Set() };
const width = () => state.run.columns.length + 1;

function valueOf(layer, column) {
  const place = state.run.columns.slice(0, column).filter((each) => each.figure).length;
  return state.run.columns[column].figure ? layer.values[place] : layer.cells[column].toLowerCase();
}

function order(indices) {
  if (table.column === null) return indices;
  const { layers } = state.run;
  const sign = table.descending ? -1 : 1;
  const compare = (a, b) => (a < b ? -sign : a > b ? sign : 0);
  return [...indices].sort((a, b) => compare(valueOf(layers[a], table.column), valueOf(layers[b], table.column)) || a - b);
}

function matching() {
  const words = find("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const [op, bound] = [find("op").value, find("bound").value];
  return state.run.layers.map((_, index) => index).filter((index) => {
    const layer = state.run.layers[index];
    const text = [layer.stage, ...layer.cells].join(" ").toLowerCase();
    return words.every((word) => text.includes(word)) && (!op || layer.op === op) && (!bound || layer.bound === bound);
  });
}

function showTable() {
  const found = order(matching());
  const groups = new Map();
  const grouped = find("grouped").checked;
  for (const index of found) {
    const stage = grouped ? state.run.layers[index].stage : "";
    groups.set(stage, [...(groups.get(stage) || []), index]);
  }
  const bodies = [...groups].map(([stage, indices]) => stageBody(grouped ? stage : null, indices));
  const caption = el("caption", { class: "hidden" }, `Layers of ${state.run.title}, a row each; a row's button opens its details.`);
  find("table").replaceChildren(caption, headRow(), ...bodies);
  find("count").textContent = `${found.length} of ${state.run.layers.length} layers`;
}

function headRow() {
  const titles = state.run.columns.map((column, i) => {
    const sorted = table.column === i ? (table.descending ? "descending" : "ascending") : "none";
    const button = el("button", { type: "button", "data-column": i, click: () => sortBy(i) }, column.title);
    return el("th", { scope: "col", "aria-sort": sorted, class: column.figure ? "number" : null }, button);
  });
  return el("thead", {}, el("tr", {}, el("th", { scope: "col" }, el("span", { class: "hidden" }, "details")), titles));
}

// Figures first from the largest, words from A; a third click is the order of the network.
function sortBy(column) {
  const first = state.run.columns[column].figure;
  if (table.column !== column) Object.assign(table, { column, descending: first });
  else if (table.descending === first) table.descending = !first;
  else table.column = null;
  showTable();
  find("table").querySelector(`[data-column="${column}"]`).focus();
}

function stageBody(stage, indices) {
  const body = el("tbody");
  const shut = stage !== null && table.shut.has(stage);
  if (stage !== null) body.append(stageRow(stage, indices, shut));
  if (!shut) for (const index of indices) body.append(...layerRows(index));
  return body;
}

function stageRow(stage, indices, shut) {
  const cycles = sum(indices.map((index) => state.run.layers[index].cycles));
  const whole = sum(state.run.layers.map((layer) => layer.cycles)) || 1;
  const toggle = () => {
    if (!table.shut.delete(stage)) table.shut.add(stage);
    showTable();
    [...find("table").querySelectorAll(".stage button")].find((each) => each.dataset.stage === stage).focus();
  };
  const text = `${indices.length} ${indices.length === 1 ? "layer" : "layers"}, ${write[""](cycles)} cycles, ${percent(cycles / whole)}`;
  const button = el("button", { type: "button", "aria-expanded": String(!shut), "data-stage": stage, click: toggle }, stage || "no stage");
  return el("tr", { class: "stage" }, el("th", { scope: "rowgroup", colspan: width() }, button, el("span", {}, text)));
}

let largest = new Map();

function most(place) {
  if (!largest.has(place)) largest.set(place, Math.max(...state.run.layers.map((layer) => layer.values[place])) || 1);
  return largest.get(place);
}

function layerRows(index) {
  const layer = state.run.layers[index];
  const open = table.open.has(index);
  const label = `${open ? "Close" : "Open"} ${layer.name}`;
  const button = el("button", { type: "button", class: "opener", "aria-expanded": String(open), "aria-controls": `layer-${index}`, "aria-label": label, click: () => toggleLayer(index) });
  let place = 0;
  const cells = state.run.columns.map((column, i) => {
    if (!column.figure) return el(i ? "td" : "th", i ? {} : { scope: "row", title: layer.name }, layer.cells[i]);
    const whole = column.title === "util" ? 1 : most(place);
    const filled = (100 * layer.values[place++]) / whole;
    return el("td", { class: "number filled", style: `--filled:${filled.toFixed(1)}%` }, layer.cells[i]);
  });
  const classes = [layer.cycles ? "" : "free", state.layer === index ? "selected" : ""].join(" ").trim();
  const click = (event) => event.target.closest("button") || getSelection().toString() || toggleLayer(index);
  const row = el("tr", { class: classes || null, "data-layer": index, click }, el("td", {}, button), cells);
  return open ? [row, el("tr", { id: `layer-${index}`, class: "opened" }, el("td", { colspan: width() }, layerDetails(layer)))] : [row];
}

function redrawRow(index) {
  const row = find("table").querySelector(`[data-layer="${index}"]`);
  if (!row) return;
  if (row.nextSibling && row.nextSibling.id === `layer-${index}`) row.nextSibling.remove();
  row.replaceWith(...layerRows(index));
}

function toggleLayer(index) {
  const before = state.layer;
  if (!table.open.delete(index)) table.open.add(index);
  state.layer = table.open.has(index) ? index : null;
  if (before !== null && before !== index) redrawRow(before);
  redrawRow(index);
  const button = find("table").querySelector(`[data-layer="${index}"] .opener`);
  if (button) button.focus({ preventScroll: true });
  markFigures();
}

// From a picture: the layer is shown, whatever is filtered or shut.
function openLayer(index) {
  const layer = state.run.layers[index];
  if (!matching().includes(index)) for (const id of ["filter", "op", "bound"]) find(id).value = "";
  table.shut.delete(layer.stage);
  table.open.delete(index);
  showTable();
  toggleLayer(index);
  find("table").querySelector(`[data-layer="${index}"]`).scrollIntoView({ block: "start", behavior: "smooth" });
}

function fillFilters() {
  for (const id of ["op", "bound"]) {
    const names = [...new Set(state.run.layers.map((layer) => layer[id]))].filter(Boolean).sort();
    find(id).replaceChildren(el("option", { value: "" }, "any"), ...names.map((name) => el("option", { value: name }, name)));
  }
}

function closeLayers() {
  table.open.clear();
  state.layer = null;
  showTable();
  markFigures();
}
