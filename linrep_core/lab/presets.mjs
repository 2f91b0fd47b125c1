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
    sees: "Five concepts, five dimensions. The tangle sorts itself into a cube seen from five directions: all arrows of "
      + "a concept become parallel, and different concepts stand at right angles.",
    until: 1500,
    config: { m: 5, d: 5, seed: 1, learning_rate: 0.05 },
  },
  {
    id: "narrow",
    name: "too few dimensions",
    sees: "Five concepts in a plane. The loss stays far above the floor and the arrows agree only roughly: there is no "
      + "room for five directions that leave one another alone.",
    until: 1500,
    config: { m: 5, d: 2, seed: 0, learning_rate: 0.05 },
  },
  {
    id: "wide",
    name: "too many dimensions",
    sees: "Five concepts in sixteen dimensions. The predictions become perfect sooner than before, yet the arrows do not "
      + "become parallel: with room to spare nothing forces them to.",
    until: 1500,
    config: { m: 5, d: 16, seed: 0, learning_rate: 0.05 },
  },
  {
    id: "stuck",
    name: "stuck",
    sees: "Three concepts in three dimensions should fit, and from most starts they do. From this one the loss comes to "
      + "rest about 0.09 nats above the floor, in a local minimum. Another start seed sets it free.",
    until: 1500,
    config: { m: 3, d: 3, seed: 3, learning_rate: 0.05 },
  },
  {
    id: "dependent",
    name: "dependent concepts",
    sees: "A chain in which each concept copies the one before three times out of four. Neighbours in the chain tilt "
      + "towards each other, concepts further apart stay nearly at right angles, and the lines are less straight.",
    until: 1500,
    config: {
      m: 5, d: 5, seed: 1, learning_rate: 0.05, graph: "given", joint: copyingChain(5, 0.75), edges: chainEdges(5),
    },
  },
  {
    id: "silent",
    name: "no zero probabilities",
    sees: "Contexts that tell nothing, so that no word is ever impossible. The loss meets the floor, the vectors stop "
      + "growing, and the arrows keep the directions that chance gave them.",
    until: 1500,
    config: { m: 5, d: 5, seed: 1, learning_rate: 0.05, context_set: "none", context: "?????" },
  },
];
