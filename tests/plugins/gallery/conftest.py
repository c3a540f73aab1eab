"""Galleries of small runs, and a browser to open them in."""

import pytest
from browser import BROWSER
from devtools import Browser
from galleries import Pen, make_run, write


@pytest.fixture(scope="package")  # an open page goes on drawing
def browser(tmp_path_factory):
    if BROWSER is None:
        pytest.skip("no browser to open the gallery in")
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture
def pen(browser, tmp_path):
    return Pen(browser, tmp_path)


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Make two runs of one target: one with a band limit, and one without."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend("")
        colour = ("target.channels=3", "encoding.inputs=normalised")
        return [
            make_run(folder, 1, *colour),
            make_run(folder, 2, *colour, "encoding.band_limit=1"),
        ]


@pytest.fixture(scope="session")
def page(runs, tmp_path_factory):
    return write(tmp_path_factory.mktemp("gallery") / "both", runs)


@pytest.fixture
def shown(browser, page):
    """Open the gallery of both runs afresh."""
    browser.resize(800, 600)
    browser.open("about:blank#")
    browser.open(page.as_uri())
    browser.complaints.clear()
    browser.requested.clear()
    return browser
