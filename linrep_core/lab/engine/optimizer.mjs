// Gradient descent, momentum as torch.optim.SGD, Adam as torch.optim.Adam with its defaults.

import { checkChoice, checkNumber } from "./check.mjs";

const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

/**
 * @param {{optimizer: "sgd" | "momentum" | "adam", momentum: number}} config
 * @returns {{update(pairs: {values: Float64Array, gradient: Float64Array}[], rate: number): void}} call `update` always
 *   with the same tables in the same order; it remembers one or two numbers for each entry
 */
export function createOptimizer(config) {
  const kind = checkChoice("optimizer", config.optimizer, ["sgd", "momentum", "adam"]);
  if (kind === "adam") return adam();
  return kind === "momentum" ? heavyBall(config.momentum) : plain();
}

function plain() {
  return {
    update(pairs, rate) {
      for (const { values, gradient } of pairs) descend(values, gradient, rate);
    },
  };
}

function descend(values, gradient, rate) {
  for (let i = 0; i < values.length; i++) values[i] -= rate * gradient[i];
}

function heavyBall(momentum) {
  checkNumber("momentum", momentum, 0, 1);
  if (momentum === 1) checkNumber("momentum", momentum, 0, 1, { open: true });
  let buffers = null;
  return {
    update(pairs, rate) {
      if (buffers === null) {
        buffers = pairs.map(({ gradient }) => gradient.slice()); // as torch: the first step is the plain gradient
      } else {
        pairs.forEach(({ gradient }, n) => {
          const buffer = buffers[n];
          for (let i = 0; i < buffer.length; i++) buffer[i] = momentum * buffer[i] + gradient[i];
        });
      }
      pairs.forEach(({ values }, n) => descend(values, buffers[n], rate));
    },
  };
}

function adam() {
  let moments = null;
  let steps = 0;
  return {
    update(pairs, rate) {
      moments ??= pairs.map(({ values }) => [new Float64Array(values.length), new Float64Array(values.length)]);
      steps += 1;
      const size = rate / (1 - BETA_1 ** steps);
      const scale = Math.sqrt(1 - BETA_2 ** steps);
      pairs.forEach(({ values, gradient }, n) => adamTable(values, gradient, ...moments[n], size, scale));
    },
  };
}

function adamTable(values, gradient, first, second, size, scale) {
  for (let i = 0; i < values.length; i++) {
    const g = gradient[i];
    first[i] += (g - first[i]) * (1 - BETA_1);
    second[i] = second[i] * BETA_2 + g * g * (1 - BETA_2);
    values[i] -= (size * first[i]) / (Math.sqrt(second[i]) / scale + EPSILON);
  }
}
