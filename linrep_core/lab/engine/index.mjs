// The engine as one module, for tests, benchmarks and whoever wants to train without the page.

export { createPlainKernel } from "./kernel.mjs";
export { createLanguage } from "./language.mjs";
export { Generator } from "./random.mjs";
export { Diverged, createTrainer } from "./trainer.mjs";
export { createWasmKernel } from "./wasm.mjs";
export { createService } from "./worker.mjs";
export { createWorld, moralGraph } from "./world.mjs";
