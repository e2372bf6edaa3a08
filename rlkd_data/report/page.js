"use strict";
// All texts of the tables reach the page through textContent: they are data, never markup.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function el(name, options = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (key === "text") node.textContent = value;
    else if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? value.toLocaleString("en") : value.toPrecision(3);
  return String(value);
}

byId("made").textContent = `${data.made_at.replace("T", " ").replace("+00:00", " UTC")} · ${data.rows.length.toLocaleString("en")} traces on this page`;
byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

// --- stages
for (const stage of data.stages) {
  const facts = el("dl");
  for (const [name, count] of Object.entries(stage.counts)) {
    if (name !== "ok") facts.append(el("dt", { text: name.replace("rejected:", "rejected: "), class: "bad" }), el("dd", { text: shown(count) }));
  }
  for (const [name, value] of Object.entries(stage.figures)) {
    if (typeof value === "number") facts.append(el("dt", { text: name }), el("dd", { text: shown(value) }));
  }
  const model = stage.settings.teacher || stage.settings.annotator || stage.settings.model;
  byId("stages").append(el("div", { class: "card" },
    el("h3", { text: stage.name }), el("div", { class: "quiet", text: `${stage.stage}${model ? " · " + model : ""}` }),
    "ok" in stage.counts ? el("div", { class: "big", text: shown(stage.counts.ok) }) : null, facts));
}

// --- evaluations side by side
const evaluations = data.stages.filter((stage) => stage.stage === "eval");
if (evaluations.length) {
  byId("compare-section").hidden = false;
  const names = [...new Set(evaluations.flatMap((stage) => Object.keys(stage.figures)))];
  byId("compare").append(el("table", {},
    el("thead", {}, el("tr", {}, el("th", { text: "" }), ...evaluations.map((stage) => el("th", { text: stage.name })))),
    el("tbody", {}, ...names.map((name) => el("tr", {}, el("td", { text: name }), ...evaluations.map((stage) => el("td", { text: shown(stage.figures[name]) })))))));
}

// --- training curves
function chart(title, points) {
  const [width, height, left, bottom] = [340, 190, 44, 24];
  const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  let [low, high] = [Math.min(...ys), Math.max(...ys)];
  if (high - low < 1e-9) { low -= 0.5; high += 0.5; }
  const x = (v) => left + (width - left - 12) * (xs.length > 1 ? (v - xs[0]) / (xs[xs.length - 1] - xs[0]) : 0.5);
  const y = (v) => 10 + (height - bottom - 14) * (1 - (v - low) / (high - low));
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${title}: from ${shown(ys[0])} to ${shown(ys[ys.length - 1])}`);
  const add = (name, attributes, text) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    svg.append(node);
  };
  for (const value of [low, (low + high) / 2, high]) {
    add("line", { x1: left, x2: width - 12, y1: y(value), y2: y(value), class: "grid" });
    add("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, shown(value));
  }
  add("polyline", { points: points.map((p) => `${x(p[0])},${y(p[1])}`).join(" "), class: "line" });
  if (points.length <= 60) for (const p of points) add("circle", { cx: x(p[0]), cy: y(p[1]), r: 3 });
  add("text", { x: x(xs[0]), y: height - 6, "text-anchor": "middle" }, shown(xs[0]));
  if (xs.length > 1) add("text", { x: x(xs[xs.length - 1]), y: height - 6, "text-anchor": "end" }, `step ${shown(xs[xs.length - 1])}`);
  return el("div", { class: "card" }, el("h3", { text: title }), svg);
}

const CURVES = [["rewards/structure/mean", "Structure alignment"], ["rewards/accuracy/mean", "Accuracy"], ["completions/mean_length", "Completion length (tokens)"],
  ["rewards/format/mean", "Format"], ["reward", "Reward"], ["unscored", "Share unscored"], ["loss", "Loss"]];
for (const run of data.runs) {
  byId("runs-section").hidden = false;
  const charts = el("div", { class: "charts" });
  for (const [key, title] of CURVES) {
    const points = run.log.filter((line) => Number.isFinite(line[key])).map((line) => [line.step, line[key]]);
    if (points.length) charts.append(chart(title, points));
  }
  const block = el("div", {}, el("h3", { text: run.name }), charts);
  if (run.completions.length) {
    const best = [...run.completions].sort((a, b) => (b.structure ?? -1) - (a.structure ?? -1)).slice(0, 20);
    block.append(el("details", {}, el("summary", { text: `Completions with the highest structure score (${best.length} of ${run.completions.length})` }),
      ...best.map((one) => el("div", { class: "card" },
        el("div", { class: "tags" }, ...["structure", "accuracy", "format", "n_steps", "gate_at", "unscored"].filter((key) => one[key] !== null).map((key) => el("span", { class: "tag", text: `${key} ${shown(one[key])}` })), el("span", { class: "tag", text: `step ${one.step}` })),
        el("p", { class: "text quiet", text: one.problem }), el("p", { class: "text", text: one.completion })))));
  }
  byId("runs").append(block);
}

// --- traces: filters, a list of which only what is in sight is in the document, one trace in full
const rows = data.rows;
if (data.total_traces > rows.length) {
  byId("sampled").hidden = false;
  byId("sampled").textContent = `A random sample of ${rows.length.toLocaleString("en")} rows out of ${data.total_traces.toLocaleString("en")} traces.`;
}
const HEIGHT = 64;
let found = rows, chosen = 0;
const haystack = rows.map((row) => [row.problem, row.reasoning, row.teacher, row.answer, ...row.steps.flat()].filter((part) => typeof part === "string").join("\n").toLowerCase());

function choices(select, label, values) {
  select.append(el("option", { value: "", text: label }), ...[...new Set(values)].filter(Boolean).sort().map((value) => el("option", { value, text: value })));
}
choices(byId("domain"), "every domain", rows.map((row) => row.domain));
choices(byId("status"), "every status", rows.map((row) => row.status));
choices(byId("reason"), "every reason", rows.flatMap((row) => [row.reason, ...row.issues]));

function filter() {
  const [words, domain, status, reason] = [byId("search").value.toLowerCase().split(/\s+/).filter(Boolean), byId("domain").value, byId("status").value, byId("reason").value];
  found = rows.filter((row, number) => (!domain || row.domain === domain) && (!status || row.status === status)
    && (!reason || row.reason === reason || row.issues.includes(reason)) && words.every((word) => haystack[number].includes(word)));
  byId("count").textContent = `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
  byId("spacer").style.height = `${found.length * HEIGHT}px`;
  byId("list").scrollTop = 0;
  choose(0);
}

function draw() {
  const list = byId("list"), first = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 3);
  const last = Math.min(found.length, first + Math.ceil(list.clientHeight / HEIGHT) + 6);
  byId("spacer").replaceChildren(...found.slice(first, last).map((row, offset) => {
    const number = first + offset;
    const item = el("div", { class: "item", role: "option", "aria-selected": String(number === chosen), onclick: () => choose(number) },
      el("div", { class: "top", text: row.problem.replace(/\s+/g, " ") }),
      el("div", { class: "sub", text: [row.domain, row.teacher, row.steps.length ? `${row.steps.length} steps` : row.status, row.reason].filter(Boolean).join(" · ") }));
    item.style.top = `${number * HEIGHT}px`;
    return item;
  }));
}

function choose(number) {
  chosen = Math.max(0, Math.min(number, found.length - 1));
  const list = byId("list"), top = chosen * HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + HEIGHT - list.clientHeight;
  draw();
  detail(found[chosen]);
}

function light(index, on) {
  for (const node of document.querySelectorAll(`[data-step="${index}"]`)) node.classList.toggle("on", on);
}
const hover = (index) => ({ "data-step": index, onmouseenter: () => light(index, true), onmouseleave: () => light(index, false) });

function highlighted(row) {
  const text = el("p", { class: "text" }), points = [...row.reasoning];
  const spans = row.steps.map((step, index) => [step[3], step[4], index]).filter((span) => span[0] !== null).sort((a, b) => a[0] - b[0]);
  let at = 0;
  for (const [start, end, index] of spans) {
    if (start < at) continue;
    text.append(points.slice(at, start).join(""), el("mark", { class: `c${index % 6}`, title: `step ${index + 1}`, text: points.slice(start, end).join(""), ...hover(index) }));
    at = end;
  }
  text.append(points.slice(at).join(""));
  return text;
}

function detail(row) {
  const box = byId("detail");
  if (!row) { box.replaceChildren(el("p", { class: "quiet", text: "Nothing matches." })); return; }
  const verdict = row.correct === null || row.correct === undefined ? row.verification : row.correct ? "answer right" : "answer wrong";
  const steps = row.steps.map(([meta, question, answer], index) => el("div", { class: `step c${index % 6}`, ...hover(index) },
    el("div", { class: "n", text: `Step ${index + 1}` }), el("p", { class: "text meta", text: meta }), el("p", { class: "text q", text: question }), el("p", { class: "text", text: answer })));
  box.replaceChildren(
    el("h3", { text: "Problem" }), el("p", { class: "text", text: row.problem }),
    el("div", { class: "tags" }, ...[row.domain, row.teacher && `teacher ${row.teacher}`, row.annotator && `annotator ${row.annotator}`, row.answer && `gold ${row.answer}`, verdict, row.license, row.status, row.reason, ...row.issues].filter(Boolean).map((text) => el("span", { class: "tag", text }))),
    el("div", { class: "split" },
      el("div", {}, el("h3", { text: "Reasoning" }), highlighted(row), row.response ? el("details", {}, el("summary", { text: "Response" }), el("p", { class: "text", text: row.response })) : null),
      el("div", {}, el("h3", { text: "Steps" }), ...(steps.length ? steps : [el("p", { class: "quiet", text: row.status === "rejected" ? `Rejected: ${row.reason}` : "Not decomposed." })]),
        row.final_answer ? el("p", { class: "text", text: `Final answer: ${row.final_answer}` }) : null,
        row.raw ? el("details", {}, el("summary", { text: "The annotator's reply as it came" }), el("p", { class: "text", text: row.raw })) : null)));
}

byId("list").addEventListener("scroll", draw);
for (const id of ["domain", "status", "reason"]) byId(id).addEventListener("change", filter);
byId("search").addEventListener("input", filter);
document.addEventListener("keydown", (event) => {
  const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing || event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.key === "j") choose(chosen + 1);
  else if (event.key === "k") choose(chosen - 1);
  else if (event.key === "/") { event.preventDefault(); byId("search").focus(); }
});
filter();
