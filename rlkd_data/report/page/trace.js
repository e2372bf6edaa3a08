// One trace: its problem, its reasoning with each step's passage in the step's colour, and the steps beside it.
const byTrace = new Map(data.rows.filter((row) => row.steps.length).map((row) => [row.id, row]));
const byProblem = new Map();
for (const row of data.rows) byProblem.set(row.problem_id, [...(byProblem.get(row.problem_id) ?? []), row]);

views.push({
  id: "traces", label: "Traces", rows: data.rows, hint: "Search problems, reasoning, steps",
  opening: (row) => row.steps.length > 0,
  key: (row) => row.id,
  texts: (row) => [row.problem, row.reasoning, row.response, row.answer, row.final_answer, row.teacher, row.id, row.raw, ...row.steps.flatMap((step) => step.slice(0, 3))],
  filters: [["Domain", (row) => [row.domain]], ["Status", (row) => [row.status]], ["Reason or mark", (row) => [row.reason, ...row.issues]], ["Answer", (row) => [answerWord(row)]], ["Teacher", (row) => [row.teacher]]],
  item: (row) => [
    el("div", { class: "line", text: oneLine(row.problem) }),
    el("div", { class: "under" }, row.steps.length ? dots(row.steps) : null,
      el("span", { class: row.status === "rejected" ? "bad" : "", text: row.status === "rejected" ? words(row.reason ?? "rejected") : row.steps.length ? plural(row.steps.length, "step") : row.status }),
      el("span", { text: row.domain }), row.teacher ? el("span", { class: "last", text: row.teacher }) : null)],
  detail: traceDetail,
});

function answerWord(row) {
  return { true: "right", false: "wrong" }[row.correct] ?? (row.has_trace ? "not verified" : null);
}

function traceDetail(row) {
  const siblings = byProblem.get(row.problem_id).filter((other) => other !== row);
  return [
    ...problemText(row.problem),
    el("div", { class: "tags" }, statusTag(row), answerTag(row), ...row.issues.filter((code) => code !== row.reason).map((code) => tag(words(code), "warn")), tag(row.domain),
      row.teacher && tag(`by ${row.teacher}`), row.annotator && tag(`steps by ${row.annotator}`), row.tokens && tag(plural(row.tokens, "token")), row.finish_reason && row.finish_reason !== "stop" ? tag(`ended by ${words(row.finish_reason)}`, "warn") : null, row.license && tag(row.license)),
    row.detail ? el("p", { class: "notice", text: row.detail }) : null,
    siblings.length ? familyOf(row, siblings) : null,
    row.steps.length && row.reasoning ? ribbon(row) : null,
    el("div", { class: "split" },
      el("div", { class: "reading" }, el("h3", { class: "eyebrow", text: "Reasoning" }),
        row.reasoning ? highlighted(row) : el("p", { class: "quiet", text: row.has_trace ? "This trace has no reasoning, only a response." : "The trace is in none of the folders of this page: give its traces table as well." }),
        cutNote(row),
        row.response ? more("Response", text(row.response)) : null,
        more("Names and sources", el("dl", { class: "pairs" }, ...[["trace", row.id], ["problem", row.problem_id], ["gold answer", row.answer], ["verification", row.verification], ["source", row.source]].flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: shown(value) })])))),
      el("div", { class: "margin" }, el("h3", { class: "eyebrow", text: row.steps.length ? plural(row.steps.length, "step") : "Steps" }), ...stepCards(row),
        row.raw ? more("The annotator's reply as it came", text(row.raw, "raw")) : null)),
  ];
}

function statusTag(row) {
  return row.status === "rejected" ? tag(`rejected: ${words(row.reason ?? "see marks")}`, "bad") : tag(row.status, row.status === "ok" ? "good" : "");
}

function answerTag(row) {
  const word = answerWord(row);
  if (!word) return row.answer ? tag(`gold ${row.answer}`) : null;
  return tag(`answer ${row.final_answer ? `${oneLine(row.final_answer)} ` : ""}${word}${word === "wrong" && row.answer ? `, gold ${row.answer}` : ""}`, { right: "good", wrong: "bad" }[word] ?? "");
}

// The other traces of the same problem, to go to.
function familyOf(row, siblings) {
  const entry = (one) => el("button", { type: "button", class: "sibling", "aria-current": one === row ? "true" : null, onclick: () => { if (one !== row) goToRow(one); } },
    el("span", { text: one.teacher ?? one.annotator ?? "trace" }), dots(one.steps), el("span", { class: "quiet", text: one.steps.length ? shown(one.steps.length) : one.status }));
  return el("div", { class: "family" }, el("span", { class: "quiet", text: `${siblings.length + 1} of this problem` }), entry(row), ...siblings.slice(0, 12).map(entry),
    treeOf(row) ? el("button", { type: "button", class: "link", text: "as a tree", onclick: () => goTo("trees", treeKey(treeOf(row))) }) : null);
}

// To a step of a trace (from 1), wherever the page stands.
function goToStep(id, step) {
  if (!goTo("traces", id)) return;
  byId("detail").focus({ preventScroll: true });
  reveal(step - 1);
  for (const node of byId("detail").querySelectorAll(`[data-step="${step - 1}"]`)) node.classList.add("on");
}

function goToRow(row) {
  const at = view.state.found.indexOf(row);
  if (at >= 0) choose(at);
  else goTo("traces", row.id);
}

// Where in the reasoning each step stands: the whole text as one bar.
function ribbon(row) {
  const bar = el("div", { class: "ribbon", role: "img", "aria-label": "Where the steps stand in the reasoning" });
  let placed = 0;
  row.steps.forEach((step, index) => {
    if (step[3] === null) return;
    placed += 1;
    const part = el("button", { type: "button", class: colour(index), title: `Step ${index + 1}`, tabindex: -1, onclick: () => reveal(index), ...pairing(index) });
    part.style.left = `${(100 * step[3]) / row.reasoning.length}%`;
    part.style.width = `${(100 * (step[4] - step[3])) / row.reasoning.length}%`;
    bar.append(part);
  });
  return el("div", { class: "ribbon-box" }, bar, el("span", { class: "quiet", text: placed === row.steps.length ? "every step found in the text" : `${placed} of ${plural(row.steps.length, "step")} found in the text` }));
}

// The reasoning in pieces: each belongs to the shortest of the steps whose span covers it.
function highlighted(row) {
  const box = el("p", { class: "text serif", id: "reasoning" });
  const spans = row.steps.map((step, index) => ({ start: step[3], end: step[4], index })).filter((span) => span.start !== null);
  const bounds = [...new Set([0, row.reasoning.length, ...spans.flatMap((span) => [span.start, span.end])])].sort((a, b) => a - b);
  const numbered = new Set();
  for (let at = 0; at + 1 < bounds.length; at += 1) {
    const [start, end] = [bounds[at], bounds[at + 1]];
    const piece = row.reasoning.slice(start, end);
    const covering = spans.filter((span) => span.start <= start && span.end >= end).sort((a, b) => a.end - a.start - (b.end - b.start));
    if (!covering.length) { box.append(piece); continue; }
    const { index } = covering[0];
    const first = !numbered.has(index);
    numbered.add(index);
    box.append(el("mark", { class: colour(index), "data-number": first ? index + 1 : null, title: covering.map((span) => `Step ${span.index + 1}`).join(", "), text: piece, onclick: () => reveal(index), ...pairing(index) }));
  }
  return box;
}

function stepCards(row) {
  if (!row.steps.length) return [el("p", { class: "quiet", text: row.status === "rejected" ? `Rejected: ${words(row.reason ?? "see the marks")}.` : "Not decomposed." })];
  const cards = row.steps.map(([meta, question, answer, start], index) => el("div", { class: `step ${colour(index)}`, onclick: () => reveal(index), ...pairing(index) },
    el("div", { class: "number" }, el("b", { text: index + 1 }), row.kinds[index] ? el("span", { class: "quiet", text: words(row.kinds[index]) }) : null, start === null && row.reasoning ? el("span", { class: "quiet", text: "not found in the text" }) : null),
    text(meta, "meta"), text(question, "question"), text(answer, "answer")));
  if (row.final_answer) cards.push(el("p", { class: "final" }, el("span", { class: "quiet", text: "Final answer " }), el("b", { text: row.final_answer })));
  return cards;
}

// A step's passage and its card light up together.
function pairing(index) {
  const light = (on) => { for (const node of byId("detail").querySelectorAll(`[data-step="${index}"]`)) node.classList.toggle("on", on); };
  return { "data-step": index, onpointerenter: () => light(true), onpointerleave: () => light(false) };
}

// Brings a step's passage and its card into sight.
function reveal(index) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  for (const kind of ["mark", ".step"]) byId("detail").querySelector(`${kind}[data-step="${index}"]`)?.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
}
