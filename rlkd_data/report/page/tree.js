// Several traces of one problem as a tree: steps that are the same are one node, alternatives are branches.
//
// A chain of steps stands at one indent; only a fork goes deeper, so that long traces fit a narrow page.
const SEVERAL_NODES = 40, MANY_NODES = 120, DEEPEST = 7, MOST_PASSAGES = 40;
const treeKey = (tree) => `${tree.table}/${tree.problem_id}`;
const treesByProblem = new Map(data.trees.map((tree) => [tree.problem_id, tree]));
const treeOf = (row) => treesByProblem.get(row.problem_id);
const shapes = new WeakMap();

views.push({
  id: "trees", label: "Trees", rows: data.trees, hint: "Search problems and steps",
  key: treeKey,
  texts: (tree) => [tree.problem, tree.problem_id, ...tree.nodes.flatMap((node) => node.slice(2, 5)), ...tree.traces.map((one) => one.id)],
  filters: [["Domain", (tree) => [tree.domain]], ["Traces", (tree) => [tree.traces.length]], ["Forks", (tree) => [shapeOf(tree).forks]], ["Answers", (tree) => tree.traces.map(fate)], ["Judge", (tree) => [tree.judge]]],
  item: (tree) => [el("div", { class: "line", text: oneLine(tree.problem) }),
    el("div", { class: "under" }, fates(tree.traces), el("span", { text: plural(tree.traces.length, "trace") }), el("span", { text: plural(shapeOf(tree).forks, "fork") }), el("span", { class: "last", text: tree.domain }))],
  detail: treeDetail,
});

// The nodes with their children, how deep each stands, and where the traces part. A node comes after its parent.
function shapeOf(tree) {
  if (shapes.has(tree)) return shapes.get(tree);
  const nodes = new Map(), roots = [];
  for (const [number, parent, meta, question, answer, passages] of tree.nodes) {
    const above = nodes.get(parent) ?? null;
    const node = { number, above, meta, question, answer, passages, children: [], depth: above ? above.depth + 1 : 1, below: 0 };
    nodes.set(number, node);
    (above ? above.children : roots).push(node);
    for (let one = above; one; one = one.above) one.below += 1;
  }
  const all = [...nodes.values()];
  for (const node of all) {
    const siblings = node.above ? node.above.children : roots;
    node.way = siblings.length > 1 ? [siblings.indexOf(node) + 1, siblings.length] : null;
    node.level = (node.above?.level ?? 0) + (node.way ? 1 : 0);
    node.ending = node.passages.length - node.children.reduce((sum, child) => sum + child.passages.length, 0);
  }
  const forks = all.filter((node) => node.children.length > 1).length + (roots.length > 1 ? 1 : 0);
  // Of a large tree, first the shape: the ways that one trace alone goes are closed, and of a very large one the deeper forks.
  const ways = all.filter((node) => node.way && node.children.length && ((all.length > SEVERAL_NODES && node.passages.length === 1) || (all.length > MANY_NODES && node.level > 1)));
  const closed = new Set(ways.map((node) => node.number));
  const shape = { roots, all, nodes, forks, closed, told: new Set(), at: all[0]?.number };
  shapes.set(tree, shape);
  return shape;
}

function treeDetail(tree) {
  const shape = shapeOf(tree), box = el("div", { class: "tree", role: "tree", "aria-label": `The steps of ${plural(tree.traces.length, "trace")}`, onkeydown: (event) => treeKeys(event, tree, box) });
  const all = (open) => { shape.closed = new Set(open ? [] : shape.all.filter((node) => node.way && node.children.length).map((node) => node.number)); drawTree(tree, box); };
  const shared = shape.all.filter((node) => node.passages.length > 1).length;
  drawTree(tree, box);
  return [
    ...problemText(tree.problem),
    el("div", { class: "tags" }, tag(plural(tree.traces.length, "trace")), tag(plural(shape.all.length, "node")), tag(`${shown(shared)} shared`), tag(plural(shape.forks, "fork")), tag(tree.domain), tag(`compared by ${tree.judge}`)),
    el("div", { class: "tree-bar" }, legend(tree.traces),
      shape.forks ? el("span", { class: "tree-buttons" }, el("button", { type: "button", class: "link", text: "open all", onclick: () => all(true) }), el("button", { type: "button", class: "link", text: "close all", onclick: () => all(false) })) : null,
      el("span", { class: "quiet keys" }, el("kbd", { text: "↑" }), " ", el("kbd", { text: "↓" }), " move ", el("kbd", { text: "→" }), " ", el("kbd", { text: "←" }), " open, close ", el("kbd", { text: "Enter" }), " read the step")),
    box,
  ];
}

const fate = (one) => ({ true: "right", false: "wrong" })[one.correct] ?? "not verified";
const counted = (traces) => ["right", "wrong", "not verified"].map((word) => [word, traces.filter((one) => fate(one) === word).length]).filter(([, count]) => count);
const fateMark = (word) => el("i", { class: word.replace(" ", "-") });

// A square a trace: full where its answer is right, hollow where it is wrong.
function fates(traces) {
  const ordered = [...traces].sort((a, b) => fate(b).localeCompare(fate(a))).sort((a, b) => (fate(b) === "right") - (fate(a) === "right"));
  return el("span", { class: "fates", role: "img", "aria-label": counted(traces).map(([word, count]) => `${count} ${word}`).join(", ") }, ...ordered.slice(0, 12).map((one) => fateMark(fate(one))));
}

function legend(traces) {
  return el("span", { class: "quiet fates-legend" }, ...counted(traces).map(([word, count]) => el("span", { class: "fates" }, fateMark(word), ` ${shown(count)} ${word}`)));
}

// The nodes in sight, in the order of a walk.
function inSight(shape) {
  const found = [], waiting = [...shape.roots].reverse();
  while (waiting.length) {
    const node = waiting.pop();
    found.push(node);
    if (!shape.closed.has(node.number)) waiting.push(...[...node.children].reverse());
  }
  return found;
}

function drawTree(tree, box) {
  const shape = shapeOf(tree);
  const start = shape.roots.length > 1 ? el("p", { class: "parting", text: `The traces part at their first step, ${shape.roots.length} ways` }) : null;
  box.replaceChildren(...[start, ...inSight(shape).map((node) => nodeRow(tree, node, box))].filter(Boolean));
  markSought(byId("detail"));
}

function nodeRow(tree, node, box) {
  const shape = shapeOf(tree), open = !shape.closed.has(node.number), told = shape.told.has(node.number);
  const folds = node.children.length > 1 || (node.way && node.children.length > 0);
  const toggle = () => { flip(shape.closed, node.number); shape.at = node.number; drawTree(tree, box); };
  const read = () => { flip(shape.told, node.number); shape.at = node.number; drawTree(tree, box); };
  const row = el("div", { class: `node ${node.way ? "way" : ""} ${told ? "told" : ""} ${node.passages.length > 1 ? "" : "single"}`, role: "treeitem", tabindex: node.number === shape.at ? 0 : -1, "aria-level": node.depth, "aria-expanded": node.children.length ? String(open) : null, "aria-selected": String(told), "data-node": node.number },
    el("div", { class: "node-head", onclick: read },
      el("span", { class: "node-number", text: node.depth }),
      el("span", { class: "node-text" }, node.way ? el("span", { class: "quiet", text: `Way ${node.way[0]} of ${node.way[1]}` }) : null, el("span", { class: "asked", text: oneLine(node.question || node.meta || "(no text)") })),
      el("span", { class: "node-traces" }, fates(node.passages.map(([index]) => tree.traces[index])), el("b", { text: shown(node.passages.length) }))),
    told ? nodePanel(tree, node) : null,
    folds ? el("button", { type: "button", class: "fold", tabindex: -1, text: foldWord(node, open), onclick: toggle }) : null,
    node.ending && node.children.length ? el("span", { class: "quiet ending", text: `${plural(node.ending, "trace")} ${node.ending === 1 ? "ends" : "end"} here` }) : null);
  row.style.setProperty("--level", Math.min(node.level, DEEPEST));
  return row;
}

function foldWord(node, open) {
  const forks = node.children.length > 1 ? `parts ${node.children.length} ways` : "";
  if (open) return `▾ ${forks || "close"}`;
  return `▸ ${forks ? `${forks}, ` : ""}${plural(node.below, "more step")}`;
}

function flip(set, value) {
  if (!set.delete(value)) set.add(value);
}

// A node in full, and the traces that go through it.
function nodePanel(tree, node) {
  const passage = ([index, step]) => {
    const one = tree.traces[index], word = fate(one);
    const inner = [el("span", { class: "fates" }, fateMark(word)), el("span", { text: one.teacher ?? one.id.slice(0, 8) }), el("span", { class: "quiet", text: `${word}, step ${step}` })];
    return byTrace.has(one.id) ? el("button", { type: "button", class: "sibling", title: `Trace ${one.id}, at step ${step}`, onclick: () => goToStep(one.id, step) }, ...inner) : el("span", { class: "sibling away", title: "This trace is not on this page" }, ...inner);
  };
  return el("div", { class: "node-panel" }, text(node.meta, "meta"), text(node.question, "question"), text(node.answer),
    el("div", { class: "family" }, el("span", { class: "quiet", text: node.passages.length === 1 ? "One trace goes through here" : `${shown(node.passages.length)} traces go through here` }), ...node.passages.slice(0, MOST_PASSAGES).map(passage), node.passages.length > MOST_PASSAGES ? el("span", { class: "quiet", text: `and ${node.passages.length - MOST_PASSAGES} more` }) : null));
}

// The keys of a tree, as the platform's trees have them.
function treeKeys(event, tree, box) {
  if (event.target.getAttribute("role") !== "treeitem" || event.metaKey || event.ctrlKey || event.altKey) return;
  const shape = shapeOf(tree), list = inSight(shape), node = shape.nodes.get(Number(event.target.dataset.node)), at = list.indexOf(node);
  const open = !shape.closed.has(node.number);
  let next = node;
  if (event.key === "ArrowDown") next = list[at + 1] ?? node;
  else if (event.key === "ArrowUp") next = list[at - 1] ?? node;
  else if (event.key === "Home") next = list[0];
  else if (event.key === "End") next = list[list.length - 1];
  else if (event.key === "ArrowRight" && !open) shape.closed.delete(node.number);
  else if (event.key === "ArrowRight") next = node.children[0] ?? node;
  else if (event.key === "ArrowLeft" && open && node.children.length) shape.closed.add(node.number);
  else if (event.key === "ArrowLeft") next = node.above ?? node;
  else if (event.key === "Enter" || event.key === " ") flip(shape.told, node.number);
  else return;
  event.preventDefault();
  event.stopPropagation();
  shape.at = next.number;
  drawTree(tree, box);
  const focused = box.querySelector('[tabindex="0"]');
  focused?.focus({ preventScroll: true });
  focused?.scrollIntoView({ block: "nearest" });
}
