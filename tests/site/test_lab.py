"""The lab as readers use it: by mouse, key and touch, with links and files good and bad, in light and dark.

Its page is written here, so that these tests need the lab's script and no built site.
"""

import itertools
import json
import re
import shutil
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import NARROW, ROOT, Visit
from page_checks import AXE
from playwright.sync_api import Page, expect

from linrep_core import linearity
from linrep_core.lab import read_run

pytestmark = pytest.mark.browser

BUILT = ROOT / "linrep_core" / "lab" / "_built"
PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf8"><title>A lab</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="linrep.css">
<style>body {{ margin: 0; padding: 16px; background: var(--pst-color-background); color: var(--pst-color-text-base);
font-family: system-ui, sans-serif }}</style></head><body><main><h1>A lab</h1>
<div class="linrep-lab" data-config="{config}"></div></main><script src="lab.js"></script></body></html>"""
PATIENCE = 90_000  # milliseconds, on a busy machine

Open = Callable[..., Visit]


@pytest.fixture
def open_lab(visit: Callable[..., Visit], tmp_path: Path) -> Open:
    """Open a page with a lab: its settings, the address's fragment, options of the browser."""
    script = BUILT / "lab.js"
    if not script.is_file():
        pytest.fail(f"The lab is not built: {script} is missing. Run `make site`.", pytrace=False)
    shutil.copy(script, tmp_path)
    shutil.copy(ROOT / "book" / "_static" / "linrep.css", tmp_path)

    def open_address(
        config: dict[str, Any] | None = None,
        fragment: str = "",
        *,
        theme: str = "light",
        before: str = "",
        **context: Any,
    ) -> Visit:
        text = json.dumps(config or {}).replace('"', "&quot;")
        html = PAGE.format(theme=theme, config=text)
        if before:
            html = html.replace("<main>", f"<script>{before}</script><main>")
        (tmp_path / "page.html").write_text(html, "utf8")
        opened = visit((tmp_path / "page.html").as_uri() + fragment, tmp_path.as_uri(), **context)
        opened.page.wait_for_selector("[data-step], [data-size=small] canvas[aria-label]", timeout=PATIENCE)
        return opened

    return open_address


def number(page: Page, name: str) -> float:
    """What the lab's last report says; the first one comes a little after the page."""
    page.wait_for_selector(f".ll-page[data-{name}]", timeout=PATIENCE)
    return float(page.locator(".ll-page").get_attribute(f"data-{name}"))


def until_step(page: Page, step: int) -> None:
    page.wait_for_function(
        "step => Number(document.querySelector('.ll-page').dataset.step) >= step", arg=step, timeout=PATIENCE
    )


def settings(page: Page) -> dict[str, Any]:
    return page.evaluate("document.querySelector('.linrep-lab').lab.config()")


def control(page: Page, name: str) -> Any:
    return page.locator(f"[data-field={name}]")


def action(page: Page, name: str) -> Any:
    return page.locator(f"[data-action={name}]")


def pause(page: Page) -> None:
    # in one turn of the page: between a look and a click of ours the run may come to its rest, and a click plays again
    page.evaluate("document.querySelector('[data-action=play][aria-label=pause]')?.click()")
    page.wait_for_function("document.querySelector('.linrep-lab').lab.report().embeddings", timeout=PATIENCE)


def downloaded(page: Page, kind: str) -> Path:
    """Open the menu and take what one of its items saves."""
    action(page, "menu").click()
    with page.expect_download() as download:
        action(page, kind).click()
    return Path(download.value.path())


def said(page: Page) -> str:
    message = page.locator(".ll-message")
    return message.inner_text() if message.is_visible() else ""


# ---- it trains --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["m", "d"])
def test_a_slider_moved_by_keyboard_trains_at_once(open_lab: Open, name: str) -> None:
    opened = open_lab({"m": 4, "d": 4})
    page = opened.page
    start = number(page, "excess")
    assert number(page, "step") == 0
    control(page, name).focus()
    page.keyboard.press("ArrowLeft")
    until_step(page, 200)
    assert settings(page)[name] == 3
    assert number(page, "excess") < start / 2
    # the caption follows a little later, for those who read it aloud
    expect(page.locator(".ll-caption")).to_contain_text("3 concepts" if name == "m" else "3 dimensions")
    assert not opened.complaints


def test_keys_play_step_and_reset(open_lab: Open) -> None:
    opened = open_lab({"m": 3, "d": 3})
    page = opened.page
    page.locator(".ll-canvas").focus()
    page.keyboard.press("s")
    page.keyboard.press("s")
    until_step(page, 2)
    assert number(page, "step") == 2
    page.keyboard.press("r")
    page.wait_for_function("document.querySelector('.ll-page').dataset.step === '0'")
    page.keyboard.press(" ")
    until_step(page, 30)
    page.keyboard.press(" ")
    pause(page)
    step = number(page, "step")
    page.wait_for_timeout(500)
    assert number(page, "step") == step


PRESETS = {
    "works": {"excess": (0, 0.005), "agreement": (0.97, 1), "between": (0, 0.08)},
    "narrow": {"excess": (0.5, 2), "agreement": (0.3, 0.8)},
    "wide": {"excess": (0, 0.001), "agreement": (0, 0.6)},
    "stuck": {"excess": (0.08, 0.12), "agreement": (0, 0.5)},
    "dependent": {"excess": (0, 0.06), "agreement": (0, 0.75), "between": (0.1, 1)},
    "silent": {"excess": (-1e-9, 1e-9)},
}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_shows_what_it_says(open_lab: Open, preset: str) -> None:
    opened = open_lab()
    page = opened.page
    button = page.locator(f"[data-preset={preset}]")
    button.click()
    until_step(page, 3000 if preset == "stuck" else 1000)
    pause(page)
    report = page.evaluate("document.querySelector('.linrep-lab').lab.report()")
    values = {"excess": report["excessLoss"], "agreement": report["cosines"]["unembedding"]}
    values["between"] = report["cosines"]["between"]
    for name, (low, high) in PRESETS[preset].items():
        assert low <= values[name] <= high, (name, values[name])
    expect(button).to_have_attribute("aria-pressed", "true")
    assert len(page.locator(".ll-sees").inner_text()) > 80
    if preset == "stuck":
        action(page, "next-seed").click()
        until_step(page, 1000)
        assert number(page, "excess") < 0.01
    if preset == "silent":  # at rest in the other sense too: the vectors no longer move, until the run takes its rest
        before = page.evaluate("[...document.querySelector('.linrep-lab').lab.report().unembeddings]")
        action(page, "play").click()
        until_step(page, 5000)
        after = page.evaluate("[...document.querySelector('.linrep-lab').lab.report().unembeddings]")
        assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 1e-8
    assert not opened.complaints


# A frame's time is when it began: on a busy machine before the moment at which the page asked for it.
LATE_FRAMES = """const frame = window.requestAnimationFrame;
  window.requestAnimationFrame = (draw) => frame((began) => draw(began - 400));"""


def test_frames_that_began_before_they_were_asked_for_are_drawn(open_lab: Open) -> None:
    opened = open_lab({"m": 3, "d": 3, "optimizer": "sgd", "learning_rate": 1000}, before=LATE_FRAMES)
    action(opened.page, "play").click()
    expect(opened.page.locator(".ll-warning")).to_be_visible(timeout=PATIENCE)
    opened.page.wait_for_timeout(300)
    assert not opened.complaints


def test_the_picture_turns_however_late_its_first_frame(open_lab: Open) -> None:
    page = open_lab({"m": 3, "d": 3}, before=LATE_FRAMES).page
    picture = "document.querySelector('.ll-canvas').toDataURL()"
    page.wait_for_timeout(1500)
    before = page.evaluate(picture)
    page.locator(".ll-look").select_option("principal")
    page.wait_for_function(f"before => {picture} !== before", arg=before, timeout=PATIENCE / 9)


def test_a_rate_that_is_too_high_stops_the_run_and_offers_a_lower_one(open_lab: Open) -> None:
    opened = open_lab({"m": 3, "d": 3, "optimizer": "sgd", "learning_rate": 1000})
    page = opened.page
    action(page, "play").click()
    warning = page.locator(".ll-warning")
    expect(warning).to_be_visible(timeout=PATIENCE)
    expect(warning).to_contain_text("diverged at step")
    expect(action(page, "play")).to_have_attribute("aria-label", "play")
    warning.locator("button").click()
    assert settings(page)["learning_rate"] < 1000
    assert not opened.complaints


DEATH = """const Real = Worker; window.workers = [];
window.Worker = class extends Real { constructor(...given) { super(...given); workers.push(this); } };"""


@pytest.mark.parametrize(
    "death", ["workers.at(-1).terminate()", "workers.at(-1).dispatchEvent(new ErrorEvent('error', {cancelable: true}))"]
)
def test_a_worker_that_dies_is_replaced_with_a_message(open_lab: Open, death: str) -> None:
    page = open_lab({"m": 3, "d": 3, "speed": "slow"}, before=DEATH).page
    action(page, "play").click()
    until_step(page, 5)
    page.evaluate(death)
    page.wait_for_function("workers.length === 2", timeout=PATIENCE)
    assert "started anew" in said(page)
    page.wait_for_function("Number(document.querySelector('.ll-page').dataset.step) < 5")
    until_step(page, 10)


def test_without_workers_it_trains_on_the_page_itself(open_lab: Open) -> None:
    opened = open_lab({"m": 4, "d": 4}, before="delete window.Worker")
    action(opened.page, "play").click()
    until_step(opened.page, 100)
    assert number(opened.page, "excess") < 1
    assert not opened.complaints


# ---- every control ----------------------------------------------------------------------------------------------


def test_every_setting_can_be_set_and_is_trained_with(open_lab: Open) -> None:
    opened = open_lab({"m": 4, "d": 4})
    page = opened.page
    page.get_by_role("button", name="more", exact=True).click()
    wanted: dict[str, Any] = {}
    for name in ("edge_probability", "mask_probability", "told_wrongly", "learning_rate", "start_scale"):
        before = settings(page)[name]
        control(page, name).focus()
        page.keyboard.press("ArrowRight")
        wanted[name] = settings(page)[name]
        assert wanted[name] > before, name
    for name, value in (("context_set", "0|1"), ("context_weights", "uniform"), ("precision", "float32")):
        control(page, name).select_option(value)
        wanted[name] = value
    for name in ("graph_seed", "seed"):
        control(page, name).fill("7")
        control(page, name).press("Tab")
        wanted[name] = 7
    control(page, "optimizer").select_option("momentum")
    control(page, "momentum").focus()
    page.keyboard.press("ArrowLeft")
    wanted |= {"optimizer": "momentum", "momentum": 0.89}
    wanted["learning_rate"] = settings(page)["learning_rate"]  # each optimiser begins with a rate of its own
    control(page, "speed").select_option("full")
    until_step(page, 50)
    found = settings(page)
    assert {name: found[name] for name in wanted} == wanted
    assert found["speed"] == "full"
    assert not opened.complaints


def test_edges_are_drawn_by_keys_and_by_dragging(open_lab: Open) -> None:
    opened = open_lab({"m": 4, "d": 4, "graph": "independent"})
    page = opened.page
    nodes = page.locator(".ll-node")
    nodes.nth(2).focus()
    page.keyboard.press("Enter")
    expect(nodes.nth(2)).to_have_attribute("aria-pressed", "true")
    nodes.nth(0).focus()
    page.keyboard.press("Enter")
    assert settings(page)["edges"] == [[0, 2]]
    expect(nodes.nth(0)).to_have_attribute("aria-label", "royal, joined to female")
    start, end = nodes.nth(1).bounding_box(), nodes.nth(3).bounding_box()
    page.mouse.move(start["x"] + 15, start["y"] + 15)
    page.mouse.down()
    page.mouse.move(end["x"] + 15, end["y"] + 15, steps=5)
    page.mouse.up()
    assert settings(page)["edges"] == [[0, 2], [1, 3]]
    assert page.locator(".ll-edge:not(.ll-pull)").count() == 2
    for node in (0, 2):  # joined concepts are parted again
        nodes.nth(node).click()
    assert settings(page)["edges"] == [[1, 3]]
    page.locator("[data-graph=chain]").click()
    assert page.locator(".ll-edge:not(.ll-pull)").count() == 3
    assert not opened.complaints


def test_the_context_is_composed_in_words(open_lab: Open) -> None:
    opened = open_lab({"m": 3, "d": 3})
    page = opened.page
    chips = page.locator(".ll-chip")
    expect(page.locator(".ll-body-sentence")).to_have_text(
        "Somebody royal, young or adult, male or female is called a …"
    )
    chips.nth(2).click()
    chips.nth(0).click()
    expect(page.locator(".ll-body-sentence")).to_have_text("Somebody commoner, young or adult, female is called a …")
    assert settings(page)["context"] == "0?1"
    page.wait_for_function("document.querySelector('.linrep-lab').lab.report().p.filter(p => p > 0).length === 2")
    plot = page.locator(".ll-bars-plot").get_attribute("aria-label")
    assert "girl: 0." in plot
    assert "woman: 0." in plot
    assert "by the predictor" in plot
    control(page, "context_set").select_option("0")
    expect(page.locator(".ll-bars .ll-note")).to_be_visible()  # no such context is trained


def test_a_dial_chooses_the_concept(open_lab: Open) -> None:
    page = open_lab({"m": 4, "d": 4}).page
    page.locator(".ll-dial input").nth(0).focus()
    page.keyboard.press("ArrowRight")
    assert settings(page)["concept"] == 1
    expect(page.locator(".ll-canvas")).to_have_attribute("aria-label", re.compile("“adult”"))


def test_the_space_is_turned_by_mouse_key_button_and_touch(open_lab: Open) -> None:
    opened = open_lab({"m": 3, "d": 3}, has_touch=True)
    page = opened.page
    canvas = page.locator(".ll-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def mouse() -> None:
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y + 10, steps=4)
        page.mouse.up()
        page.mouse.move(0, 0)

    def touch() -> None:
        finger = page.context.new_cdp_session(page)
        for kind, at in (("touchStart", x), ("touchMove", x + 30), ("touchMove", x + 70), ("touchEnd", None)):
            points = [] if at is None else [{"x": at, "y": y}]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for turn in (
        mouse,
        touch,
        lambda: canvas.press("ArrowLeft"),
        lambda: page.get_by_role("button", name="turn the picture up").click(),
    ):
        page.wait_for_timeout(600)
        before = canvas.evaluate("canvas => canvas.toDataURL()")
        turn()
        page.wait_for_timeout(600)
        assert canvas.evaluate("canvas => canvas.toDataURL()") != before
    assert not opened.complaints


# ---- links and files --------------------------------------------------------------------------------------------


def test_the_address_holds_the_experiment(open_lab: Open) -> None:
    page = open_lab({"m": 3, "d": 3}).page
    control(page, "d").focus()
    page.keyboard.press("ArrowRight")
    page.locator("[data-graph=chain]").click()
    control(page, "context_set").select_option("0,1")
    page.locator(".ll-chip").nth(1).click()
    page.wait_for_timeout(800)
    fragment = urllib.parse.urlparse(page.url).fragment
    assert fragment == "lab=1&m=3&d=4&graph=chain&context_set=0,1&context=11-"
    before = settings(page)
    page.reload()
    page.wait_for_selector("[data-step]")
    assert settings(page) == before
    page.evaluate("location.hash = '#lab=1&m=4&d=2'")
    page.wait_for_function("document.querySelector('.linrep-lab').lab.config().m === 4")
    assert settings(page)["graph"] == "random"


def test_a_link_is_copied(open_lab: Open) -> None:
    page = open_lab({"m": 3, "d": 2}, permissions=["clipboard-read", "clipboard-write"]).page
    action(page, "menu").click()
    action(page, "share").click()
    menu = page.locator(".ll-menu")
    expect(menu.locator("[role=status]")).to_contain_text("link")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(action(page, "menu")).to_be_focused()


HOSTILE = [
    "#lab=1&m=99&d=3",
    "#lab=1&m=-1&d=1e9",
    "#lab=1&m=4&d=4&graph=given",
    "#lab=1&m=3&graph=given&joint=1,2,3",
    "#lab=1&m=3&d=3&graph=drawn&edges=0-1,1-0",
    "#lab=1&m=3&d=3&graph=drawn&edges=<script>window.hacked=1</script>",
    "#lab=1&<img src=x onerror=window.hacked=1>=1",
    "#lab=1&m=%3Cimg%20src%3Dx%20onerror%3D%22window.hacked%3D1%22%3E",
    "#lab=1&context=%3Csvg%20onload%3Dwindow.hacked%3D1%3E",
    "#lab=1&__proto__=%7B%22m%22%3A2%7D&constructor=2",
    "#lab=1&learning_rate=NaN&momentum=1&mask_probability=0&seed=-1",
    "#lab=1&m=%E0%A4%A&d=%",
    "#lab=7&m=3",
    "#lab=1&" + "x=y&" * 2000,
    "#lab=1&joint=" + "0.1," * 30_000,
]


@pytest.mark.parametrize("fragment", HOSTILE, ids=lambda fragment: fragment[:30])
def test_a_damaged_or_hostile_address_gives_a_message_and_a_lab_that_runs(open_lab: Open, fragment: str) -> None:
    opened = open_lab({"m": 3, "d": 3}, fragment)
    page = opened.page
    assert "address" in said(page)
    assert len(said(page)) < 1000
    control(page, "m").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    until_step(page, 20)
    assert page.evaluate("window.hacked") is None
    assert not page.locator(".linrep-lab :is(img, script)").count()
    assert not opened.complaints


def test_a_saved_run_is_the_same_in_python_and_in_another_lab(open_lab: Open) -> None:
    opened = open_lab({"m": 4, "d": 3, "context_weights": "uniform", "graph": "chain"})
    page = opened.page
    action(page, "play").click()
    until_step(page, 300)
    text = downloaded(page, "json").read_text("utf8")
    report = page.evaluate("document.querySelector('.linrep-lab').lab.report()")
    model, predictor, history = read_run(text)
    assert predictor.loss(model).item() == pytest.approx(report["loss"], abs=1e-9)
    mean = linearity(model, predictor).mean
    for name, value in report["cosines"].items():
        assert mean[name] == pytest.approx(value, abs=1e-9)
    assert history["step"][-1] == report["step"]
    assert history["excess_loss"][-1] == pytest.approx(predictor.excess_loss(model), abs=1e-9)

    other = open_lab({"m": 2, "d": 2}).page
    action(other, "menu").click()
    other.locator(".ll-paste").fill(text)
    action(other, "open").click()
    other.wait_for_function("step => document.querySelector('.ll-page').dataset.step === step", arg=str(report["step"]))
    again = other.evaluate("document.querySelector('.linrep-lab').lab.report()")
    assert again["loss"] == pytest.approx(report["loss"], rel=1e-12)
    assert settings(other) == settings(page)
    assert len(other.locator("path.ll-line-loss").get_attribute("d")) > 300  # the history came along
    action(other, "play").click()
    until_step(other, int(report["step"]) + 1)
    assert not opened.complaints


def test_a_run_opened_after_its_rest_goes_on_when_played(open_lab: Open) -> None:
    page = open_lab({"m": 2, "d": 2}).page
    run = json.loads(downloaded(page, "json").read_text("utf8"))
    for name, values in run["history"].items():
        run["history"][name] = [*values[:-1], 6000 if name == "step" else values[-1]]
    page.locator(".ll-paste").fill(json.dumps(run))
    action(page, "open").click()
    page.wait_for_selector(".ll-page[data-step='6000']", timeout=PATIENCE)
    action(page, "menu").click()
    action(page, "play").click()
    until_step(page, 6200)


@pytest.mark.parametrize(
    "text", ["{", "[1, 2]", '{"format": "linrep-run/1"}', '{"format": "<img src=x onerror=window.hacked=1>"}']
)
def test_a_damaged_run_gives_a_message_and_changes_nothing(open_lab: Open, text: str) -> None:
    opened = open_lab({"m": 3, "d": 3})
    page = opened.page
    before = settings(page)
    action(page, "menu").click()
    page.locator(".ll-paste").fill(text)
    action(page, "open").click()
    assert "run" in said(page)
    assert settings(page) == before
    assert page.evaluate("window.hacked") is None
    page.evaluate(
        """text => {
      const files = new DataTransfer();
      files.items.add(new File([text], "run.json"));
      const drop = new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true });
      document.querySelector(".ll-page").dispatchEvent(drop);
    }""",
        text,
    )
    page.wait_for_timeout(200)
    assert "run" in said(page)
    assert not opened.complaints


def test_a_picture_is_saved(open_lab: Open) -> None:
    opened = open_lab({"m": 3, "d": 3})
    page = opened.page
    data = downloaded(page, "png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20]) > 1200
    assert len(data) > 40_000
    assert not opened.complaints


# ---- for everyone -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [NARROW, 752, 1140])
@pytest.mark.parametrize("size", ["full", "small", "mechanisms"])
def test_nothing_stands_in_a_readers_way(open_lab: Open, width: int, size: str) -> None:
    opened = open_lab({"m": 5, "d": 5, "size": size}, viewport={"width": width, "height": 900})
    page = opened.page
    action(page, "play").click()
    page.wait_for_timeout(1500)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if size == "full":
        pause(page)
        action(page, "menu").click()
        page.get_by_role("button", name="more", exact=True).click()
    page.add_script_tag(path=AXE)
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        violations = page.evaluate("axe.run('.linrep-lab', { preload: false }).then(found => found.violations)")
        assert not [f"{v['id']}: {v['nodes'][0]['html'][:160]}: {v['nodes'][0]['failureSummary']}" for v in violations]
        small = page.evaluate("""[...document.querySelectorAll('.linrep-lab :is(button, select, input, textarea)')]
          .filter(e => e.checkVisibility()).map(e => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
          .filter(([, { width, height }]) => width < 24 || height < 24)
          .map(([html, { width, height }]) => `${html} ${width} ${height}`)""")
        assert not small
    assert not opened.complaints


def test_it_follows_the_theme_of_the_page(open_lab: Open) -> None:
    page = open_lab({"m": 3, "d": 3}).page
    canvas = page.locator(".ll-canvas")
    colours = """() => {
      const of = (selector, name) => getComputedStyle(document.querySelector(selector)).getPropertyValue(name);
      return [of(".ll-caption", "color"), of(".ll-heat-map rect", "fill"), of("circle.ll-line-loss", "fill")];
    }"""
    page.wait_for_timeout(500)
    light, picture = page.evaluate(colours), canvas.evaluate("canvas => canvas.toDataURL()")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_timeout(500)
    dark = page.evaluate(colours)
    assert all(one != other for one, other in zip(light, dark, strict=True))
    assert canvas.evaluate("canvas => canvas.toDataURL()") != picture


def test_who_wants_no_motion_gets_none(open_lab: Open) -> None:
    page = open_lab({"m": 3, "d": 3, "autoplay": True}, reduced_motion="reduce").page
    page.wait_for_timeout(700)
    assert number(page, "step") == 0
    before = page.locator(".ll-canvas").evaluate("canvas => canvas.toDataURL()")
    page.wait_for_timeout(500)
    assert page.locator(".ll-canvas").evaluate("canvas => canvas.toDataURL()") == before


def test_at_rest_nothing_moves(open_lab: Open) -> None:
    page = open_lab({"m": 3, "d": 3, "autoplay": True}).page
    until_step(page, 5000)
    expect(action(page, "play")).to_have_attribute("aria-label", "play")
    assert "Resting" in page.locator(".ll-caption").inner_text()
    page.wait_for_timeout(1500)
    before = page.locator(".ll-page").screenshot()
    page.wait_for_timeout(700)
    assert page.locator(".ll-page").screenshot() == before


def test_a_screen_reader_is_told_at_most_every_two_seconds(open_lab: Open) -> None:
    page = open_lab({"m": 4, "d": 4}).page
    page.evaluate("""() => {
      window.told = [];
      const live = document.querySelector(".linrep-lab [aria-live]");
      const all = { childList: true, characterData: true, subtree: true };
      new MutationObserver(() => told.push(performance.now())).observe(live, all);
    }""")
    action(page, "play").click()
    page.wait_for_timeout(7000)
    told = page.evaluate("told")
    assert len(told) >= 2
    assert min(b - a for a, b in itertools.pairwise(told)) > 1900


def test_it_pauses_where_nobody_looks(open_lab: Open) -> None:
    page = open_lab({"m": 4, "d": 4, "speed": "slow"}).page
    page.evaluate("document.body.append(Object.assign(document.createElement('div'), { style: 'height: 5000px' }))")
    action(page, "play").click()
    until_step(page, 3)
    page.evaluate("scrollTo(0, 6000)")
    page.wait_for_timeout(500)
    step = number(page, "step")
    page.wait_for_timeout(800)
    assert number(page, "step") == step
    page.evaluate("scrollTo(0, 0)")
    until_step(page, int(step) + 3)


def test_the_small_lab_trains_and_leads_to_the_full_one(open_lab: Open) -> None:
    opened = open_lab({"m": 5, "d": 2, "size": "small"})
    page = opened.page
    control(page, "d").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.linrep-lab').lab.report().step > 50", timeout=PATIENCE)
    link = page.locator(".ll-more-link").get_attribute("href")
    assert link.endswith("book/lab/the-lab.html#lab=1&m=5&d=3")
    assert page.url.endswith("page.html")  # only the full lab writes the address
    assert not opened.complaints


SWITCHES = ("matched", "zeros", "separated", "room")


def turn(page: Page, **wanted: bool) -> None:
    """Press the switches that are not as wanted."""
    for name, on in wanted.items():
        switch = page.locator(f"[data-switch={name}]")
        if (switch.get_attribute("aria-checked") == "true") != on:
            switch.click()
        expect(switch).to_have_attribute("aria-checked", str(on).lower())


def seen(page: Page) -> list[str]:
    return page.locator(".ll-seen").all_inner_texts()


@pytest.mark.slow
@pytest.mark.parametrize("room", [False, True])
def test_each_combination_of_switches_trains_and_is_judged(open_lab: Open, room: bool) -> None:
    opened = open_lab({"size": "mechanisms"})
    page = opened.page
    turn(page, room=room)
    for on in itertools.product((False, True), repeat=3):
        turn(page, **dict(zip(SWITCHES, on, strict=False)))
        page.wait_for_function("Number(document.querySelector('.ll-page').dataset.step) < 2000", timeout=PATIENCE)
        until_step(page, 100)
        early = seen(page)
        expect(page.locator(".ll-judged").first).to_contain_text("so far")
        until_step(page, 5000)
        expect(page.locator(".ll-judged")).to_have_text([re.compile("^[✓✗] (not )?as predicted$")] * 6)
        assert seen(page) != early
        assert all(re.fullmatch(r"−?\d\.\d\d×?", text) for text in seen(page)), seen(page)
        found = settings(page)
        assert (found["told_wrongly"] == 0, len(found["edges"])) == (on[1], 2 - on[0] - on[2])
        assert found["d"] == (8 if room else 4)
        expect(page.locator(".ll-caption")).to_contain_text("Verdict")
    assert not opened.complaints


def test_in_the_papers_world_all_numbers_are_as_predicted(open_lab: Open) -> None:
    page = open_lab({"size": "mechanisms"}).page
    action(page, "play").click()
    until_step(page, 5000)
    expect(page.locator(".ll-caption")).to_contain_text("6 of 6")


@pytest.mark.parametrize("key", ["Enter", " "])
def test_a_switch_works_by_keys_and_says_what_it_is(open_lab: Open, key: str) -> None:
    opened = open_lab({"size": "mechanisms"})
    page = opened.page
    switch = page.get_by_role("switch", name="zero probabilities")
    expect(switch).to_be_checked()
    predicted = page.locator("[data-read=growth] td").first
    expect(predicted).to_have_text("at least 1.05×")
    switch.focus()
    page.keyboard.press(key)
    expect(switch).not_to_be_checked()
    expect(switch).to_have_accessible_name(re.compile("wrong once in ten"))
    expect(predicted).to_have_text("0.97× to 1.03×")
    until_step(page, 100)
    expect(page.locator(".ll-spoken")).to_contain_text("zero probabilities: off", timeout=PATIENCE / 9)
    assert not opened.complaints


def test_the_switches_lead_to_the_full_lab_with_the_same_world(open_lab: Open) -> None:
    page = open_lab({"size": "mechanisms"}).page
    turn(page, zeros=False, matched=False)
    link = page.locator(".ll-more-link").get_attribute("href")
    opened = open_lab({}, "#" + link.partition("#")[2])
    ours, theirs = settings(page), settings(opened.page)
    assert theirs == ours
    assert not opened.complaints


def test_settings_that_no_switch_makes_start_the_papers_world(open_lab: Open) -> None:
    page = open_lab({"size": "mechanisms", "m": 5, "d": 5}).page
    checked = [page.locator(f"[data-switch={name}]").get_attribute("aria-checked") for name in SWITCHES]
    assert checked == ["true", "true", "true", "false"]
    assert settings(page)["m"] == 4


def test_every_why_leads_to_what_explains_it() -> None:
    source = (ROOT / "linrep_core" / "lab" / "view" / "caption.mjs").read_text("utf8")
    places = re.findall(r'"([\w/-]+)\.html#([\w-]+)"', source)
    assert len(places) == source.count(".html") > 5
    for page, label in places:
        chapter = (ROOT / "book" / f"{page}.ipynb").read_text("utf8")
        assert f"({label})=" in chapter or f":label: {label}\\n" in chapter, (page, label)
    assert (ROOT / "book" / "lab" / "the-lab.ipynb").is_file()


@pytest.mark.parametrize(
    ("told", "story"), [("0", "Only concepts that contexts tell"), ("0|1|2", "straight line"), ("all", "straight line")]
)
def test_the_caption_tells_what_is_not_told(open_lab: Open, told: str, story: str) -> None:
    config = {"m": 3, "d": 3, "context_set": told, "optimizer": "sgd", "learning_rate": 2, "size": "small"}
    page = open_lab(config).page
    action(page, "play").click()
    expect(page.locator(".ll-caption")).to_contain_text(story, timeout=PATIENCE)


# ---- the same module in Jupyter ---------------------------------------------------------------------------------


def test_the_module_speaks_with_a_widget_model(open_lab: Open) -> None:
    page = open_lab({"address": False}).page
    page.evaluate(
        """async ([source, config]) => {
          const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
          const { default: { render } } = await import(address);
          const held = { ...config }, listeners = {};
          window.fake = {
            listeners,
            get: name => held[name],
            set(name, value) { held[name] = value; (listeners[`change:${name}`] ?? []).forEach(then => then()); },
            on(name, then) { (listeners[name] ??= []).push(then); },
            off(name, then) { listeners[name] = listeners[name].filter(other => other !== then); },
            save_changes() {},
          };
          document.body.replaceChildren(Object.assign(document.createElement("div"), { id: "cell" }));
          window.stop = render({ model: fake, el: document.getElementById("cell") });
        }""",
        [(BUILT / "lab.mjs").read_text("utf8"), {"m": 3, "d": 2, "size": "full", "address": False}],
    )
    page.wait_for_function("fake.get('unembeddings')?.data.byteLength === 8 * 2 * 8", timeout=PATIENCE)
    assert page.evaluate("fake.get('embeddings').shape") == [27, 2]
    page.evaluate("fake.set('d', 3); fake.set('playing', true)")  # as when Python sets them
    page.wait_for_function(
        "fake.get('step') > 30 && fake.get('loss') > 0 && fake.get('cosines').unembedding", timeout=PATIENCE
    )
    page.evaluate("fake.set('playing', false)")
    page.wait_for_function(
        "fake.get('unembeddings').data.byteLength === 8 * 3 * 8 && fake.get('history').step.length", timeout=PATIENCE
    )
    control(page, "m").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("fake.get('m')") == 4
    assert page.evaluate("fake.get('playing')") is True
    action(page, "play").click()
    page.wait_for_function("fake.get('embeddings').data.byteLength === 81 * 3 * 8", timeout=PATIENCE)
    # vectors from Python go into the run
    page.evaluate("""() => {
      const waves = length => Float64Array.from({ length }, (_, k) => Math.sin(k));
      const table = rows => ({ shape: [rows, 3], data: new DataView(waves(3 * rows).buffer) });
      fake.set("embeddings", table(81)); fake.set("unembeddings", table(16));
    }""")
    page.wait_for_function(
        "Math.abs(fake.get('loss') - 2.7) < 2 && fake.get('unembeddings').data.getFloat64(8, true) === Math.sin(1)"
    )
    assert "lab=1" not in page.url
    page.evaluate("stop()")
    assert page.evaluate("Object.values(fake.listeners).every(list => list.length === 0)")
