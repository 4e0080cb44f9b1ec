// What opens below the row of a layer.

function bar(fraction, colour) {
  return el("span", { class: "bar", "aria-hidden": "true" }, el("span", { style: `width:${Math.min(100, 100 * fraction)}%;background:${colour}` }));
}

function rows(caption, head, body) {
  const cells = (tag, row) => row.map((cell, i) => el(i ? tag : "th", i ? {} : { scope: "row" }, cell));
  const lines = body.map((row) => el("tr", {}, cells("td", row)));
  const titles = el("thead", {}, el("tr", {}, head.map((title) => el("th", { scope: "col" }, title))));
  return el("table", { class: "figures" }, el("caption", {}, caption), titles, el("tbody", {}, lines));
}

function partsTable(layer) {
  const parts = state.run.causes.map((cause, i) => ({ ...cause, value: layer.parts[i] })).filter((part) => part.value);
  const body = parts.map((part) => [part.name, part.value.toLocaleString("en"), percent(part.value / layer.cycles), bar(part.value / layer.cycles, part.colour)]);
  return rows("Where the cycles go", ["part", "cycles", "share", ""], body);
}

function trafficTable(layer) {
  const body = [];
  layer.traffic.forEach((operands, level) => {
    const most = Math.max(...operands.map(sum));
    operands.forEach(([read, written], i) => {
      const { name, colour } = state.run.operands[i];
      if (read || written) body.push([`${state.run.levels[level]}: ${name}`, write.B(read), write.B(written), bar((read + written) / most, colour)]);
    });
  });
  return rows("Traffic by level", ["level and operand", "read", "written", ""], body);
}

function energyTable(layer) {
  const whole = sum(layer.energy);
  const parts = summedBy(state.run.energy, "component", "component_colour", (i) => [layer.energy[i]]);
  const body = parts.filter((part) => part.values[0]).map((part) => [part.name, write.pJ(part.values[0]), percent(part.values[0] / whole), bar(part.values[0] / whole, part.colour)]);
  return body.length ? rows("Energy", ["component", "energy", "share", ""], body) : null;
}

const AT_ONCE = ["arrays", "rows", "columns"];
const loopsOf = (layer, place) => (layer.nest.find(([where]) => where === place) || [place, []])[1];
const loopsText = (loops) => loops.map(([dim, bound]) => `${dim}${bound}`).join(" x ") || "nothing";
const spread = (loops) => loops.reduce((product, [, bound]) => product * bound, 1);

// The array to scale: PEs with work are coloured, the outermost loop of each side banded; the rest is hatched.
function arrayPicture(layer) {
  const { rows: high, columns: wide, arrays, pes } = state.run.machine;
  const [down, across, beside] = ["rows", "columns", "arrays"].map((axis) => loopsOf(layer, axis));
  const [rows, columns] = layer.work;
  const bands = (loops, length) => (200 * spread(loops)) / (loops.length ? loops[0][1] : 1) / length;
  const place = (down, across) => `width:${Math.min(100, (100 * across) / wide)}%;height:${Math.min(100, (100 * down) / high)}%`;
  const count = `${layer.mapped.toLocaleString("en")} of ${pes.toLocaleString("en")} PEs have work in a full step`;
  const grid = `--row:${100 / rows}%;--column:${100 / columns}%;--down:${bands(down, rows)}%;--across:${bands(across, columns)}%`;
  const sides = [`rows ${loopsText(down)}: ${spread(down)} of ${high}`, `columns ${loopsText(across)}: ${spread(across)} of ${wide}`];
  const box = el("div", { class: "array", role: "img", "aria-label": `${sides.join(", ")}; ${count}`, style: `aspect-ratio:${wide}/${high}` });
  box.append(el("div", { class: "unrolled", style: place(spread(down), spread(across)) }));
  box.append(el("div", { class: Math.max(high, wide) > 64 ? "work" : "work lined", style: `${place(rows, columns)};${grid}` }));
  const short = rows * columns < spread(down) * spread(across) ? ` A tile fills ${rows} x ${columns} of what is unrolled (framed).` : "";
  const instances = arrays > 1 ? ` One of ${arrays} arrays; over them: ${loopsText(beside)}.` : "";
  const caption = el("figcaption", {}, `${count}; idle ones are hatched, bands are the outermost loop of a side.${short}${instances}`);
  return el("figure", { class: "pes" }, el("span", { class: "columns" }, sides[1]), el("div", { class: "beside" }, el("span", { class: "rows" }, sides[0]), box), caption);
}

// A loop a line, each within the one before.
function nestText(places) {
  const loops = places.flatMap(([where, own]) => own.map(([dim, bound, tile]) => [AT_ONCE.includes(where) ? "parallel" : "for", `${dim} in ${bound}${tile && ` of ${tile}`}:`, where]));
  const lines = loops.map(([kind, text, where], depth) => `${`${"  ".repeat(depth)}${kind} ${text}`.padEnd(34)} # ${where}`);
  return [...lines, `${"  ".repeat(loops.length)}outputs += inputs * weights`].join("\n");
}

const LETTERS = "N batch, G group, K filter, C channel, P row and Q column of outputs, R row and S column of the window";

function layerDetails(layer) {
  const verdict = [el("p", { class: "verdict" }, layer.verdict), el("ul", {}, layer.evidence.map((text) => el("li", {}, text)))];
  const fused = layer.fused.length ? el("p", { class: "hint" }, `fused into it: ${layer.fused.join(", ")}`) : null;
  const about = el("div", { class: "words" }, verdict, fused);
  if (!layer.cycles) return el("div", { class: "details" }, about);
  const figures = [partsTable(layer), trafficTable(layer), energyTable(layer), layerLevers(layer)];
  if (!layer.nest.length) return el("div", { class: "details" }, about, figures);
  const nest = el("div", { class: "nest" }, el("h4", {}, "Loop nest"), el("pre", { tabindex: "0" }, nestText(layer.nest)), el("p", { class: "hint" }, LETTERS));
  return el("div", { class: "details" }, about, el("div", {}, el("h4", {}, "On the array"), arrayPicture(layer)), nest, figures);
}
