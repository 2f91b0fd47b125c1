// What the parity tests ask of the engine, under Node (engine_driver.mjs) and in Chromium alike: plain JSON in and out.

/** Typed arrays as lists, NaN as null. */
export function plain(value) {
  if (ArrayBuffer.isView(value)) return Array.from(value, plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "number") return Number.isNaN(value) ? null : value;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, plain(entry)]));
}

/** @returns {Promise<object>} the answer, or { error: { type, message, field, step, loss } } */
export async function answer(engine, { operation, ...request }) {
  try {
    return plain(await operations[operation](engine, request));
  } catch (error) {
    const { name: type, message, field, step, loss } = error;
    return { error: plain({ type, message, field, step, loss: loss === undefined ? undefined : String(loss) }) };
  }
}

const operations = {
  /** calls: [["random"], ["uniform", 0.3, 0.7], ["permutation", 5], ...] */
  random({ Generator }, { seed, calls }) {
    const generator = new Generator(seed);
    return { values: calls.map(([method, ...args]) => generator[method](...args)) };
  },

  world({ createWorld, createLanguage, moralGraph }, { config }) {
    const world = createWorld(config);
    const { nextToken, ...language } = createLanguage(config, world);
    const all = Array.from({ length: 3 ** world.m }, (_, x) => nextToken(x));
    return { ...language, ...world, moralGraph: moralGraph(world.edges, world.m), nextToken: all };
  },

  /** Steps, then everything there is to see; `tables` replace the start, `rates` change the rate at given steps. */
  async train({ createTrainer }, { config, steps = 0, plain, tables, rates = {}, contexts = [] }) {
    const trainer = await createTrainer(config, { plain });
    if (tables) trainer.setTables(tables);
    for (let step = 0; step < steps; step++) {
      if (step in rates) trainer.setRate(rates[step]);
      trainer.advance(1);
    }
    const predictions = contexts.map((context) => trainer.predict(context));
    return { kernel: trainer.kernel, ...trainer.tables(), ...trainer.report(), predictions };
  },

  /** Loss and gradients at given tables; without a precision by the plain kernel. */
  async gradients(engine, { config, precision, tables }) {
    const language = engine.createLanguage(config, engine.createWorld(config));
    const kernel = precision
      ? await engine.createWasmKernel(language, config.d, precision)
      : engine.createPlainKernel(language, config.d);
    kernel.embeddings.set(tables.embeddings);
    kernel.unembeddings.set(tables.unembeddings);
    const loss = kernel.run();
    return { loss, embeddingGradient: kernel.embeddingGradient, unembeddingGradient: kernel.unembeddingGradient };
  },

  /** messages: sent to the worker's service one by one, a number being a pause in ms. Returns all replies. */
  async service({ createService }, { messages }) {
    const replies = [];
    const later = (task, ms) => setTimeout(task, ms);
    const send = createService((reply) => replies.push(plain(reply)), { now: () => performance.now(), later });
    for (const message of messages) {
      if (typeof message === "number") await new Promise((resolve) => setTimeout(resolve, message));
      else send(message);
    }
    await send({ type: "pause" });
    return { replies };
  },
};
