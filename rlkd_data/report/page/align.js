// A completion's steps beside the teacher's: what was judged of each, and where the prefix gate fell.
const MOST_STEPS = 60;
const PARTS = ["Meta-reasoning", "Sub-problem", "Answer"];
const SCORES = { 1: "1", 0.5: "½", 0.25: "¼", 0: "0" };

// The steps as rungs: matched up to the prefix gate, worth nothing from there on (RLKD, section 3.3).
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
    teacher && !one.steps.length ? more("The teacher's steps", ...teacher.steps.map(([meta, question, answer], index) => el("div", { class: `step ${colour(index)} ${one.gate_at && index + 1 >= one.gate_at ? "behind" : ""}` }, el("div", { class: "number" }, el("b", { text: index + 1 })), text(meta, "meta"), text(question, "question"), text(answer, "answer")))) : null);
}

// Two columns, step by step. `one.parts` holds [meta, sub-problem, answer, score] of each step that was judged.
function alignment(one, teacher, open) {
  if (!one.steps.length) return null;
  const theirs = teacher?.steps ?? [], length = Math.max(theirs.length, one.steps.length);
  const pairs = Array.from({ length: Math.min(length, MOST_STEPS) }, (_, index) => pairOf(one, theirs[index], index, Boolean(teacher)));
  return el("details", { class: "more aligned", open },
    el("summary", { text: "Step by step" }),
    el("p", { class: "quiet", text: tally(one, teacher) }),
    el("div", { class: "heads", "aria-hidden": "true" }, el("b", { text: "Teacher" }), el("span"), el("b", { text: "Student" })),
    ...pairs,
    length > MOST_STEPS ? el("p", { class: "quiet", text: `and ${length - MOST_STEPS} more` }) : null);
}

function tally(one, teacher) {
  const scores = one.parts.map((part) => part[3]);
  const sum = scores.every((score) => score !== null) && scores.length ? `The steps score ${shown(scores.reduce((all, score) => all + score, 0))}${teacher ? ` of the teacher's ${teacher.steps.length}` : ""}. ` : "";
  const others = one.teachers > 1 ? `${one.teachers} teachers were compared; this is ${one.unscored ? "the one that lacks a verdict" : "the one that scored highest"}. ` : "";
  return `${sum}${others}${teacher ? "" : "The teacher's steps are in none of the folders of this page: give their decompositions as well."}`.trim();
}

function pairOf(one, theirs, index, known) {
  const number = index + 1, ours = one.steps[index], judged = one.parts[index];
  const gate = one.gate_at === number, behind = Boolean(one.gate_at) && number > one.gate_at;
  const alone = known && !theirs ? "only the student has this step" : !ours ? "only the teacher has this step" : null;
  const score = behind || gate ? 0 : judged?.[3];
  const parts = PARTS.map((name, part) => comparison(name, theirs?.[part], ours?.[part], alone ? null : judged?.[part], Boolean(alone)));
  if (gate) {
    for (const part of parts.slice(1)) part.classList.add("behind");
    parts.splice(1, 0, el("p", { class: "gate-line", text: "The gate closes here: what follows scores 0" }));
  }
  return el("div", { class: `pair ${behind || alone ? "behind" : ""}`, role: "group", "aria-label": `Step ${number}` },
    el("div", { class: "pair-head" }, el("b", { text: `Step ${number}` }), el("span", { class: "quiet", text: alone ?? (behind ? "behind the gate: scores 0" : score === undefined || score === null ? "no score" : `scores ${SCORES[score] ?? shown(score)}`) })),
    ...parts);
}

// One part of both sides, and between them what a judge said: `verdict` is [match, how], or nothing where nobody asked.
function comparison(name, theirs, ours, verdict, alone) {
  const [kind, word] = alone ? ["none", ""] : !verdict ? ["none", "not judged"] : verdict[0] === true ? ["match", "matches"] : verdict[0] === false ? ["differs", "differs"] : ["unknown", "no verdict"];
  const sign = { match: "✓", differs: "✗", unknown: "?", none: alone ? "" : "–" }[kind];
  const side = (who, content) => el("p", { class: `text side ${content ? "" : "none"}`, "data-side": who, text: content ?? "" });
  return el("div", { class: name === "Sub-problem" ? "compared asks" : "compared" },
    side("Teacher", theirs),
    el("div", { class: `verdict ${kind}` }, el("span", { class: "part", text: name }), el("span", { class: "said" }, el("b", { "aria-hidden": "true", text: sign }), word ? el("span", { text: word }) : null), verdict?.[1] ? el("span", { class: "how", text: words(verdict[1]) }) : null),
    side("Student", ours));
}
