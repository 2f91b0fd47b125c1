"""Walk all controls of a page: each must change something that a reader sees, besides itself.

What a reader sees is what the box that the control belongs to (a figure, the lab, a solution ...) shows without the
control itself: in a figure or the lab its drawings, text and values; in a box of text, whose look lies in the style
sheet, which parts are to be seen and where they stand. A control is dead when nothing there changes after it was
used: neither from rest, nor after any other control of the same box was used first (*Reset* has work only then), nor
by bringing to rest what another control set in motion (*Pause*).
"""

import itertools
import math
import re
from dataclasses import dataclass

from browsing import HEIGHT, WIDE
from playwright.sync_api import Locator, Page

BOXES = ".linrep-figure, .linrep-lab, .quiz, .admonition, details, .highlight"
FIGURES = ":is(.linrep-figure, .linrep-lab)"
NATIVE = "input:not([type=hidden]), select, button, summary, textarea, [role=slider], [role=button], [role=switch]"
PLOTLY = ".slider-container, .updatemenu-button, .updatemenu-header"
# plotly's own tools over the plot (zoom, camera ...); buttons beside code, see `silent_copy_buttons`; what opens and
# closes a box, see `page_checks.stuck_toggles`, which leaves it open, so that what it holds is walked
NOT_WALKED = ".modebar *, .copybtn, summary, .toggle-button"

REST = 0.7  # seconds without a change, where a plot may move; longer than a frame of any film here
REST_OF_LAB = 0.35  # the same in the lab, which draws at least ten times a second while it trains
TRAINING = 4  # pictures of the lab, each unlike the one before, after which it is taken to train
STILL = 0.0  # the same in a box of text
STILL_SO = 0.2  # the same in a box that was at rest when it was last looked at, where only the mouse has moved since
LOOKS = 3  # at a box within the time of rest: each is work of the page, some tens of milliseconds
EFFECT = 2.5  # seconds within which a control must have shown its effect
MOTION = 15.0  # seconds after which something that still moves is taken to move for ever
TALLEST = 2600  # pixels of a window in which the whole of a tall box is seen

# Numbers all controls in reading order, and their boxes, and returns the place of each in the document: what is drawn
# anew while the page is walked has lost its number, and stands where the old one stood.
_NUMBER = """([within, boxes, native, plotly, skipped]) => {
  const place = node => node.parentElement
    ? [...place(node.parentElement), [...node.parentElement.children].indexOf(node)] : [];
  const found = [...document.querySelectorAll(`${within} :is(${native}, ${plotly})`)]
    .filter(control => !control.matches(skipped) && control.checkVisibility());
  found.forEach((control, index) => {
    control.dataset.walk = index;
    (control.closest(boxes) ?? document.querySelector(within)).dataset.walkBox ??= index;
  });
  return found.map(place);
}"""

_NUMBER_AGAIN = """([index, place, kinds]) => {
  const found = place.reduce((node, child) => node?.children[child], document.documentElement);
  if (found?.matches(kinds) && !found.dataset.walk) found.dataset.walk = index;
}"""

_DESCRIBE = """(control, [boxes, within]) => [
  control.matches(".slider-container") ? "plotly slider"
    : control.matches(".updatemenu-header") ? "plotly menu"
    : control.matches(".updatemenu-button") ? "plotly button"
    : control.tagName === "INPUT" ? control.type : control.tagName.toLowerCase(),
  (control.getAttribute("aria-label") || control.labels?.[0]?.textContent || control.textContent
    || control.id || control.className.baseVal || control.className).trim().replace(/\\s+/g, " ").slice(0, 40),
  (control.closest(boxes) ?? document.querySelector(within)).dataset.walkBox,
]"""

PROMISE = "pause|stop|halt"  # in the name of a button that brings to rest

# Looked at and pressed in one turn of the page: a run may end by itself meanwhile, and *Pause* become *Play*.
_PRESS_IF_IT_PROMISES = """(button, promise) => {
  const promises = new RegExp(promise, "i").test(button.ariaLabel || button.textContent);
  if (promises) button.click();
  return promises;
}"""

_NAMES = """() => Object.fromEntries([...document.querySelectorAll("[data-walk]")].map(control =>
  [control.dataset.walk, control.ariaLabel || control.textContent]))"""

_LOOKS = """control => [control.getAttribute("aria-label"), control.getAttribute("aria-pressed"), control.title,
  control.textContent].join(" ")"""

# What the lab or a figure shows, without the control: its text, drawings, styles, values and canvases (those of WebGL
# too, see `Visit`). Ten times as fast as a picture of the window, which a film of WebGL can keep waiting to its end.
_SHOWS = """async (box, index) => {
  const copy = box.cloneNode(true);
  const own = [`[data-walk="${index}"]`, `label:has([data-walk="${index}"])`, "[hidden]", ".ll-spoken",
    ".slider-container", ".updatemenu-container", ".hoverlayer", ".modebar-container"];
  for (const part of copy.querySelectorAll(own.join(", "))) part.remove();
  const drawings = [...copy.querySelectorAll("svg")].map(drawing => drawing.outerHTML);
  const styles = [...copy.querySelectorAll("[style]")].map(part => part.getAttribute("style"));
  const pressed = [...copy.querySelectorAll("[aria-pressed], [aria-checked]")]
    .map(part => [part.textContent, part.ariaPressed, part.ariaChecked]);
  const values = [...box.querySelectorAll("input, select")].filter(input => input.dataset.walk !== String(index))
    .map(input => [input.value, input.checked]);
  const canvases = [...box.querySelectorAll("canvas")].map(canvas => canvas.toDataURL());
  const shown = JSON.stringify([copy.textContent, drawings, styles, pressed, values, canvases]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(shown));  // megabytes stay in the page
  return new Uint8Array(digest).join();
}"""

# What a box of text shows, without the control: a tenth of the time of a screenshot.
_STANDS = """(box, index) => {
  const own = `[data-walk="${index}"], label:has([data-walk="${index}"])`;
  const { x: left, y: top } = box.getBoundingClientRect();
  return [...box.querySelectorAll("*")].filter(part => !part.closest(own)).map(part => {
    if (!part.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return "hidden";
    const { x, y, width, height } = part.getBoundingClientRect();
    const words = [...part.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data);
    return [[x - left, y - top, width, height].map(Math.round), words].join(" ");
  }).join();
}"""

# Both wait in the page: a question from outside takes several times as long as a look.
_AT_REST = """async (box, [index, patience, rest, pause, changes]) => {
  const look = LOOK, end = performance.now() + patience;
  let last = await look(box, index), since = performance.now();
  while (performance.now() < end && changes > 0) {
    await new Promise(done => setTimeout(done, pause));
    const now = await look(box, index);
    if (now !== last) {
      [last, since] = [now, performance.now()];
      changes--;
    } else if (performance.now() - since >= rest) return now;
  }
  return null;
}"""

_BECOMES_ANOTHER = """async (box, [index, patience, before]) => {
  const look = LOOK, end = performance.now() + patience;
  while (performance.now() < end) {
    if (await look(box, index) !== before) return true;
    await new Promise(done => setTimeout(done, 50));
  }
  return false;
}"""

# The box as a whole where the window is tall enough, else the control in its middle.
_SHOW = """(control, boxes) => {
  const box = control.closest(boxes) ?? control;
  const fits = box.getBoundingClientRect().height < innerHeight - 80;
  (fits ? box : control).scrollIntoView({ block: "center", behavior: "instant" });
}"""


@dataclass(frozen=True)
class Control:
    """A control on the page: where it is, what it belongs to, how it is used."""

    name: str
    kind: str
    place: Locator
    box: Locator
    box_name: str
    index: int
    rest: float  # seconds without a change after which its box counts as resting
    tells_all: bool  # whether the page itself can say all that the box shows

    @property
    def is_button(self) -> bool:
        return "button" in self.kind

    def _watch(self, script: str, *arguments: object) -> object:
        """Look at what the box shows, without the control, again and again."""
        look = _SHOWS if self.tells_all else _STANDS
        return self.box.evaluate(script.replace("LOOK", look), [self.index, *arguments])

    def looks_like(self) -> str:
        """Return what the control calls itself at present: *Play* may have become *Pause*."""
        return self.place.evaluate(_LOOKS)

    def is_usable(self) -> bool:
        return self.place.is_visible() and self.place.is_enabled()

    def point_at(self) -> None:
        """Bring the mouse over the control: what merely follows the mouse is then no effect of its use."""
        self.place.evaluate(_SHOW, BOXES)
        self.place.hover(force=True)

    def at_rest(self, patience: float, changes: float = math.inf, rest: float | None = None) -> str | None:
        """Wait until nothing moves in the box; return what is seen then, or None when it never rests.

        So many changes one after the other are taken to go on for ever.
        """
        rest = self.rest if rest is None else rest
        pause = max(rest / LOOKS, 0.1)
        return self._watch(_AT_REST, 1000 * patience, 1000 * rest, 1000 * pause, changes)

    def keeps_moving(self) -> bool:
        return self.at_rest(self.rest + 1.5) is None

    def seems_to_train(self) -> bool:
        """Tell whether its use set something in motion; in the lab, where that is a run of minutes, at once."""
        return self.at_rest(self.rest + 1.5, TRAINING if self.rest == REST_OF_LAB else math.inf) is None

    def use(self) -> None:
        """Use the control once, as a reader with a mouse or a keyboard would."""
        place, mouse = self.place, self.place.page.mouse
        if self.kind == "plotly slider":
            rail = place.locator(".slider-rail-touch-rect").bounding_box()
            grip = place.locator(".slider-grip-rect").bounding_box()
            at_right = grip["x"] + grip["width"] / 2 > rail["x"] + rail["width"] / 2
            mouse.click(rail["x"] + rail["width"] * (0.1 if at_right else 0.9), rail["y"] + rail["height"] / 2)
        elif self.kind == "plotly menu":
            place.click()
            self.box.locator(".updatemenu-dropdown-button").last.click()
        elif self.kind in ("range", "number"):
            before = place.input_value()
            for key in ("ArrowUp", "ArrowDown", "End", "Home"):
                place.press(key)
                if place.input_value() != before:
                    break
        elif self.kind == "select":
            chosen, count = place.evaluate("list => [list.selectedIndex, list.options.length]")
            place.select_option(index=(chosen + 1) % count)
        elif self.kind in ("text", "search", "textarea"):
            place.press_sequentially("1")
            place.press("Tab")
        else:
            place.click(force=True)  # over a moving picture a button is never "stable"

    def works_from_rest(self, rest: float | None = None) -> bool:
        """Tell whether the control, used while nothing moves, changes the picture."""
        self.point_at()
        before = self.at_rest(MOTION, rest=rest)
        if before is None:
            return False
        self.use()
        return self._watch(_BECOMES_ANOTHER, 1000 * EFFECT, before)


class Walk:
    """All controls of a page, one after the other."""

    def __init__(self, page: Page, within: str = ".bd-article", *, one_a_box: bool = False) -> None:
        self.page, self.within = page, within
        self.alive: set[int] = set()
        boxes = f"[...document.querySelectorAll('{FIGURES}')].map(box => box.offsetHeight)"
        height = max(HEIGHT, min(page.evaluate(f"Math.max(0, ...{boxes})") + 200, TALLEST))
        page.set_viewport_size({"width": WIDE, "height": height})
        self._places = page.evaluate(_NUMBER, [within, BOXES, NATIVE, PLOTLY, NOT_WALKED])
        self.count = len(self._places)
        self.controls = [self._control(index) for index in range(self.count)]
        boxes = [control.box_name for control in self.controls]
        first = [boxes.index(box) == index for index, box in enumerate(boxes)]
        self.walked = [
            control for control, is_first in zip(self.controls, first, strict=True) if is_first or not one_a_box
        ]

    def _control(self, index: int) -> Control:
        place = self.page.locator(f"[data-walk='{index}']")
        kind, name, box = place.evaluate(_DESCRIBE, [BOXES, self.within])
        holder = self.page.locator(f"[data-walk-box='{box}']")
        rest = STILL
        if holder.locator("svg.main-svg, canvas").count():
            rest = REST_OF_LAB if holder.evaluate("box => box.matches('.linrep-lab')") else REST
        tells_all = holder.evaluate("(box, telling) => box.matches(telling)", f"{FIGURES}, .quiz")
        return Control(f"{kind} '{name}'", kind, place, holder, box, index, rest, tells_all)

    def _present(self, control: Control) -> bool:
        """Find the control again when its part of the page was written anew."""
        if not control.place.count():
            index = self.controls.index(control)
            self.page.evaluate(_NUMBER_AGAIN, [index, self._places[index], f"{NATIVE}, {PLOTLY}"])
        return control.place.count() == 1 and control.is_usable()

    def _others(self, control: Control) -> list[Control]:
        """Return the other controls of its box, the nearest first."""
        own = self.controls.index(control)
        others = [index for index, other in enumerate(self.controls) if other.box_name == control.box_name]
        return [self.controls[index] for index in sorted(others, key=lambda index: abs(index - own)) if index != own]

    def once(self) -> list[Control]:
        """Use every control in turn; return those that did nothing."""
        waiting, resting = [], ""  # the box that was seen at rest after its last control was used
        for control in self.walked:
            if self.controls.index(control) in self.alive:
                continue
            if not self._present(control):
                waiting.append(control)
                continue
            before = control.looks_like()
            works = control.works_from_rest(STILL_SO if control.rest != STILL and resting == control.box_name else None)
            resting = ""
            if not works:
                waiting.append(control)
            elif self._present(control):
                resting = control.box_name if self._settle(control, before) else ""
        return waiting

    def _settle(self, used: Control, before: str) -> bool:
        """Bring its box to rest after a control was used, which looked like this before; tell whether it rests."""
        if used.rest == STILL or self._stopped(used, proven=True):
            return True
        return not used.seems_to_train() or self._stop(
            used, toggles=used.is_button and self._present(used) and used.looks_like() != before
        )

    def _stopped(self, mover: Control, *, proven: bool = False) -> bool:
        """Bring a box to rest by a button that promises it, or only by one that has proved that it does."""
        for button in self._promising(mover):
            if proven and self.controls.index(button) not in self.alive:
                continue
            # on a busy machine a frame or two may still be on their way
            if button.place.evaluate(_PRESS_IF_IT_PROMISES, PROMISE) and button.at_rest(MOTION / 3) is not None:
                self.alive.add(self.controls.index(button))
                return True
        return False

    def _stop(self, mover: Control, toggles: bool) -> bool:
        """Bring to rest what a control set in motion, by itself or by another of its box; tell whether it rests."""
        if self._stopped(mover):
            return True
        # then the one that began it, unless it ends by itself, then those beside it
        if toggles:
            mover.use()
        if mover.at_rest(MOTION / 3) is not None:
            return True
        beside = (other for other in self._others(mover) if other.is_button and self._present(other))
        for button in itertools.islice(beside, 3):
            button.use()
            if not button.keeps_moving():
                self.alive.add(self.controls.index(button))
                return True
        return mover.at_rest(MOTION) is not None

    def _promising(self, mover: Control) -> list[Control]:
        """Return the buttons of its box that promise rest: all names are read at once, a question takes its time."""
        buttons = [other for other in self._others(mover) if other.is_button]
        names = self.page.evaluate(_NAMES)
        if any([self._present(button) for button in buttons if str(button.index) not in names]):  # noqa: C419 (all)
            names = self.page.evaluate(_NAMES)
        named = [button for button in buttons if re.search(PROMISE, names.get(str(button.index), ""), re.I)]
        return [button for button in named if self._present(button)]

    def dead(self) -> list[Control]:
        """Return the controls that do nothing, whatever was done before."""
        return [
            control
            for control in self.once()
            if self.controls.index(control) not in self.alive
            and not any(self._works_after(other, control) for other in self._others(control))
        ]

    def _works_after(self, other: Control, control: Control) -> bool:
        if not self._present(other):
            return False
        both = other.is_button and control.is_button and self._present(control)
        if both and re.search(PROMISE, control.looks_like(), re.I) and self._stops(other, control):
            return True  # the quick way; the other one would wait for the end of the film first
        before = other.looks_like()
        other.use()
        if control.rest == REST_OF_LAB:
            self._settle(other, before)
        if not self._present(control):
            return False
        before = control.looks_like()
        if control.works_from_rest():
            if control.rest == REST_OF_LAB and self._present(control):
                self._settle(control, before)
            return True
        return other.is_button and control.is_button and self._stops(other, control)

    def _stops(self, mover: Control, control: Control) -> bool:
        """Tell whether the control brings to rest what the mover alone keeps moving."""
        mover.use()
        control.point_at()
        if not control.keeps_moving():
            return False
        control.use()
        return not control.keeps_moving()


def dead_controls(page: Page, within: str = ".bd-article", *, one_a_box: bool = False) -> tuple[int, list[str]]:
    """Use every control, or one in each box; return how many there are and the names of those that change nothing."""
    walk = Walk(page, within, one_a_box=one_a_box)
    return walk.count, [control.name for control in walk.dead()]


def silent_copy_buttons(page: Page) -> list[str]:
    """Buttons beside code that copy nothing: all by one script, so they are pressed in one go."""
    if not page.locator("button.copybtn:visible").count():
        return []
    # a browser lets scripts copy only just after the reader did something
    page.locator("button.copybtn:visible").first.click(force=True)
    return page.evaluate(
        """() => [...document.querySelectorAll("button.copybtn")].filter(button => {
          button.click();
          return !button.classList.contains("success");
        }).map(button => button.dataset.clipboardTarget)"""
    )
