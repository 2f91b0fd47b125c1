"""What must hold on a page, each check a function from the open page to a list of complaints (empty: all well)."""

import base64
from contextlib import suppress
from pathlib import Path

from browsing import ROOT
from playwright.sync_api import ElementHandle, Page, TimeoutError

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# axe's rules about what a page looks like; all others are about what it is made of, in any width and theme
LOOK_RULES = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"]
DRAWING_TIME = 60_000  # milliseconds that a figure may take on a busy machine, plotly's loading included
OPENING_TIME = 30_000  # milliseconds until a hidden box shows its content; plotly may be starting meanwhile

BOXES = ".bd-article .admonition.toggle, .bd-article details"  # that open and close

BUTTON = ":scope > summary, button.toggle-button"  # of such a box

_FORMULAS = r"""() => {
  const complaints = [];
  for (const formula of document.querySelectorAll(".math"))
    if (!formula.querySelector(".katex")) complaints.push("not typeset: " + formula.textContent.trim().slice(0, 80));
  for (const error of document.querySelectorAll(".katex-error"))
    complaints.push("KaTeX error: " + error.textContent.slice(0, 80));
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.data;
    if (texts.currentNode.parentElement.closest("script, style, noscript, template, code, pre, .katex")) continue;
    if (/\$|\\[()[\]]|\\[a-zA-Z]{2,}/.test(text)) complaints.push("raw formula: " + text.trim().slice(0, 80));
  }
  return complaints;
}"""

_PICTURES = """async () => {
  const complaints = [];
  for (const figure of document.querySelectorAll(".linrep-figure")) {
    const name = figure.dataset.name, picture = figure.querySelector("img");
    if (!picture) { complaints.push(name + ": no picture"); continue; }
    if (picture.alt.trim().length < 20) complaints.push(name + ": no description but '" + picture.alt + "'");
    const copy = new Image();               // the picture itself may wait for the reader to come near
    copy.src = picture.src;
    try { await copy.decode(); } catch { complaints.push(name + ": the picture cannot be shown"); continue; }
    const shape = copy.naturalWidth / copy.naturalHeight, room = picture.width / picture.height;
    if (!(copy.naturalWidth > 300)) complaints.push(name + ": the picture is " + copy.naturalWidth + " pixels wide");
    if (picture.getAttribute("width") / picture.getAttribute("height") / shape - 1 > 0.02)
      complaints.push(name + ": the picture's room has another shape");
  }
  return complaints;
}"""

_DRAWN = """figure => {
  if (figure.dataset.state !== "drawn") return "is " + (figure.dataset.state ?? "untouched");
  const plot = figure.querySelector(".js-plotly-plot");
  if (!plot?.querySelector(".main-svg")) return "has no plot";
  const visible = mark => { const box = mark.getBoundingClientRect(); return box.width > 1 || box.height > 1; };
  if (plot.querySelector(".gl-container canvas")) return "look";
  const marks = plot.querySelectorAll(".overplot :is(path, image, text), .pielayer path");
  return [...marks].some(visible) ? "" : "is drawn without a mark";
}"""

# Pixels of a WebGL canvas can be read only as a picture of the screen. Axes and their labels are grey, data are not.
_COLOURED_PIXELS = """async png => {
  const bitmap = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height), pen = canvas.getContext("2d");
  pen.drawImage(bitmap, 0, 0);
  const { data } = pen.getImageData(0, 0, bitmap.width, bitmap.height);
  let coloured = 0;
  for (let i = 0; i < data.length; i += 4) {
    const three = data.subarray(i, i + 3);
    if (Math.max(...three) - Math.min(...three) > 50) coloured++;
  }
  return coloured;
}"""

_WIDE = """() => {
  const room = document.documentElement.clientWidth, complaints = [];
  if (document.documentElement.scrollWidth > room)
    complaints.push(`the page is ${document.documentElement.scrollWidth} pixels wide in a window of ${room}`);
  const held = element => {                 // inside something that scrolls or cuts by itself
    for (let box = element.parentElement; box && box !== document.body; box = box.parentElement)
      if (getComputedStyle(box).overflowX !== "visible") return true;
    return false;
  };
  for (const element of document.querySelectorAll(".bd-header-article *, .bd-article *, .bd-footer *")) {
    const box = element.getBoundingClientRect();
    if (box.width && box.right > room + 1 && !held(element)) {
      const name = element.tagName.toLowerCase() + (element.className.baseVal ?? "." + element.className);
      complaints.push(`${name} ends at ${Math.round(box.right)}: ${element.textContent.trim().slice(0, 60)}`);
    }
  }
  return complaints.slice(0, 10);
}"""

# The theme makes wide tables reachable by keyboard a moment after the window changed its size.
_REACHABLE = """() => [...document.querySelectorAll(".pst-scrollable-table-container, pre")].every(box =>
  box.scrollWidth <= box.clientWidth || box.tabIndex === 0)"""

# A formula is dozens of spans, hidden from screen readers and all of one colour, beside a tree for those readers; a
# block of code is hundreds of spans in a few colours on one ground. While axe looks at the page, a word of its colour
# stands for a formula, and in each block one token of every kind for all of its kind (the others are bare text): half
# the time. It is the one furthest left, which no edge cuts off, of more than one character, since axe passes over the
# colours of single ones. A token that has anything besides its class, or inside, stays. axe leaves
# thousands of ranges behind, at each of which every later change of the page looks: they are collected first.
_AXE = """async only => {
  const formulas = [...document.querySelectorAll(".katex-html, .katex-mathml math")]
    .map(formula => [formula, [...formula.childNodes]]);
  for (const [formula] of formulas) formula.replaceChildren("formula");
  const repeated = [];
  for (const block of document.querySelectorAll(".highlight pre")) {
    const kinds = Map.groupBy([...block.children].filter(token => token.matches("span[class]") &&
      token.attributes.length === 1 && !token.firstElementChild), token => token.className);
    for (const tokens of kinds.values()) {
      const long = tokens.filter(token => token.textContent.trim().length > 1);
      const right = token => token.getBoundingClientRect().right;
      const kept = (long.length ? long : tokens).reduce((one, other) => right(other) < right(one) ? other : one);
      repeated.push(...tokens.filter(token => token !== kept).map(token => [token, new Text(token.textContent)]));
    }
  }
  for (const [token, text] of repeated) token.replaceWith(text);
  try {
    const { violations } = await axe.run({ preload: false, resultTypes: ["violations"],
      ...(only ? { runOnly: { type: "rule", values: only } } : {}) });
    return violations.map(rule =>
      `${rule.id}: ${rule.help}: ` + rule.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(" | "));
  } finally {
    globalThis.gc?.();
    for (const [token, text] of repeated) text.replaceWith(token);
    for (const [formula, parts] of formulas) formula.replaceChildren(...parts);
  }
}"""

_INSIDE = """box => {
  const inside = box.tagName === "DETAILS" ? ":scope > :not(summary)" : ":scope > :not(.admonition-title)";
  return [...box.querySelectorAll(inside)].some(part => part.checkVisibility({ visibilityProperty: true,
    opacityProperty: true }) && part.getBoundingClientRect().height > 0);
}"""


# One box after the other: one inside another is tried after that, which is then open.
_STUCK = """async ([boxes, button, patience]) => {
  const inside = INSIDE, complaints = [], frame = () => new Promise(requestAnimationFrame);
  const becomes = async (box, shown) => {     // it may fade in
    const end = performance.now() + patience;
    while (inside(box) !== shown && performance.now() < end) await frame();
    return inside(box) === shown;
  };
  for (const box of document.querySelectorAll(boxes)) {
    const name = box.id || box.className, opens = box.querySelector(button);
    if (!opens) { complaints.push(name + ": has no button"); continue; }
    opens.scrollIntoView({ block: "center", behavior: "instant" });
    const { x, y, width, height } = opens.getBoundingClientRect();
    const hit = document.elementFromPoint(x + width / 2, y + height / 2);
    if (!opens.contains(hit)) complaints.push(`${name}: its button is covered by ${hit?.outerHTML.slice(0, 80)}`);
    let shown = inside(box);
    for (let turns = shown ? 2 : 3; turns; turns--) {
      shown = !shown;
      opens.click();
      if (await becomes(box, shown)) continue;
      complaints.push(`${name}: does not ${shown ? "open" : "close"}`);
      break;
    }
  }
  return complaints;
}"""


def untypeset_formulas(page: Page) -> list[str]:
    """Formulas that KaTeX did not set, and dollars, brackets and commands of TeX left in the text."""
    return page.evaluate(_FORMULAS)


def missing_pictures(page: Page) -> list[str]:
    """Figures without a picture and a description for readers to whom no script speaks."""
    return page.evaluate(_PICTURES)


def undrawn_figures(page: Page) -> list[str]:
    """Scroll to every figure, as a reader would, and name those which then show no data.

    Boxes that hide a figure must be open: `stuck_toggles` leaves them so.
    """
    complaints = []
    for figure in page.query_selector_all(".linrep-figure[data-src]"):
        figure.scroll_into_view_if_needed()
        page.mouse.wheel(0, 1)
        name = figure.get_attribute("data-name")
        with suppress(TimeoutError):
            settled = "figure => ['drawn', 'failed'].includes(figure.dataset.state)"
            page.wait_for_function(settled, arg=figure, timeout=DRAWING_TIME)
        fault = figure.evaluate(_DRAWN)
        if fault == "look":
            fault = "" if _shows_colour(page, figure.query_selector(".gl-container canvas")) else "shows no data"
        if fault:
            complaints.append(f"{name} {fault}")
    return complaints


def _shows_colour(page: Page, canvas: ElementHandle) -> bool:
    """Whether WebGL has drawn data, now or a few frames later; the picture behind must not stand in for it."""
    for _ in range(5):
        shot = canvas.screenshot(animations="disabled", style=".linrep-stage img { visibility: hidden !important }")
        if page.evaluate(_COLOURED_PIXELS, base64.b64encode(shot).decode()) > 50:
            return True
        page.wait_for_timeout(100)
    return False


def too_wide(page: Page) -> list[str]:
    """What makes a reader scroll sideways at the present width."""
    return page.evaluate(_WIDE)


def accessibility_violations(page: Page, only: list[str] | None = None, axe: Path = AXE) -> list[str]:
    """What axe-core objects to, best practice included, or by some of its rules only."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.read_text("utf8") + ";0")
    with suppress(TimeoutError):  # then axe says so
        page.wait_for_function(_REACHABLE, timeout=5000)
    return page.evaluate(_AXE, only)


def shut_boxes(page: Page) -> list[str]:
    """Open at once whatever `stuck_toggles` opens one after the other; name the boxes that stay shut."""
    page.evaluate(
        """() => {
          for (const box of document.querySelectorAll(".bd-article details")) box.open = true;
          for (const box of document.querySelectorAll(".bd-article .admonition.toggle-hidden"))
            box.querySelector("button.toggle-button").click();
        }"""
    )
    boxes = page.query_selector_all(BOXES)
    with suppress(TimeoutError):  # they may fade in
        page.wait_for_function(f"boxes => boxes.every({_INSIDE})", arg=boxes, timeout=OPENING_TIME)
    return [box.get_attribute("id") or box.get_attribute("class") for box in boxes if not box.evaluate(_INSIDE)]


def stuck_toggles(page: Page) -> list[str]:
    """Solutions, proofs and hidden cells that do not open and close, or whose button is covered; all are left open."""
    complaints = page.evaluate(_STUCK.replace("INSIDE", _INSIDE), [BOXES, BUTTON, OPENING_TIME])
    if complaints:
        return complaints
    for kind in BOXES.split(", "):  # one of each as a reader does: they share their scripts
        box = page.query_selector(kind)
        if box is None:
            continue
        button = box.query_selector(BUTTON)
        button.click()
        with suppress(TimeoutError):
            page.wait_for_function(f"box => !({_INSIDE})(box)", arg=box, timeout=OPENING_TIME)
            button.dispatch_event("click")
            continue
        complaints.append(f"{kind}: does not close by a click of the mouse")
    return complaints
