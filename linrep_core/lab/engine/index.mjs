// The engine as one module, for tests, benchmarks and whoever wants to train without the page.

export { createLinearity } from "./geometry.mjs";
export { createPlainKernel } from "./kernel.mjs";
export { contextNumbers, createLanguage, subsetSums } from "./language.mjs";
export { createOptimizer } from "./optimizer.mjs";
export { Generator } from "./random.mjs";
export { Diverged, createTrainer } from "./trainer.mjs";
export { createWasmKernel } from "./wasm.mjs";
export { createService } from "./worker.mjs";
export { createWorld, hasCycle, moralGraph } from "./world.mjs";
