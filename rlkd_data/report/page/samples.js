// Samples of evaluations: a problem at a time, its arms side by side, a sample of each at a time.
const WORDS = ["right", "wrong", "truncated", "unjudged"];

// What a sample is, for the filter; one that was cut off may be right as well.
const wordsOf = (one) => [one.correct === true ? "right" : one.correct === false ? "wrong" : "unjudged", ...(one.truncated ? ["truncated"] : [])];
const shareRight = (some) => `${some.filter((one) => one.correct).length}/${some.length}`;

views.push({
  id: "samples", label: "Evaluation", rows: data.problems, hint: "Search problems and answers",
  key: (problem) => problem.problem_id,
  texts: (problem) => [problem.problem, problem.answer, problem.problem_id, ...problem.samples.map((one) => one.text)],
  filters: [["Evaluation", (problem) => problem.samples.map((one) => one.evaluation)], ["Samples", (problem) => problem.samples.flatMap(wordsOf)], ["Right in", (problem) => problem.samples.filter((one) => one.correct).map((one) => one.evaluation)], ["Wrong in", (problem) => problem.samples.filter((one) => one.correct === false).map((one) => one.evaluation)], ["Unscored because", (problem) => problem.samples.map((one) => one.unscored)]],
  item: (problem) => [el("div", { class: "line", text: oneLine(problem.problem) }),
    el("div", { class: "under" }, ...byEvaluation(problem).map(([name, some]) => el("span", { text: `${name} ${shareRight(some)}` })), problem.answer ? el("span", { class: "last", text: `gold ${oneLine(problem.answer)}` }) : null)],
  detail: (problem) => {
    const box = el("div");
    drawSamples(problem, box);
    return [...problemText(problem.problem), el("div", { class: "tags" }, problem.answer ? tag(`gold ${problem.answer}`) : null), box];
  },
});

function byEvaluation(problem) {
  const groups = new Map();
  for (const one of problem.samples) groups.set(one.evaluation, [...(groups.get(one.evaluation) ?? []), one]);
  return [...groups];
}

// Which sample of each arm is shown, and of which kind; kept from problem to problem.
const paging = { at: 0, word: "" };

function drawSamples(problem, box) {
  const held = document.activeElement?.dataset?.pager;
  const groups = byEvaluation(problem).map(([name, some]) => [name, some, some.filter((one) => !paging.word || wordsOf(one).includes(paging.word))]);
  const most = Math.max(...groups.map(([, , some]) => some.length)), at = Math.max(0, Math.min(paging.at, most - 1));
  const go = (to) => { paging.at = to; drawSamples(problem, box); };
  const choice = el("select", { "aria-label": "Samples shown", "data-pager": "word", onchange: (event) => { paging.word = event.target.value; paging.at = 0; drawSamples(problem, box); } },
    el("option", { value: "", text: "all samples" }), ...WORDS.map((word) => el("option", { value: word, text: `${word} (${problem.samples.filter((one) => wordsOf(one).includes(word)).length})` })));
  choice.value = paging.word;
  const pager = el("div", { class: "pager" }, choice,
    el("button", { type: "button", "data-pager": "before", disabled: at <= 0, text: "‹ previous", onclick: () => go(at - 1) }),
    el("span", { class: "quiet", role: "status", text: most ? `sample ${at + 1} of ${most}` : "no such sample" }),
    el("button", { type: "button", "data-pager": "after", disabled: at >= most - 1, text: "next ›", onclick: () => go(at + 1) }));
  box.replaceChildren(pager, el("div", { class: "columns" }, ...groups.map(([name, all, some]) => el("div", { class: "arm" },
    el("h3", { class: "eyebrow", text: `${name}, ${shareRight(all)} right` }),
    some[at] ? sampleCard(some[at]) : el("p", { class: "quiet", text: some.length ? `only ${plural(some.length, "sample")}` : `no ${paging.word} sample` })))));
  if (held) box.querySelector(`[data-pager="${held}"]`)?.focus({ preventScroll: true });
}

function sampleCard(one) {
  const verdict = one.correct === true ? tag("right", "good") : one.correct === false ? tag("wrong", "bad") : tag(`not verified: ${words(one.verification ?? "")}`, "warn");
  const teacher = byTrace.get(one.teacher);
  return el("div", { class: "writing" },
    el("div", { class: "tags" }, verdict, one.run ? tag(one.run) : null, one.final_answer ? tag(`answer ${oneLine(one.final_answer)}`) : null, typeof one.structure === "number" ? tag(`structure ${shown(one.structure)}`) : null, one.unscored ? tag(`unscored: ${words(one.unscored)}`, "warn") : null, one.truncated ? tag("cut off", "warn") : null, one.tokens ? tag(plural(one.tokens, "token")) : null),
    one.steps.length && !one.unscored ? ladder(one, teacher) : null,
    alignment(one, teacher, false),
    text(one.text, "serif"), cutNote(one));
}
