// What the student wrote in training, by group, with the rewards and where the prefix gate fell.
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
    ...problemText(group.problem || group.problem_id),
    el("div", { class: "tags" }, tag(`step ${group.step}`), tag(group.run), tag(plural(group.completions.length, "completion"))),
    ...[...group.completions].sort((a, b) => total(b) - total(a)).map(completionCard)],
});

const total = (one) => (one.unscored ? -1 : Object.values(one.rewards).reduce((sum, value) => sum + (value ?? 0), 0));

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

function completionCard(one, index) {
  const teacher = byTrace.get(one.teacher);
  return el("div", { class: "writing" },
    el("div", { class: "rewards" }, ...Object.entries(one.rewards).map(([name, value]) => rewardMeter(name, value))),
    one.guards.length ? el("div", { class: "tags" }, ...one.guards.map((name) => tag(`guard: ${words(name)}`, "warn"))) : null,
    one.unscored ? el("p", { class: "notice", text: `Unscored: ${words(one.unscored)}. It neither rewards nor punishes.` }) : ladder(one, teacher),
    alignment(one, teacher, index === 0),
    text(one.text, "serif"), cutNote(one));
}

function gateWord(one) {
  if (one.unscored) return "unscored";
  if (typeof one.gate_at === "number") return `closed at step ${one.gate_at}`;
  return one.n_steps ? "never closed" : "no steps";
}
