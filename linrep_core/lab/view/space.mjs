// The space of unembeddings: every token a point, the steering vectors of one concept as arrows.
//
// The projection is parallel (no perspective): what is parallel in space is parallel on the screen.

import { conceptAxes, counterfactualPairs, dot, mean, principalAxes, tableRows, turnTowards } from "./geometry.mjs";
import { h, say, set } from "./dom.mjs";
import { cosine } from "./numbers.mjs";
import { valueOf } from "./words.mjs";

const SPIN = 0.22;                 // radians a second
const SETTLE = 7;                  // how fast axes and zoom follow, shares a second
const START = { yaw: 0.62, pitch: 0.2 };
const MAX_SKELETON = 500;          // faint lines of the other concepts; at m = 8 there would be 1024

/**
 * What is to be drawn, from a table of unembeddings.
 *
 * @param {Float64Array} table rows of d numbers, one a token
 * @param {object[] | null} axes the axes of the picture before, towards which new ones are turned
 * @param {number} share how far to turn: 1 at once
 */
export function project(table, { m, d, concept, look }, axes, share) {
  const points = tableRows(table, d);
  const target = look === "principal" ? principalAxes(points) : conceptAxes(points, m, concept);
  const next = turnTowards(axes, target, share, look === "principal");
  const centre = mean(points);
  const flat = points.map((p) => next.map((axis) => dot(axis, p) - dot(axis, centre)));
  return {
    axes: next,
    flat,
    reach: [Math.max(1e-9, ...flat.map(([x, , z]) => Math.hypot(x, z))), Math.max(1e-9, ...flat.map(([, y]) => Math.abs(y)))],
  };
}

/**
 * Draw a scene on a canvas of `width` by `height` css pixels. A pure function of its arguments, but for the pixels.
 *
 * @returns {{x: number, y: number, depth: number}[]} where the tokens are, for pointing at them
 */
export function draw(context, scene, theme) {
  const { width, height, flat, reach, view, m, tokens, hovered } = scene;
  const [siny, cosy] = [Math.sin(view.yaw), Math.cos(view.yaw)];
  const [sinp, cosp] = [Math.sin(view.pitch), Math.cos(view.pitch)];
  const [across, upwards] = reach;                       // however the picture is turned, it fits
  const radius = Math.hypot(across, upwards);
  const unit = Math.min(0.45 * width / across, 0.45 * height / (upwards * cosp + across * Math.abs(sinp)));
  const spots = flat.map(([x, y, z]) => {
    const right = x * cosy + z * siny;
    const back = -x * siny + z * cosy;
    return {
      x: width / 2 + unit * right,
      y: height / 2 - unit * (y * cosp - back * sinp),
      depth: (y * sinp + back * cosp) / radius,     // -1 far .. 1 near
    };
  });
  const near = (depth) => 0.5 + 0.5 * Math.max(-1, Math.min(1, depth));

  context.clearRect(0, 0, width, height);
  drawUnitCircle(context, width, height, unit, theme);
  if (m * 2 ** (m - 1) <= MAX_SKELETON) drawSkeleton(context, spots, scene, theme, near);
  drawArrows(context, spots, scene, theme, near);
  drawPoints(context, spots, scene, theme, near);
  if (tokens) drawWords(context, spots, scene, theme);
  if (hovered !== null) drawHovered(context, spots[hovered], scene, theme);
  return spots;
}

/** A circle of radius 1 shrinks as the vectors grow: so growth without end is to be seen though the picture fits. */
function drawUnitCircle(context, width, height, unit, theme) {
  context.strokeStyle = theme.rule;
  context.lineWidth = 1;
  context.setLineDash([3, 4]);
  context.beginPath();
  context.arc(width / 2, height / 2, unit, 0, 2 * Math.PI);
  context.stroke();
  context.setLineDash([]);
}

function drawSkeleton(context, spots, { m, concept }, theme, near) {
  context.strokeStyle = theme.faint;
  context.lineWidth = 1;
  for (let i = 0; i < m; i++) {
    if (i === concept) continue;
    for (const [a, b] of counterfactualPairs(m, i)) {
      context.globalAlpha = 0.25 + 0.6 * near((spots[a].depth + spots[b].depth) / 2);
      context.beginPath();
      context.moveTo(spots[a].x, spots[a].y);
      context.lineTo(spots[b].x, spots[b].y);
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}

function drawArrows(context, spots, { m, concept }, theme, near) {
  const colour = theme.concepts[concept % theme.concepts.length];
  const size = (m <= 5 ? 8 : m === 6 ? 6.5 : 5) * theme.scale;
  const gap = (m <= 5 ? 5 : m === 6 ? 4 : 2.5) * theme.scale;        // so that the head does not lie under the point
  const pairs = counterfactualPairs(m, concept)
    .map(([a, b]) => ({ from: spots[a], to: spots[b], depth: spots[a].depth + spots[b].depth }))
    .sort((p, q) => p.depth - q.depth);
  context.lineCap = "round";
  for (const { from, to, depth } of pairs) {
    const length = Math.hypot(to.x - from.x, to.y - from.y);
    if (length < gap * 2) continue;
    const [cx, cy] = [(to.x - from.x) / length, (to.y - from.y) / length];
    const tip = { x: to.x - cx * gap, y: to.y - cy * gap };
    const head = Math.min(size, length / 2.5);
    context.globalAlpha = 0.35 + 0.65 * near(depth / 2);
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = (m <= 6 ? 2 : 1.2) * theme.scale;
    context.beginPath();
    context.moveTo(from.x + cx * gap, from.y + cy * gap);
    context.lineTo(tip.x - cx * head * 0.8, tip.y - cy * head * 0.8);
    context.stroke();
    context.beginPath();
    context.moveTo(tip.x, tip.y);
    context.lineTo(tip.x - cx * head - cy * head * 0.42, tip.y - cy * head + cx * head * 0.42);
    context.lineTo(tip.x - cx * head + cy * head * 0.42, tip.y - cy * head - cx * head * 0.42);
    context.fill();
  }
  context.globalAlpha = 1;
}

/** Without the concept a ring, with it a filled diamond: shape and filling say it, the colour only repeats it. */
function drawPoints(context, spots, { m, concept }, theme, near) {
  const colour = theme.concepts[concept % theme.concepts.length];
  const order = spots.map((_, y) => y).sort((a, b) => spots[a].depth - spots[b].depth);
  for (const y of order) {
    const { x, y: top, depth } = spots[y];
    const size = (m <= 5 ? 4 : m === 6 ? 3.2 : 2.3) * (0.8 + 0.35 * near(depth)) * theme.scale;
    context.beginPath();
    if (valueOf(m, y, concept)) {
      context.moveTo(x, top - size * 1.3);
      context.lineTo(x + size * 1.3, top);
      context.lineTo(x, top + size * 1.3);
      context.lineTo(x - size * 1.3, top);
      context.closePath();
      context.fillStyle = colour;
      context.fill();
      context.lineWidth = 1;
      context.strokeStyle = theme.ground;
      context.stroke();
    } else {
      context.arc(x, top, size, 0, 2 * Math.PI);
      context.fillStyle = theme.ground;
      context.fill();
      context.lineWidth = 1.6;
      context.strokeStyle = colour;
      context.stroke();
    }
  }
}

/** Words beside points, larger on a slide (--ll-scale), near ones first, leaving out what would cover another; a word once shown keeps its place. */
function drawWords(context, spots, { tokens, shown, width, height }, theme) {
  context.font = `${12 * theme.scale}px ${theme.font}`;
  context.textBaseline = "middle";
  const order = spots.map((_, y) => y)
    .sort((a, b) => (shown.has(b) - shown.has(a)) * 0.5 + spots[b].depth - spots[a].depth);
  const taken = [];
  shown.clear();
  for (const y of order) {
    const spot = spots[y];
    const wide = context.measureText(tokens[y]).width;
    const left = spot.x > width / 2;
    const beside = 8 * theme.scale;
    const x = left ? spot.x + beside : spot.x - beside - wide;
    const box = [x - 2, spot.y - beside, x + wide + 2, spot.y + beside];
    if (box[0] < 0 || box[2] > width || box[1] < 0 || box[3] > height) continue;
    if (taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
    taken.push(box);
    shown.add(y);
    context.globalAlpha = 0.55 + 0.45 * Math.max(0, Math.min(1, 0.5 + 0.5 * spot.depth));
    context.lineWidth = 3;
    context.strokeStyle = theme.ground;
    context.strokeText(tokens[y], x, spot.y);
    context.fillStyle = theme.ink;
    context.fillText(tokens[y], x, spot.y);
  }
  context.globalAlpha = 1;
}

function drawHovered(context, spot, { names, hovered, width }, theme) {
  context.font = `600 13px ${theme.font}`;
  context.textBaseline = "middle";
  const wide = context.measureText(names[hovered]).width;
  const x = Math.max(4, Math.min(width - wide - 14, spot.x + 10));
  context.fillStyle = theme.ground;
  context.strokeStyle = theme.ink;
  context.lineWidth = 1;
  context.beginPath();
  context.roundRect(x, spot.y - 26, wide + 10, 20, 4);
  context.fill();
  context.stroke();
  context.fillStyle = theme.ink;
  context.fillText(names[hovered], x + 5, spot.y - 15.5);
}

// ---- the panel: turning, pointing, redrawing --------------------------------------------------------------------

/**
 * @param {HTMLElement} element
 * @param {{theme: () => object, calm: () => boolean}} surroundings `calm`: the reader wants no motion
 */
export function createSpace(element, { theme, calm }) {
  const canvas = h("canvas", {
    class: "ll-canvas", role: "img", tabindex: "0", "aria-label": "The words as points in space: not drawn yet.",
  });
  const spin = h("button", { type: "button", class: "ll-mini", "aria-pressed": "false" }, "spin");
  const turns = [["left", "‹", -0.3, 0], ["right", "›", 0.3, 0], ["up", "ˆ", 0, 0.25], ["down", "ˇ", 0, -0.25]].map(
    ([name, sign, yaw, pitch]) => h("button", {
      type: "button", class: "ll-mini ll-turn", "aria-label": `turn the picture ${name}`, title: `turn ${name}`,
      onclick: () => turn(yaw, pitch),
    }, sign));
  const look = h("select", { class: "ll-look", "aria-label": "axes of the picture" },
    h("option", { value: "concept" }, "this concept points up"),
    h("option", { value: "principal" }, "principal components"));
  element.append(canvas, h("div", { class: "ll-space-tools" }, look, h("span", { class: "ll-turns" }, ...turns, spin)));

  const context = canvas.getContext("2d");
  const view = { ...START };
  let data = null;                       // the last report and configuration
  let axes = null;
  let reach = null;                      // how far points lie from the centre: across, upwards
  let shown = new Set();
  let spots = [];
  let hovered = null;
  let spinning = null;                  // true or false once the reader has said so; before, it turns while it trains
  let visible = false;
  let settled = false;
  let frame = 0;
  let before = 0;

  function paint(seconds, jump = false) {
    if (!data) return;
    const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const share = jump || calm() ? 1 : 1 - Math.exp(-SETTLE * seconds);
    const scene = project(data.unembeddings, { ...data, look: look.value }, axes, share);
    const still = axes && axes[0].length === data.d && scene.axes.every((axis, k) => dot(axis, axes[k]) > dot(axis, axis) - 1e-9);
    axes = scene.axes;
    reach = scene.reach.map((far, k) => (reach === null || jump ? far : reach[k] + (far - reach[k]) * share));
    settled = share > 0 && still && reach.every((far, k) => Math.abs(far - scene.reach[k]) < 1e-3 * scene.reach[k]);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const flatView = data.d <= 2 ? { yaw: 0, pitch: 0 } : view;
    spots = draw(context, {
      ...data, ...scene, reach, width, height, view: flatView, hovered, shown,
      tokens: data.m <= 5 ? data.words.tokens : null, names: data.words.tokens,
    }, theme());
  }

  function tick(now) {
    // a frame's time is when it began, which may lie before the moment at which it was asked for
    const seconds = Math.max(0, Math.min(0.1, (now - before) / 1000));
    before = now;
    const moves = turning();
    if (moves) view.yaw += SPIN * seconds;
    paint(seconds);
    frame = visible && (moves || !settled) ? requestAnimationFrame(tick) : 0;
  }

  const turning = () => data?.d > 2 && (spinning ?? (data.playing && !calm()));

  function wake() {
    settled = false;
    if (frame || !visible) return;
    before = performance.now();
    frame = requestAnimationFrame(tick);
  }

  function setSpin(on) {
    spinning = on;
    set(spin, { "aria-pressed": String(Boolean(turning())) });
    wake();
  }

  function turn(yaw, pitch) {
    setSpin(false);
    view.yaw += yaw;
    view.pitch = Math.max(-1.4, Math.min(1.4, view.pitch + pitch));
    wake();
  }

  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    held = [event.clientX, event.clientY];
    canvas.setPointerCapture(event.pointerId);
    setSpin(false);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (held) {
      turn((event.clientX - held[0]) * 0.01, (event.clientY - held[1]) * 0.01);
      held = [event.clientX, event.clientY];
      return;
    }
    const box = canvas.getBoundingClientRect();
    point(event.clientX - box.left, event.clientY - box.top);
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { held = null; });
  canvas.addEventListener("pointerleave", () => { hovered = null; wake(); });
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0], ArrowUp: [0, 0.12], ArrowDown: [0, -0.12] }[event.key];
    if (!move) return;
    event.preventDefault();
    turn(...move);
  });
  spin.addEventListener("click", () => setSpin(!turning()));
  look.addEventListener("change", wake);

  function point(x, y) {
    const distance = spots.map((spot) => Math.hypot(spot.x - x, spot.y - y));
    const nearest = distance.indexOf(Math.min(...distance));
    const found = distance[nearest] < 20 ? nearest : null;
    if (found !== hovered) { hovered = found; wake(); }
  }

  const watching = new IntersectionObserver(([entry]) => { visible = entry.isIntersecting; if (visible) wake(); });
  watching.observe(canvas);
  const sizing = new ResizeObserver(() => paint(0));
  sizing.observe(canvas);

  return {
    canvas,
    /** @param {{m, d, concept, unembeddings: Float64Array, words: object, agreement: number, playing: boolean}} given */
    update(given) {
      if (data && (data.m !== given.m || data.d !== given.d)) { axes = null; reach = null; hovered = null; shown = new Set(); }
      const first = !data;
      data = given;
      set(spin, { disabled: given.d <= 2, "aria-pressed": String(Boolean(turning())) });
      for (const button of turns) set(button, { disabled: given.d <= 2 });
      const name = given.words.concepts[given.concept].name;
      say(look.options[0], given.d <= 2 ? `“${name}” points up` : `“${name}” points up`);
      set(canvas, {
        "aria-label": `${2 ** given.m} words as points in ${given.d} dimensions, with one arrow for each pair of words `
          + `that differ only in “${name}”. The arrows' mean cosine is ${cosine(given.agreement)}: ${inWords(given.agreement)}.`,
      });
      if (first) paint(0, true);
      wake();
    },
    repaint: () => { paint(0); wake(); },
    destroy() { watching.disconnect(); sizing.disconnect(); cancelAnimationFrame(frame); visible = false; },
  };
}

const inWords = (value) => (
  value > 0.97 ? "they are parallel" : value > 0.8 ? "they are nearly parallel"
    : value > 0.4 ? "they point roughly the same way" : "they point in many directions"
);
