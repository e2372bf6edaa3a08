// Figures over training, from evaluations on the way; and arms that were compared.

// The paper's three first: [figure, title, note, bounds that the axis at least has].
const OVER_TRAINING = [
  ["pass@1", "Accuracy", "pass@1 on held-out problems", [0]],
  ["completion tokens", "Completion length", "tokens", [0]],
  ["structure", "Structure alignment", "mean score", [0]],
];
const COUNTED = new Set(["problems", "samples", "verified", "lost", "structure unscored", "problems not judged", "pass@1 low", "pass@1 high"]);

function drawCurves() {
  if (!data.curves.length) return;
  const main = OVER_TRAINING.map(([name, ...look]) => curveOver(name, ...look)).filter(Boolean);
  const known = new Set(OVER_TRAINING.map(([name]) => name));
  const names = [...new Set(data.curves.flatMap((run) => Object.keys(run.points)))].filter((name) => !known.has(name) && !COUNTED.has(name));
  const others = names.map((name) => curveOver(name, name, "", [])).filter(Boolean);
  byId("curves").hidden = false;
  byId("curves").append(
    el("h3", {}, "Over training", ...data.curves.map(armLegend)),
    el("div", { class: "charts" }, ...main),
    ...(others.length ? [more(`Other figures (${others.length})`, el("div", { class: "charts" }, ...others))] : []),
    el("p", { class: "quiet", text: bandNote(data.curves) }));
}

function bandNote(arms) {
  const one = "95 % intervals over the held-out problems, which are the same at every step", several = "the mean of an arm's training seeds, with a band from the lowest to the highest";
  const seeds = arms.filter((arm) => arm.seeds > 1).length;
  return seeds === 0 ? `Bands are ${one}.` : `Curves are ${several}${seeds < arms.length ? `; bands of a single run are ${one}` : ""}.`;
}

function curveOver(figure, title, note, unit) {
  const lines = data.curves.map((run, index) => ({ name: run.name, colour: armLook(index), points: (run.points[figure] ?? []).map(([step, value]) => [step, value]), band: (run.points[figure] ?? []).filter(([, , low, high]) => low !== null && high !== null).map(([step, , low, high]) => [step, low, high]) })).filter((line) => line.points.length);
  return lines.length ? lineChart(title, note, lines, unit) : null;
}

const SHARES = /^(pass|cons|avg)@|^(truncated|format|abandoned)$/;
const figureText = (value, figure) => (typeof value !== "number" ? "–" : SHARES.test(figure) ? `${(100 * value).toFixed(1)} %` : shown(Number(value.toPrecision(4))));
const signedText = (value, figure) => (typeof value !== "number" ? "–" : `${value > 0 ? "+" : value < 0 ? "−" : "±"}${figureText(Math.abs(value), figure)}`);
const chanceText = (p) => (typeof p !== "number" ? "–" : p < 0.0001 ? "< 0.0001" : p < 0.1 ? String(Number(p.toPrecision(2))) : p.toFixed(2));
const rangeText = (one, text) => (typeof one.low === "number" && typeof one.high === "number" ? el("small", { class: "quiet", text: ` ${text(one.low, one.figure)} to ${text(one.high, one.figure)}` }) : null);

function drawComparisons() {
  byId("comparison").hidden = data.comparisons.length === 0;
  for (const one of data.comparisons) {
    const names = one.arms.map((arm) => String(arm.arm));
    const measured = new Map(one.measured.map((value) => [`${value.figure}\n${value.arm}`, value]));
    const figures = [...new Set(one.measured.map((value) => value.figure))];
    byId("comparison-list").append(
      ...(data.comparisons.length > 1 ? [el("h3", { text: one.name })] : []),
      comparedTable(["", ...names], figures.map((figure) => [figure, ...names.map((name) => armCell(measured.get(`${figure}\n${name}`)))])),
      el("h3", { text: `Difference from ${one.baseline}, problem by problem` }),
      comparedTable(["figure", "arm", "difference", "p", "problems + = −", "verdict"], one.differences.map(differenceRow)),
      el("ul", { class: "quiet notes" }, ...one.notes.map((note) => el("li", { text: note }))));
  }
}

function armCell(one) {
  if (!one) return "–";
  const seeds = typeof one.seed_sd === "number" ? el("small", { class: "quiet", text: `, seeds ±${figureText(one.seed_sd, one.figure)}` }) : null;
  return el("span", {}, figureText(one.value, one.figure), rangeText(one, figureText), seeds);
}

function differenceRow(one) {
  const verdict = one.told ? tag(one.difference > 0 ? "higher" : "lower", "good") : el("span", { class: "quiet", text: !one.higher && !one.lower ? "the same on every problem" : `not to be told from chance (${typeof one.detectable === "number" ? `from about ${figureText(one.detectable, one.figure)}` : plural(one.problems, "problem")})` });
  return [one.figure, one.arm, el("span", {}, signedText(one.difference, one.figure), rangeText(one, signedText)), el("span", { title: one.p_seeds === null ? one.test : `${one.test}: ${chanceText(one.p)} over problems alone`, text: chanceText(one.p_family) }), `${one.higher} ${one.equal} ${one.lower}`, verdict];
}

function comparedTable(head, rows) {
  return el("div", { class: "card evaluation" }, el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, ...head.map((name) => el("th", { scope: "col", text: name })))),
    el("tbody", {}, ...rows.map(([first, ...rest]) => el("tr", {}, el("th", { scope: "row", text: first }), ...rest.map((cell) => el("td", {}, cell))))))));
}
