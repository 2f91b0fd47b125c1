// The colours of the page, for what is drawn on a canvas; everything else reads the same variables in CSS.

/** @param {Element} element of the lab, whose style variables count */
export function readTheme(element) {
  const style = getComputedStyle(element);
  const value = (name) => style.getPropertyValue(name).trim();
  const numbers = (name) => value(name).split(/\s+/).map(Number);
  return {
    ink: value("--ll-ink"), muted: value("--ll-muted"), rule: value("--ll-rule"), faint: value("--ll-faint"),
    ground: value("--ll-ground"), font: style.fontFamily, scale: Number(value("--ll-scale")) || 1,
    concepts: Array.from({ length: 8 }, (_, i) => value(`--ll-c${i}`)),
    same: numbers("--ll-same"), opposite: numbers("--ll-opposite"), middle: numbers("--ll-middle"),
  };
}

/** Call `then` whenever the page changes between light and dark. Returns what ends it. */
export function onThemeChange(then) {
  const watch = new MutationObserver(then);
  watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light"] });
  if (document.body) watch.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", then);
  return () => { watch.disconnect(); media.removeEventListener("change", then); };
}
