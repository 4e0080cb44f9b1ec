// Fill the page with a run; begin with the first.

function fillSummary() {
  const { run } = state;
  find("title").textContent = run.label || run.title;
  find("about").textContent = run.label ? `${run.title}; ${run.about}` : run.about;
  const card = ({ label, text, note }) => el("div", { class: "card" }, el("dt", {}, label), el("dd", {}, el("strong", {}, text), el("span", {}, note)));
  document.querySelector(".cards").replaceChildren(...run.cards.map(card));
  document.querySelector(".lines").replaceChildren(...run.summary.flatMap(([label, text]) => [el("dt", {}, label), el("dd", {}, text)]));
}

// The pictures of a run go, those of a comparison stay.
function clearFigures() {
  for (const figure of figures.filter((each) => !find("compared").contains(each.plot))) {
    figures.splice(figures.indexOf(figure), 1);
    watcher.unobserve(figure.plot);
    Plotly.purge(figure.plot);
  }
  for (const parent of document.querySelectorAll("#pictures .figures, #time .figures")) parent.replaceChildren();
}

function showRun(number) {
  Object.assign(state, { run: page.runs[number], layer: null });
  Object.assign(table, { column: null, descending: false });
  table.open.clear();
  table.shut.clear();
  largest = new Map();
  clearFigures();
  fillSummary();
  fillFilters();
  showTable();
  addPictures();
  addTime();
  showLevers();
}

function start() {
  const chooser = find("run");
  chooser.append(...page.runs.map((run, i) => el("option", { value: i }, run.label || run.title)));
  chooser.parentNode.hidden = page.runs.length < 2;
  chooser.addEventListener("change", () => showRun(Number(chooser.value)));
  const links = [...document.querySelectorAll("main > section")].filter((section) => section.id !== "compared" || page.compared).filter((section) => section.id !== "levers" || page.runs.length < 2);
  document.querySelector("nav").append(...links.map((section) => el("a", { href: `#${section.id}` }, section.querySelector("h2").textContent)));
  for (const id of ["filter", "op", "bound", "grouped"]) find(id).addEventListener("input", showTable);
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  find("close").addEventListener("click", closeLayers);
  find("theme").addEventListener("click", () => setTheme(isDark() ? "light" : "dark"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.documentElement.dataset.theme || redrawFigures());
  find("theme").textContent = isDark() ? "Light" : "Dark";
  find("theme").setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
  addEventListener("beforeprint", () => fitPaper(true));
  addEventListener("afterprint", () => fitPaper(false));
  addCompared();
  showRun(0);
}

start();
