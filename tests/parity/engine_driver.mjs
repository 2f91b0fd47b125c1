// Answers the parity tests: a request of engine_operations.mjs as JSON on each line of stdin, the answer on a line of stdout.

import { createInterface } from "node:readline";
import * as engine from "../../linrep_core/lab/_built/engine.mjs";
import { answer } from "./engine_operations.mjs";

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(engine, JSON.parse(line)))}\n`);
}
