// Is a concept a straight line? The averages of linrep_core.geometry.LinearityReport.
//
// The mean cosine over all pairs of n vectors needs no pairs: it is (|sum of units|^2 - sum of |unit|^2) / (n (n - 1)).
// So a concept costs one pass over its steering vectors.

const COSINES = ["unembedding", "embedding", "alignment", "between"];

/**
 * Prepares the measuring of tables with these contexts.
 *
 * @param {number} m concepts
 * @param {number} d dimensions
 * @param {Int32Array} contexts ascending context numbers (see language.mjs), one a row of the embeddings
 * @returns {(unembeddings: Float64Array, embeddings: Float64Array) => {cosines: object, perConcept: object,
 *   heatMap: Float64Array, crossing: Float64Array}} NaN where there is nothing to measure; `crossing[i * m + j]` is the
 *   mean cosine of the unembedding steps of i and the embedding steps of j, `perConcept.length` the mean length of the
 *   unembedding steps
 */
export function createLinearity(m, d, contexts) {
  const tokens = Int32Array.from({ length: 2 ** m }, (_, y) => y);
  const concepts = Array.from({ length: m }, (_, i) => i);
  const tokenPairs = concepts.map((i) => counterfactualPairs(tokens, 2 ** (m - 1 - i), 2));
  const contextPairs = concepts.map((i) => counterfactualPairs(contexts, 3 ** (m - 1 - i), 3));

  return (unembeddings, embeddings) => {
    const byToken = tokenPairs.map((pairs) => meanDirection(unembeddings, pairs, d));
    const byContext = contextPairs.map((pairs) => meanDirection(embeddings, pairs, d));
    const heatMap = new Float64Array(m * m);
    const crossing = new Float64Array(m * m);
    const between = new Float64Array(m);
    for (const i of concepts) {
      for (const j of concepts) {
        crossing[i * m + j] = dot(byToken[i].direction, byContext[j].direction);
        heatMap[i * m + j] = i === j ? byToken[i].cosine : dot(byToken[i].direction, byToken[j].direction);
        if (i !== j) between[i] += Math.abs(heatMap[i * m + j]) / (m - 1);
      }
    }
    const perConcept = {
      unembedding: Float64Array.from(byToken, (set) => set.cosine),
      embedding: Float64Array.from(byContext, (set) => set.cosine),
      alignment: Float64Array.from(concepts, (i) => crossing[i * m + i]),
      between,
      length: Float64Array.from(byToken, (set) => set.length),
    };
    const means = COSINES.map((name) => [name, meanOfNumbers(perConcept[name])]);
    return { cosines: Object.fromEntries(means), perConcept, heatMap, crossing };
  };
}

/** Rows [with 0, with 1, with 0, ...] of numbers that differ in one digit, 0 or 1, and are both there. */
function counterfactualPairs(numbers, place, base) {
  const rowOf = new Map();
  numbers.forEach((number, row) => rowOf.set(number, row));
  const pairs = [];
  numbers.forEach((number, row) => {
    if (Math.floor(number / place) % base !== 0) return;
    const partner = rowOf.get(number + place);
    if (partner !== undefined) pairs.push(row, partner);
  });
  return Int32Array.from(pairs);
}

/**
 * The mean of the steering vectors' units (NaN of none), their mean cosine over different pairs (1 for a single vector)
 * and mean length. A zero vector has no direction and counts as cosine 0.
 */
function meanDirection(table, pairs, d) {
  const count = pairs.length / 2;
  const sum = new Float64Array(d);
  let squares = 0;
  let length = 0;
  for (let pair = 0; pair < pairs.length; pair += 2) {
    const start = pairs[pair] * d;
    const end = pairs[pair + 1] * d;
    let square = 0;
    for (let k = 0; k < d; k++) square += (table[end + k] - table[start + k]) * (table[end + k] - table[start + k]);
    if (!(square > 0)) continue;
    const norm = Math.sqrt(square);
    length += norm;
    for (let k = 0; k < d; k++) {
      const unit = (table[end + k] - table[start + k]) / norm;
      sum[k] += unit;
      squares += unit * unit;
    }
  }
  const cosine = count === 1 ? 1 : (dot(sum, sum) - squares) / (count * (count - 1));
  return { direction: sum.map((value) => value / count), cosine, length: length / count };
}

function dot(a, b) {
  let total = 0;
  for (let k = 0; k < a.length; k++) total += a[k] * b[k];
  return total;
}

/** The mean of the entries that are numbers; NaN if none is. */
function meanOfNumbers(values) {
  const numbers = values.filter((value) => !Number.isNaN(value));
  return numbers.reduce((total, value) => total + value, 0) / numbers.length;
}
