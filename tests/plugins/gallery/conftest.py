"""Galleries of small runs, and a browser to open them in."""

import pytest
from galleries import Pen, make_run, write


@pytest.fixture
def pen(browser, tmp_path):
    return Pen(browser, tmp_path)


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Make two runs of one target: one with a band limit, and one without."""
    folder = tmp_path_factory.mktemp("runs")
    colour = ("target.channels=3", "encoding.inputs=normalised")
    return [make_run(folder, 1, *colour), make_run(folder, 2, *colour, "encoding.band_limit=1")]


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
