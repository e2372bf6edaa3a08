// Training curves, and evaluations side by side.

// What to draw first: [name in the log, title, note, bounds that the axis at least has].
const CURVES = [
  ["rewards/structure/mean", "Structure alignment", "mean reward", [0]],
  ["rewards/accuracy/mean", "Accuracy", "share of right answers", [0]],
  ["completions/mean_length", "Completion length", "tokens", [0]],
  ["rewards/format/mean", "Format", "mean reward", [0]],
  ["reward", "Reward", "weighted sum", []],
  ["unscored", "Unscored", "share that no reward could be given", [0]],
  ["eval_loss", "Loss on held-out rows", "", []],
  ["loss", "Loss", "", []],
];
const PASSING = new Set(["step", "epoch", "total_flos", "num_tokens", "train_runtime", "train_samples_per_second", "train_steps_per_second", "train_loss"]);

function drawTraining() {
  byId("training").hidden = data.runs.length === 0;
  const kinds = [...new Set(data.runs.map((run) => run.stage))];
  for (const kind of kinds) {
    const runs = data.runs.filter((run) => run.stage === kind);
    const main = CURVES.map(([key, ...look]) => curve(runs, key, ...look)).filter(Boolean);
    const known = new Set(CURVES.map(([key]) => key));
    const names = [...new Set(runs.flatMap((run) => run.log.flatMap(Object.keys)))].filter((key) => !known.has(key) && !PASSING.has(key)).sort();
    const others = names.map((key) => curve(runs, key, key, "", [])).filter(Boolean);
    byId("run-list").append(
      el("h3", {}, kind, ...runs.filter((run) => runs.length > 1 || run.seeds > 1 || run.name !== kind).map(armLegend)),
      el("div", { class: "charts" }, ...main),
      ...(runs.some((run) => run.seeds > 1) ? [el("p", { class: "quiet", text: bandNote(runs.filter((run) => run.seeds > 1)) })] : []),
      ...(others.length ? [more(`Everything else that was logged (${others.length})`, el("div", { class: "charts" }, ...others))] : []));
  }
}

function curve(runs, key, title, note, unit) {
  const lines = runs.map((run, index) => ({ name: run.name, colour: armLook(index), points: run.log.filter((line) => Number.isFinite(line[key])).map((line) => [line.step, line[key]]), band: (run.low ?? []).map((line, at) => [line.step, line[key], run.high[at][key]]).filter(([, low]) => Number.isFinite(low)) })).filter((line) => line.points.length);
  return lines.length ? lineChart(title, note, lines, unit) : null;
}

const LABELS = { "pass@1": "pass@1", problems: "problems", "completion tokens": "completion length, tokens", structure: "structure alignment", "structure unscored": "structure not scored", truncated: "share cut off at the length limit" };

function drawEvaluation() {
  const evaluations = data.evaluations;
  byId("evaluation").hidden = evaluations.length === 0 && data.curves.length === 0;
  if (!evaluations.length) return;
  const names = [...new Set(evaluations.flatMap((stage) => Object.keys(stage.figures)))].filter((name) => !/ (low|high)$/.test(name));
  const several = evaluations.length > 1;
  const rows = names.map((name) => {
    const values = evaluations.map((stage) => stage.figures[name]);
    const change = values[values.length - 1] - values[0];
    return el("tr", {}, el("th", { scope: "row", text: LABELS[name] ?? name }),
      ...evaluations.map((stage) => {
        const [low, high] = [stage.figures[`${name} low`], stage.figures[`${name} high`]];
        return el("td", {}, shown(stage.figures[name]), low === undefined || high === undefined ? null : el("small", { class: "quiet", text: ` ${shown(low)}–${shown(high)}` }));
      }),
      several ? el("td", { text: Number.isFinite(change) ? (change > 0 ? "+" : change < 0 ? "−" : "") + shown(Math.abs(change)) : "–" }) : null);
  });
  const table = el("table", {}, el("thead", {}, el("tr", {}, el("th", {}), ...evaluations.map((stage) => el("th", { scope: "col" }, stage.name, el("small", { class: "quiet", text: ` ${[stage.model, stage.seeds > 1 ? `${stage.seeds} seeds` : ""].filter(Boolean).join(", ")}` }))), several ? el("th", { scope: "col", text: "change" }) : null)), el("tbody", {}, ...rows));
  byId("evaluation-table").append(el("div", { class: "card evaluation" }, intervals(evaluations), el("div", { class: "scroll" }, table)),
    el("p", { class: "quiet", text: `Ranges are 95 % intervals over problems${evaluations.some((one) => one.seeds > 1) ? ", of several seeds the lowest and the highest" : ""}. Two that overlap may differ all the same: rlkd-train compare sets evaluations side by side, problem by problem.` }));
}

// pass@1 of each evaluation as a dot with its interval.
function intervals(evaluations) {
  const told = evaluations.filter((stage) => typeof stage.figures["pass@1"] === "number");
  if (!told.length) return null;
  const [right, gap] = [24, 32], left = Math.max(84, 20 + 7.5 * Math.max(...told.map((stage) => stage.name.length))), width = 376 + left;
  const height = gap * told.length + 30;
  const most = Math.min(1, Math.max(0.1, ...told.map((stage) => stage.figures["pass@1 high"] ?? stage.figures["pass@1"])) * 1.1);
  const x = (value) => left + ((width - left - right) * value) / most;
  const image = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `pass@1: ${told.map((stage) => `${stage.name} ${shown(stage.figures["pass@1"])}`).join(", ")}` });
  for (const mark of ticks(0, most).filter((value) => value <= most)) image.append(svg("line", { x1: x(mark), x2: x(mark), y1: 4, y2: height - 24, class: "rule" }), svg("text", { x: x(mark), y: height - 8, "text-anchor": "middle", text: tickLabel(mark) }));
  told.forEach((stage, index) => {
    const y = 4 + gap * (index + 0.5), { "pass@1": value, "pass@1 low": low, "pass@1 high": high } = stage.figures;
    image.append(svg("text", { x: left - 14, y: y + 4, "text-anchor": "end", class: "strong", text: stage.name }));
    if (low !== undefined && high !== undefined) image.append(svg("line", { x1: x(low), x2: x(Math.min(high, most)), y1: y, y2: y, class: `interval ${colour(index)}` }));
    image.append(svg("circle", { cx: x(value), cy: y, r: 6, class: colour(index) }));
  });
  return el("figure", { class: "intervals" }, el("figcaption", {}, el("strong", { text: "pass@1" })), image);
}
