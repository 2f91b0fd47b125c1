// One training run: exact full-batch steps on the contexts of a configuration. Mirrors linrep_core.training.

import { checkChoice, checkInteger, checkNumber, checkTable, refuse } from "./check.mjs";
import { createLinearity } from "./geometry.mjs";
import { createPlainKernel } from "./kernel.mjs";
import { createLanguage } from "./language.mjs";
import { createOptimizer } from "./optimizer.mjs";
import { Generator } from "./random.mjs";
import { createWasmKernel } from "./wasm.mjs";
import { createWorld } from "./world.mjs";

const DIVERGED_ABOVE = 1000; // times the loss at the start, or that of the predictor that knows nothing: ln(tokens)

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
  const { contexts, entropyFloor } = language;
  const d = checkInteger("d", config.d, 1, 16);
  const tokens = 2 ** m;
  checkChoice("precision", config.precision, ["float64", "float32"]);
  const fast = plain ? null : await createWasmKernel(language, d, config.precision);
  const kernel = fast ?? createPlainKernel(language, d);
  start(kernel.embeddings, contexts.length, kernel.unembeddings, tokens, config);
  let rate = checkRate(config.learning_rate);
  let optimizer = createOptimizer(config);
  const linearity = createLinearity(m, d, contexts);
  const parameters = [
    { values: kernel.embeddings, gradient: kernel.embeddingGradient },
    { values: kernel.unembeddings, gradient: kernel.unembeddingGradient },
  ];

  let step = 0;
  let loss = NaN; // at the present tables, once evaluated
  let evaluated = false;
  let limit = Infinity; // a loss above it has diverged

  /** Loss and gradients at the present tables. */
  function evaluate() {
    if (!evaluated) loss = kernel.run();
    evaluated = true;
    // NaN fails as well, and so does a loss below 0, which cross-entropy never is: float32 has overflowed
    if (!(loss > -1 && loss < limit)) throw new Diverged(step, loss);
  }

  function setLimit() {
    limit = Infinity;
    evaluate();
    limit = DIVERGED_ABOVE * Math.max(Math.log(tokens), loss);
  }

  try {
    setLimit();
  } catch {
    refuse("start_scale", "small enough for a finite first loss", config.start_scale);
  }

  return {
    world,
    language,
    kernel: kernel.name,

    /** Exact full-batch steps. Throws Diverged. */
    advance(steps) {
      checkInteger("steps", steps, 0);
      for (let i = 0; i < steps; i++) {
        evaluate();
        optimizer.update(parameters, rate);
        evaluated = false;
        step += 1;
      }
    },

    /** What is to be seen now. Throws Diverged. */
    report() {
      evaluate();
      return {
        step,
        loss,
        excessLoss: loss - entropyFloor,
        entropyFloor,
        ...linearity(kernel.unembeddings, kernel.embeddings),
        gradientNorm: Math.sqrt(squares(kernel.embeddingGradient) + squares(kernel.unembeddingGradient)),
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

    /** Puts tables in; the optimiser forgets what it remembered, the step count goes on. Throws Diverged. */
    setTables({ embeddings, unembeddings }) {
      const checked = [
        checkTable("embeddings", embeddings, contexts.length * d),
        checkTable("unembeddings", unembeddings, tokens * d),
      ];
      parameters.forEach(({ values }, n) => values.set(checked[n]));
      optimizer = createOptimizer(config);
      evaluated = false;
      setLimit();
    },

    setRate(learningRate) {
      rate = checkRate(learningRate);
    },
  };
}

/** The look-up table start of SoftmaxPredictor.initialize, times `start_scale`. */
function start(embeddings, contexts, unembeddings, tokens, { seed, start_scale: scale }) {
  const random = new Generator(checkInteger("seed", seed, 0));
  checkNumber("start_scale", scale, 0, Infinity, { open: true });
  const fill = (table, rows) => {
    for (let i = 0; i < table.length; i++) table[i] = scale * ((2 * random.random() - 1) / Math.sqrt(rows));
  };
  fill(embeddings, contexts);
  fill(unembeddings, tokens);
}

function squares(values) {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] * values[i];
  return total;
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
