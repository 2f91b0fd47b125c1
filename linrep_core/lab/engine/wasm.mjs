// Loads the WebAssembly kernel (kernel.ts) that build.mjs compiled.

let compiling = null;

/** The compiled kernel, or null where WebAssembly or its vectors are missing, or nothing has been built. */
async function compile() {
  try {
    const { default: base64 } = await import("../_built/kernel.mjs");
    return await WebAssembly.compile(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch {
    return null;
  }
}

/**
 * A kernel with its tables in WebAssembly's memory, or null where there is none: use the plain one.
 *
 * @param {import("./language.mjs").Language} language
 * @param {"float64" | "float32"} precision
 * @returns {Promise<import("./kernel.mjs").Kernel | null>}
 */
export async function createWasmKernel(language, d, precision) {
  const module = await (compiling ??= compile());
  const instance = module && (await WebAssembly.instantiate(module).catch(() => null)); // no memory left, perhaps
  if (!instance) return null;
  const { exports } = instance;
  const { m, contexts, joint, weights, ratios, wrong } = language;
  exports.prepare(m, contexts.length, d, wrong);
  const table = (name, length) => new Float64Array(exports.memory.buffer, exports[name].value, length);
  new Int32Array(exports.memory.buffer, exports.numbers.value, contexts.length).set(contexts);
  table("joint", joint.length).set(joint);
  table("weights", contexts.length).set(weights);
  table("ratios", contexts.length).set(ratios);
  return {
    name: `WebAssembly, ${precision}`,
    embeddings: table("embeddings", contexts.length * d),
    unembeddings: table("unembeddings", joint.length * d),
    embeddingGradient: table("embeddingGradient", contexts.length * d),
    unembeddingGradient: table("unembeddingGradient", joint.length * d),
    run: precision === "float32" ? exports.run32 : exports.run64,
  };
}
