// Makes elements. All texts of the tables reach the page through text nodes: they are data, never markup.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const COLOURS = 8;
const colour = (index) => `c${index % COLOURS}`;
// The look of an arm's line: where there are more arms than colours, the later ones are dashed, then dotted.
const armLook = (index) => `${colour(index)} d${Math.floor(index / COLOURS) % 3}`;
const armLegend = (arm, index) => el("span", { class: `legend ${armLook(index)}`, text: arm.seeds > 1 ? `${arm.name} (${arm.seeds} seeds${arm.cut ? `, step ${arm.cut[0]} of ${arm.cut[1]}: not all are further` : ""})` : arm.name });

// An element. `options`: `text`, `class`, `onNAME` for listeners, anything else is an attribute. Children that are null are left out.
function el(name, options = {}, ...children) {
  return fill(document.createElement(name), options, children);
}

function svg(name, options = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), options, children);
}

function fill(node, options, children) {
  for (const [key, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// A number as people read it: whole ones with separators, others with three or so significant digits.
function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en");
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  if (Math.abs(value) >= 100) return value.toFixed(0);
  if (Math.abs(value) >= 10) return value.toFixed(1);
  if (Math.abs(value) >= 0.01) return value.toFixed(3).replace(/0+$/, "");
  if (Math.abs(value) >= 0.0001) return value.toFixed(4);
  return value.toExponential(1);
}

const percent = (part) => `${(100 * part).toFixed(part > 0 && part < 0.1 ? 1 : 0)} %`;
const dollars = (value) => (value === 0 ? "$0" : value < 0.01 ? "< $0.01" : `$${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`);
const words = (code) => String(code).replaceAll("_", " ");
const plural = (count, one, many = `${one}s`) => `${shown(count)} ${count === 1 ? one : many}`;

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const tag = (text, kind = "") => el("span", { class: `tag ${kind}`.trim(), text });
const more = (label, ...children) => el("details", { class: "more" }, el("summary", { text: label }), ...children);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
