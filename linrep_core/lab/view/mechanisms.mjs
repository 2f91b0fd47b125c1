// Switches, and beside them what was predicted and what is seen.

import { FINAL, READ_OUTS, SWITCHES, lies, predictionsFor, readOuts } from "../mechanisms.mjs";
import { h, remember, say, set } from "./dom.mjs";
import { cosine, count } from "./numbers.mjs";

const NAMES = {
  matched: ["log-odds matched", "royal is independent of plural", "royal goes with plural, nine times out of ten"],
  zeros: ["zero probabilities", "contexts are never wrong: words are impossible", "a told concept is wrong once in ten: no word is impossible"],
  separated: ["graph separated", "adult and female are independent", "adult goes with female, nine times out of ten"],
  room: ["room to spare", "8 dimensions for 4 concepts", "4 dimensions for 4 concepts"],
};
const ROWS = {
  words: "royal, unembeddings: how parallel",
  contexts: "royal, embeddings: how parallel",
  growth: "growth of the arrows in the last tenfold of steps",
  alignment: "embeddings along unembeddings",
  crossing: "adult against female, embeddings to unembeddings",
  between: "adult against female, unembeddings",
};

/**
 * The switches. `flip(name)` is called when a reader presses one.
 *
 * @returns {{element: HTMLElement, show: (switches: object | null) => void}}
 */
export function createSwitches(flip) {
  const parts = SWITCHES.map((name) => {
    const says = h("span", { class: "ll-switch-says" });
    const button = h("button", {
      type: "button", role: "switch", class: "ll-switch", "aria-checked": "false", "data-switch": name, onclick: () => flip(name),
    }, h("span", { class: "ll-knob", "aria-hidden": "true" }), h("span", {}, h("b", {}, NAMES[name][0]), " ", says));
    return { name, button, says };
  });
  return {
    element: h("div", { class: "ll-switches", role: "group", "aria-label": "mechanisms" }, ...parts.map(({ button }) => button)),
    show(switches) {
      for (const { name, button, says } of parts) {
        set(button, { "aria-checked": String(Boolean(switches?.[name])) });
        say(says, switches ? NAMES[name][switches[name] ? 1 : 2] : "");
      }
    },
  };
}

const written = { growth: (value) => (Number.isFinite(value) ? `${value.toFixed(2)}×` : "–") };
const shown = (name, value) => (written[name] ?? cosine)(value);

/** An interval as people say it: "0.37 ± 0.05", "at least 0.90", "below 0.90". */
export function range(name, { low, high }) {
  const [floor, ceiling] = name === "growth" ? [0, 3] : [-1, 1];
  if (high >= ceiling) return `at least ${shown(name, low)}`;
  if (low <= floor) return `below ${shown(name, high)}`;
  return `${shown(name, low)} to ${shown(name, high)}`;
}

/** What a row's last cell says. */
function judge(inside, step) {
  if (step < 50) return ["", "–"];
  if (step >= FINAL) return inside ? ["yes", "✓ as predicted"] : ["no", "✗ not as predicted"];
  return inside ? ["yes", "so far inside"] : ["off", "so far outside"];
}

/** @param {{switches: object, report: object, history: object[]}} data */
export function drawTable(element, { switches, report, history }) {
  const { rows } = remember(element, () => {
    const made = READ_OUTS.map((name) => {
      const cells = [h("td"), h("td", { class: "ll-seen" }), h("td", { class: "ll-judged" })];
      const reason = h("span", { class: "ll-hint" });
      const title = h("th", { scope: "row" }, ROWS[name], " ", reason);
      return { name, cells, reason, row: h("tr", { "data-read": name }, title, ...cells) };
    });
    const head = ["read-out", "predicted", "seen", `verdict at step ${count(FINAL)}`].map((text) => h("th", { scope: "col" }, text));
    element.append(h("table", { class: "ll-predictions" },
      h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...made.map(({ row }) => row))));
    return { rows: made };
  });
  const said = predictionsFor(switches);
  const seen = readOuts(report, history);
  for (const { name, cells, reason, row } of rows) {
    const [kind, text] = judge(lies(seen[name], said[name]), report.step);
    say(cells[0], range(name, said[name]));
    say(reason, said[name].reason);
    set(row, { "data-kind": kind });
    say(cells[1], shown(name, seen[name]));
    say(cells[2], text);
  }
}

/** One sentence on the run, for the caption and for those who hear it. */
export function sentence({ switches, report, history }) {
  const said = predictionsFor(switches);
  const seen = readOuts(report, history);
  const out = READ_OUTS.filter((name) => !lies(seen[name], said[name]));
  const on = SWITCHES.map((name) => `${NAMES[name][0]}: ${switches[name] ? "on" : "off"}`).join(", ");
  const head = `Step ${count(report.step)}, ${on}.`;
  if (report.step < 50) return `${head} Too early to compare.`;
  const verdict = report.step >= FINAL ? "Verdict" : "So far";
  const rest = out.length ? ` Outside: ${out.map((name) => `${ROWS[name]} (${shown(name, seen[name])}, predicted ${range(name, said[name])})`).join("; ")}.` : "";
  return `${head} ${verdict}: ${READ_OUTS.length - out.length} of ${READ_OUTS.length} numbers lie where they were predicted.${rest}`;
}
