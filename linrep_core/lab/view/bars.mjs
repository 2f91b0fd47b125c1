// What comes next? A context composed in words, and for every word p (a line) beside p-hat (a column).

import { h, remember, resize, say, set, svg } from "./dom.mjs";
import { short } from "./numbers.mjs";

const HEIGHT = 190;
const FRAME = { left: 34, right: 4, top: 8, bottom: 62 };
const LETTERS = { "?": "1", 1: "0", 0: "?" };      // a click goes round: not told, told 1, told 0

/**
 * The sentence: one button a concept, whose word is what the context tells.
 *
 * @param {{m, words, context: string, change: (context: string) => void}} data
 */
export function drawSentence(element, data) {
  const kept = remember(element, () => {
    const chips = h("span", {});
    element.append("Somebody ", chips, " is called a …");
    return { chips };
  });
  kept.data = data;
  const chips = resize(kept.chips, data.m, (i) => {
    const button = h("button", { type: "button", class: "ll-chip", onclick: () => {
      const { context, change } = kept.data;
      change(context.slice(0, i) + LETTERS[context[i]] + context.slice(i + 1));
    } });
    return h("span", {}, button, h("span", {}));
  });
  for (let i = 0; i < data.m; i++) {
    const { name, values, open } = data.words.concepts[i];
    const letter = data.context[i];
    const [button, comma] = chips[i].children;
    set(button, {
      style: `--c: var(--ll-c${i})`, class: letter === "?" ? "ll-chip ll-open" : "ll-chip",
      title: `${name}: ${letter === "?" ? "not told" : "told"}; press to change`,
    });
    say(button, letter === "?" ? open : values[letter]);
    say(comma, i === data.m - 1 ? "" : ", ");
  }
}

/** @param {{m, words, p: ArrayLike<number>, pHat: ArrayLike<number> | null, width: number}} data */
export function draw(element, data) {
  const { words, p, pHat, width } = data;
  const parts = remember(element, () => {
    const kept = { grid: svg("g", { class: "ll-grid-lines" }), yTicks: svg("g", { class: "ll-ticks" }), bars: svg("g"), words: svg("g", { class: "ll-ticks" }) };
    kept.picture = svg("svg", { role: "img", class: "ll-bars-plot" }, kept.grid, kept.yTicks, kept.bars, kept.words);
    element.append(kept.picture);
    return kept;
  });
  set(parts.picture, { viewBox: `0 0 ${width} ${HEIGHT}` });
  const n = p.length;
  const top = Math.max(0.05, ...p, ...(pHat ?? []));
  const every = [0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5].find((tick) => top / tick <= 4.2);
  const ceiling = Math.ceil(top / every - 1e-9) * every;
  const y = (value) => FRAME.top + (HEIGHT - FRAME.top - FRAME.bottom) * (1 - value / ceiling);
  const step = (width - FRAME.left - FRAME.right) / n;
  const wide = Math.max(1, Math.min(22, step * 0.72));
  axis(parts, ceiling, every, y, width);
  const bars = resize(parts.bars, n, () => svg("g", {}, svg("rect", { class: "ll-bar" }), svg("path", { class: "ll-target" })));
  for (let k = 0; k < n; k++) {
    const middle = FRAME.left + (k + 0.5) * step;
    const [bar, target] = bars[k].children;
    const height = pHat ? Math.max(0, y(0) - y(pHat[k])) : 0;
    set(bar, { x: (middle - wide / 2).toFixed(2), width: wide.toFixed(2), y: (y(0) - height).toFixed(2), height: height.toFixed(2) });
    const over = step > 6 ? 2.5 : 0.6;
    set(target, { d: p[k] > 0 ? `M${(middle - wide / 2 - over).toFixed(2)} ${y(p[k]).toFixed(2)}h${(wide + 2 * over).toFixed(2)}` : "" });
  }
  label(parts.words, words.tokens, p, pHat, step);
  const likeliest = Array.from(p, (_, k) => k).filter((k) => p[k] > 0).sort((a, b) => p[b] - p[a]).slice(0, 4);
  set(parts.picture, {
    "aria-label": `Probability of the next word. ${likeliest.map((k) => (
      `${words.tokens[k]}: ${short(p[k])} in the world${pHat ? `, ${short(pHat[k])} by the predictor` : ""}`)).join("; ")}.`,
  });
}

function axis(parts, ceiling, every, y, width) {
  const key = `${ceiling} ${every} ${width}`;
  if (parts.key === key) return;
  parts.key = key;
  const values = Array.from({ length: Math.round(ceiling / every) + 1 }, (_, k) => k * every);
  parts.yTicks.replaceChildren(...values.map((value) => svg("text", { x: FRAME.left - 6, y: y(value) + 3.5, "text-anchor": "end" },
    String(Number(value.toFixed(2))))));
  parts.grid.replaceChildren(...values.map((value) => svg("line", {
    x1: FRAME.left, x2: width - FRAME.right, y1: y(value), y2: y(value), class: value === 0 ? "ll-zero" : null,
  })));
}

/** Words below the columns: all that may come, or as many of the likeliest as there is room for. */
function label(group, tokens, p, pHat, step) {
  const size = (k) => Math.max(p[k], pHat?.[k] ?? 0);
  const order = tokens.map((_, k) => k).sort((a, b) => size(b) - size(a));
  const kept = [];
  for (const k of order) {
    if (size(k) < 0.004) break;
    if (kept.every((other) => Math.abs(other - k) * step >= 12.5)) kept.push(k);
  }
  const marks = resize(group, kept.length, () => svg("text", { "text-anchor": "end" }));
  kept.forEach((k, n) => {
    say(marks[n], tokens[k]);
    set(marks[n], {
      transform: `translate(${(FRAME.left + (k + 0.5) * step + 3.5).toFixed(1)} ${HEIGHT - FRAME.bottom + 10}) rotate(-58)`,
      class: p[k] > 0 ? null : "ll-wrong",
    });
  });
}
