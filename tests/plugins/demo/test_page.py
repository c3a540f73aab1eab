"""The page that fools a network in the browser, in a real one."""

from __future__ import annotations

import io
import json
import time
from base64 import b64decode
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
import torch
from browser import BROWSER
from commands import neatfool
from PIL import Image

from neatfool import log_odds, make_target

browser_only = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no browser to open the page in"),
]
ALL_SURE = "document.documentElement.dataset.fooled === '10'"


@pytest.fixture(scope="module")
def fooled(browser, address):
    """Open the page, and wait until ten digits are above 99 %."""
    search(browser, address, 1)
    browser.do("byId('pause').click()")
    return browser


def search(browser, address, seed):
    """Search as fast as the page can; give the images that it took."""
    browser.open("about:blank#")
    browser.open(f"{address}#seed={seed}")
    browser.do("byId('faster').click()")
    browser.wait(ALL_SURE, 120)
    return int(browser.do("document.documentElement.dataset.images"))


def elites(browser):
    """Give the page's elites: genome, pixels, log-odds."""
    script = "state.elites.map((each) => ({ ...each, pixels: [...each.pixels] }))"
    found: list[dict[str, Any]] = browser.do(script)
    return found


def log_odds_of(pixels, digit):
    """Ask neatfool's own network, in full precision."""
    images = torch.tensor(pixels, dtype=torch.uint8).reshape(1, 1, 28, 28)
    scores = make_target("mnist").score(images)
    return float(log_odds(np.asarray(scores.logits))[0, digit])


def test_the_kernels_are_what_their_source_compiles_to():
    wasmtime = pytest.importorskip("wasmtime")
    page = files("neatfool_plugins.demo") / "page"
    source = page.joinpath("kernels.wat").read_text(encoding="utf-8")
    assert wasmtime.wat2wasm(source) == page.joinpath("kernels.wasm").read_bytes()


class TestPage:
    pytestmark = browser_only

    def test_it_begins_by_itself_asks_nothing_and_complains_of_nothing(self, browser, address):
        browser.open("about:blank#")
        browser.requested.clear()
        browser.complaints.clear()
        browser.open(address)
        browser.wait("Number(document.documentElement.dataset.images) > 20", 20)
        assert [each for each in browser.requested if not each.startswith("blob:")] == [address]
        assert browser.complaints == []

    def test_webassembly_and_javascript_compute_what_pytorch_does(self, fooled):
        from neatfool_plugins.demo.page import LAYERS
        from neatfool_plugins.mnist.lenet import PACKAGED, load, load_digits, normalise

        network = load(PACKAGED)
        for layer in LAYERS:  # in 8 bits, as the page has them
            weight = getattr(network, layer).weight.data.flatten(1)
            scale = weight.abs().amax(1, keepdim=True) / 127
            getattr(network, layer).weight.data.copy_(
                ((weight / scale).round() * scale).reshape_as(getattr(network, layer).weight)
            )
        digits = load_digits()[0][::10].reshape(-1, 784)
        images = np.concatenate([digits, np.uint8([each["pixels"] for each in elites(fooled)])])
        with torch.inference_mode():
            wanted = network(normalise(torch.from_numpy(images).reshape(-1, 1, 28, 28))).numpy()
        fooled.do("globalThis.plain = new LeNet({ weights: material.weights, wasm: null })")
        assert fooled.do("[local.compiled, plain.compiled]") == [True, False]
        for which in ("local", "plain"):
            given = json.dumps(images.tolist())
            got = fooled.do(f"{given}.map((each) => [...{which}.logits(Uint8Array.from(each))])")
            np.testing.assert_allclose(got, wanted, atol=1e-3)

    def test_what_a_tile_says_holds_for_the_network_in_full_precision(self, fooled):
        for digit, elite in enumerate(elites(fooled)):
            assert log_odds_of(elite["pixels"], digit) > elite["odds"] - 0.2

    def test_neatfool_draws_a_downloaded_genome_alike_and_confirms_a_downloaded_image(
        self, fooled, tmp_path
    ):
        fooled.do("tiles[3].button.click()")
        data = fooled.do("[byId('save-image').href, byId('save-genome').href]")
        image, text = (b64decode(each.partition(",")[2]) for each in data)
        pixels = np.asarray(Image.open(io.BytesIO(image)).convert("L"))
        genome, drawing = tmp_path / "3.json", tmp_path / "3.png"
        genome.write_bytes(text)
        assert neatfool("render", genome, "--size", 28, "-o", drawing).exit_code == 0
        drawn = np.asarray(Image.open(drawing))
        assert np.abs(drawn.astype(int) - pixels).max() <= 1
        assert log_odds_of(pixels.flatten().tolist(), 3) > np.log(99)
        fooled.do("byId('close').click()")

    def test_a_link_opens_its_image_and_a_forged_one_says_so(self, fooled, address):
        fooled.do("tiles[5].button.click(); byId('link').click()")
        fooled.wait("location.hash.includes('genome')")
        link, seen = fooled.do("[location.href, byId('seen').toDataURL()]")
        fooled.open("about:blank#")
        fooled.open(link)
        fooled.wait("byId('play').open")
        assert fooled.do("byId('seen').toDataURL()") == seen
        for forged in ("e30=", "bm9uZQ=="):
            fooled.open("about:blank#")
            fooled.open(f"{address}#seed=1&genome={forged}")
            fooled.wait("byId('notice').textContent.includes('no image')")

    def test_a_forged_genome_with_countless_ways_is_read_at_once(self, fooled):
        nodes = [[number, "paper_sine", "sum", 0, 1, 1] for number in range(61)]
        edges = [[b, a, 1, True] for a in range(60) for b in (a + 1, a + 2) if b < 61]
        text = json.dumps({"nodes": nodes, "connections": [[-1, 60, 1, True], *edges]})
        fooled.do("byId('play').close()")
        # The page's own check of cycles: there are a billion ways from the last node to the first.
        began = time.monotonic()
        fooled.do(f"openLink(new Map([['genome', btoa({json.dumps(text)})], ['digit', '1']]))")
        assert fooled.do("byId('play').open")
        assert time.monotonic() - began < 10
        fooled.do("byId('close').click()")

    def test_children_can_be_bred_and_taken_back(self, fooled, address):
        search(fooled, address, 1)
        fooled.do("tiles[0].button.click(); byId('breed').click()")
        assert fooled.do("byId('children').children.length") == 16
        before = fooled.do("byId('large').toDataURL()")
        fooled.do("byId('children').children[2].click()")
        fooled.do("byId('back').click()")
        assert fooled.do("byId('large').toDataURL()") == before

    def test_a_still_page_waits_for_its_button(self, browser, address):
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        browser.call("Emulation.setEmulatedMedia", features=[still])
        browser.open("about:blank#")
        browser.open(address)
        assert browser.do("byId('pause').textContent") == "Begin"
        assert browser.do("document.documentElement.dataset.images") == "0"
        browser.do("byId('pause').click()")
        browser.wait("Number(document.documentElement.dataset.images) > 5")
        browser.call("Emulation.setEmulatedMedia", features=[])

    @pytest.mark.slow
    def test_ten_digits_take_fewer_than_5000_images_whatever_the_seed(self, browser, address):
        assert max(search(browser, address, seed) for seed in range(1, 9)) < 5000

    def test_another_page_can_embed_what_explains_alone(self, browser, address):
        browser.open("about:blank#")
        browser.open(f"{address}#explain")
        shown = (
            "[...document.querySelectorAll('h1, h2, footer')].filter((each) => each.offsetHeight)"
        )
        assert browser.do(f"{shown}.map(({{ id }}) => id)") == ["how"]
        browser.wait("Number(document.documentElement.dataset.images) > 5")
