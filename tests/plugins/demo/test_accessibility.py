"""The page for everybody: axe-core finds nothing, and nothing is wider than a phone."""

import json
import tarfile
from base64 import b64decode
from hashlib import sha512

import pytest
from browser import BROWSER
from npm_packages import npm_package
from own_networks import drop, export_lenet

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no browser to open the page in"),
]
VERSION = "4.14.1"
DIGEST = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
SIZES = [(1300, False), (1300, True), (400, False), (400, True)]


@pytest.fixture(scope="module")
def axe(request):
    file = npm_package(request, "axe-core", VERSION)
    assert sha512(file.read_bytes()).digest() == b64decode(DIGEST)
    with tarfile.open(file) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def findings(browser, axe):
    """Give what axe-core objects to."""
    browser.call("Runtime.evaluate", expression=axe)
    found = json.loads(browser.do("axe.run().then((found) => JSON.stringify(found))"))
    assert len(found["passes"]) > 10, "it looked at the page"
    assert browser.do("document.documentElement.scrollWidth <= innerWidth")
    nodes = [(each["id"], node["html"]) for each in found["violations"] for node in each["nodes"]]
    return [f"{rule}: {html[:150]}" for rule, html in nodes]


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
    assert findings(browser, axe) == []
    for tile, close in (("tiles[0]", "close"), ("own.slots[0]", "own-close")):
        browser.do(f"{tile}.button.click()")
        assert findings(browser, axe) == []
        browser.do(f"byId('{close}').click()")


@pytest.mark.parametrize(("width", "dark"), SIZES)
def test_nothing_is_wrong_with_the_page_as_one_file(browser, address, axe, width, dark):
    browser.resize(width, 900, phone=width == 400, dark=dark)
    browser.open("about:blank#")
    browser.open(address)
    browser.wait("state.elites[0]")
    browser.do("byId('pause').click()")
    assert findings(browser, axe) == []
