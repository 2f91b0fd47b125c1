// Is a concept a straight line? The averages of linrep_core.geometry.LinearityReport.
//
// The mean cosine over all pairs of n vectors needs no pairs: it is (|sum of units|^2 - sum of |unit|^2) / (n (n - 1)).
// So a concept costs one pass over its steering vectors.

/**
 * @param {number} m concepts
 * @param {number} d dimensions
 * @param {Float64Array} unembeddings 2^m rows of d
 * @param {Float64Array} embeddings a row of d for each of `contexts`
 * @param {Int32Array} contexts ascending context numbers (see language.mjs)
 */
export function linearity(m, d, unembeddings, embeddings, contexts) {
  const rowOf = new Int32Array(3 ** m).fill(-1);
  contexts.forEach((x, row) => (rowOf[x] = row));

  const byToken = [];
  const byContext = [];
  for (let concept = 0; concept < m; concept++) {
    const place = 2 ** (m - 1 - concept);
    const tokens = unitSum(d);
    for (let y = 0; y < 2 ** m; y++) {
      if (!(y & place)) tokens.add(unembeddings, (y + place) * d, y * d);
    }
    byToken.push(tokens.mean());

    const place3 = 3 ** (m - 1 - concept);
    const pairs = unitSum(d);
    for (let row = 0; row < contexts.length; row++) {
      const x = contexts[row];
      if (Math.floor(x / place3) % 3 !== 0) continue;
      const partner = rowOf[x + place3];
      if (partner >= 0) pairs.add(embeddings, partner * d, row * d);
    }
    byContext.push(pairs.mean());
  }

  const heatMap = new Float64Array(m * m);
  const between = new Float64Array(m);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < m; j++) {
      heatMap[i * m + j] = i === j ? byToken[i].cosine : dot(byToken[i].direction, byToken[j].direction);
      if (i !== j) between[i] += Math.abs(heatMap[i * m + j]) / (m - 1);
    }
  }
  const perConcept = {
    unembedding: Float64Array.from(byToken, (set) => set.cosine),
    embedding: Float64Array.from(byContext, (set) => set.cosine),
    alignment: Float64Array.from(byToken, (set, i) => dot(set.direction, byContext[i].direction)),
    between,
  };
  const cosines = Object.fromEntries(Object.entries(perConcept).map(([name, values]) => [name, meanOfNumbers(values)]));
  return { cosines, perConcept, heatMap };
}

/** Collects differences of rows, each scaled to length 1; a zero vector has no direction and counts as cosine 0. */
function unitSum(d) {
  const sum = new Float64Array(d);
  let squares = 0;
  let count = 0;
  return {
    add(table, end, start) {
      let square = 0;
      for (let k = 0; k < d; k++) square += (table[end + k] - table[start + k]) ** 2;
      const norm = Math.sqrt(square);
      count += 1;
      if (!(norm > 0)) return;
      for (let k = 0; k < d; k++) {
        const unit = (table[end + k] - table[start + k]) / norm;
        sum[k] += unit;
        squares += unit * unit;
      }
    },
    /** The mean unit vector (NaN of none) and the mean cosine over different pairs (1 for a single vector). */
    mean() {
      const cosine = count === 1 ? 1 : (dot(sum, sum) - squares) / (count * (count - 1));
      return { direction: sum.map((value) => value / count), cosine };
    },
  };
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
