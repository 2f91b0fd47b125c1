// Three mechanisms on and off: the worlds of the switches, what was predicted for each, and how a run is read.
//
// Numbers and predictions lie in ../data/mechanisms.json, which linrep_core.mechanisms reads as well. Nothing here knows
// how anything is drawn.

import DATA from "../data/mechanisms.json" with { type: "json" };

const M = 4;
const PAIR = { matched: [0, 3], separated: [1, 2] }; // joined where the switch is off

/** The switches in the order of the page; each is on or off. */
export const SWITCHES = ["matched", "zeros", "separated", "room"];
export const READ_OUTS = ["words", "contexts", "growth", "alignment", "crossing", "between"];
export const FINAL = DATA.steps; // predictions are for this step
export const FIRST = Object.freeze({ matched: true, zeros: true, separated: true, room: false }); // the paper's world

const joinedIn = (switches) => ["matched", "separated"].filter((name) => !switches[name]).map((name) => PAIR[name]);

/** p(c) of fair coins, of which the joined ones are equal with probability `same`. */
function jointOf(pairs) {
  const bit = (y, i) => (y >> (M - 1 - i)) & 1;
  return Array.from({ length: 2 ** M }, (_, y) => pairs.reduce(
    (p, [i, j]) => p * 2 * (bit(y, i) === bit(y, j) ? DATA.same : 1 - DATA.same), 2 ** -M));
}

/** What the switches set in a configuration of the lab; the rest (seed, speed ...) they leave alone. */
export function settingsOf(switches) {
  const edges = joinedIn(switches);
  return {
    m: M, d: switches.room ? 2 * M : M, graph: "given", joint: jointOf(edges), edges, context_set: "all", context_weights: "masked",
    mask_probability: 0.5, told_wrongly: switches.zeros ? 0 : DATA.told_wrongly, optimizer: "sgd", learning_rate: DATA.learning_rate,
    start_scale: 1,
  };
}

const ALL = Array.from({ length: 2 ** SWITCHES.length }, (_, k) => (
  Object.fromEntries(SWITCHES.map((name, i) => [name, Boolean((k >> i) & 1)]))));

const near = (a, b) => (typeof a === "number" && typeof b === "number" ? Math.abs(a - b) < 1e-9
  : Array.isArray(a) && Array.isArray(b) ? a.length === b.length && a.every((value, k) => near(value, b[k])) : a === b);

/** The switches whose world a configuration describes, or null for any other world. */
export function switchesOf(config) {
  return ALL.find((switches) => Object.entries(settingsOf(switches)).every(([name, value]) => near(value, config[name]))) ?? null;
}

/** {read-out: {low, high, reason}} for a combination of switches. */
export function predictionsFor(switches) {
  const cell = DATA.cells.find((each) => SWITCHES.every((name) => each[name] === switches[name]));
  return Object.fromEntries(READ_OUTS.map((name) => {
    const [low, high, reason] = cell.predicted[name];
    return [name, { low, high, reason: DATA.reasons[reason] }];
  }));
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean length of the unembedding steps, over concepts. */
export const lengthOf = (report) => mean(Array.from(report.perConcept.length));

/** The length at a tenth of the steps, between the two records around it; NaN where there is none before. */
function earlierLength(history, step) {
  const wanted = step / 10;
  const after = history.findIndex((record) => record.step >= wanted);
  if (after < 0 || history[0].step > wanted) return NaN;
  const [a, b] = [history[Math.max(0, after - 1)], history[after]];
  const share = a.step === b.step ? 1 : (wanted - a.step) / (b.step - a.step);
  return a.length + share * (b.length - a.length);
}

/**
 * The read-outs of a run as it stands, as linrep_core.mechanisms.read_outs.
 *
 * @param {object} report of a trainer of four concepts
 * @param {{step: number, length: number}[]} history in order of steps
 * @returns {Object<string, number>} NaN where there is nothing to read yet
 */
export function readOuts(report, history) {
  const { perConcept, crossing, heatMap } = report;
  return {
    words: perConcept.unembedding[0],
    contexts: perConcept.embedding[0],
    growth: lengthOf(report) / earlierLength(history, report.step),
    alignment: mean(Array.from(perConcept.alignment)),
    crossing: (crossing[M + 2] + crossing[2 * M + 1]) / 2,
    between: heatMap[M + 2],
  };
}

/** Whether a number lies where it was predicted, up to the rounding in which both are shown. */
export const lies = (value, { low, high }) => Number.isFinite(value) && value > low - 0.005 && value < high + 0.005;
