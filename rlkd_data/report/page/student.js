// What the student wrote: in training, by group, with the rewards and where the prefix gate fell; in evaluations, model by model.
const structureOf = (group) => group.completions.map((one) => one.rewards.structure).filter((value) => typeof value === "number");
const severalRuns = new Set(data.groups.map((group) => group.run)).size > 1;

views.push({
  id: "completions", label: "Student in training", rows: data.groups, hint: "Search problems and completions",
  key: (group) => `${group.run}/${group.step}/${group.problem_id}`,
  texts: (group) => [group.problem, group.problem_id, ...group.completions.map((one) => one.text)],
  filters: [["Run", (group) => [group.run]], ["Step", (group) => [group.step]], ["Gate", (group) => group.completions.map(gateWord)], ["Unscored because", (group) => group.completions.map((one) => one.unscored)]],
  item: (group) => {
    const scores = structureOf(group);
    return [el("div", { class: "line", text: oneLine(group.problem || group.problem_id) }),
      el("div", { class: "under" }, el("span", { class: "sparks", "aria-hidden": "true" }, ...group.completions.map((one) => spark(one.rewards.structure))),
        el("span", { text: scores.length ? `structure ${shown(mean(scores))}` : "unscored" }), el("span", { class: "last", text: `${severalRuns ? `${group.run} ` : ""}step ${group.step}` }))];
  },
  detail: (group) => [
    el("h3", { class: "eyebrow", text: "Problem" }), text(group.problem || group.problem_id, "problem"),
    el("div", { class: "tags" }, tag(`step ${group.step}`), tag(group.run), tag(plural(group.completions.length, "completion"))),
    ...[...group.completions].sort((a, b) => total(b) - total(a)).map(completionCard)],
});

views.push({
  id: "samples", label: "Evaluation", rows: data.problems, hint: "Search problems and answers",
  key: (problem) => problem.problem_id,
  texts: (problem) => [problem.problem, problem.answer, problem.problem_id, ...problem.samples.map((one) => one.text)],
  filters: [["Evaluation", (problem) => problem.samples.map((one) => one.evaluation)], ["Right in", (problem) => problem.samples.filter((one) => one.correct).map((one) => one.evaluation)], ["Unscored because", (problem) => problem.samples.map((one) => one.unscored)]],
  item: (problem) => [el("div", { class: "line", text: oneLine(problem.problem) }),
    el("div", { class: "under" }, ...byEvaluation(problem).map(([name, some]) => el("span", { text: `${name} ${some.filter((one) => one.correct).length}/${some.length}` })), problem.answer ? el("span", { class: "last", text: `gold ${oneLine(problem.answer)}` }) : null)],
  detail: (problem) => [
    el("h3", { class: "eyebrow", text: "Problem" }), text(problem.problem, "problem"),
    el("div", { class: "tags" }, problem.answer ? tag(`gold ${problem.answer}`) : null),
    el("div", { class: "columns" }, ...byEvaluation(problem).map(([name, some]) => el("div", {}, el("h3", { class: "eyebrow", text: name }), ...some.map(sampleCard))))],
});

const total = (one) => (one.unscored ? -1 : Object.values(one.rewards).reduce((sum, value) => sum + (value ?? 0), 0));

function byEvaluation(problem) {
  const groups = new Map();
  for (const one of problem.samples) groups.set(one.evaluation, [...(groups.get(one.evaluation) ?? []), one]);
  return [...groups];
}

function spark(value) {
  const bar = el("i", typeof value === "number" ? {} : { class: "none" });
  bar.style.height = `${typeof value === "number" ? Math.round(3 + 11 * Math.max(0, Math.min(1, value))) : 3}px`;
  return bar;
}

function rewardMeter(name, value) {
  const bar = el("i");
  bar.style.width = `${100 * Math.max(0, Math.min(1, value ?? 0))}%`;
  return el("div", { class: "reward" }, el("span", { class: "quiet", text: name }), el("b", { text: shown(value) }), el("span", { class: "track" }, bar));
}

function sampleCard(one) {
  const verdict = one.correct === true ? tag("right", "good") : one.correct === false ? tag("wrong", "bad") : tag(`not verified: ${words(one.verification ?? "")}`, "warn");
  return el("div", { class: "writing" }, el("div", { class: "tags" }, verdict, one.final_answer ? tag(`answer ${oneLine(one.final_answer)}`) : null, typeof one.structure === "number" ? tag(`structure ${shown(one.structure)}`) : null, one.unscored ? tag(`unscored: ${words(one.unscored)}`, "warn") : null, one.truncated ? tag("cut off", "warn") : null, one.tokens ? tag(plural(one.tokens, "token")) : null), text(one.text, "serif"), cutNote(one));
}

function completionCard(one) {
  const teacher = byTrace.get(one.teacher);
  return el("div", { class: "writing" },
    el("div", { class: "rewards" }, ...Object.entries(one.rewards).map(([name, value]) => rewardMeter(name, value))),
    one.unscored ? el("p", { class: "notice", text: `Unscored: ${words(one.unscored)}. It neither rewards nor punishes.` }) : ladder(one, teacher),
    text(one.text, "serif"), cutNote(one));
}

function gateWord(one) {
  if (one.unscored) return "unscored";
  if (typeof one.gate_at === "number") return `closed at step ${one.gate_at}`;
  return one.n_steps ? "never closed" : "no steps";
}

// The teacher's steps as rungs: matched up to the prefix gate, worth nothing from there on (RLKD, section 3.3).
function ladder(one, teacher) {
  const nTeacher = teacher?.steps.length ?? 0, nStudent = one.n_steps ?? 0, length = Math.max(nTeacher, nStudent);
  if (!length) return el("p", { class: "quiet", text: "No steps were found in this completion." });
  const both = nTeacher ? Math.min(nTeacher, nStudent) : nStudent;
  const rungs = Array.from({ length: Math.min(length, 60) }, (_, index) => {
    const number = index + 1;
    const state = one.gate_at === number ? "gate" : one.gate_at && number > one.gate_at ? "closed" : number <= both ? "passed" : "alone";
    const meaning = { gate: "meta-reasoning differs: the gate closes here", closed: "behind the gate: scores 0", passed: "meta-reasoning matches", alone: number > nStudent ? "only the teacher has this step" : "only the student has this step" }[state];
    return el("span", { class: `rung ${state}`, title: `Step ${number}: ${meaning}`, text: number });
  });
  const summary = one.gate_at ? `gate closed at step ${one.gate_at}` : both ? (both === 1 ? "the one compared step passes the gate" : `all ${both} compared steps pass the gate`) : "the student has no steps";
  return el("div", { class: "ladder" }, el("div", { class: "rungs", role: "img", "aria-label": summary }, ...rungs),
    el("span", { class: "quiet", text: `${summary}; student ${plural(nStudent, "step")}${teacher ? `, teacher ${nTeacher}` : ""}` }),
    teacher ? el("button", { type: "button", class: "link", text: "teacher's trace", onclick: () => goTo("traces", teacher.id) }) : null,
    teacher ? more("The teacher's steps", ...teacher.steps.map(([meta, question, answer], index) => el("div", { class: `step ${colour(index)} ${one.gate_at && index + 1 >= one.gate_at ? "behind" : ""}` }, el("div", { class: "number" }, el("b", { text: index + 1 })), text(meta, "meta"), text(question, "question"), text(answer, "answer")))) : null);
}
