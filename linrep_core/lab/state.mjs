// The configuration of a lab: defaults, checks, the address of a page (URL fragment), the JSON of a run.
//
// Whatever comes from outside goes through `checkConfig`: what is valid is taken, what is not becomes a sentence for
// the reader. Nothing here knows how training works or how anything is drawn.

export const BOUNDS = { m: [2, 8], d: [1, 16] };
export const GRAPHS = ["random", "chain", "independent", "drawn", "given"];
export const OPTIMIZERS = ["sgd", "momentum", "adam"];
export const CONTEXT_WEIGHTS = ["masked", "uniform"];
export const PRECISIONS = ["float64", "float32"];
export const SPEEDS = ["slow", "accelerating", "full"];
export const DEFAULT_RATES = { sgd: 1, momentum: 0.3, adam: 0.02 };
export const RUN_FORMAT = "linrep-run/1";

const MAX_FRAGMENT = 20_000;        // characters; the longest honest one (m = 8, "given") has about 6000
const MAX_RUN = 32_000_000;         // characters; the largest honest run (m = 8, d = 16) has about 3 million
const MAX_HISTORY = 100_000;        // recorded steps of a run
const MAX_SEED = 2 ** 32 - 1;

// ---- one check a field: returns the value, or throws an Error that says what would be right ---------------------

const show = (value) => {
  const text = typeof value === "string" ? `“${value}”` : String(JSON.stringify(value));
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
};

const fail = (expected, value) => { throw new Error(`must be ${expected}, not ${show(value)}`); };

const integer = (low, high) => (value) => (
  Number.isInteger(value) && value >= low && value <= high ? value : fail(`a whole number from ${low} to ${high}`, value)
);

/** A number in an interval; `open` names the ends that do not belong to it: "", "low", "high" or "both". */
const number = (low, high, open = "") => (value) => {
  const above = open === "low" || open === "both" ? value > low : value >= low;
  const below = open === "high" || open === "both" ? value < high : value <= high;
  if (typeof value === "number" && above && below) return value;
  return fail(open ? `a number between ${low} and ${high}` : `a number from ${low} to ${high}`, value);
};

const choice = (names) => (value) => (names.includes(value) ? value : fail(`one of ${names.join(", ")}`, value));

function edges(value, config) {
  const expected = `pairs of different concepts below ${config.m}, such as 0-1`;
  if (!Array.isArray(value) || value.length > config.m * (config.m - 1) / 2) return fail(expected, value);
  const seen = new Set();
  for (const edge of value) {
    const concept = (i) => Number.isInteger(i) && i >= 0 && i < config.m;
    if (!Array.isArray(edge) || edge.length !== 2 || !edge.every(concept) || edge[0] === edge[1]) fail(expected, edge);
    const key = [...edge].sort().join("-");
    if (seen.has(key)) fail("pairs of concepts that are each joined once", edge);
    seen.add(key);
  }
  // a Markov random field from Python has no directions, so "given" edges are only there to be drawn
  if (config.graph === "drawn" && !topologicalOrder(config.m, value)) fail("edges without a cycle", value);
  return value.map(([i, j]) => [i, j]);
}

function joint(value, config) {
  const expected = `${2 ** config.m} positive probabilities that sum to 1`;
  if (value === null && config.graph !== "given") return null;
  if (!Array.isArray(value) || value.length !== 2 ** config.m) return fail(expected, value);
  if (!value.every((p) => typeof p === "number" && p > 0 && p < 1)) return fail(expected, value);
  const total = value.reduce((sum, p) => sum + p, 0);
  return Math.abs(total - 1) < 1e-9 ? [...value] : fail(expected, value);
}

/** The concepts that a part of a context set knows: "0,1" -> [0, 1], "none" -> []. */
const knownIn = (part) => (part === "none" ? [] : part.split(",").map(Number));

function contextSet(value, config) {
  if (value === "all") return value;
  const expected = `“all”, “none”, or concepts below ${config.m} that contexts know, such as “0”, “0,1” or “0|1”`;
  const part = /^(none|\d(,\d)*)$/;
  if (typeof value !== "string" || value.length > 2000) return fail(expected, value);
  const sets = value.split("|").map((set) => (part.test(set) ? knownIn(set) : [config.m]));
  if (sets.some((set) => set.some((i) => i >= config.m) || new Set(set).size < set.length)) return fail(expected, value);
  return [...new Set(sets.map((set) => set.sort((a, b) => a - b).join(",") || "none"))].join("|");
}

function toldContext(value, config) {
  const right = typeof value === "string" && value.length === config.m && /^[01?]+$/.test(value);
  return right ? value : fail(`${config.m} letters 0, 1 or ?, one a concept`, value);
}

/** The fields in the order in which they are checked: what later ones depend on (m, graph) comes first. */
const FIELDS = {
  m: integer(...BOUNDS.m),
  d: integer(...BOUNDS.d),
  graph: choice(GRAPHS),
  graph_seed: integer(0, MAX_SEED),
  edge_probability: number(0, 1),
  edges,
  joint,
  context_set: contextSet,
  context_weights: choice(CONTEXT_WEIGHTS),
  mask_probability: number(0, 1, "both"),
  told_wrongly: number(0, 0.5, "high"),
  optimizer: choice(OPTIMIZERS),
  learning_rate: number(0, 1000, "low"),
  momentum: number(0, 1, "high"),
  start_scale: number(0, 100, "low"),
  seed: integer(0, MAX_SEED),
  precision: choice(PRECISIONS),
  // what one looks at, not what is trained
  concept: (value, config) => integer(0, config.m - 1)(value),
  context: toldContext,
  speed: choice(SPEEDS),
};

export const FIELD_NAMES = Object.keys(FIELDS);

/** Changing one of these starts a new run; the learning rate changes the run that is there. */
export const VIEW_FIELDS = ["concept", "context", "speed"];

/** The configuration of a fresh lab; version 1 of the fragment leaves out whatever equals it. */
export function defaults(m = 5) {
  return {
    m, d: 5, graph: "random", graph_seed: 0, edge_probability: 0.5, edges: [], joint: null,
    context_set: "all", context_weights: "masked", mask_probability: 0.5, told_wrongly: 0,
    optimizer: "adam", learning_rate: DEFAULT_RATES.adam, momentum: 0.9, start_scale: 1, seed: 0, precision: "float64",
    concept: 0, context: `1${"?".repeat(m - 1)}`, speed: "accelerating",
  };
}

/**
 * The valid part of what was given, over the defaults, and one sentence for each thing that was not valid.
 *
 * @param {object} given any object, from anywhere
 * @returns {{config: object, problems: string[]}}
 */
export function checkConfig(given) {
  const problems = [];
  if (given === null || typeof given !== "object" || Array.isArray(given)) {
    return { config: defaults(), problems: ["The configuration must be an object with named settings."] };
  }
  const config = defaults();
  for (const [name, check] of Object.entries(FIELDS)) {
    const base = defaults(config.m)[name];
    config[name] = base;
    if (!Object.hasOwn(given, name) || given[name] === undefined) continue;
    try {
      config[name] = check(given[name], config);
    } catch (error) {
      problems.push(`${name} ${error.message}; the lab uses ${show(base)}.`);
    }
  }
  if (config.graph === "given" && !config.joint) {
    problems.push("graph “given” needs its table of probabilities, joint; the lab draws a random graph.");
    config.graph = "random";
    config.edges = [];
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(FIELDS, name)) problems.push(`There is no setting named ${show(name)}.`);
    if (problems.length > 8) break;
  }
  return { config, problems };
}

/** The configuration with some fields changed, and whatever no longer fits (edges of a concept that is gone) cut. */
export function changed(config, change) {
  const next = { ...config, ...change };
  if (next.m !== config.m) {
    const kept = (i) => i < next.m;
    next.edges = next.edges.filter((edge) => edge.every(kept));
    next.context = next.context.slice(0, next.m).padEnd(next.m, "?");
    next.concept = Math.min(next.concept, next.m - 1);
    if (next.graph === "given") Object.assign(next, { graph: "random", joint: null, edges: [] });
    try { contextSet(next.context_set, next); } catch { next.context_set = "all"; }
  }
  if (next.graph !== "given") next.joint = null;
  if (next.graph !== "given" && next.graph !== "drawn") next.edges = [];
  return next;
}

/** A learning rate to try after a divergence: a third, with one digit. */
export const calmerRate = (rate) => Number((rate / 3).toPrecision(1));

/** Concepts in an order in which every edge points forward, or null if the edges have a cycle. */
export function topologicalOrder(m, edgeList) {
  const incoming = Array.from({ length: m }, (_, j) => edgeList.filter((edge) => edge[1] === j).length);
  const order = [];
  const ready = incoming.flatMap((count, j) => (count === 0 ? [j] : []));
  while (ready.length) {
    const i = ready.shift();
    order.push(i);
    for (const [from, to] of edgeList) if (from === i && --incoming[to] === 0) ready.push(to);
  }
  return order.length === m ? order : null;
}

/** Join two concepts, or part them if they are joined; a new edge points so that no cycle arises. */
export function toggleEdge(m, edgeList, a, b) {
  const rest = edgeList.filter(([i, j]) => !((i === a && j === b) || (i === b && j === a)));
  if (rest.length < edgeList.length) return rest;
  const edge = [Math.min(a, b), Math.max(a, b)];
  const joined = [...rest, topologicalOrder(m, [...rest, edge]) ? edge : edge.reverse()];
  return joined.sort((p, q) => p[0] - q[0] || p[1] - q[1]);
}

// ---- the fragment: #lab=1&m=5&d=5&graph=chain ------------------------------------------------------------------

const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** How a field is written in a fragment, and read from it; numbers and names need no rule of their own. */
const WRITTEN = {
  edges: [(list) => list.map((edge) => edge.join("-")).join(","), (text) => text.split(",").filter(Boolean)
    .map((edge) => edge.split("-").map((i) => (isNumber.test(i) ? Number(i) : i)))],
  joint: [(list) => list.join(","), (text) => text.split(",").map((p) => (isNumber.test(p) ? Number(p) : p))],
  context_set: [String, String],
  context: [(text) => text.replaceAll("?", "-"), (text) => text.replaceAll("-", "?")],
};

/** The fragment of a configuration, without "#": what equals the defaults is left out, m and d never. */
export function toFragment(config) {
  const base = defaults(config.m);
  const parts = ["lab=1"];
  for (const name of FIELD_NAMES) {
    const same = JSON.stringify(config[name]) === JSON.stringify(base[name]);
    if ((same && name !== "m" && name !== "d") || config[name] === null) continue;
    const text = (WRITTEN[name]?.[0] ?? String)(config[name]);
    parts.push(`${name}=${encodeURIComponent(text).replaceAll("%2C", ",")}`);
  }
  return parts.join("&");
}

export const isFragment = (fragment) => /^#?lab=/.test(fragment);

/** @returns {{config: object, problems: string[]}} as `checkConfig` */
export function fromFragment(fragment) {
  const text = fragment.replace(/^#/, "");
  if (text.length > MAX_FRAGMENT) {
    return { config: defaults(), problems: [`The address is too long (${text.length} characters); the lab ignores it.`] };
  }
  const given = {};
  const problems = [];
  for (const part of text.split("&")) {
    const [name, ...rest] = part.split("=");
    let value = rest.join("=");
    try {
      value = decodeURIComponent(value);
    } catch {
      problems.push(`${show(name)} in the address is damaged.`);
      continue;
    }
    if (name === "lab") {
      if (value !== "1") problems.push(`The address has the format ${show(value)}; this lab reads format 1.`);
      continue;
    }
    const read = WRITTEN[name]?.[1] ?? ((word) => (isNumber.test(word) ? Number(word) : word));
    Object.defineProperty(given, name, { value: read(value), enumerable: true, configurable: true });
  }
  const checked = checkConfig(given);
  return { config: checked.config, problems: [...problems, ...checked.problems] };
}

// ---- the JSON of a run ----------------------------------------------------------------------------------------

export const HISTORY = ["step", "loss", "excess_loss", "unembedding", "embedding", "alignment", "between"];

const rows = (table, d) => Array.from({ length: table.length / d }, (_, r) => Array.from(table.subarray(r * d, (r + 1) * d)));

/** Whether a context (letters 0, 1, ?) is among those that are trained. */
export function isTrained(config, context) {
  const known = [...context].flatMap((letter, i) => (letter === "?" ? [] : [i])).join(",") || "none";
  return config.context_set === "all" || config.context_set.split("|").includes(known);
}

/** The row of a context among all 3**m: its ternary number, unknown = 2, concept 0 the highest digit. */
export const contextNumber = (context) => parseInt(context.replaceAll("?", "2"), 3);

/** How many contexts are trained on: the rows of the table of embeddings. */
export function contextCount(config) {
  if (config.context_set === "all") return 3 ** config.m;
  return config.context_set.split("|").reduce((sum, set) => sum + 2 ** knownIn(set).length, 0);
}

/**
 * @param {{config: object, tables: {embeddings: Float64Array, unembeddings: Float64Array}, history: object[]}} run
 *   history: reports with the fields of HISTORY, in order of steps
 * @returns {string}
 */
export function writeRun({ config, tables, history }) {
  const finite = (value) => (Number.isFinite(value) ? value : null);
  return JSON.stringify({
    format: RUN_FORMAT,
    config,
    tables: { embeddings: rows(tables.embeddings, config.d), unembeddings: rows(tables.unembeddings, config.d) },
    history: Object.fromEntries(HISTORY.map((name) => [name, history.map((record) => finite(record[name]))])),
  });
}

function readTable(name, value, nRows, d) {
  const right = Array.isArray(value) && value.length === nRows && value.every((row) => (
    Array.isArray(row) && row.length === d && row.every((entry) => typeof entry === "number" && Number.isFinite(entry))
  ));
  if (!right) throw new Error(`The run's ${name} must be a table of ${nRows} rows of ${d} numbers.`);
  return Float64Array.from(value.flat());
}

function readHistory(value) {
  const steps = value?.step;
  const column = (name) => Array.isArray(value?.[name]) && value[name].length === steps.length
    && value[name].every((entry) => entry === null || (typeof entry === "number" && Number.isFinite(entry)));
  const counts = Array.isArray(steps) && steps.length <= MAX_HISTORY
    && steps.every((step, k) => Number.isInteger(step) && step >= 0 && (k === 0 || step > steps[k - 1]));
  if (!counts || !HISTORY.every(column)) {
    throw new Error(`The run's history must hold equally long lists ${HISTORY.join(", ")}, the steps ascending.`);
  }
  return steps.map((_, k) => Object.fromEntries(HISTORY.map((name) => [name, value[name][k] ?? NaN])));
}

/**
 * A run written by `writeRun`.
 *
 * @param {string} text
 * @throws {Error} that tells the reader what is damaged; a run is taken whole or not at all
 */
export function readRun(text) {
  if (text.length > MAX_RUN) throw new Error(`The run is too long (${text.length} characters).`);
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Error("This is not the JSON of a run: it cannot be parsed.");
  }
  if (data === null || typeof data !== "object" || data.format !== RUN_FORMAT) {
    throw new Error(`This is not the JSON of a run: its format must be “${RUN_FORMAT}”.`);
  }
  const { config, problems } = checkConfig(data.config);
  if (problems.length) throw new Error(`The run's configuration is damaged: ${problems[0]}`);
  const embeddings = readTable("embeddings", data.tables?.embeddings, contextCount(config), config.d);
  const unembeddings = readTable("unembeddings", data.tables?.unembeddings, 2 ** config.m, config.d);
  return { config, tables: { embeddings, unembeddings }, history: readHistory(data.history) };
}
