// The thread that trains: a Web Worker, or the page's own thread in short slices where no worker can be made.

import workerSource from "worker-source";     // engine/worker.mjs with all it imports, as text; see build.mjs
import { createService } from "./engine/worker.mjs";

const SILENCE = 6000;              // ms without an answer to a question before a worker counts as dead ...
const GRACE = 1500;                // ... and ms more: after a laptop's sleep the timer may come before the answer
const SILENT = new Set(["play", "rate"]);   // messages that are not answered at once

/**
 * @param {{onReply: (reply: object) => void, onDeath: () => void}} listeners `onDeath`: the worker died and a new,
 *   empty one has taken its place
 * @returns {{send: (message: object) => void, close: () => void, place: () => string}}
 */
export function connect({ onReply, onDeath }) {
  let worker = null;
  let answered = false;            // whether this worker has ever spoken
  let waiting = 0;                 // timer: for an answer
  let closed = false;
  let unheard = [];                // what to tell the page's own thread should the worker not start at all
  let service = null;

  function heard(reply) {
    clearTimeout(waiting);
    waiting = 0;
    answered = true;
    unheard = [];
    if (reply.type === "report" && reply.playing) wait();
    onReply(reply);
  }

  function wait() {
    clearTimeout(waiting);
    waiting = setTimeout(() => { waiting = setTimeout(died, GRACE); }, SILENCE);
  }

  function begin() {
    answered = false;
    const address = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    try {
      worker = new Worker(address);
      worker.onmessage = ({ data }) => heard(data);
      worker.onerror = (event) => { event.preventDefault(); died(); };
    } catch {
      worker = null;
      serveHere();
    } finally {
      URL.revokeObjectURL(address);
    }
  }

  function died() {
    if (closed) return;
    clearTimeout(waiting);
    worker?.terminate();
    if (!answered) {               // it never started: a page that forbids workers
      serveHere();
      return;
    }
    begin();
    onDeath();
  }

  function serveHere() {
    worker = null;
    service = createService((reply) => { if (!closed) onReply(reply); }, {
      now: () => performance.now(),
      later: (task, ms) => setTimeout(task, Math.max(4, ms)),     // 4 ms: the page draws and listens in between
    });
    for (const message of unheard) service(message);
    unheard = [];
  }

  begin();
  return {
    send(message) {
      if (closed) return;
      if (service) { service(message); return; }
      if (!answered) unheard.push(message);
      worker.postMessage(message);
      if (!SILENT.has(message.type)) wait();
    },
    close() {
      closed = true;
      clearTimeout(waiting);
      worker?.terminate();
      if (service) service({ type: "pause" });
    },
    place: () => (service ? "page" : "worker"),
  };
}
