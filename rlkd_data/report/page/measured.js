// What stages measured of their own work: agreement of annotators, scores against gold, shapes of trees.
const MOST_FIGURES = 14;

function drawMeasured() {
  const cards = data.stages.filter((stage) => stage.stage !== "eval" && Object.keys(stage.figures).length).map(measuredCard);
  byId("measured").hidden = cards.length === 0;
  byId("measured").append(...cards);
}

// Figures of one stage; those of one name before a colon stand together below it.
function measuredCard(stage) {
  const groups = new Map([["", []]]);
  const entries = [...Object.entries(stage.figures), ...Object.entries(stage.notes)];
  for (const [name, value] of entries.slice(0, MOST_FIGURES)) {
    const at = name.indexOf(": ");
    const group = at > 0 ? name.slice(0, at) : "";
    groups.set(group, [...(groups.get(group) ?? []), [at > 0 ? name.slice(at + 2) : name, value]]);
  }
  const lists = [...groups].filter(([, some]) => some.length).flatMap(([group, some]) => [group ? el("h4", { text: words(group) }) : null,
    el("dl", { class: "pairs figures" }, ...some.flatMap(([name, value]) => [el("dt", { text: words(name) }), el("dd", { text: shown(value) })]))]);
  return el("figure", { class: "card chart measured" }, el("figcaption", {}, el("strong", { text: stage.name }), el("span", { class: "quiet", text: stage.stage === stage.name ? "measured" : `${stage.stage}, measured` })), ...lists,
    entries.length > MOST_FIGURES ? el("p", { class: "quiet", text: `and ${entries.length - MOST_FIGURES} more below, with the stage` }) : null);
}
