"""The page for everybody: axe-core finds nothing, and nothing is wider than a phone."""

import pytest
from accessibility import read_axe, violations
from browser import BROWSER
from own_networks import drop, export_lenet

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no browser to open the page in"),
]
SIZES = [(1300, False), (1300, True), (400, False), (400, True)]


@pytest.fixture(scope="module")
def axe(request):
    return read_axe(request)


@pytest.mark.parametrize(("width", "dark"), SIZES)
def test_nothing_is_wrong_with_the_page_its_dialogs_and_a_network_of_ones_own(
    browser, site, axe, tmp_path, width, dark
):
    export_lenet(tmp_path / "lenet.onnx")
    browser.resize(width, 900, phone=width == 400, dark=dark)
    browser.open("about:blank#")
    browser.open(site.address)
    browser.wait("state.elites[0]")
    browser.do("byId('pause').click()")
    drop(browser, tmp_path / "lenet.onnx")
    browser.wait("own.slots.length === 10", 60)
    browser.do("byId('own-stop').click()")
    assert violations(browser, axe) == []
    for tile, close in (("tiles[0]", "close"), ("own.slots[0]", "own-close")):
        browser.do(f"{tile}.button.click()")
        assert violations(browser, axe) == []
        browser.do(f"byId('{close}').click()")


@pytest.mark.parametrize(("width", "dark"), SIZES)
def test_nothing_is_wrong_with_the_page_as_one_file(browser, address, axe, width, dark):
    browser.resize(width, 900, phone=width == 400, dark=dark)
    browser.open("about:blank#")
    browser.open(address)
    browser.wait("state.elites[0]")
    browser.do("byId('pause').click()")
    assert violations(browser, axe) == []
