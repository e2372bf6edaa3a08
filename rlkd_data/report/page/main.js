// Puts the page together, and listens.
drawOverview();
drawMeasured();
drawTraining();
drawEvaluation();
drawCurves();
drawComparisons();

const shownViews = views.filter((one) => one.rows.length || one.id === "traces");
byId("tabs").append(...shownViews.map((one) => el("button", { type: "button", role: "tab", "data-view": one.id, onclick: () => openView(one) }, one.label, el("span", { class: "quiet", text: ` ${shown(one.rows.length)}` }))));
byId("nav").append(...[...document.querySelectorAll("main > section")].filter((section) => !section.hidden).map((section) => el("a", { href: `#${section.id}`, text: section.querySelector("h2")?.textContent ?? "Overview" })));

byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

byId("last-tab").textContent = shownViews.length;

let waiting = 0;
byId("search").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => { view.state.search = byId("search").value; applyFilters(0); }, 120);
});
byId("list").addEventListener("scroll", drawList, { passive: true });
addEventListener("resize", () => drawList());

document.addEventListener("keydown", (event) => {
  const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
  if (event.key === "Escape" && (typing || byId("detail").contains(event.target))) byId("list").focus({ preventScroll: true });
  if (typing || event.metaKey || event.ctrlKey || event.altKey) return;
  const inList = event.target === byId("list");
  if (event.key === "j" || (inList && event.key === "ArrowDown")) choose(view.state.chosen + 1);
  else if (event.key === "k" || (inList && event.key === "ArrowUp")) choose(view.state.chosen - 1);
  else if (inList && event.key === "Home") choose(0);
  else if (inList && event.key === "End") choose(view.state.found.length - 1);
  else if (inList && event.key === "Enter") byId("detail").focus();
  else if (event.key === "/") byId("search").focus();
  else if (/^[1-9]$/.test(event.key)) openView(shownViews[Number(event.key) - 1]);
  else return;
  event.preventDefault();
});

openView(shownViews.find((one) => one.rows.length) ?? shownViews[0]);
