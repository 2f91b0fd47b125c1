// Loss and gradients in plain JavaScript. The WebAssembly kernel (kernel.ts) does the same many times as fast; this one
// runs where that cannot, and says more readably what is computed.
//
// The loss is sum_x w(x) [ln sum_y exp(f(x).g(y)) - f(x).E[g(Y) | x]]. Its first part is dense, every context with
// every token. The second is linear and costs little: with ratio(x) = w(x) / p(x_D), the expectation is a subset sum,
// w(x) E[g(Y) | x] = ratio(x) (sum of p(y) g(y) over the tokens that agree with x), and its gradient the transpose.
// Where tellings may be wrong the sum is over all tokens, each with the probability that it is told as x.

import { contract, expand } from "./language.mjs";

/**
 * @typedef {object} Kernel the tables of a run and what computes on them; tables are Float64Array
 * @property {string} name what the page may say
 * @property {Float64Array} embeddings rows of d, one a context
 * @property {Float64Array} unembeddings rows of d, one a token
 * @property {Float64Array} embeddingGradient written by `run`
 * @property {Float64Array} unembeddingGradient written by `run`
 * @property {() => number} run computes both gradients and returns the loss, in nats
 */

/** @param {import("./language.mjs").Language} language @returns {Kernel} */
export function createPlainKernel(language, d) {
  const { m, joint, weights, ratios, contexts, wrong } = language;
  const tokens = 2 ** m;
  const embeddings = new Float64Array(contexts.length * d);
  const unembeddings = new Float64Array(tokens * d);
  const embeddingGradient = new Float64Array(contexts.length * d);
  const unembeddingGradient = new Float64Array(tokens * d);
  const row = new Float64Array(tokens);
  const sums = new Float64Array(3 ** m * d);

  /** sum_x w(x) ln sum_y exp(f(x).g(y)), and its gradients. */
  function densePart() {
    let loss = 0;
    unembeddingGradient.fill(0);
    embeddingGradient.fill(0);
    for (let x = 0; x < contexts.length; x++) {
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
      loss += weights[x] * (largest + Math.log(sum));
      const scale = weights[x] / sum;
      for (let y = 0; y < tokens; y++) {
        const p = scale * row[y];
        for (let k = 0; k < d; k++) {
          embeddingGradient[f + k] += p * unembeddings[y * d + k];
          unembeddingGradient[y * d + k] += p * embeddings[f + k];
        }
      }
    }
    return loss;
  }

  /** sum_x w(x) f(x).E[g(Y) | x]; its gradients are taken from those of the dense part. */
  function linearPart() {
    let total = 0;
    for (let i = 0; i < tokens * d; i++) sums[i] = joint[Math.floor(i / d)] * unembeddings[i];
    expand(sums, m, d, wrong);
    for (let x = 0; x < contexts.length; x++) {
      for (let k = 0; k < d; k++) {
        const expected = ratios[x] * sums[contexts[x] * d + k];
        embeddingGradient[x * d + k] -= expected;
        total += expected * embeddings[x * d + k];
      }
    }
    sums.fill(0);
    for (let x = 0; x < contexts.length; x++) {
      for (let k = 0; k < d; k++) sums[contexts[x] * d + k] = ratios[x] * embeddings[x * d + k];
    }
    contract(sums, m, d, wrong);
    for (let i = 0; i < tokens * d; i++) unembeddingGradient[i] -= joint[Math.floor(i / d)] * sums[i];
    return total;
  }

  return {
    name: "JavaScript, float64",
    embeddings,
    unembeddings,
    embeddingGradient,
    unembeddingGradient,
    run: () => densePart() - linearPart(),
  };
}
