// The configuration of a lab: what is written is read back, and nothing that comes from outside breaks it.
import assert from "node:assert/strict";
import { test } from "node:test";

import * as state from "../../linrep_core/lab/state.mjs";

/** A small generator of reproducible numbers in [0, 1). */
function numbers(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function randomConfig(draw) {
  const pick = (list) => list[Math.floor(draw() * list.length)];
  const m = 2 + Math.floor(draw() * 7);
  const graph = pick(state.GRAPHS);
  let edges = [];
  for (let k = 0; k < 3 && graph === "drawn"; k++) edges = state.toggleEdge(m, edges, 0, 1 + Math.floor(draw() * (m - 1)));
  const weights = Array.from({ length: 2 ** m }, () => 0.1 + draw());
  const total = weights.reduce((sum, w) => sum + w, 0);
  return {
    m, d: 1 + Math.floor(draw() * 16), graph, graph_seed: Math.floor(draw() * 2 ** 32), edge_probability: draw(), edges,
    joint: graph === "given" ? weights.map((w) => w / total) : null,
    context_set: pick(["all", "none", "0", "0,1", "0|1", "none|1", `${m - 1}`]), context_weights: pick(state.CONTEXT_WEIGHTS),
    mask_probability: 0.01 + 0.98 * draw(), told_wrongly: draw() < 0.5 ? 0 : 0.499 * draw(), optimizer: pick(state.OPTIMIZERS), learning_rate: 10 ** (4 * draw() - 3),
    momentum: 0.99 * draw(), start_scale: 10 ** (draw() - 0.5), seed: Math.floor(draw() * 1000),
    precision: pick(state.PRECISIONS), concept: Math.floor(draw() * m),
    context: Array.from({ length: m }, () => pick(["0", "1", "?"])).join(""), speed: pick(state.SPEEDS),
  };
}

test("every valid configuration survives the address of the page", () => {
  const draw = numbers(1);
  for (let k = 0; k < 500; k++) {
    const config = randomConfig(draw);
    const fragment = state.toFragment(config);
    assert.match(fragment, /^lab=1&m=\d&d=\d+[\w&=%.,+-]*$/);
    assert.deepEqual(state.fromFragment(`#${fragment}`), { config, problems: [] });
  }
});

test("an address from before contexts could be wrong still means that they are not", () => {
  const { config, problems } = state.fromFragment("#lab=1&m=3&d=3&mask_probability=0.3");
  assert.deepEqual([config.told_wrongly, problems], [0, []]);
  assert.equal(state.toFragment({ ...config, told_wrongly: 0.1 }), "lab=1&m=3&d=3&mask_probability=0.3&told_wrongly=0.1");
});

test("the address of the default configuration is short", () => {
  assert.equal(state.toFragment(state.defaults()), "lab=1&m=5&d=5");
});

const HOSTILE = [
  "", "lab", "lab=", "lab=2&m=4", "lab=1&m=99", "lab=1&m=-1", "lab=1&m=5.5", "lab=1&m=1e1", "lab=1&m=NaN", "lab=1&m=Infinity",
  "lab=1&d=0", "lab=1&d=17", "lab=1&d=0x10", "lab=1&m=3&edges=0-5&graph=drawn", "lab=1&edges=0-1,1-0&graph=drawn",
  "lab=1&edges=0-0&graph=drawn", "lab=1&edges=%3Cscript%3E&graph=drawn", "lab=1&m=3&edges=0-1,1-2,2-0&graph=drawn",
  "lab=1&learning_rate=0", "lab=1&learning_rate=-1", "lab=1&learning_rate=1e400", "lab=1&graph=given", "lab=1&graph=given&joint=1,2",
  "lab=1&graph=given&m=2&joint=0.5,0.5,0.5,0.5", "lab=1&context_set=9", "lab=1&context_set=0,,1", "lab=1&context_set=|",
  "lab=1&context=%3Cimg", "lab=1&context=222", "lab=1&seed=-3", "lab=1&seed=99999999999999999999", "lab=1&__proto__=1",
  "lab=1&constructor=1", "lab=1&toString=1", "lab=1&%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E=1", "lab=1&m=%E0%A4%A", "lab=1&m=%00",
  "lab=1&concept=7&m=3", "lab=1&optimizer=lbfgs", "lab=1&precision=float16", "lab=1&mask_probability=1", "lab=1&told_wrongly=0.5", "lab=1&told_wrongly=-0.1", "lab=1&speed=warp",
  `lab=1&m=${"9".repeat(5000)}`, `lab=1&${"x=1&".repeat(3000)}`, "x".repeat(1_000_000),
];

test("a hostile or damaged address is answered with sentences and a lab that runs", () => {
  for (const fragment of HOSTILE) {
    const { config, problems } = state.fromFragment(fragment);
    assert.ok(problems.length > 0 || fragment === "", `${fragment.slice(0, 60)} passed without a word`);
    assert.ok(problems.every((line) => line.length < 400), "a message stays short");
    assert.deepEqual(state.checkConfig(config), { config, problems: [] });
  }
  assert.equal(Object.prototype.m, undefined);
});

test("what was valid in a damaged address is kept", () => {
  const { config, problems } = state.fromFragment("lab=1&m=4&d=99&seed=7");
  assert.equal(config.m, 4);
  assert.equal(config.seed, 7);
  assert.equal(problems.length, 1);
  assert.match(problems[0], /^d must be a whole number from 1 to 16, not 99/);
});

test("random bytes and random edits of a valid address never throw", () => {
  const draw = numbers(2);
  for (let k = 0; k < 2000; k++) {
    const letters = [...state.toFragment(randomConfig(draw))];
    for (let edit = 0; edit < 3; edit++) {
      letters[Math.floor(draw() * letters.length)] = String.fromCharCode(Math.floor(draw() * 300));
    }
    const { config } = state.fromFragment(letters.join(""));
    assert.deepEqual(state.checkConfig(config).problems, []);
  }
});

test("objects of any shape are answered", () => {
  for (const given of [null, 3, "m", [], { m: "5" }, { m: null }, { edges: 3 }, { joint: {} }, { context_set: {} }, { m: [5] },
    { edges: [[0, 1, 2]], graph: "drawn" }, { edges: new Array(100).fill([0, 1]), graph: "drawn" }, { seed: 2 ** 60 }]) {
    const { config, problems } = state.checkConfig(given);
    assert.ok(problems.length > 0);
    assert.deepEqual(state.checkConfig(config).problems, []);
  }
});

test("changing m cuts what no longer fits", () => {
  const before = { ...state.defaults(), graph: "drawn", edges: [[0, 1], [1, 4]], context_set: "4", concept: 4, context: "10?01" };
  const after = state.changed(before, { m: 3 });
  assert.deepEqual(after.edges, [[0, 1]]);
  assert.deepEqual([after.context_set, after.concept, after.context], ["all", 2, "10?"]);
  assert.deepEqual(state.checkConfig(after).problems, []);
});

test("edges drawn one after another never close a cycle", () => {
  const draw = numbers(3);
  for (let k = 0; k < 200; k++) {
    const m = 2 + Math.floor(draw() * 7);
    let edges = [];
    for (let click = 0; click < 30; click++) {
      const [a, b] = [Math.floor(draw() * m), Math.floor(draw() * m)];
      if (a !== b) edges = state.toggleEdge(m, edges, a, b);
      assert.ok(state.topologicalOrder(m, edges), JSON.stringify(edges));
    }
  }
  assert.deepEqual(state.toggleEdge(3, [[0, 1]], 1, 0), []);
  assert.deepEqual(state.toggleEdge(3, [[2, 1], [1, 0]], 0, 2), [[1, 0], [2, 0], [2, 1]]);
});

function smallRun() {
  const config = { ...state.defaults(2), d: 2, context_set: "0|1", context: "??" };
  const tables = { embeddings: Float64Array.from({ length: 8 }, (_, k) => k / 3), unembeddings: Float64Array.from({ length: 8 }, (_, k) => -(k + 1) / 7) };
  const record = { step: 0, loss: 1.25, excess_loss: 0.1, unembedding: 0.5, embedding: NaN, alignment: 0, between: 0.25 };
  return { config, tables, history: [record, { ...record, step: 5 }] };
}

test("the JSON of a run is read back exactly", () => {
  const run = smallRun();
  assert.deepEqual(state.readRun(state.writeRun(run)), run);
});

test("a damaged run is refused with a sentence", () => {
  const text = state.writeRun(smallRun());
  const broken = [
    "", "{", "null", "[]", "3", "{}", '{"format":"linrep-run/2"}', text.slice(0, -5), text.replace('"m":2', '"m":3'),
    text.replace('"d":2', '"d":1'), text.replace("1.25", '"<img src=x onerror=alert(1)>"'), text.replace("1.25", "1e999"),
    text.replace('"step":[0,5]', '"step":[5,0]'), text.replace('"step":[0,5]', '"step":[0]'), text.replace("[[-0", "[[null,-0"),
    text.replace('"tables":', '"table":'), text.replace('"history":', '"hist":'), text.replace('"graph":"random"', '"graph":"<b>"'),
  ];
  for (const damaged of broken) {
    assert.notEqual(damaged, text);
    assert.throws(() => state.readRun(damaged), (error) => /run/i.test(error.message) && error.message.length < 400, damaged.slice(0, 80));
  }
});
