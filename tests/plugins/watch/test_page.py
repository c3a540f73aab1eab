"""The page in a real browser."""

from pathlib import Path

import pytest
from galleries import MARKUP, make_run
from watching import served

from neatfool.wording import percent
from neatfool_plugins import watch

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """Open the page of two runs with markup in the name of a class."""
    folder = tmp_path_factory.mktemp("runs")
    runs = [make_run(folder, seed) for seed in (1, 2)]
    with served(*runs) as address:
        browser.resize(1180, 1600)
        browser.open(address)
        browser.wait("document.querySelectorAll('#medians polyline').length === 2")
        yield browser


def text(page, what):
    return page.do(f"document.querySelector('{what}').textContent")


def test_curves_elites_and_classes_are_drawn_without_a_complaint(page):
    assert page.do("document.querySelectorAll('#confidence polyline').length") == 3
    points = page.do("document.querySelector('#confidence polyline').points.length")
    assert points == 8
    assert "median" in page.do("document.querySelector('#confidence').getAttribute('aria-label')")
    assert page.do("document.querySelectorAll('.cell').length") == 4
    page.wait("[...document.querySelectorAll('#newest img')].every((image) => image.naturalWidth)")
    assert text(page, "#status") == "Finished."
    assert page.complaints == []


def test_markup_in_a_name_is_text(page):
    names = page.do(
        "[...document.querySelectorAll('.cell .class')].map((each) => each.textContent)"
    )
    assert MARKUP in names
    assert page.do("document.title") != "seized"
    assert page.do("document.querySelectorAll('.cell img').length") == 0


def test_keys_go_through_the_classes_and_time(page):
    page.do("document.querySelector('.cell').focus()")
    page.press("ArrowRight")
    page.press("Enter")
    page.wait("document.querySelectorAll('.cell')[1].getAttribute('aria-pressed') === 'true'")
    page.wait("document.getElementById('picture').naturalWidth")
    assert text(page, "#about").startswith("bright: ")
    page.do("document.getElementById('when').focus()")
    page.press("Home")
    page.wait("document.getElementById('moment').textContent === '0 of 7'")
    page.press("End")
    page.wait("document.getElementById('live').hidden")


def test_the_page_writes_confidences_as_neatfool_does(page):
    script = Path(watch.__file__).with_name("page") / "watch.js"
    source = script.read_text(encoding="utf-8").partition("const percent = ")[2]
    function = source.partition("// An objective")[0].strip().removesuffix(";")
    near_one = [1 - 10 ** (-nines / 5) for nines in range(1, 60)]
    values = [0.0, 9e-7, 1e-6, 0.00219, 0.01, 0.5, 0.999, 0.9999, 1.0, *near_one]
    assert page.do(f"{values}.map({function})") == [percent(value) for value in values]


def test_a_phone_shows_all_within_its_width(page):
    page.resize(390, 800, phone=True, dark=True)
    page.wait("innerWidth === 390")
    assert page.do("document.documentElement.scrollWidth") <= 390
    page.resize(1180, 1600)
