// Mounts the lab on a page without a kernel: <div class="linrep-lab" data-config='{"m": 5, ...}'> with its picture.

import { createLab } from "./lab.mjs";

/** The front-end half of an anywidget model, with nobody at the other end. */
export function plainModel(values) {
  const held = new Map(Object.entries(values));
  const listeners = new Map();
  return {
    get: (name) => held.get(name),
    set(name, value) {
      if (held.get(name) === value) return;
      held.set(name, value);
      for (const then of [...(listeners.get(`change:${name}`) ?? [])]) then();
    },
    on(name, then) { listeners.set(name, [...(listeners.get(name) ?? []), then]); },
    off(name, then) { listeners.set(name, (listeners.get(name) ?? []).filter((other) => other !== then)); },
    save_changes() {},
  };
}

/** Mount the lab of an element; a damaged configuration mounts the default one and says so. */
export function mount(element) {
  if (element.dataset.state) return;
  element.dataset.state = "alive";
  let values = {};
  try {
    values = JSON.parse(element.dataset.config || "{}");
  } catch {
    console.warn("linrep-lab: data-config is not JSON; the lab starts with its defaults");
  }
  element.lab = createLab(plainModel(values), element);
}

function start() {
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      mount(entry.target);
    }
  }, { rootMargin: "300px 0px" });
  for (const element of document.querySelectorAll(".linrep-lab[data-config]")) near.observe(element);
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
