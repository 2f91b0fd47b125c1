// Two plots over the steps, both with a logarithmic step axis: the loss above the entropy floor, and the cosines.

import { h, remember, say, set, svg } from "./dom.mjs";
import { cosine, power, short } from "./numbers.mjs";

const WIDTH = 340;
const HEIGHT = 190;
const FRAME = { left: 40, right: 8, top: 10, bottom: 26 };
const LABELS = 134;                // room for the names at the right ends of the cosines
const SMALLEST = 1e-9;             // of an excess loss that rounding has made zero or negative

export const MEASURES = {
  unembedding: "unembeddings",
  embedding: "embeddings",
  alignment: "the two aligned",
  between: "other concepts",
};

const logStep = (step) => Math.log10(step + 1);

/** A plot's fixed parts, made once; the rest is set at every drawing. */
function canvas(element, lines, right) {
  const group = (name) => svg("g", { class: name });
  const parts = {
    grid: group("ll-grid-lines"), xTicks: group("ll-ticks"), yTicks: group("ll-ticks"),
    lines: lines.map((name) => svg("path", { class: `ll-line ll-line-${name}` })),
    dots: lines.map((name) => svg("circle", { class: `ll-dot ll-line-${name}`, r: 3, visibility: "hidden" })),
    names: lines.map((name) => svg("text", { class: `ll-end ll-line-${name}`, visibility: "hidden" })),
    right,
  };
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "ll-plot" },
    parts.grid, parts.yTicks, parts.xTicks,
    svg("text", { class: "ll-axis", x: WIDTH - right, y: HEIGHT - 1, "text-anchor": "end" }, "step"),
    ...parts.lines, ...parts.dots, ...parts.names);
  element.append(picture);
  return { ...parts, picture };
}

function ticks(group, grid, values, at, horizontal, right) {
  group.replaceChildren(...values.map(([value, text]) => svg("text", horizontal
    ? { x: at(value), y: HEIGHT - FRAME.bottom + 13, "text-anchor": "middle" }
    : { x: FRAME.left - 6, y: at(value) + 3.5, "text-anchor": "end" }, text)));
  if (horizontal) return;
  grid.replaceChildren(...values.map(([value]) => svg("line", {
    x1: FRAME.left, x2: WIDTH - right, y1: at(value), y2: at(value), class: value === 0 ? "ll-zero" : null,
  })));
}

/** Ticks at powers of ten, at most about `most` of them. */
function decades(low, high, most) {
  const every = Math.ceil((high - low + 1) / most);
  const found = [];
  for (let k = Math.ceil(low); k <= high + 1e-9; k++) if (k % every === 0) found.push(k);
  return found;
}

function stepAxis(parts, history) {
  const last = history.length ? history[history.length - 1].step : 0;
  const high = Math.max(2, logStep(last));
  const x = (step) => FRAME.left + (WIDTH - FRAME.left - parts.right) * logStep(step) / high;
  const key = decades(0, high, 5).join();
  if (parts.xKey !== `${key} ${high}`) {
    parts.xKey = `${key} ${high}`;
    const marks = decades(0, high, 5).map((k) => [10 ** k - 1, power(k)]);
    ticks(parts.xTicks, parts.grid, marks, x, true, parts.right);
  }
  return x;
}

function path(records, x, y) {
  let pen = "M";
  return records.map(({ step, value }) => {
    if (!Number.isFinite(value)) { pen = "M"; return ""; }
    const piece = `${pen}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
    return piece;
  }).join("");
}

/** @param {object[]} history reports in order of steps */
export function drawLoss(element, history) {
  const parts = remember(element, () => canvas(element, ["loss"], FRAME.right + 4));
  const values = history.map((record) => Math.log10(Math.max(SMALLEST, record.excess_loss)));
  const finite = values.filter(Number.isFinite);
  const high = Math.ceil(Math.max(0, ...finite) + 0.001);
  const low = Math.min(high - 3, Math.floor(Math.min(0, ...finite) - 0.001));
  const x = stepAxis(parts, history);
  const y = (value) => FRAME.top + (HEIGHT - FRAME.top - FRAME.bottom) * (high - value) / (high - low);
  if (parts.yKey !== `${low} ${high}`) {
    parts.yKey = `${low} ${high}`;
    ticks(parts.yTicks, parts.grid, decades(low, high, 6).map((k) => [k, power(k)]), y, false, parts.right);
  }
  set(parts.lines[0], { d: path(history.map(({ step }, k) => ({ step, value: values[k] })), x, y) });
  const now = history[history.length - 1];
  end(parts, 0, now && { step: now.step, value: values[values.length - 1] }, x, y);
  set(parts.picture, {
    "aria-label": now
      ? `Loss above the entropy floor, both axes logarithmic: ${short(history[0].excess_loss)} nats at step `
        + `${history[0].step}, ${short(now.excess_loss)} nats at step ${now.step}.`
      : "Loss above the entropy floor: nothing is trained yet.",
  });
}

function end(parts, k, last, x, y) {
  const there = last && Number.isFinite(last.value);
  set(parts.dots[k], { visibility: there ? null : "hidden", ...(there && { cx: x(last.step).toFixed(1), cy: y(last.value).toFixed(1) }) });
}

/** @param {object[]} history reports in order of steps */
export function drawCosines(element, history) {
  const names = Object.keys(MEASURES);
  const parts = remember(element, () => canvas(element, names, LABELS));
  const lowest = Math.min(0, ...history.flatMap((record) => names.map((name) => record[name])).filter(Number.isFinite));
  const low = lowest < -0.25 ? -1 : lowest < -0.02 ? -0.25 : 0;
  const x = stepAxis(parts, history);
  const y = (value) => FRAME.top + (HEIGHT - FRAME.top - FRAME.bottom) * (1 - value) / (1 - low);
  if (parts.yKey !== low) {
    parts.yKey = low;
    const marks = low === -1 ? [-1, -0.5, 0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
    ticks(parts.yTicks, parts.grid, marks.map((k) => [k, String(k).replace("-", "−")]), y, false, parts.right);
  }
  const now = history[history.length - 1];
  names.forEach((name, k) => {
    set(parts.lines[k], { d: path(history.map((record) => ({ step: record.step, value: record[name] })), x, y) });
    end(parts, k, now && { step: now.step, value: now[name] }, x, y);
  });
  labels(parts, names, now, y);
  set(parts.picture, {
    "aria-label": now
      ? `Mean cosines at step ${now.step}. ${names.map((name) => `${MEASURES[name]}: ${cosine(now[name])}`).join(", ")}.`
      : "Mean cosines: nothing is trained yet.",
  });
}

/** The names at the right ends of the lines, pushed apart where they would cover one another. */
function labels(parts, names, now, y) {
  const there = names.map((name, k) => ({ k, name, value: now?.[name] }))
    .filter(({ value }) => Number.isFinite(value))
    .map((label) => ({ ...label, at: y(label.value) }))
    .sort((a, b) => a.at - b.at);
  const step = 13;
  const floor = HEIGHT - FRAME.bottom - 2;
  there.forEach((label, n) => { label.at = Math.max(label.at, n ? there[n - 1].at + step : FRAME.top); });
  for (let n = there.length - 1; n >= 0; n--) {
    there[n].at = Math.min(there[n].at, n === there.length - 1 ? floor : there[n + 1].at - step);
  }
  for (const text of parts.names) set(text, { visibility: "hidden" });
  for (const { k, name, value, at } of there) {
    set(parts.names[k], { visibility: null, x: WIDTH - LABELS + 8, y: (at + 3.5).toFixed(1) });
    say(parts.names[k], `${cosine(value)} ${MEASURES[name]}`);
  }
}

/** The lines of the cosines, for those who do not know the names. */
export const cosineLegend = () => h("p", { class: "ll-note" },
  "Mean cosine between the steering vectors of one concept: among unembeddings, among embeddings, between the two; ",
  "and between different concepts (absolute value).");
