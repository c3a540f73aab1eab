"""The page of a comparison in a real browser: what is drawn is measured there."""

from __future__ import annotations

import pytest
from browser import measure, needs_browser
from made_up_runs import random_course, write_run

from neatfool_plugins.compare.comparison import Comparison
from neatfool_plugins.compare.groups import gather
from neatfool_plugins.compare.page import write_comparison

pytestmark = [needs_browser, pytest.mark.browser]


def look(page, folder, *options):
    """Open a page; give what was measured and the complaints."""
    paper = "return { paper: getComputedStyle(document.body).backgroundColor }"
    return measure(page.read_text(encoding="utf-8"), folder, *options, more=paper)


@pytest.fixture(scope="module", params=[10, 1000])
def page(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    names = [f"a class with the number {number}" for number in range(request.param)]
    for number, name in enumerate(("new", "an_older_one")):
        for seed in range(1, 5):
            made = random_course(request.param, 60, seed=seed + 50 * number, pace=0.5)
            place = folder / name / f"{name}-{seed}"
            options = {"parents": number}
            write_run(place, made, classes=names, name=name, seed=seed, options=options)
    return write_comparison(Comparison(gather([folder])), folder / "c.html")


def test_curves_and_maps_are_drawn_without_an_error(page, tmp_path):
    seen, console = look(page, tmp_path)
    assert console == seen["errors"] == []
    kinds = [image["kind"] for image in seen["images"]]
    assert {kind: kinds.count(kind) for kind in kinds} == {"curve": 9, "scale": 1, "map": 2}
    assert [image for image in seen["images"] if not image["natural"]] == []
    drawn = [image for image in seen["images"] if image["kind"]]
    assert min(image["width"] for image in drawn) > 350
    # A raster inside the drawing: the browser draws it too, in many colours.
    maps = [image for image in drawn if image["kind"] == "map"]
    assert min(image["colours"] for image in maps) > 150
    assert min(image["height"] for image in maps) > 200


@pytest.mark.parametrize("width", [500, 1900])
def test_nothing_sticks_out_of_a_narrow_or_a_wide_window(page, tmp_path, width):
    seen, console = look(page, tmp_path, f"--window-size={width},900")
    assert console == []
    assert seen["window"] == width
    assert seen["page"] <= width


def test_the_page_is_dark_for_who_wants_it_dark(page, tmp_path):
    seen, _ = look(page, tmp_path, "--blink-settings=preferredColorScheme=0")
    assert seen["paper"] == "rgb(17, 19, 23)"
