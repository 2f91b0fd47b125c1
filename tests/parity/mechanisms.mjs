// Prints, for each combination of switches, what the page sets, what it predicts, and which switches it reads back; and
// the read-outs of a short run, from its reports.
import { createTrainer } from "../../linrep_core/lab/engine/trainer.mjs";
import * as mechanisms from "../../linrep_core/lab/mechanisms.mjs";
import { checkConfig } from "../../linrep_core/lab/state.mjs";

const bits = Array.from({ length: 16 }, (_, k) => mechanisms.SWITCHES.map((_, i) => Boolean((k >> i) & 1)));
const cells = bits.map((on) => {
  const switches = Object.fromEntries(mechanisms.SWITCHES.map((name, i) => [name, on[i]]));
  const { config, problems } = checkConfig({ context: "1???", ...mechanisms.settingsOf(switches) });
  return { switches, config, problems, back: mechanisms.switchesOf(config), predicted: mechanisms.predictionsFor(switches) };
});

const { config } = cells[0b1001]; // matched, with room
const trainer = await createTrainer(config, { plain: true });
const history = [];
for (let step = 0; step <= 200; step += 10) {
  const report = trainer.report();
  history.push({ step, length: mechanisms.lengthOf(report) });
  if (step < 200) trainer.advance(10);
}
console.log(JSON.stringify({ cells, config, seen: mechanisms.readOuts(trainer.report(), history) }));
