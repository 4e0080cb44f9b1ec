// The run over time: lanes of blocks, and below them the memory of activations, on one axis.

function secondsAt(cycle) {
  return cycle / state.run.machine.clock;
}

function spanBars(name, colour, bars, more = {}) {
  return {
    type: "bar",
    name: plain(name),
    customdata: bars.map((bar) => bar.index),
    text: bars.map((bar) => bar.text),
    textposition: "none",
    hovertemplate: "%{text}<extra></extra>",
    marker: { color: shade(colour), line: { width: 0 } },
    ...more,
  };
}

function laneTraces(indexOf) {
  const { lanes, slices, kinds } = state.run.timeline;
  return Object.entries(kinds).map(([kind, colour]) => {
    const own = slices.filter((slice) => slice[3] === kind);
    const bars = own.map(([, begin, end, , name, ops, busy, size]) => {
      const more = ops > 1 ? ` and ${ops - 1} more` : "";
      const bytes = size ? `, ${write.B(size)}` : "";
      const text = `${plain(name)}${more}: ${kind}<br>${write.s(secondsAt(end - begin))}, busy ${percent(busy / (end - begin || 1))}${bytes}`;
      return { index: indexOf.get(name), text };
    });
    const place = { x: own.map(([, begin, end]) => secondsAt(end - begin)), base: own.map(([, begin]) => secondsAt(begin)), y: own.map(([lane]) => lanes[lane]) };
    return own.length ? spanBars(kind, colour, bars, { orientation: "h", width: 0.8, ...place }) : null;
  }).filter(Boolean);
}

function layerLane() {
  const shown = timed();
  const { spans } = state.run;
  const bars = shown.map(({ layer, index }, i) => ({ index, text: `${plain(layer.name)}<br>${write.s(secondsAt(spans[i][1] - spans[i][0]))}, bound by ${layer.bound}` }));
  return spanBars("layers", color("layer"), bars, {
    orientation: "h",
    x: spans.map(([begin, end]) => secondsAt(end - begin)),
    base: spans.map(([begin]) => secondsAt(begin)),
    y: spans.map(() => "layers"),
    width: 0.8,
    showlegend: false,
    marker: { color: spans.map((_, i) => color(i % 2 ? "layer" : "layer-other")), line: { width: 0 } },
  });
}

function stackLane(indexOf) {
  const { stacks } = state.run;
  const bars = stacks.map(([first, last, , , strips, rows, weights, overlap]) => ({
    index: indexOf.get(first),
    text: `${plain(first)} to ${plain(last)}<br>${strips} strips of ${rows} rows, weights ${weights}, overlap ${overlap}`,
  }));
  const place = { x: stacks.map(([, , begin, end]) => secondsAt(end - begin)), base: stacks.map(([, , begin]) => secondsAt(begin)), y: stacks.map(() => "stacks") };
  return spanBars("stacks", "#CC79A7", bars, { orientation: "h", width: 0.8, showlegend: false, ...place });
}

function memoryTraces(indexOf) {
  const { tensors, taken, capacity } = state.run.memory;
  const bars = tensors.map(([name, begin, end, address, size, reader]) => ({ index: indexOf.get(name), text: `${plain(name)}<br>${write.B(size)} at ${address}, until ${plain(reader)}` }));
  const own = spanBars("tensors that stay", "#56B4E9", bars, {
    x: tensors.map(([, begin, end]) => secondsAt((begin + end) / 2)),
    width: tensors.map(([, begin, end]) => secondsAt(end - begin)),
    base: tensors.map(([, , , address]) => address),
    y: tensors.map(([, , , , size]) => size),
    yaxis: "y2",
    marker: { color: "#56B4E9", opacity: 0.8, line: { width: 1, color: color("panel") } },
  });
  const { spans } = state.run;
  const steps = { type: "scatter", mode: "lines", name: "taken, tiles included", yaxis: "y2", line: { shape: "hv", color: color("text"), width: 1.2 } };
  steps.x = [...spans.map(([begin]) => secondsAt(begin)), secondsAt(spans.at(-1)[1])];
  steps.y = [...taken, taken.at(-1)];
  steps.text = steps.y.map((value) => `taken ${write.B(value)}`);
  steps.hovertemplate = "%{text}<extra></extra>";
  const limit = { type: "scatter", mode: "lines", name: `capacity ${write.B(capacity)}`, yaxis: "y2", x: [0, steps.x.at(-1)], y: [capacity, capacity], line: { dash: "dash", color: "#D55E00", width: 1.4 }, hoverinfo: "skip" };
  return capacity ? [...(tensors.length ? [own] : []), steps, limit] : [steps];
}

function drawTime() {
  const indexOf = new Map(state.run.layers.map((layer, index) => [layer.name, index]));
  const { lanes } = state.run.timeline;
  const { taken, capacity } = state.run.memory;
  const hasMemory = taken.some(Boolean);
  const hasStacks = state.run.stacks.length > 0;
  const traces = [layerLane(), ...(hasStacks ? [stackLane(indexOf)] : []), ...laneTraces(indexOf), ...(hasMemory ? memoryTraces(indexOf) : [])];
  const order = [...lanes].reverse().concat(hasStacks ? ["stacks"] : [], "layers");
  const xaxis = axis("time", { tickformat: "~s", ticksuffix: "s", range: [0, secondsAt(state.run.spans.at(-1)[1])] });
  const layout = { barmode: "overlay", xaxis, height: 190 + 26 * order.length + (hasMemory ? 190 : 0) };
  layout.yaxis = axis("", { categoryorder: "array", categoryarray: order, domain: [hasMemory ? 0.5 : 0, 1], fixedrange: true, showgrid: false });
  if (hasMemory) {
    layout.yaxis2 = axis("memory", { domain: [0, 0.42], rangemode: "tozero", ...ticks(Math.max(capacity, ...taken), "B") });
    xaxis.anchor = "y2";
  }
  return { traces, layout };
}

function addTime() {
  if (!state.run.spans.length) return;
  const parent = document.querySelector("#time .figures");
  addFigure(parent, "Blocks and memory", "What each block of the machine does, and what lies in the memory of activations.", [""], drawTime, markSpan, true);
  if (state.run.timeline.note) parent.lastChild.append(el("figcaption", {}, state.run.timeline.note));
}
