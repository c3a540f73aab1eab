"""A browser to draw shaders in, and sample graphs."""

import pytest
from browser import BROWSER
from devtools import Browser
from report_runs import grow_graph


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    if BROWSER is None:
        pytest.skip("no browser to draw a shader in")
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture
def make_graph():
    """Give the maker of sample graphs: of so many hidden nodes, by seed."""
    return grow_graph
