// What is to be seen now, in plain words and from the numbers; and where the book explains it.

import { cosine, count, short } from "./numbers.mjs";

const number = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** Where the book explains what a lab shows, theorems first: page and label, from the folder of the chapters. */
export const WHY = {
  start: "model/predicting-the-next-token.html#sec-predicting",
  straight: "proofs/the-bottleneck.html#thm-bottleneck",
  bent: "proofs/the-bottleneck.html#thm-unlimited-dimension",
  narrow: "proofs/the-bottleneck.html#prop-enough-dimensions",
  stuck: "model/which-contexts-make-lines.html#sec-stuck",
  silent: "proofs/zero-probabilities-push.html#prop-zero-push",
  untold: "proofs/zero-probabilities-push.html#sec-which-concepts",
  crooked: "model/what-is-a-linear-representation.html#thm-price",
};

const FITTED = 0.02;               // nats above the floor that nobody sees in the bars
const FLAT = 0.03;                 // share of the loss gained while the steps grew by half: the run stands still

/** The loss has stopped falling far above the floor. */
export function isStuck(history) {
  const now = history[history.length - 1];
  if (!now || now.step < 200 || now.excess_loss < FITTED) return false;
  const then = history.findLast((record) => record.step <= now.step / 1.5);
  return Boolean(then) && (then.excess_loss - now.excess_loss) < FLAT * now.excess_loss;
}

/** Whether some concept is told by no context: nothing pushes its words apart. */
export function leavesConceptsUntold({ m, context_set: told }) {
  if (told === "all") return false;
  return new Set(told.split(/[,|]/).filter((concept) => concept !== "none")).size < m;
}

/** Which of the book's stories the numbers tell. */
export function verdict(config, report, history) {
  const { unembedding } = report.cosines;
  if (report.step < 50) return "start";
  if (config.context_set === "none") return "silent";
  if (report.excessLoss < FITTED) {
    if (unembedding > 0.9) return "straight";
    if (leavesConceptsUntold(config)) return "untold";
    return config.d > config.m && !config.told_wrongly ? "bent" : "crooked";
  }
  if (config.d < config.m) return "narrow";
  return isStuck(history) ? "stuck" : "start";
}

const STORIES = {
  start: ({ d }, _, history) => (history.length < 2 ? (d < 3 ? "The vectors lie where chance put them." : "The arrows point wherever chance put them.") : "Training goes on."),
  straight: () => "It predicts well, and each concept has become a straight line.",
  bent: () => "It predicts well, but with room to spare the lines have bent.",
  narrow: ({ m, d }) => `${number(d, "dimension")} cannot hold ${number(m, "concept")}: the words crowd together.`,
  stuck: () => "The loss has come to rest far above the floor: stuck.",
  silent: () => "No word is impossible, so nothing keeps pushing the vectors apart.",
  untold: () => "It predicts well. Only concepts that contexts tell are pushed apart; the others stay about as they lay.",
  crooked: () => "It predicts well, yet the lines are not straight.",
};

/** @returns {string} one or two sentences */
export function caption(config, report, history) {
  const { m, d } = config;
  const head = `${number(m, "concept")} in ${number(d, "dimension")}, step ${count(report.step)}: `
    + `steering vectors agree to ${cosine(report.cosines.unembedding)}; loss ${short(Math.max(0, report.excessLoss))} nats above the floor.`;
  return `${head} ${STORIES[verdict(config, report, history)](config, report, history)}`;
}
