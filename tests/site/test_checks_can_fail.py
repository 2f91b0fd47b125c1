"""Each check of the pages, tried on a small page that has the fault, and on one that has not."""

from collections.abc import Callable

import pytest
from browsing import NARROW, ROOT, Visit
from controls import dead_controls, silent_copy_buttons
from page_checks import (
    LOOK_RULES,
    accessibility_violations,
    missing_pictures,
    shut_boxes,
    stuck_toggles,
    too_wide,
    undrawn_figures,
    untypeset_formulas,
)

pytestmark = pytest.mark.browser

VisitHtml = Callable[..., Visit]
DOT = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='400' height='200'/>"


@pytest.mark.parametrize(
    ("html", "complaint"),
    [
        ("<script>undefined_name()</script>", "page error"),
        ("<script>console.error('no')</script>", "console error: no"),
        ("<script>console.warn('hm')</script>", "console warning: hm"),
        ("<img src='missing.png' alt=''>", "failed request"),
        ("<img src='https://example.org/a.png' alt=''>", "external request: https://example.org/a.png"),
        ("<link rel='stylesheet' href='https://example.org/a.css'>", "external request"),
        ("<script>fetch('https://example.org/a').catch(() => 0)</script>", "external request"),
        ("<img src='file:///etc/hostname' alt=''>", "external request"),
    ],
)
def test_a_visit_notices(visit_html: VisitHtml, html: str, complaint: str) -> None:
    visit = visit_html(html)
    visit.page.wait_for_timeout(200)
    assert any(complaint in heard for heard in visit.complaints), visit.complaints


def test_a_visit_to_a_sound_page_is_quiet(visit_html: VisitHtml) -> None:
    visit = visit_html(f"<p>Text.</p><img src=\"{DOT}\" alt=''><script>console.log('fine')</script>")
    assert visit.complaints == []


@pytest.mark.parametrize(
    ("html", "complaint"),
    [
        ("<span class='math'>x^2</span>", "not typeset"),
        ("<span class='math'><span class='katex-error'>x^</span><span class=katex>x</span></span>", "KaTeX error"),
        ("<p>Let $x$ be</p>", "raw formula"),
        (r"<p>Let \(x\) be</p>", "raw formula"),
        (r"<p>Let \alpha be</p>", "raw formula"),
        ("<p><code>$HOME</code> and <span class='math'><span class='katex'>x</span></span></p>", ""),
    ],
)
def test_formulas(visit_html: VisitHtml, html: str, complaint: str) -> None:
    found = untypeset_formulas(visit_html(html).page)
    assert bool(found) == bool(complaint)
    assert all(complaint in each for each in found)


PICTURE = f'<img src="{DOT}" width="400" height="200" alt="A description of some length.">'


@pytest.mark.parametrize(
    ("inside", "complaint"),
    [
        ("", "no picture"),
        (PICTURE.replace("A description of some length.", "plot"), "no description"),
        (PICTURE.replace(DOT, "missing.png"), "cannot be shown"),
        (PICTURE.replace('height="200"', 'height="100"'), "another shape"),
        (PICTURE, ""),
    ],
)
def test_pictures(visit_html: VisitHtml, inside: str, complaint: str) -> None:
    found = missing_pictures(visit_html(f"<figure class='linrep-figure' data-name='f'>{inside}</figure>").page)
    assert bool(found) == bool(complaint)
    assert all(complaint in each for each in found)


def figure_page(bundle: str, figure: str) -> str:
    """A page with one figure, drawn by the book's own script from a folder laid out as the site's."""
    return f"""<meta charset="utf-8"><style>.linrep-stage {{ position: relative; height: 400px }}
      .linrep-plot {{ position: absolute; inset: 0 }} .linrep-figure {{ margin: 60vh 0 }}
      label {{ display: block; width: 300px }}</style>
      <main class="bd-article"><figure class="linrep-figure" data-name="f" data-bundle="{bundle}" data-src="f.js">
      <div class="linrep-stage">{PICTURE}</div><div class="linrep-controls"></div></figure></main>
      <script>window.linrepFigures = {{f: {figure}}}</script><script src="linrep-figures.js"></script>"""


@pytest.fixture
def visit_figure(visit_html: VisitHtml, tmp_path) -> VisitHtml:
    def open_figure(bundle: str, figure: str) -> Visit:
        (tmp_path / "plotly").mkdir()
        script = f"plotly-{bundle}.min.js"
        (tmp_path / "plotly" / script).symlink_to(ROOT / f"node_modules/plotly.js-{bundle}-dist-min" / script)
        (tmp_path / "linrep-figures.js").symlink_to(ROOT / "book/_static/linrep-figures.js")
        (tmp_path / "f.js").write_text("")
        return visit_html(figure_page(bundle, figure))

    return open_figure


SLIDER = """sliders: [{steps: ["a", "b"].map((name) =>
  ({label: name, method: "METHOD", args: [[name], {mode: "immediate", frame: {duration: 0, redraw: true}}]}))}]"""
FRAMES = "[{name: 'a', data: [{y: [1, 2]}]}, {name: 'b', data: [{y: [2, 1]}]}]"


@pytest.mark.parametrize(
    ("bundle", "figure", "complaint"),
    [
        ("basic", "{data: [{type: 'scatter', y: [1, 2]}], layout: {}}", ""),
        ("basic", "{data: [], layout: {}}", "without a mark"),
        ("basic", "{data: [{type: 'heatmap', z: [[1, 2], [2, 1]]}], layout: {}}", "without a mark"),
        ("gl3d", "{data: [{type: 'scatter3d', x: [0, 1], y: [0, 1], z: [0, 1]}], layout: {}}", ""),
        ("gl3d", "{data: [{type: 'scatter3d', x: [], y: [], z: []}], layout: {scene: {}}}", "shows no data"),
        ("basic", "null", "is failed"),
    ],
)
def test_figures(visit_figure: VisitHtml, bundle: str, figure: str, complaint: str) -> None:
    visit = visit_figure(bundle, figure)
    assert visit.page.locator(".js-plotly-plot").count() == 0
    found = undrawn_figures(visit.page)
    assert bool(found) == bool(complaint), found
    assert all(complaint in each for each in found)


COPY = """<main class='bd-article'><pre id='code'>x = 1</pre>
  <button class='copybtn' data-clipboard-target='#code'></button></main>
  <script>document.querySelector('button').onclick = ({target}) => ACTION</script>"""


@pytest.mark.parametrize(("action", "silent"), [("target.classList.add('success')", []), ("0", ["#code"])])
def test_copy_buttons(visit_html: VisitHtml, action: str, silent: list[str]) -> None:
    assert silent_copy_buttons(visit_html(COPY.replace("ACTION", action)).page) == silent


@pytest.mark.parametrize(("method", "dead"), [("animate", []), ("skip", ["range 'a'"])])
def test_a_slider_of_a_figure_must_move_the_figure(
    visit_figure: VisitHtml, monkeypatch: pytest.MonkeyPatch, method: str, dead: list[str]
) -> None:
    layout = "layout: {" + SLIDER.replace("METHOD", method) + "}"
    visit = visit_figure("basic", f"{{data: [{{type: 'scatter', y: [1, 2]}}], {layout}, frames: {FRAMES}}}")
    assert undrawn_figures(visit.page) == []
    monkeypatch.setattr("controls.EFFECT", 1.0)
    assert dead_controls(visit.page) == (1, dead)


@pytest.mark.parametrize(
    ("width", "complaint"),
    [("width: 500px", "500 pixels wide"), ("width: 100%", ""), ("overflow: auto", "")],
)
def test_widths(visit_html: VisitHtml, width: str, complaint: str) -> None:
    html = f"<main class='bd-article' style='margin: 0; {width}'><p style='min-width: 100%'>words</p></main>"
    if "overflow" in width:
        html = html.replace("min-width: 100%", "width: 900px")
    found = too_wide(visit_html(f"<body style='margin: 0'>{html}", viewport={"width": NARROW, "height": 600}).page)
    assert bool(found) == bool(complaint)
    assert not found or complaint in found[0]


def test_text_cut_off_at_the_edge_is_too_wide(visit_html: VisitHtml) -> None:
    html = "<html style='overflow-x: hidden'><main class='bd-article'><p style='width: 500px'>words</p></main>"
    found = too_wide(visit_html(html, viewport={"width": NARROW, "height": 600}).page)
    assert any("ends at" in complaint for complaint in found)


FORMULA = """<main><h1>Title</h1><p>The map <span class='katex'><span class='katex-mathml'
  style='display: none'><math><mi>f</mi></math></span><span class='katex-html' aria-hidden='true'
  style='color: COLOUR; background: #fff'><span>f</span><span>(x)</span></span></span></p></main>"""

# two blocks on two grounds, in which a kind of token comes again
CODE = """<style>.highlight { background: #fff } .k { color: #222 } .n { color: #00a }</style><main><h1>Title</h1>
  <div class='highlight'><pre><span class='n'>x</span> = <span class='n'>y</span></pre></div>
  <div class='highlight' style='background: #eee'><pre><span class='k'>if</span> <span class='n'>x</span> <span
  class='k'>if</span> <span class='n'>x</span> <span class='n' id='last'>last</span></pre></div></main>"""


@pytest.mark.parametrize(
    ("html", "rule"),
    [
        ("<main><h1>Title</h1><p style='color: #ccc; background: #fff'>faint</p></main>", "color-contrast"),
        ("<main><h1>Title</h1><input></main>", "label"),
        ("<main><h1>Title</h1><p>Text.</p></main>", ""),
        (FORMULA.replace("COLOUR", "#ccc"), "color-contrast"),
        (FORMULA.replace("COLOUR", "#222"), ""),
        (CODE, ""),
        (CODE.replace("#222", "#ccc"), "color-contrast"),
        (CODE.replace("#00a", "#ccc").replace("id='last'", ""), "color-contrast"),
        (CODE.replace("#eee", "#333"), "color-contrast"),
        (CODE.replace("id='last'", "style='color: #ccc'"), "color-contrast"),
        (CODE.replace("id='last'", "role='img'"), "role-img-alt"),
    ],
)
def test_accessibility(visit_html: VisitHtml, html: str, rule: str) -> None:
    page = visit_html(html).page
    before = page.locator("main").inner_html()
    found = accessibility_violations(page)
    assert bool(found) == bool(rule), found
    assert all(each.startswith(rule) for each in found)
    assert page.locator("main").inner_html() == before, "the check left its traces on the page"


def test_accessibility_by_some_rules(visit_html: VisitHtml) -> None:
    page = visit_html("<main><h1>Title</h1><input><p style='color: #ccc; background: #fff'>faint</p></main>").page
    (found,) = accessibility_violations(page, LOOK_RULES)
    assert found.startswith("color-contrast")


TOGGLE = """<main class='bd-article'><div class='admonition toggle' id='box'><p class='admonition-title'>Solution
  <button class='toggle-button'>Show</button></p><div id='inside' hidden>Text.</div></div></main>
  <script>document.querySelector('button').onclick = () => ACTION</script>"""


COVER = "<i style='position: fixed; inset: 0'></i>"


@pytest.mark.parametrize(
    ("html", "complaint"),
    [
        (TOGGLE.replace("ACTION", "inside.hidden = !inside.hidden"), ""),
        (TOGGLE.replace("ACTION", "inside.hidden = false"), "does not close"),
        (TOGGLE.replace("ACTION", "0"), "does not open"),
        (TOGGLE.replace("button", "b"), "has no button"),
        (TOGGLE.replace("ACTION", "inside.hidden = !inside.hidden") + COVER, "is covered by <i"),
        (
            TOGGLE.replace("onclick = ()", "onclick = event").replace("ACTION", "inside.hidden ^= !event.isTrusted"),
            "by a click of the mouse",
        ),
        ("<main class='bd-article'><details><summary>More</summary><p>Text.</p></details></main>", ""),
    ],
)
def test_toggles(visit_html: VisitHtml, monkeypatch: pytest.MonkeyPatch, html: str, complaint: str) -> None:
    monkeypatch.setattr("page_checks.OPENING_TIME", 300)
    found = stuck_toggles(visit_html(html).page)
    assert bool(found) == bool(complaint), found
    assert all(complaint in each for each in found)


SHUT = """<main class='bd-article'><div class='admonition toggle toggle-hidden' id='box'><p class='admonition-title'>
  Solution <button class='toggle-button'>Show</button></p><p id='inside' hidden>Text.</p></div>
  <details><summary>More</summary><p>Text.</p></details></main>
  <script>document.querySelector('button').onclick = () => ACTION</script>"""


@pytest.mark.parametrize(("action", "shut"), [("inside.hidden = false", []), ("0", ["box"])])
def test_boxes_opened_at_once(
    visit_html: VisitHtml, monkeypatch: pytest.MonkeyPatch, action: str, shut: list[str]
) -> None:
    monkeypatch.setattr("page_checks.OPENING_TIME", 300)
    assert shut_boxes(visit_html(SHUT.replace("ACTION", action)).page) == shut


SEEN = """<style>.admonition:not(:has(:checked)) p { LOOK }</style><main class='bd-article'><div class='admonition'>
  <label><input type='checkbox'> see</label><p>Text.</p></div></main>"""


@pytest.mark.parametrize(
    ("look", "dead"),
    [
        ("display: none", []),
        ("visibility: hidden", []),
        ("opacity: 0", []),
        ("margin-left: 1em", []),
        ("", ["checkbox 'see'"]),
    ],
)
def test_controls_in_text(visit_html: VisitHtml, monkeypatch: pytest.MonkeyPatch, look: str, dead: list[str]) -> None:
    monkeypatch.setattr("controls.EFFECT", 0.5)
    assert dead_controls(visit_html(SEEN.replace("LOOK", look)).page) == (1, dead)


# A bar is the picture, `at` its place. Every page has one control that works besides the one in question.
CONTROLS = """<main class='bd-article'><div class='linrep-lab' style='width: 400px; padding: 10px'>
  <div id='bar' style='width: 20px; height: 20px; background: navy'></div>
  <canvas width='10' height='10'></canvas>
  <label>working <input type='range' id='works' min='0' max='100' value='50'></label> CONTROL</div></main>
  <script>let at = 50, moving = 0;
  const show = () => { bar.style.marginLeft = at + 'px'; }; show();
  works.oninput = () => { at = +works.value; show(); };
  const move = () => { at = (at + 3) % 300; show(); moving = setTimeout(move, 30); };
  const halt = () => { clearTimeout(moving); moving = 0; };</script>"""


@pytest.mark.parametrize(
    ("control", "dead"),
    [
        ("", []),
        ("<label>dead <input type='range'></label>", ["range 'dead'"]),
        ("<label><input type='range' oninput='o.value = value'><output id='o'>50</output></label>", ["range '50'"]),
        ("<label><input type='checkbox' oninput='at += 9; show()'> live</label>", []),
        ("<label><input type='checkbox'> dead</label>", ["checkbox 'dead'"]),
        ("<select onchange='at = 9 * selectedIndex; show()'><option>a<option>b</select>", []),
        ("<select aria-label='dead'><option>a<option>b</select>", ["select 'dead'"]),
        ("<button onclick='at += 9; show()'>live</button>", []),
        ("<button>dead</button>", ["button 'dead'"]),
        ("<button disabled>dead</button>", ["button 'dead'"]),
        ("<style>button:hover { border: 9px solid red }</style><button>hover</button>", ["button 'hover'"]),
        ("<button onclick='at = 50; works.value = 50; show()'>reset</button>", []),
        ("<button onclick='moving ? halt() : move()'>play</button>", []),
        ("<button onclick='moving || move()'>play</button><button onclick='halt()'>pause</button>", []),
        ("<button onclick='moving ? halt() : move()'>play</button><button>dead</button>", ["button 'dead'"]),
    ],
)
def test_controls(visit_html: VisitHtml, monkeypatch: pytest.MonkeyPatch, control: str, dead: list[str]) -> None:
    monkeypatch.setattr("controls.REST", 0.3)
    monkeypatch.setattr("controls.EFFECT", 0.5)
    monkeypatch.setattr("controls.MOTION", 3.0)
    count, found = dead_controls(visit_html(CONTROLS.replace("CONTROL", control)).page)
    assert count == CONTROLS.replace("CONTROL", control).count("<input") + control.count("<button") + control.count(
        "<select"
    )
    assert found == dead
