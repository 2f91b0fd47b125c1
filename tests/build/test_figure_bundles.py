"""Figures of one page share a bundle of plotly where one can draw them all, and their pictures keep every pixel."""

from pathlib import Path

import pytest
from linrep_site import pictures
from linrep_site.figures import bundle_on_page, bundles
from linrep_site.pictures import make_lighter, renamed, webp_of
from PIL import Image


def figure(*types: str) -> dict:
    return {"data": [{"type": each} for each in types]}


@pytest.mark.parametrize(
    ("types", "chosen"),
    [
        (["scatter"], {"basic"}),
        (["scatter", "heatmap"], {"cartesian"}),
        (["scatter", "scatter3d"], {"gl3d"}),
        (["scatter", "heatmap", "scatter3d"], {"cartesian", "gl3d"}),
        (["bar", "scatter3d"], {"basic", "gl3d"}),
        (["sankey", "scatter"], {"basic"}),
        (["sankey"], {"basic"}),
    ],
)
def test_as_few_bundles_as_can_be(types: list[str], chosen: set[str]) -> None:
    assert bundles([figure(each) for each in types]) == chosen


def test_a_figure_takes_a_bundle_of_its_page_that_draws_it() -> None:
    flat, space, unknown = figure("scatter"), figure("scatter3d", "scatter"), figure("sankey")
    assert bundle_on_page(flat, [flat]) == "basic"
    assert bundle_on_page(flat, [flat, space]) == "gl3d"
    assert bundle_on_page(unknown, [flat, unknown]) is None


def test_a_lighter_picture_has_the_same_pixels(tmp_path: Path) -> None:
    drawn = Image.radial_gradient("L").convert("RGBA")
    drawn.putalpha(Image.linear_gradient("L"))
    drawn.save(tmp_path / "large.png", compress_level=0)
    with Image.open(tmp_path / "large.png") as before:
        pixels = before.convert("RGBA").tobytes()
    size = (tmp_path / "large.png").stat().st_size
    made = tmp_path / "made"
    assert make_lighter(tmp_path, made) == ["large.png"]
    assert len(list(made.iterdir())) == 1, "what was made is kept, and nothing half made"
    assert not (tmp_path / "large.png").exists()
    assert (tmp_path / "large.webp").stat().st_size < size
    with Image.open(tmp_path / "large.webp") as after:
        visible = list(zip(*map(pixel_rows, (after.convert("RGBA").tobytes(), pixels)), strict=True))
    assert all(new == old for new, old in visible if old[3]), "what is seen is the same to the bit"
    assert make_lighter(tmp_path, made) == ["large.png"], "a page of an earlier build is named its picture too"


def test_a_picture_is_pressed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.radial_gradient("L").save(tmp_path / "one.png", compress_level=0)
    made = webp_of(tmp_path / "one.png", tmp_path / "made")
    monkeypatch.setattr(Image.Image, "save", None)
    assert webp_of(tmp_path / "one.png", tmp_path / "made") == made


def test_a_heavy_picture_is_pressed_with_all_effort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.effect_noise((120, 120), 40).save(tmp_path / "one.png")
    methods = []
    save = Image.Image.save
    monkeypatch.setattr(Image.Image, "save", lambda *a, **how: (methods.append(how["method"]), save(*a, **how)))
    quick = webp_of(tmp_path / "one.png", tmp_path / "made").stat().st_size
    assert methods == [1]
    monkeypatch.setattr(pictures, "HEAVY", quick - 1)
    assert webp_of(tmp_path / "one.png", tmp_path / "made").stat().st_size <= quick
    assert methods == [1, 1, 6], "and the one made in the other way is not taken for it"


def pixel_rows(raw: bytes) -> list[bytes]:
    return [raw[i : i + 4] for i in range(0, len(raw), 4)]


def test_pages_name_the_lighter_picture() -> None:
    html = '<img src="../_images/a.png"><img src="../_images/b.png">'
    assert renamed(html, ["a.png"]) == '<img src="../_images/a.webp"><img src="../_images/b.png">'
