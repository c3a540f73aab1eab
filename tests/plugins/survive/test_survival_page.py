"""The page of ``neatfool survive``: charts and strips, for one run and for two."""

import re

import pytest
from browser import measure, needs_browser
from commands import CLASSES, neatfool

from neatfool import views

pytestmark = pytest.mark.usefixtures("own_sys_path")


@pytest.fixture(scope="module")
def pages(two_runs, tmp_path_factory):
    """Write the page of a run, and of two."""
    folder = tmp_path_factory.mktemp("pages")
    for place, page, options in (
        (two_runs / "small-1", "one", []),
        (two_runs, "two", ["--kinds", "light,crops=11"]),
    ):
        result = neatfool(
            "survive", place, "--html", folder / f"{page}.html", *options, exit_code=0
        )
        assert f"Look at {folder / page}.html" in result.stdout
    return folder


def test_each_kind_has_a_chart_and_a_strip_of_pictures(pages):
    page = (pages / "one.html").read_text()
    kinds = 1 + len(views())
    assert page.count('class="curve"') == kinds
    assert page.count('class="strip"') == 2 * kinds
    assert page.count('<img class="pixels"') == 2 * kinds * 5
    assert "http://" not in re.sub(r'src="[^"]*"', "", page)
    assert "nan" not in re.sub(r'src="[^"]*"', "", page)
    assert "[red]left[/]" in page or CLASSES[2] not in page
    assert "Saved as JPEG" in page
    assert "\\xa0" not in page


def test_two_runs_are_told_apart_by_letters(pages):
    page = (pages / "two.html").read_text()
    assert "small, seed 1" in page
    assert "small, seed 2" in page
    assert page.count('class="strip"') == 2 * 2


@needs_browser
@pytest.mark.browser
@pytest.mark.parametrize("name", ["one", "two"])
@pytest.mark.parametrize("width", [500, 1900])
def test_a_browser_draws_it_within_the_window(pages, name, width, tmp_path):
    page = (pages / f"{name}.html").read_text()
    seen, console = measure(page, tmp_path, f"--window-size={width},900")
    assert console == seen["errors"] == []
    assert [image for image in seen["images"] if not image["natural"]] == []
    assert seen["page"] <= seen["window"] == width
