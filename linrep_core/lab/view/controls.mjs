// Native controls with visible labels. Each shows what the configuration holds and asks for a change of it.

import { DEFAULT_RATES } from "../state.mjs";
import { h, say, set } from "./dom.mjs";
import { freshId } from "./dom.mjs";
import { draw as drawGraph } from "./graph_picker.mjs";
import { short } from "./numbers.mjs";

const twoDigits = (value) => Number(value.toPrecision(2));

/** A range with its value in words. `read` and `write` translate between the slider's number and the setting. */
function slider(ask, name, text, { low, high, step = 1, read = Number, write = Number, spell = String, hint = "" }) {
  const id = freshId(name);
  const input = h("input", { id, type: "range", min: low, max: high, step, "data-field": name });
  const output = h("output", { for: id });
  input.addEventListener("input", () => ask({ [name]: read(Number(input.value)) }));
  const element = h("div", { class: "ll-field" },
    h("label", { for: id }, text, hint ? h("span", { class: "ll-hint" }, ` ${hint}`) : null), output, input);
  return {
    element,
    input,
    show(config) {
      input.value = String(write(config[name]));
      set(input, { "aria-valuetext": spell(config[name]) });
      say(output, spell(config[name]));
    },
  };
}

/** A choice from a list; `options(config)` gives [value, text] pairs, and a value from elsewhere gets a line of its own. */
function select(ask, name, text, options, change = (value) => ({ [name]: value })) {
  const id = freshId(name);
  const input = h("select", { id, "data-field": name });
  input.addEventListener("change", () => ask(change(input.value)));
  let written = "";
  return {
    element: h("div", { class: "ll-field ll-field-select" }, h("label", { for: id }, text), input),
    show(config) {
      const list = options(config);
      if (!list.some(([value]) => value === config[name])) list.push([config[name], config[name]]);
      const key = JSON.stringify(list);
      if (key !== written) {
        written = key;
        input.replaceChildren(...list.map(([value, label]) => h("option", { value }, label)));
      }
      input.value = config[name];
    },
  };
}

/** A seed: a number to type, and a button for the next one. */
function seed(ask, name, text, buttonText) {
  const id = freshId(name);
  const input = h("input", { id, type: "number", min: 0, max: 2 ** 32 - 1, step: 1, inputmode: "numeric", "data-field": name });
  const ready = () => {
    const value = Number(input.value);
    if (input.value !== "" && Number.isInteger(value) && value >= 0 && value < 2 ** 32) ask({ [name]: value });
  };
  input.addEventListener("change", ready);
  const next = h("button", { type: "button", class: "ll-small", "data-action": `next-${name}`,
    onclick: () => ask({ [name]: (Number(input.value) + 1) % 2 ** 32 }) }, buttonText);
  return {
    element: h("div", { class: "ll-field ll-field-seed" }, h("label", { for: id }, text), input, next),
    show(config) { if (document.activeElement !== input || Number(input.value) !== config[name]) input.value = String(config[name]); },
  };
}

const contextSets = ({ m }, words) => {
  const name = (i) => words.concepts[i].name;
  return [
    ["all", `all ${3 ** m}`],
    ["0", `telling ${name(0)} only`],
    ["0,1", `telling ${name(0)} and ${name(1)}`],
    ["0|1", `telling ${name(0)} or ${name(1)}`],
    ["none", "telling nothing"],
  ];
};

export const mSlider = (ask) => slider(ask, "m", "Concepts", { low: 2, high: 8, hint: "m" });
export const dSlider = (ask) => slider(ask, "d", "Dimensions", { low: 1, high: 16, hint: "d" });

/**
 * @param {(change: object) => void} ask
 * @returns {{core: HTMLElement, rest: HTMLElement, show: (config: object, words: object, edges: number[][]) => void}}
 */
export function createControls(ask, toggleEdge) {
  let words = null;
  const core = [mSlider(ask), dSlider(ask)];
  const chance = slider(ask, "edge_probability", "Edges", {
    low: 0, high: 1, step: 0.05, read: twoDigits, spell: (value) => `${Math.round(100 * value)} %`,
  });
  const graphSeed = seed(ask, "graph_seed", "World seed", "another");
  const contexts = select(ask, "context_set", "Contexts", (config) => contextSets(config, words));
  const weights = select(ask, "context_weights", "How often each is seen", () => [
    ["masked", "as text shows them"], ["uniform", "all equally often"]]);
  const hidden = slider(ask, "mask_probability", "Concepts left untold", {
    low: 0.05, high: 0.95, step: 0.05, read: twoDigits, spell: (value) => `${Math.round(100 * value)} %`,
  });
  const wrong = slider(ask, "told_wrongly", "Told wrongly", {
    low: 0, high: 0.45, step: 0.01, read: twoDigits, spell: (value) => `${Math.round(100 * value)} %`, hint: "each told concept",
  });
  const optimizer = select(ask, "optimizer", "Optimiser", () => [
    ["adam", "Adam"], ["momentum", "gradient descent, momentum"], ["sgd", "gradient descent"]],
  (value) => ({ optimizer: value, learning_rate: DEFAULT_RATES[value] }));
  const rate = slider(ask, "learning_rate", "Learning rate", {
    low: -4, high: 2, step: 0.1, read: (x) => twoDigits(10 ** x), write: Math.log10, spell: short,
  });
  const momentum = slider(ask, "momentum", "Momentum", { low: 0, high: 0.99, step: 0.01, read: twoDigits, spell: String });
  const startScale = slider(ask, "start_scale", "Size of the start", {
    low: -2, high: 2, step: 0.1, read: (x) => twoDigits(10 ** x), write: Math.log10, spell: (value) => `${short(value)}×`,
  });
  const start = seed(ask, "seed", "Start seed", "another");
  const precision = select(ask, "precision", "Precision", () => [["float64", "double"], ["float32", "single, faster"]]);

  const picker = h("div", { class: "ll-picker" });
  const kinds = ["random", "chain", "independent"].map((kind) => h("button", {
    type: "button", class: "ll-small", "data-graph": kind, "aria-pressed": "false", onclick: () => ask({ graph: kind }),
  }, kind));
  const group = (title, ...children) => h("fieldset", { class: "ll-group" }, h("legend", {}, title), ...children);
  const fields = [chance, graphSeed, contexts, weights, hidden, wrong, optimizer, rate, momentum, startScale, start, precision];
  const element = (field) => field.element;
  const more = h("div", { class: "ll-more", id: freshId("more"), hidden: true }, ...[startScale, precision].map(element));
  const moreButton = h("button", { type: "button", class: "ll-small", "aria-expanded": "false", "aria-controls": more.id }, "more");
  moreButton.addEventListener("click", () => {
    more.hidden = !more.hidden;
    set(moreButton, { "aria-expanded": String(!more.hidden) });
    say(moreButton, more.hidden ? "more" : "less");
  });
  const rest = h("div", { class: "ll-controls" },
    group("The world",
      picker,
      h("p", { class: "ll-hint ll-draw-hint" }, "Press two concepts to join or part them."),
      h("div", { class: "ll-kinds", role: "group", "aria-label": "kind of graph" }, ...kinds),
      ...[chance, graphSeed].map(element)),
    group("What is read", ...[contexts, weights, hidden, wrong].map(element)),
    group("How it learns", ...[optimizer, rate, momentum, start].map(element),
      moreButton, more));

  return {
    core: h("div", { class: "ll-core" }, ...core.map(element)),
    rest,
    show(config, vocabulary, edges) {
      words = vocabulary;
      for (const field of [...core, ...fields]) field.show(config);
      for (const button of kinds) set(button, { "aria-pressed": String(button.dataset.graph === config.graph) });
      chance.element.hidden = config.graph !== "random";
      graphSeed.element.hidden = config.graph === "given";
      hidden.element.hidden = config.context_weights !== "masked";
      momentum.element.hidden = config.optimizer !== "momentum";
      drawGraph(picker, { m: config.m, words, edges, directed: config.graph !== "given", toggle: toggleEdge });
    },
  };
}
