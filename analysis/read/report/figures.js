// Pictures: each says what it draws for a choice, and how it marks the layer that is open.

const figures = [];
const CONFIG = { responsive: true, displaylogo: false, showSendToCloud: false, displayModeBar: "hover", modeBarButtonsToRemove: ["select2d", "lasso2d"] };
const [OUTLINE, HEIGHT, PAPER] = [1.5, 380, 920];
const [FEW_BARS, TOWERING, HEADROOM] = [8, 2, 1.1];

function addFigure(parent, title, about, choices, draw, mark = () => [], wide = false) {
  const chooser = el("select", { "aria-label": `${title}: what is shown`, change: () => drawFigure(figure) });
  chooser.append(...choices.map((choice, i) => el("option", { value: i }, choice)));
  const plot = el("div", { class: "plot", role: "img", "aria-label": `${title}. ${about} The table of layers has the figures.` });
  const head = el("div", { class: "head" }, el("h3", {}, title), choices.length > 1 ? chooser : null);
  const figure = { plot, chooser, draw, mark, shapes: [], drawn: false };
  parent.append(el("figure", { class: wide ? "panel wide" : "panel" }, head, plot));
  figures.push(figure);
  watcher.observe(plot);
}

function drawFigure(figure) {
  const { traces, layout } = figure.draw(Number(figure.chooser.value) || 0, figure.plot.clientWidth);
  figure.shapes = layout.shapes || [];
  figure.plot.style.height = `${layout.height || HEIGHT}px`;
  const whole = { ...base(), ...layout, shapes: [...figure.shapes, ...figure.mark(state.layer)] };
  Plotly.react(figure.plot, traces, whole, CONFIG);
  if (figure.drawn) return;
  figure.drawn = true;
  figure.plot.on("plotly_click", (event) => {
    const index = event.points.map((point) => point.customdata).find((data) => data !== undefined);
    if (index !== undefined) openLayer(index);
  });
}

// A picture is drawn when it comes into sight, all are before they are printed.
const watcher = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => drawFirst(figures.find((each) => each.plot === entry.target))),
  { rootMargin: "200px" },
);

function drawFirst(figure) {
  if (figure && !figure.drawn) drawFigure(figure);
}

// Landscape A4 or letter, two pictures beside one another, in light colours.
function fitPaper(printing) {
  const root = document.documentElement;
  if (printing) state.theme = root.dataset.theme || "";
  root.dataset.theme = printing ? "light" : state.theme;
  redrawFigures();
  document.querySelector("#summary details").open = printing;
  figures.forEach(drawFirst);
  for (const { plot } of figures) {
    const width = plot.closest(".wide") ? PAPER : PAPER / 2 - 30;
    Plotly.relayout(plot, printing ? { width } : { width: null, autosize: true });
  }
}

function redrawFigures() {
  figures.filter((each) => each.drawn).forEach(drawFigure);
}

function markFigures() {
  for (const figure of figures.filter((each) => each.drawn))
    Plotly.relayout(figure.plot, { shapes: [...figure.shapes, ...figure.mark(state.layer)] });
}

function base() {
  return {
    font: { family: "system-ui, sans-serif", size: 12, color: color("text") },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    hoverlabel: { bgcolor: color("panel"), bordercolor: color("line"), font: { color: color("text") }, namelength: -1 },
    margin: { l: 60, r: 38, t: 24, b: 12 },
    modebar: { orientation: "v", bgcolor: "rgba(0,0,0,0)", color: color("quiet"), activecolor: color("accent") },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, traceorder: "normal" },
    barmode: "stack",
    bargap: 0.12,
    dragmode: "zoom",
  };
}

function axis(title, more = {}) {
  const lines = { gridcolor: color("line"), linecolor: color("line"), zerolinecolor: color("line") };
  return { title: { text: title }, ...lines, automargin: true, ...more };
}

// Ticks in the units of the table, at round numbers of them.
function ticks(most, unit, shown = most) {
  const raw = (shown || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const stride = unit === "B" ? 2 ** Math.ceil(Math.log2(raw)) : power * [1, 2, 5, 10].find((each) => each * power >= raw);
  const values = Array.from({ length: Math.floor(shown / stride) + 1 }, (_, i) => i * stride);
  if (most > shown) values.push(...[2, 5, 10, 20, 50, 100].map((times) => times * values.at(-1)).filter((value) => value <= most));
  return { tickvals: values, ticktext: values.map((value) => write[unit](value)) };
}

function logTicks(least, most) {
  const powers = Array.from({ length: Math.ceil(Math.log10(most / least)) + 2 }, (_, i) => 10 ** (Math.floor(Math.log10(least)) + i));
  const values = powers.flatMap((power) => (most > 1e4 * least ? [power] : [power, 2 * power, 5 * power]));
  return { tickvals: values, ticktext: values.map((value) => String(value < 1 ? Number(value.toPrecision(1)) : write[""](value))) };
}

const timed = () => state.run.layers.map((layer, index) => ({ layer, index })).filter(({ layer }) => layer.cycles);

// An axis of layers: names as far as there is space, stages shaded in turn and named on top.
function layerAxis(width) {
  const shown = timed();
  const step = Math.max(1, Math.ceil((15 * shown.length) / Math.max(200, width - 90)));
  const places = shown.map((_, i) => i).filter((i) => i % step === 0);
  const ticktext = places.map((i) => plain(elide(shown[i].layer.name, 16)));
  const range = [-0.6, shown.length - 0.4];
  return axis("", { type: "linear", range, tickvals: places, ticktext, tickangle: -60, showgrid: false, tickfont: { size: 10 } });
}

function stageShapes(width) {
  const shown = timed();
  const shapes = [];
  const annotations = [];
  for (let first = 0, turn = 0; first < shown.length; turn += 1) {
    const stage = shown[first].layer.stage;
    let end = first;
    while (end < shown.length && shown[end].layer.stage === stage) end += 1;
    const place = { xref: "x", yref: "paper", x0: first - 0.5, x1: end - 0.5, y0: 0, y1: 1 };
    if (turn % 2) shapes.push({ type: "rect", ...place, fillcolor: color("band"), line: { width: 0 }, layer: "below" });
    if (((end - first) / shown.length) * (width - 90) > 7 * stage.length)
      annotations.push({ x: (first + end - 1) / 2, y: 1, yref: "paper", yanchor: "top", text: plain(stage), showarrow: false, font: { size: 10, color: color("quiet") } });
    first = end;
  }
  return { shapes, annotations };
}

function markBar(index) {
  const place = timed().findIndex((each) => each.index === index);
  if (place < 0) return [];
  const line = { color: color("accent"), width: OUTLINE };
  return [{ type: "rect", xref: "x", yref: "paper", x0: place - 0.5, x1: place + 0.5, y0: 0, y1: 1, line }];
}

// Series of values, one a layer that takes time, stacked; each tells its share of all.
function stacked(series, unit, title, width) {
  const shown = timed();
  const whole = sum(series.map((each) => sum(each.values))) || 1;
  const heights = shown.map((_, i) => sum(series.map((each) => each.values[i])));
  const traces = series.filter((each) => each.values.some(Boolean)).map((each) => ({
    type: "bar",
    name: `${plain(each.name)} ${percent(sum(each.values) / whole)}`,
    x: shown.map((_, i) => i),
    y: each.values,
    customdata: shown.map(({ index }) => index),
    text: each.values.map((value, i) => `${plain(shown[i].layer.name)}<br>${plain(each.name)} ${write[unit](value)} of ${write[unit](heights[i])}`),
    textposition: "none",
    hovertemplate: "%{text}<extra></extra>",
    marker: { color: shade(each.colour), line: { width: 0 } },
  }));
  const { shapes, annotations } = stageShapes(width);
  const top = cutHeight(heights);
  const yaxis = axis(title, { range: [0, top], ...ticks(Math.max(...heights, 0), unit, top) });
  const towers = shown.map(({ layer }, i) => ({ i, text: `${plain(elide(layer.name, 24))} ${write[unit](heights[i])}` })).filter(({ i }) => heights[i] > top);
  annotations.push(...towers.map(({ i, text }, place) => towerLabel(i, top, text, place, shown.length)));
  return { traces, layout: { shapes, annotations, xaxis: layerAxis(width), yaxis } };
}

// Where few bars tower over all others the picture begins with the others: zooming out shows all.
function cutHeight(heights) {
  const falling = [...heights].sort((a, b) => b - a);
  const towers = [3, 2, 1].find((count) => falling.length >= FEW_BARS && falling[count - 1] > TOWERING * falling[count]);
  return HEADROOM * (falling[towers || 0] || 1);
}

// Beside the bar that goes on above the picture; one below the other.
function towerLabel(x, y, text, place, count) {
  const xanchor = x < count / 2 ? "left" : "right";
  const shift = { xshift: x < count / 2 ? 6 : -6, yshift: -16 - 17 * place };
  return { x, y, xanchor, yanchor: "top", ...shift, text: `\u2191 ${text}`, showarrow: false, font: { size: 11 }, bgcolor: color("panel"), bordercolor: color("line") };
}

function summedBy(items, key, colour, valuesOf) {
  const series = new Map();
  items.forEach((item, i) => {
    if (!series.has(item[key])) series.set(item[key], { name: item[key], colour: item[colour], values: valuesOf(i).map(() => 0) });
    const sums = series.get(item[key]).values;
    valuesOf(i).forEach((value, at) => (sums[at] += value));
  });
  return [...series.values()];
}

function drawCycles(choice, width) {
  const series = state.run.causes.map((cause, i) => ({ ...cause, values: timed().map(({ layer }) => layer.parts[i]) }));
  if (choice === 0) return stacked(series, "", "cycles", width);
  const shares = series.map((each) => ({ ...each, values: each.values.map((value, i) => value / timed()[i].layer.cycles) }));
  return stacked(shares, "%", "share of each layer", width);
}

function drawTraffic(level, width) {
  const bytes = (operand) => timed().map(({ layer }) => sum(layer.traffic[level][operand]));
  const series = state.run.operands.map((operand, i) => ({ ...operand, values: bytes(i) }));
  return stacked(series, "B", `bytes, ${plain(state.run.levels[level])}`, width);
}

function drawEnergy(choice, width) {
  const by = choice ? "operand" : "component";
  const values = (i) => timed().map(({ layer }) => layer.energy[i]);
  return stacked(summedBy(state.run.energy, by, `${by}_colour`, values), "pJ", "energy", width);
}

// Bars as wide as their time: areas are PE-cycles.
function drawUse() {
  const shown = timed();
  const clock = state.run.machine.clock;
  const spans = state.run.spans;
  const traces = state.run.uses.map((use, i) => ({
    type: "bar",
    name: plain(use.name),
    x: spans.map(([begin, end]) => (begin + end) / 2 / clock),
    width: spans.map(([begin, end]) => (end - begin) / clock),
    y: shown.map(({ layer }) => layer.use[i]),
    customdata: shown.map(({ index }) => index),
    text: shown.map(({ layer }) => `${plain(layer.name)}<br>${plain(use.name)} ${percent(layer.use[i])}`),
    textposition: "none",
    hovertemplate: "%{text}<extra></extra>",
    marker: { color: shade(use.colour), line: { width: 0 } },
  }));
  const yaxis = axis("PE-cycles", { range: [0, 1], tickformat: ".0%" });
  return { traces, layout: { xaxis: axis("time", { tickformat: "~s", ticksuffix: "s", showgrid: false }), yaxis } };
}

function markSpan(index) {
  const place = timed().findIndex((each) => each.index === index);
  if (place < 0) return [];
  const [x0, x1] = state.run.spans[place].map((cycle) => cycle / state.run.machine.clock);
  return [{ type: "rect", xref: "x", yref: "paper", x0, x1, y0: 0, y1: 1, line: { color: color("accent"), width: OUTLINE } }];
}

const roofs = () => state.run.rooflines;
const LOOKS = ["#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000", "#999999"];
const SYMBOLS = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "star"];

function drawRoofline(choice) {
  const roof = roofs()[choice];
  const layers = new Map(state.run.layers.map((layer, index) => [layer.name, { layer, index }]));
  const points = roof.points.map(([name, x, y]) => ({ x, y, ...layers.get(name) }));
  const ridge = roof.peak / roof.bytes_per_cycle;
  const least = Math.min(ridge, ...points.map((point) => point.x)) / 1.6;
  const most = Math.max(ridge, ...points.map((point) => point.x)) * 1.6;
  const line = { type: "scatter", mode: "lines", name: "roof", x: [least, ridge, most], y: [least * roof.bytes_per_cycle, roof.peak, roof.peak], line: { color: color("text"), width: 2 }, hoverinfo: "skip" };
  const busiest = Math.max(...points.map((point) => point.layer.cycles), 1);
  const names = [...new Set(points.map((point) => point.layer.dataflow))].sort();
  const groups = names.map((name, i) => {
    const own = points.filter((point) => point.layer.dataflow === name);
    return {
      type: "scatter",
      mode: "markers",
      name: plain(name.replaceAll("_", " ")),
      x: own.map((point) => point.x),
      y: own.map((point) => point.y),
      customdata: own.map((point) => point.index),
      text: own.map((point) => `${plain(point.layer.name)}<br>${write[""](point.x)} MACs a byte, ${write[""](point.y)} a cycle<br>${write[""](point.layer.cycles)} cycles`),
      hovertemplate: "%{text}<extra></extra>",
      marker: { color: shade(LOOKS[i % LOOKS.length]), symbol: SYMBOLS[i % SYMBOLS.length], opacity: 0.75, size: own.map((point) => 5 + 19 * Math.sqrt(point.layer.cycles / busiest)), line: { color: color("panel"), width: 0.6 } },
    };
  });
  const floor = Math.min(least * roof.bytes_per_cycle, ...points.map((point) => point.y));
  const xaxis = axis(`MACs a byte, ${plain(roof.title)}; marker area: cycles`, { type: "log", range: [Math.log10(least), Math.log10(most)], ...logTicks(least, most) });
  const yaxis = axis("MACs a cycle", { type: "log", range: [Math.log10(floor / 1.3), Math.log10(roof.peak * 1.5)], ...logTicks(floor, roof.peak) });
  return { traces: [line, ...groups], layout: { xaxis, yaxis, legend: { ...base().legend, itemsizing: "constant" } } };
}

function markPoint(index) {
  const layer = state.run.layers[index];
  const figure = figures.find((each) => each.mark === markPoint);
  const point = layer && roofs()[Number(figure.chooser.value) || 0].points.find(([name]) => name === layer.name);
  if (!point) return [];
  const line = { color: color("accent"), width: OUTLINE, dash: "dot" };
  const across = { type: "line", xref: "paper", x0: 0, x1: 1, y0: point[2], y1: point[2], line };
  return [across, { type: "line", yref: "paper", y0: 0, y1: 1, x0: point[1], x1: point[1], line }];
}

function addPictures() {
  const parent = document.querySelector("#pictures .figures");
  addFigure(parent, "Cycles", "Where the cycles of each layer go.", ["cycles", "shares of each layer"], drawCycles, markBar, true);
  addFigure(parent, "Traffic", "Bytes that each layer moves, by operand.", state.run.levels, drawTraffic, markBar);
  if (sum(timed().map(({ layer }) => sum(layer.energy))))
    addFigure(parent, "Energy", "Energy of each layer.", ["by component", "by operand"], drawEnergy, markBar);
  addFigure(parent, "Use of the array", "What every PE-cycle went to; layers as wide as their time.", [""], drawUse, markSpan);
  if (roofs().some((roof) => roof.points.length))
    addFigure(parent, "Roofline", "How near each layer comes to what array and port allow.", roofs().map((roof) => roof.title), drawRoofline, markPoint);
}
