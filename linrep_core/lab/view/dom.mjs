// Two makers of elements. Text always goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element: `h("button", { type: "button", class: "x", onclick: f }, "text", child)`.
 *
 * @param {string} tag
 * @param {object} [attributes] `on...` are listeners, `true` an attribute without value, `false` or null none
 * @param {...(Node|string|null)} children
 */
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

/** The same for SVG. */
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

function fill(element, attributes, children) {
  set(element, attributes ?? {});
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Set attributes; writes only what differs, so that a panel may call it for every report. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === false || value === null || value === undefined) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value === true ? "" : value)) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  return element;
}

/** Replace an element's text if it differs. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
  return element;
}

/** Make a list of children as long as `n`, adding with `make(index)` and removing from the end. */
export function resize(parent, n, make) {
  while (parent.childElementCount > n) parent.lastElementChild.remove();
  while (parent.childElementCount < n) parent.append(make(parent.childElementCount));
  return parent.children;
}

/** What a panel remembers between two drawings, made on the first. */
const memories = new WeakMap();
export function remember(element, make) {
  if (!memories.has(element)) memories.set(element, make());
  return memories.get(element);
}

let count = 0;
/** An id that no other element of the page has. */
export const freshId = (stem) => `ll-${stem}-${++count}`;
