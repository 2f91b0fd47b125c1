// Trains 60 steps with the settings of the command line and prints the run as the lab saves it, with what it measured.
import { createTrainer } from "../../linrep_core/lab/engine/trainer.mjs";
import { checkConfig, defaults, writeRun } from "../../linrep_core/lab/state.mjs";

const settings = JSON.parse(process.argv[2]);
const { config, problems } = checkConfig({ ...defaults(settings.m ?? 5), ...settings });
if (problems.length) throw new Error(problems.join(" "));
const trainer = await createTrainer(config);
trainer.advance(60);
const { step, loss, excessLoss, cosines } = trainer.report();
const run = writeRun({ config, tables: trainer.tables(), history: [{ step, loss, excess_loss: excessLoss, ...cosines }] });
console.log(JSON.stringify({ run, loss, cosines }));
