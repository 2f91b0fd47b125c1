// Mean cosine between the steering vectors of every two concepts; the diagonal is within a concept.

import { remember, resize, say, set, svg } from "./dom.mjs";
import { cosine } from "./numbers.mjs";

const LEFT = 66;
const TOP = 62;
const SIDE = 236;
const RIGHT = 26;                   // for the end of the last slanted name

/** @param {{m, words, heatMap: ArrayLike<number>, concept: number}} data */
export function draw(element, data, theme) {
  const { m, words, heatMap } = data;
  const parts = remember(element, () => {
    const kept = { cells: svg("g"), rows: svg("g", { class: "ll-ticks" }), columns: svg("g", { class: "ll-ticks" }) };
    kept.picture = svg("svg", {
      viewBox: `0 0 ${LEFT + SIDE + RIGHT} ${TOP + SIDE + 2}`, role: "img", class: "ll-heat-map",
    }, kept.columns, kept.rows, kept.cells);
    element.append(kept.picture);
    return kept;
  });
  const size = SIDE / m;
  const cells = resize(parts.cells, m * m, () => svg("g", {}, svg("rect"), svg("text", { "text-anchor": "middle" })));
  for (let k = 0; k < m * m; k++) {
    const [row, column, value] = [Math.floor(k / m), k % m, heatMap[k]];
    const [rectangle, text] = cells[k].children;
    const [x, y] = [LEFT + column * size, TOP + row * size];
    const { ground, ink } = shade(value, theme);
    set(rectangle, { x: x + 1, y: y + 1, width: size - 2, height: size - 2, rx: 2, fill: ground });
    set(text, { x: x + size / 2, y: y + size / 2 + 4, style: `fill: ${ink}; font-size: ${m <= 6 ? 12 : 9.5}px` });
    say(text, m <= 6 ? cosine(value) : cosine(value).replace("0.", "."));
  }
  for (const [axis, group] of [["row", parts.rows], ["column", parts.columns]]) {
    const marks = resize(group, m, () => svg("text"));
    for (let i = 0; i < m; i++) {
      const middle = (i + 0.5) * size;
      say(marks[i], words.concepts[i].name);
      set(marks[i], axis === "row"
        ? { x: LEFT - 6, y: TOP + middle + 4, "text-anchor": "end" }
        : { transform: `translate(${LEFT + middle + 4} ${TOP - 6}) rotate(-50)`, "text-anchor": "start" });
    }
  }
  const within = Array.from({ length: m }, (_, i) => heatMap[i * m + i]);
  const across = Array.from(heatMap).filter((_, k) => k % m !== Math.floor(k / m)).map(Math.abs);
  set(parts.picture, {
    "aria-label": `Mean cosines between the steering vectors of ${m} concepts. Within a concept: ${
      within.map((value, i) => `${words.concepts[i].name} ${cosine(value)}`).join(", ")}. Between concepts: at most ${
      cosine(Math.max(...across))} in absolute value.`,
  });
}

/** Blue for the same direction, ochre for the opposite one, the ground for a right angle. */
export function shade(value, theme) {
  const amount = Math.min(1, Math.abs(value) || 0);
  const end = value < 0 ? theme.opposite : theme.same;
  const ground = theme.middle.map((from, k) => Math.round(from + (end[k] - from) * amount));
  const light = (0.299 * ground[0] + 0.587 * ground[1] + 0.114 * ground[2]) / 255;
  return { ground: `rgb(${ground.join(" ")})`, ink: light > 0.52 ? "#14181d" : "#ffffff" };
}
