// Builds the lab: node linrep_core/lab/build.mjs [targets, such as engine.mjs; without any: all]
//
//   _built/kernel.mjs   the WebAssembly kernel, compiled from engine/kernel.ts, as base64 text
//   _built/engine.mjs   the engine alone, for the tests and the benchmark
//   _built/worker.js    the worker alone, for the tests; both pages below carry it as text
//   _built/lab.mjs      the lab as one ES module, worker and kernel inside: what JupyterLab loads
//   _built/lab.js       the lab and host.mjs as one classic script: what the site loads, from file:// too
//
// The same sources give the same bytes. Nothing in _built/ is committed.

import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const BUILT = join(HERE, "_built");
const WORKER = { source: "engine/worker.mjs", target: "worker.js", format: "iife" };
const PARTS = [
  { source: "engine/index.mjs", target: "engine.mjs", format: "esm" },
  WORKER,
  { source: "lab.mjs", target: "lab.mjs", format: "esm", page: true },
  { source: "host.mjs", target: "lab.js", format: "iife", page: true },
];
const ASC_OPTIONS = "--optimizeLevel 3 --shrinkLevel 1 --noAssert --runtime stub --enable simd".split(" ");

/** A module of the tool chain, or a message that says how to get it. */
async function tool(name) {
  try {
    return await import(name);
  } catch (error) {
    throw new Error(`${name.split("/")[0]} is not installed; run "npm ci" in the root of the book (${error.message})`);
  }
}

/** kernel.ts -> the bytes of a WebAssembly module. */
async function compileKernel() {
  const { default: asc } = await tool("assemblyscript/asc");
  const source = await readFile(join(HERE, "engine", "kernel.ts"), "utf8");
  let wasm = null;
  const { error, stderr } = await asc.main(["kernel.ts", "--outFile", "kernel.wasm", ...ASC_OPTIONS], {
    readFile: (name) => (name === "kernel.ts" ? source : null),
    writeFile: (name, contents) => (wasm = contents),
    listFiles: () => [],
  });
  if (error || wasm === null) throw new Error(`engine/kernel.ts does not compile:\n${stderr}`);
  return wasm;
}

const settings = {
  bundle: true,
  minify: true,
  write: false,
  target: "es2022",
  charset: "utf8",
  loader: { ".css": "text" },
};

/** `import source from "worker-source"`: the bundled worker as text, to be started from a blob. */
function workerSource(esbuild) {
  return {
    name: "worker-source",
    setup(build) {
      build.onResolve({ filter: /^worker-source$/ }, () => ({ path: "worker", namespace: "worker-source" }));
      build.onLoad({ filter: /.*/, namespace: "worker-source" }, async () => ({
        contents: await bundle(esbuild, WORKER),
        loader: "text",
      }));
    },
  };
}

/** The page itself trains only where workers are forbidden, and then without WebAssembly: one copy of it is enough. */
const withoutKernel = {
  name: "without-kernel",
  setup(build) {
    build.onLoad({ filter: /_built.kernel\.mjs$/ }, () => ({ contents: 'export default "";' }));
  },
};

async function bundle(esbuild, { source, format, page }) {
  const entryPoints = [join(HERE, source)];
  const plugins = page ? [workerSource(esbuild), withoutKernel] : [];
  const result = await esbuild.build({ ...settings, entryPoints, format, plugins });
  return result.outputFiles[0].text;
}

async function write(name, text) {
  const path = join(BUILT, name);
  await writeFile(path, text);
  console.log(`${relative(process.cwd(), path)}  ${(Buffer.byteLength(text) / 1000).toFixed(1)} kB`);
}

async function main(targets) {
  const unknown = targets.filter((name) => !PARTS.some(({ target }) => target === name));
  if (unknown.length) throw new Error(`targets must be among ${PARTS.map(({ target }) => target)}, got ${unknown}`);
  const esbuild = await tool("esbuild");
  await mkdir(BUILT, { recursive: true });
  const wasm = await compileKernel();
  await write("kernel.mjs", `export default "${Buffer.from(wasm).toString("base64")}";\n`);
  for (const part of PARTS.filter(({ target }) => !targets.length || targets.includes(target))) {
    if (!existsSync(join(HERE, part.source))) throw new Error(`${part.source} is missing, so is ${part.target}`);
    await write(part.target, await bundle(esbuild, part));
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`lab: ${error.message}`);
  process.exitCode = 1;
});
