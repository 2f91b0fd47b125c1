// Configurations that show something within seconds, each with what one sees. tests/site/test_lab.py holds every
// claim against the numbers of the run.

/** Joint distribution of a chain of fair coins, each equal to the one before with probability `same`. */
export function copyingChain(m, same) {
  return Array.from({ length: 2 ** m }, (_, y) => {
    let p = 0.5;
    for (let i = 1; i < m; i++) p *= ((y >> i) & 1) === ((y >> (i - 1)) & 1) ? same : 1 - same;
    return p;
  });
}

const chainEdges = (m) => Array.from({ length: m - 1 }, (_, i) => [i, i + 1]);

/**
 * `config` is laid over the defaults; `until` is the step by which what `sees` says is there.
 *
 * @type {{id: string, name: string, sees: string, until: number, config: object}[]}
 */
export const PRESETS = [
  {
    id: "works",
    name: "it works",
    sees: "Five concepts, five dimensions. The tangle sorts itself into a cube seen from five directions: the arrows of "
      + "each concept become parallel, and different concepts stand at right angles.",
    until: 1000,
    config: { m: 5, d: 5 },
  },
  {
    id: "narrow",
    name: "too few dimensions",
    sees: "Five concepts in a plane. The loss stays far above the floor and the arrows agree only roughly: there is no "
      + "room for five directions that leave one another alone.",
    until: 1000,
    config: { m: 5, d: 2 },
  },
  {
    id: "wide",
    name: "too many dimensions",
    sees: "Five concepts in sixteen dimensions. The predictions become better, and sooner, than in five; yet the arrows "
      + "do not become parallel: with room to spare nothing forces them to.",
    until: 1000,
    config: { m: 5, d: 16 },
  },
  {
    id: "stuck",
    name: "stuck",
    sees: "Three concepts in three dimensions fit, and from most starts they do. From this one the loss comes to rest "
      + "about 0.1 nats above the floor and the arrows stay crooked. The next start seed sets it free: try it.",
    until: 3000,
    config: { m: 3, d: 3, seed: 3 },
  },
  {
    id: "dependent",
    name: "dependent concepts",
    sees: "A chain in which each concept copies the one before nine times out of ten; the rest is as in “it works”. "
      + "The loss comes down nearly as far, but the lines stay crooked, and concepts are no longer at right angles.",
    until: 1000,
    config: { m: 5, d: 5, graph: "given", joint: copyingChain(5, 0.9), edges: chainEdges(5) },
  },
  {
    id: "silent",
    name: "no zero probabilities",
    sees: "A context that tells nothing, so that no word is ever impossible. The loss meets the floor exactly, and then "
      + "nothing moves: no vector is pushed away without end, and the concepts get no directions of their own. "
      + "(Trained by gradient descent: Adam would tremble in the end.)",
    until: 1000,
    // Not Adam, here or in linrep_core: at the floor its average of squared gradients decays to the noise of rounding,
    // by step 1,700 or so; then its steps are learning_rate / 1e-8 times the gradient, and the vectors move by 0.005.
    config: { m: 5, d: 5, context_set: "none", context: "?????", optimizer: "sgd", learning_rate: 1 },
  },
];
