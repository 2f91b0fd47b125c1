"""Walk all controls of a page: each must change something that a reader sees, besides itself.

What a reader sees is a screenshot of the box that the control belongs to (a figure, the lab, a solution ...),
with the control itself painted over. A control is dead when nothing there changes after it was used: neither
from rest, nor after any other control of the same box was used first (*Reset* has work only then), nor by
bringing to rest what another control set in motion (*Pause*).
"""

import hashlib
import time
from dataclasses import dataclass

from browsing import HEIGHT, WIDE
from playwright.sync_api import Locator, Page

BOXES = ".linrep-figure, .linrep-lab, .admonition, details, .highlight"
NATIVE = "input:not([type=hidden]), select, button, summary, textarea, [role=slider], [role=button], [role=switch]"
FIGURES = ":is(.linrep-figure, .linrep-lab)"
PLOTLY = ".slider-container, .updatemenu-button, .updatemenu-header"
# plotly's own tools over the plot (zoom, camera ...); buttons beside code, see `silent_copy_buttons`
NOT_WALKED = ".modebar *, .copybtn"

REST = 0.7  # seconds without a change, where a plot or the lab may move; longer than the frames of an animation
STILL = 0.0  # the same in a box of text
EFFECT = 2.5  # seconds within which a control must have shown its effect
MOTION = 15.0  # seconds after which something that still moves is taken to move for ever


@dataclass(frozen=True)
class Control:
    """A control on the page: where it is, what is painted over, how it is used."""

    name: str
    kind: str
    place: Locator
    box: Locator
    box_name: str
    covers: list[Locator]
    rest: float  # seconds without a change after which its box counts as resting

    def picture(self) -> str:
        """Return a digest of the box as seen, without the control and without what only points at it."""
        # not the box's own `screenshot`, which waits until nothing moves
        box = self.box.evaluate(
            """box => { const { x, y, width, height } = box.getBoundingClientRect();
              const left = Math.max(0, x), top = Math.max(0, y);
              return { x: left, y: top, width: Math.max(1, Math.min(innerWidth, x + width) - left),
                height: Math.max(1, Math.min(innerHeight, y + height) - top) }; }"""
        )
        shot = self.place.page.screenshot(clip=box, mask=self.covers, animations="disabled", caret="hide")
        return hashlib.sha256(shot).hexdigest()

    def looks_like(self) -> str:
        """Return what the control calls itself at present: *Play* may have become *Pause*."""
        return self.place.evaluate(
            """control => [control.getAttribute("aria-label"), control.getAttribute("aria-pressed"), control.title,
              control.textContent].join(" ")"""
        )

    def is_usable(self) -> bool:
        return self.place.is_visible() and self.place.is_enabled()


def controls(page: Page, within: str = ".bd-article") -> list[Control]:
    """Return all controls of the page in reading order."""
    page.add_style_tag(content="*:focus { outline: none !important; box-shadow: none !important }")
    # every control gets a number, since the page may be redrawn while it is walked
    count = page.evaluate(
        """([within, boxes, native, plotly, skipped]) => {
          const found = [...document.querySelectorAll(`${within} :is(${native}, ${plotly})`)]
            .filter(control => !control.matches(skipped) && control.checkVisibility());
          found.forEach((control, index) => {
            control.dataset.walk = index;
            (control.closest(boxes) ?? document.querySelector(within)).dataset.walkBox ??= index;
          });
          return found.length;
        }""",
        [within, BOXES, NATIVE, PLOTLY, NOT_WALKED],
    )
    return [_control(page, index, within) for index in range(count)]


def _control(page: Page, index: int, within: str) -> Control:
    place = page.locator(f"[data-walk='{index}']")
    kind, name, box = place.evaluate(
        """(control, [boxes, within]) => [
          control.matches(".slider-container") ? "plotly slider"
            : control.matches(".updatemenu-header") ? "plotly menu"
            : control.matches(".updatemenu-button") ? "plotly button"
            : control.tagName === "INPUT" ? control.type : control.tagName.toLowerCase(),
          (control.getAttribute("aria-label") || control.labels?.[0]?.textContent || control.textContent
            || control.id || control.className.baseVal || control.className).trim().slice(0, 40),
          (control.closest(boxes) ?? document.querySelector(within)).dataset.walkBox,
        ]""",
        [BOXES, within],
    )
    holder = page.locator(f"[data-walk-box='{box}']")
    covers = [place, page.locator(f"label:has([data-walk='{index}'])")]
    if kind.startswith("plotly"):
        covers += [holder.locator(".slider-container"), holder.locator(".updatemenu-container")]
    rest = REST if holder.locator("svg.main-svg, canvas").count() else STILL
    return Control(f"{kind} '{name}'", kind, place, holder, box, covers, rest)


def use(page: Page, control: Control) -> None:
    """Use a control once, as a reader with a mouse or a keyboard would."""
    place = control.place
    if control.kind == "plotly slider":
        rail = place.locator(".slider-rail-touch-rect").bounding_box()
        grip = place.locator(".slider-grip-rect").bounding_box()
        at_right = grip["x"] + grip["width"] / 2 > rail["x"] + rail["width"] / 2
        page.mouse.click(rail["x"] + rail["width"] * (0.1 if at_right else 0.9), rail["y"] + rail["height"] / 2)
    elif control.kind == "plotly menu":
        place.click()
        control.box.locator(".updatemenu-dropdown-button").last.click()
    elif control.kind in ("range", "number"):
        before = place.input_value()
        for key in ("ArrowUp", "ArrowDown", "End", "Home"):
            place.press(key)
            if place.input_value() != before:
                break
    elif control.kind == "select":
        chosen, count = place.evaluate("list => [list.selectedIndex, list.options.length]")
        place.select_option(index=(chosen + 1) % count)
    elif control.kind in ("text", "search", "textarea"):
        place.press_sequentially("1")
        place.press("Tab")
    else:
        place.click()


def _at_rest(control: Control, patience: float) -> str | None:
    """Wait until nothing moves around the control; return what is seen then, or None when it never rests."""
    deadline = time.monotonic() + patience
    last, since = control.picture(), time.monotonic()
    while time.monotonic() < deadline:
        time.sleep(0.1)
        now = control.picture()
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since >= control.rest:
            return now
    return None


def _point_at(control: Control) -> None:
    """Bring the mouse over the control first: what merely follows the mouse is no effect of the control."""
    control.place.evaluate(
        """(control, box) => {
      control.scrollIntoView({ block: "center", behavior: "instant" });
      const { top, bottom } = control.closest(box)?.getBoundingClientRect() ?? { top: 0, bottom: 0 };
      if (top < 0 && bottom - top < innerHeight) scrollBy({ top: top - 40, behavior: "instant" });
    }""",
        BOXES,
    )
    control.place.hover(force=True)


def _works_from_rest(page: Page, control: Control) -> bool:
    """Tell whether the control, used while nothing moves, changes the picture."""
    _point_at(control)
    before = _at_rest(control, MOTION)
    if before is None:
        return False
    use(page, control)
    deadline = time.monotonic() + EFFECT
    while time.monotonic() < deadline:
        if control.picture() != before:
            return True
        time.sleep(0.05)
    return False


def _keeps_moving(control: Control) -> bool:
    return _at_rest(control, control.rest + 1.0) is None


def _stops(page: Page, mover: Control, control: Control) -> bool:
    """Tell whether the control brings to rest what the mover alone keeps moving."""
    use(page, mover)
    _point_at(control)
    if not _keeps_moving(control):
        return False
    use(page, control)
    return not _keeps_moving(control)


def _works_after(page: Page, other: Control, control: Control) -> bool:
    """Tell whether the control does something once the other was used."""
    if not other.is_usable():
        return False
    use(page, other)
    if control.is_usable() and _works_from_rest(page, control):
        return True
    return "button" in other.kind and "button" in control.kind and control.is_usable() and _stops(page, other, control)


def _walk_once(page: Page, walked: list[Control]) -> list[Control]:
    """Use every control in turn; return those that did nothing."""
    waiting: list[Control] = []
    alive: set[str] = set()  # what stopped a motion before its turn came
    for control in walked:
        if control.name + control.box_name in alive:
            continue
        before = control.looks_like()
        if not control.is_usable() or not _works_from_rest(page, control):
            waiting.append(control)
        elif control.kind == "summary" or control.place.evaluate("place => place.matches('.toggle-button')"):
            use(page, control)  # what it closed holds other controls
        elif "button" in control.kind and control.rest == REST and _keeps_moving(control):
            others = [other for other in walked if other is not control and other.box_name == control.box_name]
            stopper = _stop(page, control, others, toggles=control.looks_like() != before)
            if stopper:
                alive.add(stopper.name + stopper.box_name)
    return waiting


def _stop(page: Page, mover: Control, others: list[Control], toggles: bool) -> Control | None:
    """Bring to rest what a button set in motion: by itself, or by another button, which is returned."""
    if toggles:
        use(page, mover)
        if not _keeps_moving(mover):
            return None
    for other in others:
        if "button" in other.kind and other.is_usable():
            use(page, other)
            if not _keeps_moving(other):
                return other
    _at_rest(mover, MOTION)
    return None


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


def dead_controls(page: Page, within: str = ".bd-article") -> tuple[int, list[str]]:
    """Use every control; return how many there are and the names of those that change nothing."""
    room = page.evaluate(f"Math.max(0, ...[...document.querySelectorAll('{BOXES}')].map(box => box.offsetHeight))")
    page.set_viewport_size({"width": WIDE, "height": max(HEIGHT, min(room + 200, 2600))})
    walked = controls(page, within)
    dead = []
    for control in _walk_once(page, walked):
        others = [other for other in walked if other is not control and other.box_name == control.box_name]
        if not any(_works_after(page, other, control) for other in others):
            dead.append(control.name)
    return len(walked), dead
