"use strict";
// What all parts of the page share. Names come from files of others: they reach the page as text, never as markup.

const page = JSON.parse(document.getElementById("data").textContent);
const state = { run: page.runs[0], layer: null };
const find = (id) => document.getElementById(id);

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
}

// Plotly reads some tags in its labels.
const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function elide(text, width) {
  return text.length <= width ? text : `${text.slice(0, 4)}..${text.slice(text.length - width + 6)}`;
}

function scaled(value, base, units) {
  let place = 0;
  while (Math.abs(value) >= base && place < units.length - 1) {
    value /= base;
    place += 1;
  }
  return `${value >= 999.5 || Number.isInteger(value) ? Math.round(value) : Number(value.toPrecision(3))}${units[place]}`;
}

const write = {
  "": (value) => scaled(value, 1000, ["", "K", "M", "G", "T", "P"]),
  B: (value) => scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]),
  pJ: (value) => scaled(value, 1000, ["pJ", "nJ", "µJ", "mJ", "J", "kJ"]),
  s: (value) => (value ? scaled(value * 1e12, 1000, ["ps", "ns", "µs", "ms", "s"]) : "0s"),
  "%": (value) => `${(100 * value).toFixed(1)}%`,
};
const percent = write["%"];

const sum = (values) => values.reduce((total, value) => total + value, 0);
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const isDark = () => color("scheme") === "dark";
const shade = (colour) => (isDark() && colour === "#000000" ? "#e8e8e8" : colour);

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  find("theme").textContent = theme === "dark" ? "Light" : "Dark";
  find("theme").setAttribute("aria-label", `Switch to ${theme === "dark" ? "light" : "dark"} colours`);
  redrawFigures();
}
