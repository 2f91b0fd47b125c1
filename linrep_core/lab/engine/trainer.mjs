// One training run: exact full-batch steps on the contexts of a configuration. Mirrors linrep_core.training.

import { checkChoice, checkInteger, checkNumber, checkTable, refuse } from "./check.mjs";
import { linearity } from "./geometry.mjs";
import { createPlainKernel } from "./kernel.mjs";
import { contract, createLanguage, expand } from "./language.mjs";
import { createOptimizer } from "./optimizer.mjs";
import { Generator } from "./random.mjs";
import { createWasmKernel } from "./wasm.mjs";
import { createWorld } from "./world.mjs";

const DIVERGED_ABOVE = 1000; // times ln(number of tokens), the loss of the predictor that knows nothing

/** The loss is no longer finite, or absurdly large: the learning rate was too high. */
export class Diverged extends Error {
  constructor(step, loss) {
    super(`training diverged at step ${step}: the loss is ${loss} nats; try a smaller learning rate`);
    this.name = "Diverged";
    this.step = step;
    this.loss = loss;
  }
}

/**
 * A trainer for a configuration (README.md lists its fields). Throws RangeError that names the field.
 * With `plain` it runs without WebAssembly; it also does so, always in float64, where that is missing.
 */
export async function createTrainer(config, { plain = false } = {}) {
  if (typeof config !== "object" || config === null) refuse("config", "an object", config);
  const world = createWorld(config);
  const language = createLanguage(config, world);
  const { m } = world;
  const { contexts, weights, probability, entropyFloor } = language;
  const d = checkInteger("d", config.d, 1, 16);
  const tokens = 2 ** m;
  checkChoice("precision", config.precision, ["float64", "float32"]);
  const fast = plain ? null : await createWasmKernel(contexts.length, tokens, d, config.precision);
  const kernel = fast ?? createPlainKernel(contexts.length, tokens, d);
  kernel.weights.set(weights);
  start(kernel, config);
  let rate = checkRate(config.learning_rate);
  let optimizer = createOptimizer(config);
  const parameters = [
    { values: kernel.embeddings, gradient: kernel.embeddingGradient },
    { values: kernel.unembeddings, gradient: kernel.unembeddingGradient },
  ];

  // The target enters cross-entropy only through E[g(Y) | x]: with ratio(x) = weight / p(x_D), the linear part of the
  // loss is -sum_x ratio(x) f(x).(sum over agreeing y of p(y) g(y)): subset sums, and their transpose for its gradient.
  const sums = new Float64Array(3 ** m * d);
  const ratio = weights.map((weight, row) => weight / probability[contexts[row]]);

  let step = 0;
  let loss = NaN; // at the present tables, once evaluated
  let evaluated = false;

  /** Loss and gradients at the present tables. */
  function evaluate() {
    if (evaluated) return;
    kernel.run();
    loss = 0;
    for (let row = 0; row < weights.length; row++) loss += weights[row] * kernel.logNormalizers[row];
    loss -= linearPart();
    evaluated = true;
  }

  function linearPart() {
    const { joint } = world;
    const { embeddings, unembeddings, embeddingGradient, unembeddingGradient } = kernel;
    for (let y = 0; y < tokens; y++) {
      for (let i = y * d; i < (y + 1) * d; i++) sums[i] = joint[y] * unembeddings[i];
    }
    expand(sums, m, d);
    let total = 0;
    for (let row = 0; row < contexts.length; row++) {
      const from = contexts[row] * d;
      const to = row * d;
      for (let k = 0; k < d; k++) {
        const expected = ratio[row] * sums[from + k];
        embeddingGradient[to + k] -= expected;
        total += expected * embeddings[to + k];
      }
    }
    sums.fill(0);
    for (let row = 0; row < contexts.length; row++) {
      for (let k = 0; k < d; k++) sums[contexts[row] * d + k] = ratio[row] * embeddings[row * d + k];
    }
    contract(sums, m, d);
    for (let y = 0; y < tokens; y++) {
      for (let i = y * d; i < (y + 1) * d; i++) unembeddingGradient[i] -= joint[y] * sums[i];
    }
    return total;
  }

  function checkedEvaluate() {
    evaluate();
    // NaN fails as well, and so does a loss below 0, which cross-entropy never is: float32 has overflowed
    if (!(loss > -1 && loss < DIVERGED_ABOVE * Math.log(tokens))) throw new Diverged(step, loss);
  }

  return {
    world,
    language,
    kernel: kernel.name,

    /** Exact full-batch steps. Throws Diverged. */
    advance(steps) {
      checkInteger("steps", steps, 0);
      for (let i = 0; i < steps; i++) {
        checkedEvaluate();
        optimizer.update(parameters, rate);
        evaluated = false;
        step += 1;
      }
    },

    /** What is to be seen now. Throws Diverged. */
    report() {
      checkedEvaluate();
      const squares = parameters.map(({ gradient }) => gradient.reduce((total, g) => total + g * g, 0));
      return {
        step,
        loss,
        excessLoss: loss - entropyFloor,
        entropyFloor,
        ...linearity(m, d, kernel.unembeddings, kernel.embeddings, contexts),
        gradientNorm: Math.sqrt(squares[0] + squares[1]),
      };
    },

    /** Copies of both tables, rows as in linrep_core. */
    tables() {
      return { embeddings: kernel.embeddings.slice(), unembeddings: kernel.unembeddings.slice() };
    },

    /** p and p-hat over the tokens for a context number; pHat is null for a context that is not trained. */
    predict(context) {
      checkInteger("context", context, 0, 3 ** m - 1);
      const row = contexts.indexOf(context);
      return { p: language.nextToken(context), pHat: row < 0 ? null : softmax(kernel, row, d) };
    },

    /** Puts tables in; the optimiser forgets what it remembered, the step count goes on. */
    setTables({ embeddings, unembeddings }) {
      const checked = [
        checkTable("embeddings", embeddings, contexts.length * d),
        checkTable("unembeddings", unembeddings, tokens * d),
      ];
      parameters.forEach(({ values }, n) => values.set(checked[n]));
      optimizer = createOptimizer(config);
      evaluated = false;
    },

    setRate(learningRate) {
      rate = checkRate(learningRate);
    },
  };
}

/** The look-up table start of SoftmaxPredictor.initialize, times `start_scale`. */
function start(kernel, { seed, start_scale: scale }) {
  const random = new Generator(checkInteger("seed", seed, 0));
  checkNumber("start_scale", scale, 0, Infinity, { open: true });
  for (const [values, rows] of [
    [kernel.embeddings, kernel.weights.length],
    [kernel.unembeddings, kernel.unembeddings.length / (kernel.embeddings.length / kernel.weights.length)],
  ]) {
    for (let i = 0; i < values.length; i++) values[i] = scale * ((2 * random.random() - 1) / Math.sqrt(rows));
  }
}

function checkRate(rate) {
  return checkNumber("learning_rate", rate, 0, Infinity, { open: true });
}

function softmax({ embeddings, unembeddings }, row, d) {
  const logits = new Float64Array(unembeddings.length / d);
  for (let y = 0; y < logits.length; y++) {
    for (let k = 0; k < d; k++) logits[y] += embeddings[row * d + k] * unembeddings[y * d + k];
  }
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const exponentials = logits.map((logit) => Math.exp(logit - largest));
  const total = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / total);
}
