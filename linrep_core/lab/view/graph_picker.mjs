// The graph of the concepts, to look at and to draw: press two concepts, or drag from one to the other.

import { h, remember, resize, say, set, svg } from "./dom.mjs";

const SIZE = 200;
const RING = 68;
const NODE = 15;

/**
 * @param {{m, words, edges: number[][], directed: boolean, toggle: (a: number, b: number) => void}} data
 */
export function draw(element, data) {
  const parts = remember(element, () => make(element));
  parts.data = data;
  if (parts.picked !== null && parts.picked >= data.m) parts.pick(null);
  const { m, words, edges } = data;
  const place = (i) => {
    const angle = 2 * Math.PI * i / m - Math.PI / 2;
    return [SIZE / 2 + RING * Math.cos(angle), SIZE / 2 + RING * Math.sin(angle)];
  };
  parts.place = place;
  const lines = resize(parts.edges, edges.length, () => svg("path", { class: "ll-edge" }));
  edges.forEach(([from, to], k) => {
    set(lines[k], { d: line(place(from), place(to)), "marker-end": data.directed ? `url(#${parts.marker})` : null });
  });
  const nodes = resize(parts.nodes, m, (i) => node(i, parts));
  for (let i = 0; i < m; i++) {
    const [x, y] = place(i);
    const joined = edges.filter((edge) => edge.includes(i)).map(([a, b]) => words.concepts[a === i ? b : a].name);
    set(nodes[i], {
      style: `--c: var(--ll-c${i}); left: ${100 * x / SIZE}%; top: ${100 * y / SIZE}%`,
      "aria-label": `${words.concepts[i].name}, ${joined.length ? `joined to ${joined.join(", ")}` : "joined to none"}`,
      "aria-pressed": String(parts.picked === i),
    });
    say(nodes[i].firstElementChild, words.concepts[i].name);
    set(nodes[i], { class: y < SIZE / 2 - 5 ? "ll-node ll-above" : "ll-node" });
  }
}

/** From rim to rim of two nodes. */
function line([x1, y1], [x2, y2]) {
  const length = Math.hypot(x2 - x1, y2 - y1);
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  const number = (value) => value.toFixed(1);
  return `M${number(x1 + ux * (NODE + 1))} ${number(y1 + uy * (NODE + 1))}`
    + `L${number(x2 - ux * (NODE + 5))} ${number(y2 - uy * (NODE + 5))}`;
}

let markers = 0;

function make(element) {
  const parts = { picked: null, marker: `ll-arrow-${++markers}`, nodes: h("div", { class: "ll-nodes" }) };
  parts.edges = svg("g");
  parts.pull = svg("path", { class: "ll-edge ll-pull" });
  parts.picture = svg("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, "aria-hidden": "true" },
    svg("defs", {}, svg("marker", { id: parts.marker, viewBox: "0 0 8 8", refX: 4, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto" },
      svg("path", { d: "M0 0.5L8 4L0 7.5Z", class: "ll-arrow-head" }))),
    parts.edges, parts.pull);
  parts.pick = (i) => {
    parts.picked = i;
    for (const [k, button] of [...parts.nodes.children].entries()) set(button, { "aria-pressed": String(k === i) });
  };
  element.append(parts.picture, parts.nodes);
  return parts;
}

function node(i, parts) {
  let from = null;
  let dragged = false;
  const button = h("button", { type: "button", class: "ll-node", "aria-pressed": "false" }, h("span", {}));
  button.addEventListener("click", () => {
    if (dragged) { dragged = false; return; }
    if (parts.picked === null) { parts.pick(i); return; }
    const first = parts.picked;
    parts.pick(null);
    if (first !== i) parts.data.toggle(first, i);
  });
  button.addEventListener("keydown", (event) => { if (event.key === "Escape") parts.pick(null); });
  button.addEventListener("pointerdown", (event) => {
    from = [event.clientX, event.clientY];
    dragged = false;
    button.setPointerCapture(event.pointerId);
  });
  button.addEventListener("pointermove", (event) => {
    if (!from || Math.hypot(event.clientX - from[0], event.clientY - from[1]) < 8) return;
    dragged = true;
    const [x, y] = parts.place(i);
    const box = parts.picture.getBoundingClientRect();
    const scale = SIZE / box.width;
    set(parts.pull, { d: `M${x} ${y}L${(event.clientX - box.left) * scale} ${(event.clientY - box.top) * scale}` });
  });
  const drop = (event) => {
    set(parts.pull, { d: null });
    if (from && dragged && event.type === "pointerup") {
      const over = document.elementFromPoint(event.clientX, event.clientY)?.closest(".ll-node");
      const other = [...parts.nodes.children].indexOf(over);
      if (other >= 0 && other !== i) { parts.pick(null); parts.data.toggle(i, other); }
    }
    from = null;
  };
  button.addEventListener("pointerup", drop);
  button.addEventListener("pointercancel", drop);
  return button;
}
