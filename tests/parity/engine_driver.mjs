// Answers the parity tests: each line of stdin is a request (engine_operations.mjs) as JSON, each of stdout its answer.

import { createInterface } from "node:readline";
import * as engine from "../../linrep_core/lab/_built/engine.mjs";
import { answer } from "./engine_operations.mjs";

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(engine, JSON.parse(line)))}\n`);
}
