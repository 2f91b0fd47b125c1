// The lab: wires configuration, engine and view. `export default { render }` is the front-end contract of anywidget;
// host.mjs calls the same function on a page without a kernel.

import css from "./lab.css";
import { connect } from "./engine_link.mjs";
import { createWorld } from "./engine/world.mjs";
import * as mechanisms from "./mechanisms.mjs";
import { PRESETS } from "./presets.mjs";
import * as state from "./state.mjs";
import * as bars from "./view/bars.mjs";
import { WHY, caption, verdict } from "./view/caption.mjs";
import { createControls, dSlider, mSlider } from "./view/controls.mjs";
import { drawCosines, drawLoss } from "./view/curves.mjs";
import * as dials from "./view/dials.mjs";
import { freshId, h, say, set, svg } from "./view/dom.mjs";
import * as heatMap from "./view/heat_map.mjs";
import { createSwitches, drawTable, sentence } from "./view/mechanisms.mjs";
import { count, short } from "./view/numbers.mjs";
import { pictureOf } from "./view/picture.mjs";
import { createSpace } from "./view/space.mjs";
import { onThemeChange, readTheme } from "./view/theme.mjs";
import { vocabulary } from "./view/words.mjs";

const CAPTION_EVERY = 400;         // ms between two changes of the caption while it plays
const SPEAK_EVERY = 2000;          // ms between two changes of what a screen reader is told
const ADDRESS_EVERY = 400;         // ms of quiet before the address is rewritten
const SYNC_EVERY = 500;            // ms between two messages to Python while it plays
const REST_AT = 5000;              // step at which a run takes a rest; play goes on
const SLOW = 10;                   // steps a second
const ACCELERATION = 1.6;          // an accelerating run does this share of (step + 8) a second
const POINTS_A_DECADE = 80;        // of the curves
const RESTART_FREE = new Set([...state.VIEW_FIELDS, "learning_rate"]);

const ICONS = {
  play: "M5 3.5v13l11-6.5z", pause: "M5 3.5h3.6v13H5zm6.4 0H15v13h-3.6z", step: "M3.5 4v12l8-6zm9.5 0h3v12h-3z",
  reset: "M10 3.2a6.8 6.8 0 1 1-6.6 8.4l2-.5a4.8 4.8 0 1 0 1.4-4.6L9 8.8H3.2V3l2.2 2.1A6.8 6.8 0 0 1 10 3.2z",
};
const icon = (name) => svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true", class: "ll-icon" }, svg("path", { d: ICONS[name] }));

/** @param {{model: object, el: HTMLElement}} given anywidget's model and the element to draw in */
function render({ model, el }) {
  const lab = createLab(model, el);
  return lab.destroy;
}

/** The style sheet, once a document. */
function addStyle(document) {
  if (document.getElementById("ll-style")) return;
  document.head.append(h("style", { id: "ll-style" }, css));
}

function createLab(model, root) {
  addStyle(root.ownerDocument);
  const size = ["small", "mechanisms"].includes(model.get("size")) ? model.get("size") : "full";
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const startsFrom = readModel(model);
  let { config } = startsFrom;
  if (size === "mechanisms" && !mechanisms.switchesOf(config)) config = withSwitches(state.defaults(4), mechanisms.FIRST);
  let problems = startsFrom.problems;
  let report = null;               // the last one
  let stepNow = 0;
  let offset = 0;                  // steps of an opened run before this one
  let rested = false;
  let deaf = false;                // between a start and the tables that are put into it
  let history = [];
  let run = 0;
  let playing = false;
  let wanted = false;              // whether it should play when it is in view
  let seen = true;                 // whether the lab is in view and the page in front
  let diverged = null;
  let edges = [];
  let words = vocabulary(config.m);
  let writing = false;             // whether the model is being told rather than telling
  let paceNow = null;
  let captionAt = 0;
  let spokeAt = 0;
  let speaking = 0;
  let syncedAt = 0;
  let theme = null;

  // ---- the run ------------------------------------------------------------------------------------------------

  /** Take over a new configuration; starts a new run if it differs in what is trained. */
  function adopt(next, { play = null, tables = null, past = [] } = {}) {
    const before = config;
    const names = state.FIELD_NAMES.filter((name) => JSON.stringify(next[name]) !== JSON.stringify(before[name]));
    config = next;
    words = vocabulary(config.m);
    if (names.some((name) => !RESTART_FREE.has(name)) || tables || play !== null || !report) {
      restart(play ?? wanted, tables, past);
    } else {
      if (names.includes("learning_rate")) link.send({ type: "rate", learning_rate: config.learning_rate });
      if (names.includes("context")) watch();
      if (names.includes("speed") && playing) pace(true);
      if (report) draw();
    }
    page.show();
    writeAddress();
    writeModel(names);
  }

  function restart(play, tables = null, past = []) {
    run += 1;
    wanted = play;
    playing = false;
    diverged = null;
    history = [...past];
    offset = stepNow = past[past.length - 1]?.step ?? 0;
    deaf = Boolean(tables);
    rested = offset >= REST_AT;      // a run that is opened after its rest goes on when it is played
    set(page.element, { "data-step": offset });
    edges = createWorld({ ...config, joint: config.joint ?? undefined }).edges;
    paceNow = null;
    captionAt = 0;
    link.send({ type: "start", run, config: { ...config } });
    if (tables) link.send({ type: "tables", ...tables });
    watch();
    page.warn(null);
    page.transport(wanted);
    tellModel({ playing: wanted });
    if (wanted && seen) go();
  }

  function watch() {
    link.send({ type: "watch", context: state.contextNumber(config.context) });
  }

  /** Steps a second that are asked for now: an accelerating run shows each tenfold of steps for equally long. */
  function speed() {
    if (config.speed === "full") return null;
    if (config.speed === "slow") return SLOW;
    const braking = rested ? Infinity : Math.max(300, 6 * (REST_AT - stepNow));      // to come to rest near REST_AT
    return Math.max(SLOW, Math.round(Math.min(ACCELERATION * (stepNow + 8), braking)));
  }

  function pace(always = false) {
    const next = speed();
    if (!always && paceNow !== null && next !== null && next < paceNow * 1.12 && next > paceNow / 1.12) return;
    if (!always && next === null && paceNow === null) return;
    paceNow = next;
    link.send({ type: "play", stepsPerSecond: next });
  }

  function go() {
    if (diverged) { restart(true); return; }
    playing = true;
    pace(true);
    page.transport(true);
  }

  function setPlaying(on) {
    wanted = on;
    if (on) {
      if (!playing) go();
    } else {
      playing = false;
      link.send({ type: "pause" });
    }
    message(null);
    page.transport(on);
    tellModel({ playing: on });
  }

  const actions = {
    play: () => setPlaying(!wanted),
    step() {
      if (diverged) return;
      setPlaying(false);
      link.send({ type: "step", steps: 1 });
    },
    reset() {
      message(null);
      restart(false);
    },
  };

  function onReply(reply) {
    if (reply.run !== run) return;
    if (reply.type === "report") {
      if (deaf) { deaf = false; return; }
      report = { ...reply, step: reply.step + offset, contextTrained: state.isTrained(config, config.context) };
      stepNow = report.step;
      record(report);
      if (reply.playing && wanted) pace();
      if (reply.playing && report.step >= REST_AT) rest();
      draw();
      syncModel(!reply.playing);
    } else if (reply.type === "diverged") {
      diverged = reply;
      wanted = playing = false;
      page.transport(false);
      const rate = state.calmerRate(config.learning_rate);
      page.warn({
        text: `The run diverged at step ${count(reply.step + offset)}: the loss is ${Number.isFinite(reply.loss) ? short(reply.loss) : "no longer a number"}. `
          + "The learning rate is too high for these steps.",
        action: `Use ${short(rate)} and start again`,
        then: () => adopt(state.changed(config, { learning_rate: rate }), { play: true }),
      });
      tellModel({ playing: false });
    } else {
      wanted = playing = false;
      page.transport(false);
      message(`The trainer reports: ${reply.message}`);
      tellModel({ playing: false });
    }
  }

  function rest() {
    if (rested) return;            // once a run: who presses play again wants more
    rested = true;
    setPlaying(false);
  }

  function onDeath() {
    const again = wanted;
    restart(again);
    message("The trainer stopped answering and was started anew; the run begins again.");
  }

  /** Keep a record: at most so many a decade of steps, the newest always. */
  function record(now) {
    const place = Math.floor(POINTS_A_DECADE * Math.log10(now.step + 1));
    const entry = {
      step: now.step, loss: now.loss, excess_loss: now.excessLoss, ...now.cosines, place, length: mechanisms.lengthOf(now),
    };
    const last = history[history.length - 1];
    if (last && last.step > now.step) history.length = 0;
    const beforeLast = history[history.length - 2];
    if (last && (last.step === now.step || (beforeLast && beforeLast.place === last.place))) history.pop();
    history.push(entry);
  }

  // ---- what is seen -------------------------------------------------------------------------------------------

  function draw() {
    if (!report) return;
    theme ??= readTheme(root);
    page.draw();
    const now = performance.now();
    if (now - captionAt < CAPTION_EVERY && playing) return;
    captionAt = now;
    const resting = rested && !wanted ? " Resting; press play to go on." : "";
    say(page.caption, (page.sentence?.() ?? caption(config, report, history)) + resting);
    set(page.why, { href: `${siteRoot()}book/${WHY[verdict(config, report, history)]}` });
    clearTimeout(speaking);
    speaking = setTimeout(speak, Math.max(0, spokeAt + SPEAK_EVERY - now));
  }

  function speak() {
    spokeAt = performance.now();
    say(page.spoken, page.caption.textContent);
  }

  function message(text) {
    say(page.message, text ?? "");
    page.message.hidden = !text;
  }

  function smallPage() {
    const ask = (change) => adopt(state.changed(config, change), { play: true });
    const controls = [mSlider(ask), dSlider(ask)];
    const play = playButton();
    const space = createSpace(h("figure", { class: "ll-space" }), { theme: () => readTheme(root), calm });
    const parts = feedback();
    const more = h("a", { class: "ll-more-link" }, "Open in the lab");
    const element = h("div", { class: "ll-page", role: "group", "aria-label": "A small lab" },
      h("div", { class: "ll-bar" }, play, ...controls.map((control) => control.element)),
      space.canvas.parentElement, h("p", { class: "ll-talk" }, parts.caption), h("p", { class: "ll-links" }, parts.why, more), parts.spoken, parts.message);
    element.addEventListener("keydown", shortcuts);
    return {
      ...parts, element, space,
      show() {
        for (const control of controls) control.show(config);
        set(more, { href: `${siteRoot()}book/lab/the-lab.html#${state.toFragment(config)}` });
      },
      transport: (on) => showPlay(play, on),
      draw: () => space.update(spaceData()),
      warn: parts.warn,
    };
  }

  /** Switches that each start a world, and what was predicted beside what is seen. */
  function mechanismsPage() {
    const play = playButton();
    const parts = feedback();
    const switches = createSwitches((name) => {
      const now = mechanisms.switchesOf(config) ?? mechanisms.FIRST;
      message(null);
      adopt(withSwitches(config, { ...now, [name]: !now[name] }), { play: true });
    });
    const readouts = { step: readout("step"), loss: readout("above the floor") };
    const bodies = { table: h("div", { class: "ll-body-predictions" }), dials: h("div", { class: "ll-body ll-body-dials" }) };
    set(bodies.dials, { role: "radiogroup", "aria-label": "concept whose arrows are drawn" });
    const space = createSpace(h("figure", { class: "ll-panel ll-space" }), { theme: () => readTheme(root), calm });
    const more = h("a", { class: "ll-more-link" }, "Open in the lab");
    const element = h("div", { class: "ll-page", role: "group", "aria-label": "Mechanisms on and off" },
      switches.element,
      h("div", { class: "ll-bar" }, play, h("div", { class: "ll-readouts" }, ...Object.values(readouts).map((one) => one.element)), more),
      h("p", { class: "ll-talk" }, parts.caption), parts.spoken, parts.message,
      bodies.table,
      h("div", { class: "ll-pictures" }, space.canvas.parentElement, bodies.dials));
    element.addEventListener("keydown", shortcuts);
    const told = () => ({ switches: mechanisms.switchesOf(config), report, history });
    return {
      ...parts, element, space,
      sentence: () => (told().switches ? sentence(told()) : null),
      show() {
        switches.show(mechanisms.switchesOf(config));
        set(more, { href: `${siteRoot()}book/lab/the-lab.html#${state.toFragment(config)}` });
      },
      transport: (on) => showPlay(play, on),
      draw() {
        bodies.table.hidden = !told().switches;
        if (told().switches) drawTable(bodies.table, told());
        space.update(spaceData());
        dials.draw(bodies.dials, dialsData((concept) => adopt({ ...config, concept })));
        readouts.step.show(count(report.step));
        readouts.loss.show(short(Math.max(0, report.excessLoss)));
        set(element, { "data-step": report.step, "data-excess": report.excessLoss });
      },
      warn: parts.warn,
    };
  }

  function dialsData(pick) {
    return {
      m: config.m, d: config.d, concept: config.concept, unembeddings: report.unembeddings, words,
      perConcept: report.perConcept.unembedding, pick,
    };
  }

  function fullPage() {
    const ask = (change) => {
      const restarts = Object.keys(change).some((name) => !RESTART_FREE.has(name));
      if (restarts) message(null);
      adopt(state.changed(config, change), restarts ? { play: true } : {});
      if ("learning_rate" in change || "speed" in change) setPlaying(true);      // the run goes on, and one sees how
    };
    const toggle = (a, b) => ask({ graph: "drawn", edges: state.toggleEdge(config.m, edges, a, b) });
    const controls = createControls(ask, toggle);
    const play = playButton();
    const parts = feedback();
    const readouts = { step: readout("step"), loss: readout("above the floor"), speed: readout("steps/s") };
    const speedSelect = h("select", { class: "ll-speed", "aria-label": "speed", "data-field": "speed" },
      ...[["slow", "10 steps a second"], ["accelerating", "accelerating"], ["full", "full speed"]].map(
        ([value, text]) => h("option", { value }, text)));
    speedSelect.addEventListener("change", () => ask({ speed: speedSelect.value }));
    const presets = PRESETS.map((preset) => h("button", {
      type: "button", class: "ll-preset", "aria-pressed": "false", "data-preset": preset.id,
      onclick: () => { message(null); adopt(presetConfig(preset), { play: true }); },
    }, preset.name));
    const sees = h("p", { class: "ll-sees" });

    const panel = (name, title, ...children) => h("figure", { class: `ll-panel ll-${name}` },
      title ? h("figcaption", {}, ...[].concat(title)) : null, ...children);
    const body = (name) => h("div", { class: `ll-body ll-body-${name}` });
    const bodies = Object.fromEntries(["dials", "loss", "cosines", "heat", "sentence", "bars"].map((name) => [name, body(name)]));
    set(bodies.dials, { role: "radiogroup", "aria-label": "concept whose arrows are drawn" });
    const arrowsOf = h("b");
    const spacePanel = panel("space", ["The words in space ", h("span", { class: "ll-sub" }, "arrows join words that differ only in ", arrowsOf)]);
    const space = createSpace(spacePanel, { theme: () => readTheme(root), calm });
    const key = h("p", { class: "ll-key" },
      h("span", { class: "ll-key-hat" }), "p̂, the predictor", h("span", { class: "ll-key-p" }), "p, the world");
    const untold = h("p", { class: "ll-note", hidden: true }, "This context is not among those that are trained, so there is no p̂ for it.");

    const element = h("div", { class: "ll-page", role: "group", "aria-label": "The lab" },
      h("div", { class: "ll-presets", role: "group", "aria-label": "things to see" }, ...presets),
      sees,
      h("div", { class: "ll-bar" },
        play,
        h("button", { type: "button", class: "ll-round", title: "one step (s)", "aria-label": "one step", "data-action": "step", onclick: actions.step }, icon("step")),
        h("button", { type: "button", class: "ll-round", title: "reset (r)", "aria-label": "reset", "data-action": "reset", onclick: actions.reset }, icon("reset")),
        speedSelect, h("div", { class: "ll-readouts" }, ...Object.values(readouts).map((one) => one.element)), fileMenu()),
      h("p", { class: "ll-talk" }, parts.caption, parts.why),
      parts.spoken, parts.message,
      h("div", { class: "ll-grid" },
        h("div", { class: "ll-side" }, controls.core, controls.rest), spacePanel,
        panel("dials", ["Arrows from one origin ", h("span", { class: "ll-sub" }, "at their true angles; choose a concept")], bodies.dials),
        panel("loss", ["Loss above the entropy floor ", h("span", { class: "ll-sub" }, "nats")], bodies.loss),
        panel("cosines", ["Mean cosines of steering vectors"], bodies.cosines),
        panel("heat", ["Cosines between concepts"], bodies.heat),
        panel("bars", ["The next word"], bodies.sentence, bodies.bars, key, untold)));
    element.addEventListener("keydown", shortcuts);
    dropZone(element);
    let width = 0;
    const sizing = new ResizeObserver(() => {
      const next = Math.max(280, Math.round(bodies.bars.clientWidth));
      if (next !== width) { width = next; if (report) drawBars(); }
    });
    sizing.observe(bodies.bars);

    function drawBars() {
      if (report.p?.length !== 2 ** config.m) return;
      bars.draw(bodies.bars, { m: config.m, words, p: report.p, pHat: report.pHat, width: width || 560 });
      untold.hidden = Boolean(report.pHat);
      untold.parentElement.classList.toggle("ll-no-hat", !report.pHat);
    }

    return {
      ...parts, element, space,
      show() {
        controls.show(config, words, edges);
        speedSelect.value = config.speed;
        say(arrowsOf, `“${words.concepts[config.concept].name}”`);
        let found = null;
        PRESETS.forEach((preset, k) => {
          const same = sameRun(config, presetConfig(preset));
          if (same) found = preset;
          set(presets[k], { "aria-pressed": String(same) });
        });
        say(sees, found ? found.sees : "Your own experiment. Drag a slider: training begins at once, from a fresh start.");
        bars.drawSentence(bodies.sentence, { m: config.m, words, context: config.context, change: (context) => ask({ context }) });
      },
      transport: (on) => showPlay(play, on),
      draw() {
        space.update(spaceData());
        dials.draw(bodies.dials, dialsData((concept) => ask({ concept })));
        drawLoss(bodies.loss, history);
        drawCosines(bodies.cosines, history);
        heatMap.draw(bodies.heat, { m: config.m, words, heatMap: report.heatMap }, theme);
        drawBars();
        readouts.step.show(count(report.step));
        readouts.loss.show(short(Math.max(0, report.excessLoss)));
        readouts.speed.show(playing ? count(Math.round(report.stepsPerSecond)) : "–");
        set(element, { "data-step": report.step, "data-excess": report.excessLoss, "data-agreement": report.cosines.unembedding });
      },
      destroy: () => sizing.disconnect(),
    };
  }

  function spaceData() {
    return {
      m: config.m, d: config.d, concept: config.concept, unembeddings: report.unembeddings, words,
      agreement: report.perConcept.unembedding[config.concept], playing,
    };
  }

  function feedback() {
    const text = h("span", {});
    const button = h("button", { type: "button", class: "ll-small", hidden: true });
    const warning = h("div", { class: "ll-warning", role: "alert", hidden: true }, text, button);
    const box = h("p", { class: "ll-message", role: "alert", hidden: true });
    const seenCaption = h("span", { class: "ll-caption" });
    const spoken = h("p", { class: "ll-spoken", "aria-live": "polite" });
    button.addEventListener("click", () => button.then?.());
    return {
      caption: seenCaption,
      spoken,
      message: box,
      why: h("a", { class: "ll-why" }, "Why?"),
      warn(given) {
        if (!warning.isConnected) box.after(warning);
        warning.hidden = !given;
        say(text, given?.text ?? "");
        say(button, given?.action ?? "");
        button.hidden = !given?.action;
        button.then = given?.then;
      },
    };
  }

  function playButton() {
    return h("button", { type: "button", class: "ll-play", title: "play or pause (space)", "aria-label": "play", "data-action": "play", onclick: actions.play },
      icon("play"), icon("pause"));
  }

  function showPlay(button, on) {
    set(button, { "aria-label": on ? "pause" : "play", class: on ? "ll-play ll-on" : "ll-play" });
  }

  function readout(unit) {
    const value = h("b", {}, "–");
    return { element: h("span", { class: "ll-readout" }, h("small", {}, unit), " ", value), show: (text) => say(value, text) };
  }

  /** Space, s and r work wherever the focus is in the lab, unless the key means something there. */
  function shortcuts(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input:not([type=range]):not([type=radio]), select, textarea");
    if (typing) return;
    const name = { " ": "play", s: "step", r: "reset" }[event.key];
    if (!name || (event.key === " " && event.target.closest("button, a, label, input"))) return;
    event.preventDefault();
    actions[name]();
  }

  // ---- in and out -----------------------------------------------------------------------------------------------

  function fileMenu() {
    const item = (name, text, then) => h("button", { type: "button", class: "ll-item", "data-action": name, onclick: then }, text);
    const paste = h("textarea", { class: "ll-paste", rows: 3, spellcheck: "false", "aria-label": "JSON of a run", placeholder: "Paste the JSON of a run here, or drop its file on the lab" });
    const take = () => {
      if (!paste.value.trim()) { say(said, "Paste the JSON of a run into the box first."); return; }
      say(said, "");
      openRun(paste.value);
      paste.value = "";
    };
    paste.addEventListener("paste", () => setTimeout(take));
    paste.addEventListener("change", take);
    const said = h("p", { class: "ll-note", role: "status" });
    const menu = h("div", { class: "ll-menu", id: freshId("menu"), hidden: true },
      item("share", "Copy a link to this experiment", async () => {
        const address = `${location.href.split("#")[0]}#${state.toFragment(config)}`;
        try {
          await navigator.clipboard.writeText(address);
          say(said, "The link is copied.");
        } catch {
          say(said, `Copy this link: ${address}`);
        }
      }),
      item("png", "Save a picture (PNG)", async () => {
        save("lab.png", await pictureOf(page.element, readTheme(root)));
        say(said, "Saved as lab.png.");
      }),
      item("json", "Save the run (JSON)",
        () => saveRun(() => say(said, "Saved as run.json; linrep_core.lab.read_run reads it in Python."))),
      paste, item("open", "Open the pasted run", take), said);
    const button = h("button", {
      type: "button", class: "ll-share", "data-action": "menu", "aria-expanded": "false", "aria-controls": menu.id,
      onclick: () => open(menu.hidden),
    }, "Share");
    const element = h("div", { class: "ll-files" }, button, menu);
    const outside = (event) => { if (!element.contains(event.target)) open(false); };
    function open(on) {
      menu.hidden = !on;
      set(button, { "aria-expanded": String(on) });
      document[on ? "addEventListener" : "removeEventListener"]("pointerdown", outside);
    }
    element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !menu.hidden) { open(false); button.focus(); }
    });
    return element;
  }

  function save(name, blob) {
    const address = URL.createObjectURL(blob);
    const anchor = h("a", { href: address, download: name });
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  /** The tables of both sides are only in a report at rest: pause, and wait for it. */
  function saveRun(done) {
    setPlaying(false);
    const wait = (left) => {
      if (report?.embeddings) {
        const tables = { embeddings: report.embeddings, unembeddings: report.unembeddings };
        save("run.json", new Blob([state.writeRun({ config, tables, history })], { type: "application/json" }));
        done();
      } else if (left > 0) setTimeout(() => wait(left - 1), 50);
    };
    wait(100);
  }

  function openRun(text) {
    try {
      const opened = state.readRun(text);
      message(null);
      adopt(opened.config, { play: false, tables: opened.tables, past: opened.history });
    } catch (error) {
      message(error.message);
    }
  }

  function dropZone(element) {
    element.addEventListener("dragover", (event) => {
      if ([...event.dataTransfer.types].includes("Files")) { event.preventDefault(); element.classList.add("ll-over"); }
    });
    element.addEventListener("dragleave", () => element.classList.remove("ll-over"));
    element.addEventListener("drop", async (event) => {
      element.classList.remove("ll-over");
      const file = event.dataTransfer.files[0];
      if (!file) return;
      event.preventDefault();
      if (file.size > 32_000_000) message(`The file is too large (${count(file.size)} bytes).`);
      else openRun(await file.text());
    });
  }

  // ---- the address of the page --------------------------------------------------------------------------------

  let addressTimer = 0;
  const owner = size === "full" && model.get("address") !== false && claimAddress(root);

  function writeAddress() {
    if (!owner) return;
    clearTimeout(addressTimer);
    addressTimer = setTimeout(() => {
      const fragment = `#${state.toFragment(config)}`;
      if (location.hash !== fragment) globalThis.history.replaceState(globalThis.history.state, "", fragment);
    }, ADDRESS_EVERY);
  }

  function readAddress() {
    if (!owner || !state.isFragment(location.hash)) return;
    if (location.hash === `#${state.toFragment(config)}`) return;
    clearTimeout(addressTimer);
    const found = state.fromFragment(location.hash);
    adopt(found.config, { play: !calm() });
    tellProblems(found.problems);
    root.scrollIntoView({ block: "start", behavior: calm() ? "auto" : "smooth" });
  }

  function tellProblems(list) {
    message(list.length ? `The address was not read as it stands. ${list.slice(0, 4).join(" ")}` : null);
  }

  // ---- Python ---------------------------------------------------------------------------------------------------

  function tellModel(values) {
    writing = true;
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    writing = false;
    model.save_changes();
  }

  function writeModel(names) {
    if (names.length) tellModel(Object.fromEntries(names.map((name) => [name, config[name]])));
  }

  /** The numbers of the run; the tables and the history only when it is at rest. */
  function syncModel(atRest) {
    const now = performance.now();
    if (!atRest && now - syncedAt < SYNC_EVERY) return;
    syncedAt = now;
    const finite = (value) => (Number.isFinite(value) ? value : null);
    const values = {
      step: report.step, loss: report.loss, excess_loss: report.excessLoss,
      cosines: Object.fromEntries(Object.entries(report.cosines).map(([name, value]) => [name, finite(value)])),
    };
    if (atRest && !wanted && report.embeddings) {
      values.history = Object.fromEntries(state.HISTORY.map((name) => [name, history.map((entry) => finite(entry[name]))]));
      values.embeddings = tableForModel(report.embeddings, config.d);
      values.unembeddings = tableForModel(report.unembeddings, config.d);
    }
    tellModel(values);
  }

  /** Python may set one field after the other: what belongs together is taken together, a moment later. */
  const told = new Set();
  function hear(name) {
    if (writing) return;
    if (!told.size) setTimeout(takeOver);
    told.add(name);
  }

  function takeOver() {
    const names = [...told];
    told.clear();
    const play = names.includes("playing") ? Boolean(model.get("playing")) : null;
    const fields = names.filter((name) => state.FIELD_NAMES.includes(name)
      && JSON.stringify(model.get(name)) !== JSON.stringify(config[name]));
    if (fields.length) {
      const change = Object.fromEntries(fields.map((name) => [name, model.get(name)]));
      const given = state.checkConfig(state.changed(config, change));
      tellProblems(given.problems);
      adopt(given.config, play === null ? {} : { play });
    }
    if (names.includes("embeddings") || names.includes("unembeddings")) takeTables();
    if (play !== null && play !== wanted) setPlaying(play);
  }

  function takeTables() {
    const tables = { embeddings: tableFromModel(model.get("embeddings")), unembeddings: tableFromModel(model.get("unembeddings")) };
    const right = tables.embeddings.length === state.contextCount(config) * config.d && tables.unembeddings.length === 2 ** config.m * config.d;
    const same = (name) => report?.[name] && tables[name].every((value, k) => value === report[name][k]);
    if (right && !(same("embeddings") && same("unembeddings"))) adopt(config, { play: false, tables });
  }

  const listeners = [...state.FIELD_NAMES, "playing", "embeddings", "unembeddings"].map((name) => [`change:${name}`, () => hear(name)]);
  for (const [name, then] of listeners) model.on(name, then);

  // ---- life -----------------------------------------------------------------------------------------------------

  const page = { small: smallPage, mechanisms: mechanismsPage, full: fullPage }[size]();
  root.classList.add("linrep-lab", "ll-alive");
  set(root, { "data-size": size });
  // JupyterLab takes the arrow keys of a slider, and r, s and space, for its commands on cells, unless what has the
  // focus itself says no
  page.element.addEventListener("focusin", (event) => set(event.target, { "data-lm-suppress-shortcuts": "true" }));
  // on the site the picture that stood here stays, out of sight, for print
  const picture = root.querySelector(":scope > img");
  root.replaceChildren(page.element, ...(picture ? [picture] : []));

  const link = connect({ onReply, onDeath });

  const endTheme = onThemeChange(() => {
    theme = readTheme(root);
    page.space.repaint();
    if (report) draw();
  });

  let inView = true;
  function look() {
    const now = inView && !document.hidden;
    if (now === seen) return;
    seen = now;
    if (!seen && playing) { playing = false; link.send({ type: "pause" }); }
    if (seen && wanted && !playing) go();
  }
  const viewing = new IntersectionObserver(([entry]) => { inView = entry.isIntersecting; look(); });
  viewing.observe(root);
  document.addEventListener("visibilitychange", look);
  const hash = () => readAddress();
  if (owner) addEventListener("hashchange", hash);

  const autoplay = model.get("playing") || (model.get("autoplay") && !calm());
  if (owner && state.isFragment(location.hash)) {
    const found = state.fromFragment(location.hash);
    config = found.config;
    problems = [...problems, ...found.problems];
  }
  adopt(config, { play: Boolean(autoplay) });
  if (problems.length) tellProblems(problems);

  return {
    config: () => ({ ...config }),
    report: () => report,
    destroy() {
      link.close();
      endTheme();
      viewing.disconnect();
      page.space.destroy();
      page.destroy?.();
      clearTimeout(addressTimer);
      clearTimeout(speaking);
      document.removeEventListener("visibilitychange", look);
      removeEventListener("hashchange", hash);
      for (const [name, then] of listeners) model.off(name, then);
      if (owner) claimed = null;
    },
  };
}

// ---- small things -------------------------------------------------------------------------------------------------

/** One lab of a page owns its address: the first full one. */
let claimed = null;
function claimAddress(root) {
  if (claimed?.isConnected) return false;
  claimed = root;
  return true;
}

function readModel(model) {
  const given = {};
  for (const name of state.FIELD_NAMES) {
    const value = model.get(name);
    if (value !== undefined && !(name === "context" && value === "")) given[name] = value;
  }
  return state.checkConfig(given);
}

function presetConfig(preset) {
  const { config } = state.checkConfig(preset.config);
  return config;
}

const withSwitches = (config, switches) => ({ ...config, ...mechanisms.settingsOf(switches) });

/** Whether two configurations train the same. */
function sameRun(a, b) {
  return state.FIELD_NAMES.every((name) => state.VIEW_FIELDS.includes(name) || JSON.stringify(a[name]) === JSON.stringify(b[name]));
}

const tableForModel = (table, d) => (
  { shape: [table.length / d, d], data: new DataView(table.buffer, table.byteOffset, table.byteLength) }
);

function tableFromModel(held) {
  const data = held?.data;
  if (!data?.byteLength) return new Float64Array(0);
  return new Float64Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
}

/** The way from this page to the root of the site: the theme of the book writes it on <html>. */
function siteRoot() {
  return document.documentElement.dataset.content_root ?? "";
}

export { createLab };
export default { render };
