// One dial a concept: all its steering vectors from a common origin, at their true angles to their mean. Parallel
// arrows lie on one another. The dials are radio buttons: the one chosen is drawn in the space of unembeddings.

import { fan, steeringVectors, tableRows } from "./geometry.mjs";
import { h, remember, resize, say, set, svg } from "./dom.mjs";
import { freshId } from "./dom.mjs";
import { cosine } from "./numbers.mjs";

const RADIUS = 40;

/** @param {{m, d, concept, unembeddings, words, perConcept: number[], pick: (i: number) => void}} data */
export function draw(element, data) {
  const kept = remember(element, () => ({ group: freshId("concept"), memories: [], pick: null }));
  kept.pick = data.pick;
  if (kept.m !== data.m || kept.d !== data.d) kept.memories = Array.from({ length: data.m }, () => ({}));
  [kept.m, kept.d] = [data.m, data.d];
  const points = tableRows(data.unembeddings, data.d);
  const dials = resize(element, data.m, (i) => dial(i, kept));
  for (let i = 0; i < data.m; i++) {
    const angles = fan(steeringVectors(points, data.m, i), kept.memories[i]);
    const [input, picture, name, value] = dials[i].children;
    input.checked = i === data.concept;
    set(dials[i], { style: `--c: var(--ll-c${i})` });
    set(picture.querySelector("path"), { d: angles.map(arrow).join("") });
    say(name, data.words.concepts[i].name);
    say(value, cosine(data.perConcept[i]));
  }
}

function dial(i, kept) {
  return h("label", { class: "ll-dial" },
    h("input", { type: "radio", name: kept.group, value: i, class: "ll-unseen", onchange: () => kept.pick(i) }),
    svg("svg", { viewBox: "-46 -46 92 92", "aria-hidden": "true" },
      svg("circle", { r: RADIUS, class: "ll-dial-rim" }),
      svg("line", { y2: -RADIUS, class: "ll-dial-mean" }),
      svg("path", { class: "ll-dial-arrows" })),
    h("span", { class: "ll-dial-name" }),
    h("span", { class: "ll-dial-value" }));
}

/** An arrow of length RADIUS at an angle from straight up. */
function arrow(angle) {
  const at = (radius, turn) => `${(radius * Math.sin(angle + turn)).toFixed(1)} ${(-radius * Math.cos(angle + turn)).toFixed(1)}`;
  return `M0 0L${at(RADIUS, 0)}M${at(RADIUS - 6, -0.07)}L${at(RADIUS, 0)}L${at(RADIUS - 6, 0.07)}`;
}
