// The costly part of a step, in plain JavaScript: for every context x the log-normaliser of the softmax,
// ln sum_y exp(f(x).g(y)), and its gradients. What is left of cross-entropy is linear in the target (trainer.mjs).
// The WebAssembly kernel (kernel.ts) does the same four to eight times as fast; this one runs where that cannot.

/**
 * @typedef {object} Kernel the tables of a run and what computes on them; all arrays are Float64Array
 * @property {string} name what the page may say
 * @property {Float64Array} embeddings rows of d, one a context
 * @property {Float64Array} unembeddings rows of d, one a token
 * @property {Float64Array} weights one a context
 * @property {Float64Array} logNormalizers written by `run`: one a context
 * @property {Float64Array} embeddingGradient written by `run`: weight times sum_y p_hat(y | x) g(y)
 * @property {Float64Array} unembeddingGradient written by `run`: sum_x weight p_hat(y | x) f(x)
 * @property {() => void} run
 */

/** @returns {Kernel} */
export function createPlainKernel(contexts, tokens, d) {
  const embeddings = new Float64Array(contexts * d);
  const unembeddings = new Float64Array(tokens * d);
  const weights = new Float64Array(contexts);
  const logNormalizers = new Float64Array(contexts);
  const embeddingGradient = new Float64Array(contexts * d);
  const unembeddingGradient = new Float64Array(tokens * d);
  const row = new Float64Array(tokens);

  function run() {
    unembeddingGradient.fill(0);
    embeddingGradient.fill(0);
    for (let x = 0; x < contexts; x++) {
      const f = x * d;
      let largest = -Infinity;
      for (let y = 0; y < tokens; y++) {
        let logit = 0;
        for (let k = 0; k < d; k++) logit += embeddings[f + k] * unembeddings[y * d + k];
        row[y] = logit;
        if (logit > largest) largest = logit;
      }
      let sum = 0;
      for (let y = 0; y < tokens; y++) {
        row[y] = Math.exp(row[y] - largest);
        sum += row[y];
      }
      logNormalizers[x] = largest + Math.log(sum);
      const scale = weights[x] / sum;
      for (let y = 0; y < tokens; y++) {
        const p = scale * row[y];
        for (let k = 0; k < d; k++) {
          embeddingGradient[f + k] += p * unembeddings[y * d + k];
          unembeddingGradient[y * d + k] += p * embeddings[f + k];
        }
      }
    }
  }
  const name = "JavaScript, float64";
  return { name, embeddings, unembeddings, weights, logNormalizers, embeddingGradient, unembeddingGradient, run };
}
