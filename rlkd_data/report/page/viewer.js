// Rows to look at: tabs, filters, a list of which only what is in sight is in the document, one row in full.
//
// A view: {id, label, rows, hint, key(row), texts(row), filters: [[label, row => values]], item(row), detail(row)}, and
// `opening`: which row to begin with (the first that it is true of).
const ITEM = 72; // pixels, as in the style
const views = [];
let view = null;

function openView(next) {
  if (!next || next === view) return;
  view = next;
  next.state ??= { search: "", picked: next.filters.map(() => ""), chosen: Math.max(0, next.rows.findIndex(next.opening ?? (() => true))), found: next.rows };
  for (const button of byId("tabs").children) button.setAttribute("aria-selected", String(button.dataset.view === next.id));
  byId("search").value = next.state.search;
  byId("search").placeholder = next.hint;
  byId("selects").replaceChildren(...next.filters.map(([label, values], index) => chooserOf(next, label, values, index)).filter(Boolean));
  const [held, all] = data.held[next.id];
  byId("held").hidden = held >= all;
  byId("held").textContent = `This page holds a sample: ${shown(held)} of ${shown(all)} ${next.id}, chosen by the hash of their names, with some of every reason and domain. The figures above are of all rows.`;
  applyFilters(next.state.chosen);
}

// A drop-down of the values that a filter finds in the rows; none where there is nothing to choose between.
function chooserOf(of, label, values, index) {
  const counts = new Map();
  for (const row of of.rows) for (const value of new Set(values(row))) if (value !== null && value !== undefined && value !== "") counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
  if (counts.size < 2 && [...counts.values()].every((count) => count === of.rows.length)) return null;
  const ordered = [...counts.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const select = el("select", { "aria-label": label, onchange: () => { of.state.picked[index] = select.value; applyFilters(0); } },
    el("option", { value: "", text: label }), ...ordered.map((value) => el("option", { value, text: `${words(value)} (${shown(counts.get(value))})` })));
  select.value = of.state.picked[index];
  return select;
}

const haystacks = new WeakMap();
function haystack(of, row) {
  let text = haystacks.get(row);
  if (text === undefined) haystacks.set(row, (text = of.texts(row).filter(Boolean).join("\n").toLowerCase()));
  return text;
}
const wordsSought = () => view.state.search.toLowerCase().split(/\s+/).filter(Boolean);

function applyFilters(chosen) {
  const { state } = view;
  const sought = wordsSought();
  state.found = view.rows.filter((row) => state.picked.every((value, index) => !value || view.filters[index][1](row).some((one) => String(one) === value)) && (!sought.length || sought.every((word) => haystack(view, row).includes(word))));
  byId("count").textContent = state.found.length === view.rows.length ? shown(view.rows.length) : `${shown(state.found.length)} of ${shown(view.rows.length)}`;
  byId("spacer").style.height = `${state.found.length * ITEM}px`;
  byId("list").scrollTop = 0;
  choose(chosen);
}

function choose(number) {
  const { state } = view;
  state.chosen = Math.max(0, Math.min(number, state.found.length - 1));
  const list = byId("list"), top = state.chosen * ITEM;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + ITEM > list.scrollTop + list.clientHeight) list.scrollTop = top + ITEM - list.clientHeight;
  drawList();
  const row = state.found[state.chosen];
  const detail = byId("detail");
  detail.replaceChildren(...(row ? view.detail(row).filter(Boolean) : [el("p", { class: "quiet empty", text: view.rows.length ? "Nothing matches. Clear the search or a filter." : "There are no rows." })]));
  detail.scrollTop = 0;
  markSought(detail);
}

function drawList() {
  const { state } = view, list = byId("list");
  const first = Math.max(0, Math.floor(list.scrollTop / ITEM) - 4);
  const last = Math.min(state.found.length, first + Math.ceil(list.clientHeight / ITEM) + 8);
  byId("spacer").replaceChildren(...state.found.slice(first, last).map((row, offset) => {
    const number = first + offset;
    const item = el("div", { class: "item", id: `item-${number}`, role: "option", "aria-selected": String(number === state.chosen), "aria-setsize": state.found.length, "aria-posinset": number + 1, onclick: () => choose(number) }, ...view.item(row));
    item.style.top = `${number * ITEM}px`;
    return item;
  }));
  if (state.found.length) list.setAttribute("aria-activedescendant", `item-${state.chosen}`);
  else list.removeAttribute("aria-activedescendant");
}

// Go to the row with this key, whatever is filtered now.
function goTo(id, key) {
  const target = views.find((one) => one.id === id);
  const at = target ? target.rows.findIndex((row) => target.key(row) === key) : -1;
  if (at < 0) return false;
  target.state = { search: "", picked: target.filters.map(() => ""), chosen: at, found: target.rows };
  if (view === target) view = null;
  openView(target);
  return true;
}

// Marks the words that are sought, without a change of the document.
function markSought(root) {
  if (!globalThis.CSS?.highlights) return;
  const ranges = [], sought = wordsSought();
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = sought.length ? walker.nextNode() : null; node && ranges.length < 500; node = walker.nextNode()) {
    const text = node.data.toLowerCase();
    if (text.length !== node.data.length) continue; // a letter whose small form is longer: offsets would be wrong
    for (const word of sought) {
      for (let at = text.indexOf(word); at >= 0 && ranges.length < 500; at = text.indexOf(word, at + word.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + word.length);
        ranges.push(range);
      }
    }
  }
  CSS.highlights.set("sought", new Highlight(...ranges));
}

const oneLine = (text) => text.slice(0, 240).replace(/\s+/g, " ");
const text = (content, kind = "") => el("p", { class: `text ${kind}`.trim(), text: content });
const LONG_PROBLEM = 700;

// A problem; of a long one the beginning, and the rest on demand, so that what it is about stays in sight.
function problemText(content) {
  const whole = text(content, "problem");
  const heading = el("h3", { class: "eyebrow", text: "Problem" });
  if (content.length <= LONG_PROBLEM) return [heading, whole];
  whole.classList.add("clamped");
  const button = el("button", { type: "button", class: "link", "aria-expanded": "false", text: "the whole problem", onclick: () => {
    const clamped = whole.classList.toggle("clamped");
    button.setAttribute("aria-expanded", String(!clamped));
    button.textContent = clamped ? "the whole problem" : "less of it";
  } });
  return [heading, whole, button];
}
const cutNote = (row) => (row.cut ? el("p", { class: "quiet", text: "The page holds the first 200,000 characters; the table has the rest." }) : null);
function dots(steps) {
  return el("span", { class: "dots", "aria-hidden": "true" }, ...steps.slice(0, 24).map((_, index) => el("i", { class: colour(index) })));
}
