// Line charts, histograms, bars: small SVG of our own.
const MOST_BARS = 6;

// Round values that span [low, high], three to six of them.
function ticks(low, high) {
  const raw = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((value) => value >= raw * 0.999);
  const found = [];
  for (let value = Math.floor(low / step + 1e-9) * step; value <= high + step * 0.999; value += step) found.push(Math.abs(value) < step * 1e-6 ? 0 : Number(value.toPrecision(10)));
  return found;
}

function tickLabel(value) {
  return Math.abs(value) >= 1000 ? value.toLocaleString("en") : String(Number(value.toPrecision(4)));
}

// `lines`: [{name, colour, points: [[x, y], …], band: [[x, low, high], …]}]; a line may have no band. `unit` [low, high] are bounds that the axis at least has.
function lineChart(title, note, lines, unit) {
  const [width, height, left, right, top, bottom] = [360, 210, 46, 14, 12, 28];
  const all = lines.flatMap((line) => line.points);
  const xs = all.map((point) => point[0]), ys = [...all.map((point) => point[1]), ...lines.flatMap((line) => (line.band ?? []).flatMap(([, below, above]) => [below, above]))];
  let [low, high] = [Math.min(...ys, ...unit), Math.max(...ys, ...unit)];
  if (high - low < 1e-9) [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) / 2, high + Math.abs(high) / 2];
  const marks = ticks(low, high);
  [low, high] = [marks[0], marks[marks.length - 1]];
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const x = (value) => left + (width - left - right) * (last > first ? (value - first) / (last - first) : 0.5);
  const y = (value) => top + (height - top - bottom) * (1 - (value - low) / (high - low));
  const described = lines.map((line) => `${line.name}: ${shown(line.points[0][1])} to ${shown(line.points[line.points.length - 1][1])}`).join("; ");
  const image = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title} over ${plural(xs.length, "step")}. ${described}` });
  for (const mark of marks) {
    image.append(svg("line", { x1: left, x2: width - right, y1: y(mark), y2: y(mark), class: "rule" }), svg("text", { x: left - 8, y: y(mark) + 4, "text-anchor": "end", text: tickLabel(mark) }));
  }
  image.append(svg("text", { x: x(first), y: height - 8, "text-anchor": last > first ? "start" : "middle", text: `step ${tickLabel(first)}` }));
  if (last > first) image.append(svg("text", { x: x(last), y: height - 8, "text-anchor": "end", text: tickLabel(last) }));
  for (const line of lines.filter((one) => one.band?.length > 1)) {
    const there = line.band.map(([at, , above]) => [at, above]), back = line.band.map(([at, below]) => [at, below]).reverse();
    image.append(svg("path", { d: `${[...there, ...back].map((point, index) => `${index ? "L" : "M"}${x(point[0]).toFixed(1)} ${y(point[1]).toFixed(1)}`).join("")}Z`, class: `band ${line.colour}` }));
  }
  for (const line of lines) {
    const many = line.points.length > 40;
    const path = (points) => points.map((point, index) => `${index ? "L" : "M"}${x(point[0]).toFixed(1)} ${y(point[1]).toFixed(1)}`).join("");
    image.append(svg("path", { d: path(line.points), class: `line ${line.colour} ${many ? "faint" : ""}` }));
    if (many) image.append(svg("path", { d: path(smoothed(line.points)), class: `line ${line.colour}` }));
    else for (const point of line.points) image.append(svg("circle", { cx: x(point[0]), cy: y(point[1]), r: 3, class: line.colour }));
  }
  const readout = el("span", { class: "readout quiet", text: note });
  pointAt(image, lines, { x, left, right, width, top, bottom, height, first, last }, readout, note);
  return el("figure", { class: "card chart" }, el("figcaption", {}, el("strong", { text: title }), readout), image);
}

// Moving mean over about a twentieth of the points, to see the trend of a noisy curve.
function smoothed(points) {
  const reach = Math.max(2, Math.round(points.length / 40));
  return points.map((point, index) => [point[0], mean(points.slice(Math.max(0, index - reach), index + reach + 1).map((near) => near[1]))]);
}

// A vertical rule that follows the pointer, with the values there in the caption.
function pointAt(image, lines, box, readout, note) {
  const rule = svg("line", { y1: box.top, y2: box.height - box.bottom, class: "cursor", visibility: "hidden" });
  image.append(rule);
  image.addEventListener("pointermove", (event) => {
    const bounds = image.getBoundingClientRect();
    const part = ((event.clientX - bounds.left) * (box.width / bounds.width) - box.left) / (box.width - box.left - box.right);
    const wanted = box.first + Math.max(0, Math.min(1, part)) * (box.last - box.first);
    const near = lines.map((line) => line.points.reduce((best, point) => (Math.abs(point[0] - wanted) < Math.abs(best[0] - wanted) ? point : best)));
    rule.setAttribute("x1", box.x(near[0][0]));
    rule.setAttribute("x2", box.x(near[0][0]));
    rule.setAttribute("visibility", "visible");
    readout.textContent = `step ${shown(near[0][0])}: ${near.map((point, index) => (lines.length > 1 ? `${lines[index].name} ` : "") + shown(point[1])).join(" · ")}`;
  });
  image.addEventListener("pointerleave", () => {
    rule.setAttribute("visibility", "hidden");
    readout.textContent = note;
  });
}

// `bins`: as rlkd_data.report.histogram makes them.
function histogramChart(title, note, bins) {
  const [width, height, bottom, top] = [360, 150, 24, 8];
  const most = Math.max(...bins.counts), slot = width / bins.counts.length, gap = Math.min(3, slot * 0.16);
  const image = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${note}` });
  image.append(svg("line", { x1: 0, x2: width, y1: height - bottom, y2: height - bottom, class: "rule" }));
  const label = (index) => {
    const from = bins.low + index * bins.width;
    return bins.open && index === bins.counts.length - 1 ? `${shown(from)} or more` : bins.width === 1 ? shown(from) : `${shown(from)} to ${shown(from + bins.width - 1)}`;
  };
  bins.counts.forEach((count, index) => {
    const tall = count ? Math.max(2, ((height - bottom - top) * count) / most) : 0;
    image.append(svg("g", {}, svg("title", { text: `${label(index)}: ${shown(count)}` }),
      svg("rect", { x: index * slot, y: 0, width: slot, height: height - bottom, fill: "transparent" }),
      svg("rect", { x: index * slot + gap / 2, y: height - bottom - tall, width: Math.min(slot - gap, 46), height: tall, rx: 2, class: "bar" })));
  });
  const every = Math.max(1, Math.ceil(bins.counts.length / 8));
  bins.counts.forEach((_, index) => {
    if (index % every === 0) image.append(svg("text", { x: bins.width === 1 ? index * slot + gap / 2 + Math.min(slot - gap, 46) / 2 : index * slot, y: height - 7, "text-anchor": bins.width === 1 ? "middle" : "start", text: tickLabel(bins.low + index * bins.width) + (bins.open && index === bins.counts.length - 1 ? "+" : "") }));
  });
  return el("figure", { class: "card chart" }, el("figcaption", {}, el("strong", { text: title }), el("span", { class: "readout quiet", text: note })), image);
}

// Horizontal bars: `entries` are [label, count], and shares are of `total`.
function bars(title, note, entries, kind = "", total = entries.reduce((sum, entry) => sum + entry[1], 0)) {
  const most = Math.max(...entries.map((entry) => entry[1]));
  const list = el("div", { class: "bars" });
  for (const [label, count] of entries.slice(0, MOST_BARS)) {
    const bar = el("span", { class: `fill ${kind}` });
    bar.style.width = `${Math.max(1.5, (100 * count) / most)}%`;
    list.append(el("div", { class: "row" }, el("span", { class: "label", text: label }), el("span", { class: "value" }, shown(count), el("small", { text: ` ${percent(count / total)}` })), el("span", { class: "track" }, bar)));
  }
  if (entries.length > MOST_BARS) list.append(el("p", { class: "quiet", text: `and ${entries.length - MOST_BARS} more` }));
  return el("figure", { class: "card chart" }, el("figcaption", {}, el("strong", { text: title }), el("span", { class: "readout quiet", text: note })), list);
}
