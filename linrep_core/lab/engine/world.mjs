// A world of binary concepts: which depend on which, and their exact joint distribution. Mirrors linrep_core.concepts.

import { checkChoice, checkInteger, checkNumber, checkTable, refuse } from "./check.mjs";
import { Generator } from "./random.mjs";

const GRAPHS = ["random", "chain", "independent", "drawn", "given"];
const TABLE_RANGE = [0.3, 0.7]; // of p(C_j = 1 | parents), the paper's
const TOTAL_TOLERANCE = 1e-9; // of a given joint

/**
 * @typedef {object} World
 * @property {number} m concepts
 * @property {number[][]} edges [cause, effect] pairs in ascending order; for a given joint, what to draw
 * @property {Float64Array[] | null} tables tables[j][values of j's parents as a binary number] = p(C_j = 1 | parents),
 *   parents in ascending order, the first the highest bit; null for a given joint
 * @property {Float64Array} joint joint[y] = p(C = binary digits of y), concept 0 the highest bit
 */

/** The world of a configuration. Throws RangeError that names the field. @returns {World} */
export function createWorld(config) {
  const m = checkInteger("m", config.m, 2, 8);
  const graph = checkChoice("graph", config.graph, GRAPHS);
  if (graph === "given") {
    const edges = checkEdges(config.edges ?? [], m);
    return { m, edges, tables: null, joint: checkJoint(config.joint, m) };
  }
  const random = new Generator(checkInteger("graph_seed", config.graph_seed, 0));
  let edges = [];
  if (graph === "random") {
    edges = randomEdges(m, checkNumber("edge_probability", config.edge_probability, 0, 1), random);
  } else if (graph === "chain") {
    edges = Array.from({ length: m - 1 }, (_, i) => [i, i + 1]);
  } else if (graph === "drawn") {
    edges = checkEdges(config.edges, m);
    if (hasCycle(edges, m)) refuse("edges", "free of directed cycles", edges);
  }
  edges.sort(ascending);
  const tables = randomTables(edges, m, random);
  return { m, edges, tables, joint: jointOf(edges, tables, m) };
}

/** Concepts in random order; each earlier one is a parent of each later one with the given probability. */
function randomEdges(m, probability, random) {
  const order = random.permutation(m);
  const edges = [];
  for (let later = 0; later < m; later++) {
    for (let earlier = 0; earlier < later; earlier++) {
      if (random.random() < probability) edges.push([order[earlier], order[later]]);
    }
  }
  return edges;
}

function randomTables(edges, m, random) {
  return Array.from({ length: m }, (_, j) => {
    const entries = 2 ** parentsOf(edges, j).length;
    return Float64Array.from({ length: entries }, () => random.uniform(...TABLE_RANGE));
  });
}

function jointOf(edges, tables, m) {
  const joint = new Float64Array(2 ** m).fill(1);
  for (let j = 0; j < m; j++) {
    const parents = parentsOf(edges, j);
    for (let y = 0; y < joint.length; y++) {
      const row = parents.reduce((number, parent) => 2 * number + digit(y, parent, m), 0);
      joint[y] *= digit(y, j, m) ? tables[j][row] : 1 - tables[j][row];
    }
  }
  return joint;
}

/** The parents of a concept, ascending. */
export function parentsOf(edges, concept) {
  return edges.filter(([, effect]) => effect === concept).map(([cause]) => cause).sort((a, b) => a - b);
}

/** The Markov random field of a directed graph: its edges without direction, and parents of a common child joined. */
export function moralGraph(edges, m) {
  const pairs = edges.map(([a, b]) => [Math.min(a, b), Math.max(a, b)]);
  for (let j = 0; j < m; j++) {
    const parents = parentsOf(edges, j);
    parents.forEach((a, i) => parents.slice(i + 1).forEach((b) => pairs.push([a, b])));
  }
  const distinct = new Map(pairs.map((pair) => [pair.join(), pair]));
  return [...distinct.values()].sort(ascending);
}

/** Whether a directed graph has a cycle: repeatedly taking away concepts without parents leaves some. */
export function hasCycle(edges, m) {
  let left = Array.from({ length: m }, (_, j) => j);
  for (;;) {
    const rest = left.filter((j) => edges.some(([cause, effect]) => effect === j && left.includes(cause)));
    if (rest.length === left.length) return rest.length > 0;
    left = rest;
  }
}

/** The value of a concept in token y. */
export function digit(y, concept, m) {
  return (y >> (m - 1 - concept)) & 1;
}

const ascending = ([a, b], [c, d]) => a - c || b - d;

function checkEdges(edges, m) {
  if (!Array.isArray(edges)) refuse("edges", "a list of [cause, effect] pairs", edges);
  const seen = new Set();
  for (const edge of edges) {
    const fine = Array.isArray(edge) && edge.length === 2 && edge.every((i) => Number.isInteger(i) && i >= 0 && i < m);
    if (!fine || edge[0] === edge[1]) refuse("edges", `pairs of two different concepts from 0 to ${m - 1}`, edge);
    if (seen.has(edge.join())) refuse("edges", "free of repetitions", edge);
    seen.add(edge.join());
  }
  return edges.map(([cause, effect]) => [cause, effect]);
}

function checkJoint(values, m) {
  const joint = checkTable("joint", values, 2 ** m);
  const smallest = Math.min(...joint);
  if (!(smallest > 0)) refuse("joint", "made of probabilities above 0", smallest);
  const total = joint.reduce((sum, p) => sum + p, 0);
  if (Math.abs(total - 1) > TOTAL_TOLERANCE) refuse("joint", "probabilities that sum to 1", `a sum of ${total}`);
  return joint;
}
