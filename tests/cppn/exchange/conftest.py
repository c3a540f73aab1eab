"""A browser to draw shaders in."""

from __future__ import annotations

import pytest
from browser import BROWSER
from devtools import Browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    if BROWSER is None:
        pytest.skip("no browser to draw a shader in")
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()
