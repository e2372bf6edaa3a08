// The top of the page: key figures, where rows were lost, and the stages that made everything.
function drawOverview() {
  const { traces, decompositions } = data.figures;
  const evaluations = data.evaluations;
  byId("made").textContent = `${data.made_at.replace("T", " ").replace("+00:00", " UTC")} · ${plural(data.stages.length, "stage")}`;
  const tiles = [];
  const tile = (label, value, note, kind = "") => tiles.push(el("div", { class: "tile" }, el("span", { class: "label", text: label }), el("span", { class: `value ${kind}`, text: value }), el("span", { class: "quiet note", text: note })));
  if (traces.rows + traces.rejected) {
    tile("Traces", shown(traces.rows), traces.rejected ? `${shown(traces.rejected)} rejected beside them` : "none rejected");
    const answers = Object.fromEntries(traces.facts.answer ?? []);
    const judged = (answers.right ?? 0) + (answers.wrong ?? 0);
    tile("Right answers", judged ? percent((answers.right ?? 0) / judged) : "–", judged ? `${shown(answers.right ?? 0)} of the ${shown(judged)} verified${answers["not verified"] ? `, ${shown(answers["not verified"])} not` : ""}` : "none could be verified");
  }
  if (decompositions.rows + decompositions.rejected) {
    const all = decompositions.rows + decompositions.rejected;
    tile("Decomposed", percent(decompositions.rows / all), `${shown(decompositions.rows)} of ${shown(all)} traces`);
    if (decompositions.rows) tile("Steps a trace", decompositions.steps.mean.toFixed(1), `${percent(decompositions.grounded / Math.max(1, decompositions.n_steps))} of them found in the text`);
  }
  if (evaluations.length > 1) {
    for (const [name, label] of [["pass@1", "pass@1"], ["structure", "Structure"]]) {
      const [first, last] = [evaluations[0], evaluations[evaluations.length - 1]];
      if (typeof first.figures[name] === "number" && typeof last.figures[name] === "number") {
        tile(label, `${shown(first.figures[name])} → ${shown(last.figures[name])}`, `${first.name} and ${last.name}`, "change");
      }
    }
  }
  const costs = [traces.cost_usd, decompositions.cost_usd].filter((cost) => cost !== null);
  if (costs.length) tile("Cost", dollars(costs.reduce((sum, cost) => sum + cost, 0)), `${shown(traces.tokens + decompositions.tokens)} tokens`);
  byId("tiles").append(...tiles);
  drawBreakdowns(traces, decompositions);
  byId("stage-list").append(...data.stages.map(stageRow));
}

function drawBreakdowns(traces, decompositions) {
  const box = byId("breakdowns");
  const reasons = [...traces.reasons.map(([code, count]) => [`trace: ${words(code)}`, count]), ...decompositions.reasons.map(([code, count]) => [`steps: ${words(code)}`, count])].sort((a, b) => b[1] - a[1]);
  if (reasons.length) box.append(bars("Rejected", "by reason; the rows are kept", reasons, "bad"));
  if (decompositions.facts.issue) box.append(bars("Marks on decompositions", "share of all; some reject, most flag", decompositions.facts.issue.map(([code, count]) => [words(code), count]), "", decompositions.rows + decompositions.rejected));
  if (decompositions.steps) box.append(histogramChart("Steps", `median ${shown(decompositions.steps.median)}, most ${shown(decompositions.steps.most)}`, decompositions.steps));
  for (const { answer, rows, kinds, abandoned } of data.kinds) box.append(bars(data.kinds.length > 1 ? `What steps do, ${answer}` : "What steps do", `${plural(rows, "trace")}; ${percent(abandoned)} of the steps came to nothing`, kinds.map(([kind, count]) => [words(kind), count])));
  if (traces.lengths) box.append(histogramChart("Length of reasoning", `characters; median ${shown(traces.lengths.median)}, most ${shown(traces.lengths.most)}`, traces.lengths));
  for (const [fact, title, note] of [["domain", "Domains", ""], ["teacher", "Teachers", ""], ["not verified, because", "Not verified", "and why"], ["license", "Licences", "of the traces' sources"]]) {
    const entries = traces.facts[fact] ?? (fact === "domain" ? decompositions.facts.domain : undefined);
    if (entries && (entries.length > 1 || fact === "not verified, because")) box.append(bars(title, note, entries));
  }
  box.hidden = box.childElementCount === 0;
}

// A stage in one line, with its settings and versions to open below it.
function stageRow(stage) {
  const { ok, ...others } = stage.counts;
  const lost = Object.values(others).reduce((sum, count) => sum + count, 0);
  const model = stage.settings.teacher ?? stage.settings.annotator ?? stage.settings.model;
  const meter = el("span", { class: "meter", "aria-hidden": "true" });
  if (ok !== undefined && ok + lost > 0) {
    const good = el("i", { class: "good" }), bad = el("i", { class: "bad" });
    good.style.flexGrow = ok;
    bad.style.flexGrow = lost;
    meter.append(good, bad);
  }
  const table = (title, entries) => (Object.keys(entries).length ? el("div", {}, el("h4", { text: title }), el("dl", { class: "pairs" }, ...Object.entries(entries).flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: shown(value) })]))) : null);
  const status = stage.status && stage.status !== "done" ? tag(stage.status, "warn") : null;
  return el("details", { class: "stage" },
    el("summary", {},
      el("span", { class: "name" }, el("strong", { text: stage.name }), stage.stage === stage.name ? null : el("span", { class: "quiet", text: ` ${stage.stage}` }), status),
      el("span", { class: "model quiet", text: model ?? stage.settings.source?.split("/").pop() ?? "" }),
      el("span", { class: "rows", text: ok === undefined ? "" : `${shown(ok)} ok${lost ? ` · ${shown(lost)} rejected` : ""}` }), meter,
      el("span", { class: "time quiet", text: duration(stage.seconds) })),
    el("div", { class: "inside" },
      table("Rejected", Object.fromEntries(Object.entries(others).map(([name, count]) => [words(name.replace("rejected:", "")), count]))),
      table("Figures", { ...stage.figures, ...stage.notes }), table("Settings", stage.settings), table("Versions", stage.versions)));
}
