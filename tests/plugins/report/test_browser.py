"""The page in a real browser: what is drawn is measured there, not guessed from the HTML."""

import base64
import re
import time
from dataclasses import dataclass
from typing import Any

import pytest
from devtools import measure

from neatfool.present import write_report

pytestmark = pytest.mark.browser

SORT_AND_FIND = """
  const cards = [...document.querySelectorAll(".card")];
  const form = document.querySelector(".controls");
  const names = () => cards.filter((card) => card.offsetWidth).map((card) => card.dataset.name);
  const all = names();
  form.sort.value = "best";
  form.sort.dispatchEvent(new Event("change"));
  const best = [...document.querySelectorAll(".card")].map((card) => +card.dataset.confidence);
  form.find.value = "3";
  form.find.dispatchEvent(new Event("input"));
  return { all, best, found: names(), controls: form.offsetWidth };
"""


@dataclass
class Seen:
    """What the browser says of a page.

    Attributes:
        page: What the probe measured.
        console: The lines that went to the console.
    """

    page: dict[str, Any]
    console: list[str]

    def images(self, kind: str) -> list[dict[str, Any]]:
        return [image for image in self.page["images"] if kind in image["kind"].split()]

    def faults(self) -> list[str]:
        """List what is broken, blank, without size or complained of."""
        faults = [*self.console]
        for image in self.page["images"]:
            drawn = image["natural"] and image["width"] > 20 and image["height"] > 20
            if not drawn or image["colours"] < 3:
                faults.append(f"not drawn: {image}")
        return faults


@pytest.fixture
def look(browser, tmp_path):
    """Give a function that opens a copy of a page, and measures it."""
    return lambda page, **how: Seen(*measure(browser, page, tmp_path, more=SORT_AND_FIND, **how))


@pytest.fixture(scope="module")
def page(make_run_in, tmp_path_factory):
    run = make_run_in(tmp_path_factory.mktemp("run"), generations=40)
    return write_report(run).read_text(encoding="utf-8")


def test_gallery_curves_and_graphs_are_drawn_without_an_error(page, look):
    seen = look(page)
    assert seen.faults() == []
    assert len(seen.images("picture")) == 11
    assert len(seen.images("curve")) == 5  # with the matrix of goal switches
    assert len(seen.images("network")) == 10
    assert len(seen.images("ancestor")) > 10
    assert min(image["width"] for image in seen.images("curve")) > 350
    assert min(image["height"] for image in seen.images("network")) > 100


def test_the_gallery_is_sorted_and_searched(page, look):
    seen = look(page).page
    assert seen["controls"] > 0
    assert sorted(seen["all"]) == list("0123456789") != seen["all"]
    assert seen["best"] == sorted(seen["best"], reverse=True) != sorted(seen["best"])
    assert seen["found"] == ["3"]


@pytest.mark.parametrize("width", [500, 1900])
def test_nothing_sticks_out_of_a_narrow_or_a_wide_window(page, look, width):
    seen = look(page, width=width)
    assert seen.console == []
    assert seen.page["window"] == width
    assert seen.page["page"] <= width


def test_the_checker_sees_a_broken_image(page, look):
    broken = re.sub(
        r'src="data:image/png;base64,[^"]{20}', 'src="data:image/png;base64,', page, count=1
    )
    assert broken != page
    faults = look(broken).faults()
    assert [fault for fault in faults if fault.startswith("not drawn") and "'natural': 0" in fault]


def test_a_script_that_got_in_does_not_run_and_is_seen(page, look):
    intruded = page.replace("<main>", "<main><script>document.body.remove()</script>", 1)
    faults = look(intruded).faults()
    assert faults
    assert all("Content Security Policy" in fault for fault in faults)


@pytest.fixture(scope="module")
def of_many(make_run_in, tmp_path_factory):
    """Write the page of a run of 400 classes; give its address."""
    names = tuple(f"class {n}" + " of a long name" * (n % 3) for n in range(400))
    run = make_run_in(tmp_path_factory.mktemp("many"), classes=names, generations=40)
    return write_report(run).as_uri()


def top(browser, what):
    """Say how far from the window's top something lies, once the page does not move any more."""
    tops: list[float] = []
    while len(tops) < 4 or len({*tops[-4:]}) > 1:
        tops.append(browser.do(f"document.querySelector('{what}').getBoundingClientRect().top"))
        time.sleep(0.1)
    return tops[-1]


@pytest.mark.parametrize("width", [400, 1280])
def test_a_link_to_a_graph_lands_there(browser, of_many, width):
    browser.resize(width, 900, phone=width == 400)
    browser.open("about:blank#")
    browser.open(of_many)
    links = "[...document.querySelectorAll('.card a[href^=\"#class-\"]')]"
    for place, target in enumerate(browser.do(f"{links}.map((each) => each.hash)")):
        browser.do("scrollTo({ top: 0, behavior: 'instant' })")
        browser.do(f"{links}[{place}].click()")
        assert 0 <= top(browser, target) < 50
    browser.open("about:blank#")
    browser.open(f"{of_many}{target}")
    assert 0 <= top(browser, target) < 50


def test_the_first_screen_of_a_phone_has_a_picture(browser, of_many):
    browser.resize(400, 800, phone=True)
    browser.open("about:blank#")
    browser.open(of_many)
    box = browser.do("document.querySelector('img').getBoundingClientRect().toJSON()")
    assert box["bottom"] < 800
    assert box["width"] == box["height"] > 100


def test_a_run_of_any_size_is_printed_on_a_few_pages(browser, of_many, page, tmp_path):
    (tmp_path / "few.html").write_text(page, encoding="utf-8")
    for each in (of_many, (tmp_path / "few.html").as_uri()):
        browser.open("about:blank#")
        browser.open(each)
        pdf = base64.b64decode(browser.call("Page.printToPDF")["data"])
        assert 2 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 8
