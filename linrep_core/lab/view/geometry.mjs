// What the pictures need of the vectors: steering vectors, their directions, and three axes to look along.

export const dot = (a, b) => a.reduce((sum, x, k) => sum + x * b[k], 0);
const scale = (a, factor) => a.map((x) => x * factor);
const minus = (a, b, factor = 1) => a.map((x, k) => x - factor * b[k]);
export const norm = (a) => Math.sqrt(dot(a, a));

/** A vector of length 1, or null where there is no direction. */
export function unit(a) {
  const length = norm(a);
  return length > 1e-12 ? scale(a, 1 / length) : null;
}

export const mean = (vectors) => scale(vectors.reduce((sum, v) => minus(sum, v, -1)), 1 / vectors.length);

export const tableRows = (table, d) => (
  Array.from({ length: table.length / d }, (_, r) => Array.from(table.subarray(r * d, (r + 1) * d)))
);

/** Pairs of tokens (without, with) that differ in one concept: concept 0 is the highest bit. */
export function counterfactualPairs(m, concept) {
  const bit = 1 << (m - 1 - concept);
  return Array.from({ length: 2 ** m }, (_, y) => y).filter((y) => !(y & bit)).map((y) => [y, y | bit]);
}

/** g(y with the concept) - g(y without), for every token without it. */
export const steeringVectors = (points, m, concept) => (
  counterfactualPairs(m, concept).map(([without, having]) => minus(points[having], points[without]))
);

/**
 * The directions of some vectors as angles to their mean direction, so that parallel arrows lie on one another.
 * The angle is exact in any dimension; only the side (left or right) is a choice: that of the largest spread.
 *
 * @param {number[][]} vectors
 * @param {{axis?: number[]}} memory keeps the axis of largest spread, so that sides do not swap from frame to frame
 * @returns {number[]} radians in [-pi, pi]
 */
export function fan(vectors, memory = {}) {
  const units = vectors.map(unit).filter(Boolean);
  const middle = units.length ? unit(mean(units)) : null;
  if (!middle) return units.map((_, k) => (k % 2 ? Math.PI / 2 : -Math.PI / 2));
  const rest = units.map((u) => minus(u, middle, dot(u, middle)));
  let axis = memory.axis?.length === middle.length ? memory.axis : rest.reduce((a, b) => (norm(b) > norm(a) ? b : a));
  for (let round = 0; round < 4; round++) {
    const next = rest.reduce((sum, r) => minus(sum, r, -dot(r, axis)), scale(axis, 0));
    axis = unit(next) ?? axis;
  }
  memory.axis = axis;
  return units.map((u, k) => Math.acos(Math.max(-1, Math.min(1, dot(u, middle)))) * (dot(rest[k], axis) < 0 ? -1 : 1));
}

/** Orthonormal vectors that span what `vectors` span, in order; directions that add nothing are left out. */
function orthonormal(vectors, most) {
  const basis = [];
  for (const v of vectors) {
    if (basis.length === most) break;
    const rest = basis.reduce((left, b) => minus(left, b, dot(left, b)), v);
    if (norm(rest) > 1e-6 * (norm(v) + 1e-300)) basis.push(unit(basis.reduce((left, b) => minus(left, b, dot(left, b)), rest)));
  }
  return basis.filter(Boolean);
}

const axisVectors = (d) => Array.from({ length: d }, (_, k) => Array.from({ length: d }, (__, j) => (j === k ? 1 : 0)));

/**
 * Three axes (right, up, towards the reader) with the mean direction of one concept pointing up and the other
 * concepts' mean directions fanned out across. With d <= 3 nothing is hidden.
 */
export function conceptAxes(points, m, concept) {
  const d = points[0].length;
  const directions = Array.from({ length: m }, (_, i) => unit(mean(steeringVectors(points, m, i))) ?? axisVectors(d)[i % d]);
  const others = directions.filter((_, i) => i !== concept);
  const blend = (turn) => others.reduce((sum, u, k) => (
    minus(sum, u, -Math.cos(Math.PI * k / others.length - turn))), new Array(d).fill(0));
  const [up, right, near] = orthonormal([directions[concept], blend(0), blend(Math.PI / 2), ...others, ...axisVectors(d)], 3);
  return [right, up, near].map((axis) => axis ?? new Array(d).fill(0));      // fewer than three dimensions
}

/** The first three principal components of the points, as (right, up, towards the reader). */
export function principalAxes(points) {
  const d = points[0].length;
  const centre = mean(points);
  let cloud = points.map((p) => minus(p, centre));
  const found = [];
  for (let k = 0; k < Math.min(3, d); k++) {
    let axis = found[k - 1] ?? axisVectors(d)[0];
    axis = unit(cloud.reduce((a, b) => (norm(b) > norm(a) ? b : a))) ?? axis;
    for (let round = 0; round < 60; round++) {
      axis = unit(cloud.reduce((sum, p) => minus(sum, p, -dot(p, axis)), new Array(d).fill(0))) ?? axis;
    }
    found.push(axis);
    cloud = cloud.map((p) => minus(p, axis, dot(p, axis)));
  }
  const [first, second, third] = orthonormal([...found, ...axisVectors(d)], 3);
  // with a single dimension it points up, as the concept's own direction does
  return [second ? first : null, second ?? first, third].map((axis) => axis ?? new Array(d).fill(0));
}

/** Turn axes part of the way towards others (a share of 1 goes all the way), each with the nearer sign if `free`. */
export function turnTowards(axes, target, share, free) {
  const d = target[0].length;
  if (!axes || d < 3 || axes[0].length !== d) return target;
  const mixed = target.map((axis, k) => {
    const sign = free && dot(axis, axes[k]) < 0 ? -1 : 1;
    return axes[k].map((x, j) => x * (1 - share) + sign * axis[j] * share);
  });
  // the axis that points up stays exact: it is made orthonormal first
  const [up, right, near] = orthonormal([mixed[1], mixed[0], mixed[2]], 3);
  return near ? [right, up, near] : target;
}
