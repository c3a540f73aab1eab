"""The documentation's viewer of Fooling Images: one large, with its class and confidence."""

import re
import runpy
from pathlib import Path

import pytest
from browser import BROWSER
from devtools import Browser

from neatfool.wording import percent

DOCS = Path(__file__).parents[2] / "docs"
viewer = runpy.run_path(str(DOCS / "fooling_images.py"))
IMAGES = viewer["FoolingImages"]()
CHOSEN = [IMAGES.records[place] for place in viewer["choose"](IMAGES)]


def test_it_shows_as_many_images_as_the_page_says_of_all_data_sets_and_networks():
    page = (DOCS / "fooling-images.md").read_text(encoding="utf-8")
    assert f"Choose one of {len({each.id for each in CHOSEN})} images." in page
    assert "<!-- fooling-images viewer -->" in page
    for field in ("data", "network"):
        known = {getattr(each, field) for each in IMAGES.records}
        assert {getattr(each, field) for each in CHOSEN} == known


def test_without_javascript_each_image_has_a_text_and_leads_to_itself():
    made = viewer["viewer"](CHOSEN)
    links = re.findall(r'<a href="fooling-images/([^"]+)\.png"', made)
    assert links == [each.id for each in CHOSEN]
    for each in CHOSEN:
        assert f'alt="{each.name}, {percent(each.confidence)}, {each.network}"' in made.replace(
            "&#x27;", "'"
        ).replace("&gt;", ">")


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no browser to open the page in")
def test_the_chosen_image_is_large_with_its_class_confidence_and_network(tmp_path):
    (tmp_path / "page.html").write_text(viewer["viewer"](CHOSEN), encoding="utf-8")
    browser = Browser(tmp_path)
    shown = "[...document.querySelectorAll('dd')].map((each) => each.textContent)"
    large, current = "document.querySelector('figure img')", "document.activeElement"
    try:
        browser.open((tmp_path / "page.html").as_uri())
        for place in (0, 1, len(CHOSEN) - 1):
            browser.do(f"document.querySelectorAll('a')[{place}].focus()")
            browser.press("Enter")
            wanted = CHOSEN[place]
            figures = [wanted.name, percent(wanted.confidence), wanted.network]
            assert browser.do(shown)[:3] == figures
            assert browser.do(f"{large}.src").endswith(f"/{wanted.id}.png")
            assert browser.do(f"{large}.alt") == wanted.name
            assert browser.do(f"{current}.getAttribute('aria-current')") == "true"
        assert browser.do("document.querySelectorAll('[aria-current]').length") == 1
    finally:
        browser.close()
