// The peer that the lab's engine is measured against: a full-batch gradient step as one would write it down, plain
// loops on Float64Array. It gets the whole table p(y | x) and the weights, and does plain gradient descent.

/**
 * @param {{contexts: number, tokens: number, d: number, target: Float64Array, weights: Float64Array,
 *   embeddings: Float64Array, unembeddings: Float64Array}} problem both tables are changed in place
 * @returns {(rate: number) => number} does a step, returns the loss before it
 */
export function plainLoops({ contexts, tokens, d, target, weights, embeddings, unembeddings }) {
  const p = new Float64Array(tokens);
  const embeddingGradient = new Float64Array(d);
  const unembeddingGradient = new Float64Array(tokens * d);

  return function step(rate) {
    let loss = 0;
    unembeddingGradient.fill(0);
    for (let x = 0; x < contexts; x++) {
      let largest = -Infinity;
      for (let y = 0; y < tokens; y++) {
        let logit = 0;
        for (let k = 0; k < d; k++) logit += embeddings[x * d + k] * unembeddings[y * d + k];
        p[y] = logit;
        if (logit > largest) largest = logit;
      }
      let sum = 0;
      for (let y = 0; y < tokens; y++) {
        loss -= weights[x] * target[x * tokens + y] * (p[y] - largest);
        p[y] = Math.exp(p[y] - largest);
        sum += p[y];
      }
      loss += weights[x] * Math.log(sum);
      for (let y = 0; y < tokens; y++) p[y] = weights[x] * (p[y] / sum - target[x * tokens + y]);
      embeddingGradient.fill(0);
      for (let y = 0; y < tokens; y++) {
        for (let k = 0; k < d; k++) {
          embeddingGradient[k] += p[y] * unembeddings[y * d + k];
          unembeddingGradient[y * d + k] += p[y] * embeddings[x * d + k];
        }
      }
      for (let k = 0; k < d; k++) embeddings[x * d + k] -= rate * embeddingGradient[k];
    }
    for (let i = 0; i < tokens * d; i++) unembeddings[i] -= rate * unembeddingGradient[i];
    return loss;
  };
}
