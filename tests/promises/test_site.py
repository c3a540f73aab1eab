"""Everybody can read the documentation's pages, in the dark too: axe-core, and the keyboard."""

import subprocess
import sys
from pathlib import Path

import pytest
from accessibility import read_axe, violations, walk
from legibility import SETTLED

pytestmark = [pytest.mark.slow, pytest.mark.browser]

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [*sorted(each.stem for each in DOCS.glob("*.md")), "search"]


@pytest.fixture(scope="module")
def axe(request):
    return read_axe(request)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site, whose notebooks are not run."""
    for needed in ("furo", "myst_nb"):
        pytest.importorskip(needed)
    folder = tmp_path_factory.mktemp("site")
    command = (sys.executable, "-m", "sphinx", "-q", "-D", "nb_execution_mode=off")
    subprocess.run([*command, "-d", folder / "doctrees", DOCS, folder / "html"], check=True)
    return folder / "html"


@pytest.mark.parametrize("page", PAGES)
def test_each_page_can_be_read(browser, site, axe, page):
    for width in (400, 1280):
        for dark in (True, False):
            browser.resize(width, 900, phone=width == 400, dark=dark)
            browser.open("about:blank#")
            browser.open((site / f"{page}.html").as_uri())
            browser.do(SETTLED)  # the page's script has seen what scrolls
            assert violations(browser, axe) == []
        # What is in a frame has a page of its own.
        browser.do("document.querySelectorAll('iframe').forEach((each) => each.remove())")
        assert walk(browser) == []
