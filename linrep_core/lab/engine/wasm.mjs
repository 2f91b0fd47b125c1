// Loads the WebAssembly kernel (kernel.ts) that build.mjs compiled.

const LISTED = ["embeddings", "unembeddings", "weights", "logNormalizers", "embeddingGradient", "unembeddingGradient"];

let compiling = null;

/** The compiled kernel, or null where WebAssembly or its vectors are missing, or nothing has been built. */
async function compile() {
  try {
    const { default: base64 } = await import("../_built/kernel.mjs");
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return await WebAssembly.compile(bytes);
  } catch {
    return null;
  }
}

/**
 * The tables of a run in WebAssembly's memory, and the kernel on them.
 *
 * @returns {Promise<import("./kernel.mjs").Kernel | null>} null: use the plain kernel
 */
export async function createWasmKernel(contexts, tokens, d, precision) {
  const module = await (compiling ??= compile());
  if (module === null) return null;
  const { memory, base, scratchBytes, run32, run64 } = (await WebAssembly.instantiate(module)).exports;
  const lengths = [contexts * d, tokens * d, contexts, contexts, contexts * d, tokens * d];
  const addresses = [];
  let end = base();
  for (const length of lengths) {
    addresses.push(end);
    end += 8 * length;
  }
  const scratch = (end + 63) & ~63; // a row of a tile is a line of the cache
  const missing = scratch + scratchBytes(tokens, d) - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  const tables = lengths.map((length, i) => new Float64Array(memory.buffer, addresses[i], length));
  const run = precision === "float32" ? run32 : run64;
  return {
    name: `WebAssembly, ${precision}`,
    ...Object.fromEntries(LISTED.map((name, i) => [name, tables[i]])),
    run: () => run(contexts, tokens, d, ...addresses, scratch),
  };
}
