// Runs a trainer in a Web Worker and talks in messages (README.md lists them).

import { Diverged, createTrainer } from "./trainer.mjs";
import { checkInteger, checkNumber } from "./check.mjs";

const SLICE = 15; // ms of steps between two looks at the messages
const REPORT_EVERY = 33; // ms, while it plays

/**
 * The worker without its thread: give it messages, get replies through `post`.
 *
 * @param {(reply: object) => void} post
 * @param {{now(): number, later(task: () => void, ms: number): void}} clock `later` runs a task after the messages
 *   that have arrived by then
 * @returns {(message: object) => Promise<void>}
 */
export function createService(post, clock) {
  let run = null; // number of the present run, repeated in every reply
  let trainer = null;
  let watched = null; // context whose p and pHat reports carry
  let remaining = 0; // steps to do: Infinity while it plays
  let wanted = null; // steps a second; null: as many as possible
  let credit = 0; // steps that may be done now, when their number a second is limited
  let lastCredit = 0;
  let lastReport = 0;
  let ticking = false;
  let meter = null; // { since, steps }: of the speed shown

  const handlers = {
    async start(message) {
      run = message.run;
      halt();
      trainer = null;
      trainer = await createTrainer(message.config);
      if (watched !== null && watched >= 3 ** trainer.world.m) watched = null;
      report();
    },
    play({ stepsPerSecond = null }) {
      if (stepsPerSecond !== null) checkNumber("stepsPerSecond", stepsPerSecond, 0, Infinity, { open: true });
      wanted = stepsPerSecond;
      credit = 1;
      lastCredit = clock.now();
      work(Infinity);
    },
    pause() {
      halt();
      report();
    },
    step({ steps }) {
      checkInteger("steps", steps, 1);
      wanted = null;
      work(steps);
    },
    watch({ context }) {
      if (context !== null) checkInteger("context", context, 0, 3 ** trainer.world.m - 1);
      watched = context;
      report();
    },
    rate({ learning_rate: rate }) {
      trainer.setRate(rate);
    },
    tables(message) {
      trainer.setTables(message);
      report();
    },
  };

  function halt() {
    remaining = 0;
    meter = null;
  }

  function work(steps) {
    remaining = steps;
    meter ??= { since: clock.now(), steps: 0 };
    if (!ticking) clock.later(tick, 0);
    ticking = true;
  }

  /** One slice of steps, then a look at the messages. */
  function tick() {
    ticking = false;
    if (remaining === 0) return;
    guarded(() => {
      const begin = clock.now();
      let allowed = Math.min(remaining, earned(begin));
      while (allowed >= 1) {
        trainer.advance(1);
        allowed -= 1;
        remaining -= 1;
        credit -= 1;
        meter.steps += 1;
        if (clock.now() - begin >= SLICE) break;
      }
      if (remaining === 0) {
        halt();
        report();
      } else if (clock.now() - lastReport >= REPORT_EVERY) {
        report();
      }
    });
    if (remaining === 0) return;
    ticking = true;
    clock.later(tick, wanted === null || credit >= 1 ? 0 : (1000 * (1 - credit)) / wanted);
  }

  /** Steps that the chosen speed allows by now. What was missed while the page slept is not made up for. */
  function earned(now) {
    if (wanted === null) return Infinity;
    const most = Math.max(1, wanted / 10);
    credit = Math.min(most, credit + ((now - lastCredit) / 1000) * wanted);
    lastCredit = now;
    return credit;
  }

  function report() {
    const playing = remaining === Infinity;
    const numbers = trainer.report();
    const { embeddings, unembeddings } = trainer.tables();
    const watching = watched === null ? { p: null, pHat: null } : trainer.predict(watched);
    lastReport = clock.now();
    post({
      type: "report",
      run,
      playing,
      ...numbers,
      unembeddings,
      ...(remaining === 0 ? { embeddings } : {}),
      ...watching,
      stepsPerSecond: speed(lastReport),
    });
  }

  /** Steps a second since about a second ago; 0 at rest. */
  function speed(now) {
    if (meter === null || now <= meter.since) return 0;
    const value = (1000 * meter.steps) / (now - meter.since);
    if (now - meter.since > 1000) meter = { since: now - 500, steps: value / 2 };
    return value;
  }

  /** Trouble becomes a message and stops the steps; the worker lives on. */
  function guarded(task) {
    try {
      return task();
    } catch (error) {
      complain(error);
    }
  }

  function complain(error) {
    halt();
    if (error instanceof Diverged) post({ type: "diverged", run, step: error.step, loss: error.loss });
    else post({ type: "failed", run, message: String(error?.message ?? error) });
  }

  let queue = Promise.resolve(); // a start takes a moment, and the messages behind it mean the new run
  return (message) => {
    queue = queue.then(async () => {
      try {
        const handler = Object.hasOwn(handlers, message?.type) ? handlers[message.type] : null;
        if (!handler) throw new RangeError(`type must be one of ${Object.keys(handlers).join(", ")}`);
        if (trainer === null && message.type !== "start") throw new RangeError("run must be started first");
        await handler(message);
      } catch (error) {
        complain(error);
      }
    });
    return queue;
  };
}

/** Runs a task in a turn of its own, after waiting messages, without the 4 ms that timers add. */
function createClock() {
  const { port1, port2 } = new MessageChannel();
  const tasks = [];
  port1.onmessage = () => tasks.shift()();
  return {
    now: () => performance.now(),
    later(task, ms) {
      if (ms >= 1) {
        setTimeout(task, ms);
      } else {
        tasks.push(task);
        port2.postMessage(null);
      }
    },
  };
}

if (typeof DedicatedWorkerGlobalScope !== "undefined" && globalThis instanceof DedicatedWorkerGlobalScope) {
  const handle = createService((reply) => postMessage(reply), createClock());
  globalThis.onmessage = ({ data }) => handle(data);
}
