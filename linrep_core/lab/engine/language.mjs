// Contexts, tokens and the exact p(y | x). Mirrors linrep_core.language.
//
// A context is numbered by its ternary digits 0, 1, 2 = unknown, concept 0 the highest. Sums over the tokens that agree
// with each context are taken along one concept's axis at a time (0, 1 -> 0, 1, 0 + 1): 3^m additions instead of 6^m.
// Where a told concept is told wrongly with probability q, (0, 1) becomes ((1 - q) 0 + q 1, q 0 + (1 - q) 1, 0 + 1).

import { checkChoice, checkNumber, refuse } from "./check.mjs";

const CONTEXT_WEIGHTS = ["masked", "uniform"];

/** @typedef {ReturnType<typeof createLanguage>} Language */

/** The language of a configuration over a world. Throws RangeError that names the field. */
export function createLanguage(config, { m, joint }) {
  const contexts = contextNumbers(config.context_set, m);
  const kind = checkChoice("context_weights", config.context_weights, CONTEXT_WEIGHTS);
  const wrong = checkWrong(config.told_wrongly);
  const probability = subsetSums(joint, m, 1, wrong); // of each context's known entries being told
  const weights =
    kind === "uniform"
      ? new Float64Array(contexts.length).fill(1 / contexts.length)
      : maskedWeights(contexts, probability, m, config.mask_probability);

  const ratios = weights.map((weight, row) => weight / probability[contexts[row]]); // what kernels need of the target

  const negativeEntropyTerms = subsetSums(joint.map((p) => p * Math.log(p)), m);
  const certain = (x) => Math.max(Math.log(probability[x]) - negativeEntropyTerms[x] / probability[x], 0);
  const noisy = (x) => nextToken(x).reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
  const entropy = wrong ? noisy : certain;
  const entropyFloor = contexts.reduce((floor, x, row) => floor + weights[row] * entropy(x), 0);

  /** p(y | x) over the tokens, for any context number. */
  function nextToken(x) {
    const p = new Float64Array(2 ** m);
    for (let y = 0; y < p.length; y++) p[y] = (joint[y] * chanceOfTelling(x, y, m, wrong)) / probability[x];
    return p;
  }
  return { m, joint, contexts, probability, weights, ratios, wrong, entropyFloor, nextToken };
}

/** The probability that a told concept is told wrongly: at 1/2 a telling would say nothing. */
function checkWrong(wrong = 0) {
  checkNumber("told_wrongly", wrong, 0, 0.5);
  return wrong < 0.5 ? wrong : refuse("told_wrongly", "below 0.5", wrong);
}

/**
 * The numbers of the contexts in a set, ascending: "all", or sets of known concepts: "0,1" knows exactly 0 and 1,
 * "0|1" exactly 0 or exactly 1, "none" nothing.
 */
export function contextNumbers(set, m) {
  const all = Array.from({ length: 3 ** m }, (_, x) => x);
  if (set === "all") return Int32Array.from(all);
  const wanted = `"all", "none" or concepts from 0 to ${m - 1} such as "0", "0,1" or "0|1"`;
  if (typeof set !== "string" || set.length > 4096) refuse("context_set", wanted, set);
  const kept = new Set();
  for (const part of set.split("|")) {
    let known = 0;
    for (const name of part === "none" ? [] : part.split(",")) {
      const bit = /^\d$/.test(name) && Number(name) < m ? 1 << Number(name) : 0;
      if (!bit || known & bit) refuse("context_set", wanted, set);
      known |= bit;
    }
    kept.add(known);
  }
  return Int32Array.from(all.filter((x) => kept.has(knownConcepts(x, m))));
}

/** Which concepts a context knows, as a bit set (bit i for concept i). */
function knownConcepts(x, m) {
  let known = 0;
  for (let i = m - 1; i >= 0; i--, x = Math.floor(x / 3)) {
    if (x % 3 !== 2) known |= 1 << i;
  }
  return known;
}

/** The probability that token y is told as context x, given what x tells of: 0 or 1 where nothing is told wrongly. */
export function chanceOfTelling(x, y, m, wrong) {
  let chance = 1;
  for (let i = 0; i < m; i++, x = Math.floor(x / 3), y >>= 1) {
    if (x % 3 !== 2) chance *= x % 3 === (y & 1) ? 1 - wrong : wrong;
  }
  return chance;
}

/** q^(number unknown) (1 - q)^(number known) p(x_D), made to sum to 1 over the contexts kept. */
function maskedWeights(contexts, probability, m, hidden) {
  checkNumber("mask_probability", hidden, 0, 1, { open: true });
  const logWeights = Float64Array.from(contexts, (x) => {
    let log = Math.log(probability[x]);
    for (let i = 0, rest = x; i < m; i++, rest = Math.floor(rest / 3)) {
      log += rest % 3 === 2 ? Math.log(hidden) : Math.log1p(-hidden);
    }
    return log;
  });
  const largest = logWeights.reduce((a, b) => Math.max(a, b)); // contexts that are all rare, however rare, sum to 1
  const weights = logWeights.map((log) => Math.exp(log - largest));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

// ---- sums over the tokens that agree with a context ----------------------------------------------------------------

/** Sums of a quantity (2^m rows of `width` numbers) for each of the 3^m contexts. */
export function subsetSums(values, m, width = 1, wrong = 0) {
  const table = new Float64Array(3 ** m * width);
  table.set(values);
  expand(table, m, width, wrong);
  return table;
}

/** In place: the first 2^m rows become all 3^m. Each concept's axis (0, 1) becomes (0, 1, 0 + 1), or see above. */
export function expand(table, m, width, wrong) {
  const right = 1 - wrong;
  for (let concept = 0; concept < m; concept++) {
    const size = 2 ** (m - 1 - concept) * width; // of all that follows one value of this concept
    for (let block = 3 ** concept - 1; block >= 0; block--) { // from the end: a block moves to a higher place
      const from = 2 * block * size;
      const to = 3 * block * size;
      for (let i = 0; i < size; i++) {
        const zero = table[from + i];
        const one = table[from + size + i];
        table[to + 2 * size + i] = zero + one;
        table[to + size + i] = wrong * zero + right * one;
        table[to + i] = right * zero + wrong * one;
      }
    }
  }
}

/** In place, the transpose of `expand`: each token collects the rows of the contexts that it agrees with. */
export function contract(table, m, width, wrong) {
  const right = 1 - wrong;
  for (let concept = m - 1; concept >= 0; concept--) {
    const size = 2 ** (m - 1 - concept) * width;
    for (let block = 0; block < 3 ** concept; block++) {
      const from = 3 * block * size;
      const to = 2 * block * size;
      for (let i = 0; i < size; i++) {
        const zero = table[from + i];
        const one = table[from + size + i];
        const unknown = table[from + 2 * size + i];
        table[to + i] = right * zero + wrong * one + unknown;
        table[to + size + i] = wrong * zero + right * one + unknown;
      }
    }
  }
}
