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

from neatfool import cppn, log_odds, make_target

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


def fresh(browser, address):
    """Open the page anew, even if only the part behind its # differs."""
    browser.open("about:blank#")
    browser.open(address)


def search(browser, address, seed):
    """Search as fast as the page can; give the images that it took."""
    fresh(browser, f"{address}#seed={seed}")
    browser.do("byId('faster').click()")
    browser.wait(ALL_SURE, 120)
    sure = "line.find(([, odds]) => odds >= oddsOf(0.99))[0]"
    return int(browser.do(f"Math.max(...state.lines.map((line) => {sure}))"))


def elites(browser):
    """Give the page's elites: genome, pixels, log-odds."""
    script = "state.elites.map((each) => ({ ...each, pixels: [...each.pixels] }))"
    found: list[dict[str, Any]] = browser.do(script)
    return found


def picture(address):
    """Read the image of a data: address; give uint8 [H, W]."""
    image = Image.open(io.BytesIO(b64decode(address.partition(",")[2])))
    return np.asarray(image.convert("L"))


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

    def test_the_headline_is_true_at_each_moment(self, browser, address):
        claim = "document.querySelector('.lead').textContent"
        fresh(browser, f"{address}#seed=1")
        seen = {}
        while "10" not in seen:
            fooled, text = browser.do(f"[document.documentElement.dataset.fooled, {claim}]")
            seen[fooled] = text.replace("\xa0", " ")
        start = "A network that reads handwriting is "
        sure = start + "more than 99 % sure that "
        assert seen.pop("10") == sure + "it sees one in all of these images."
        assert seen.pop("0") == start + "not sure yet that it sees one."
        for fooled, text in seen.items():
            assert text == sure + f"it sees one in {fooled} of these 10 images."

    def test_it_can_be_paused_before_its_first_image(self, browser, address):
        fresh(browser, address)
        browser.do("begin(1), byId('pause').click()")
        time.sleep(0.5)
        assert browser.do("[paused, byId('pause').textContent]") == [True, "Continue"]
        images = browser.do("state.images")
        time.sleep(0.5)
        assert browser.do("state.images") == images

    def test_a_digit_can_be_drawn_with_the_mouse_and_with_keys(self, fooled):
        fooled.do("byId('pad').scrollIntoView({ block: 'center' })")
        left, top = fooled.do("(({ x, y }) => [x, y])(byId('pad').getBoundingClientRect())")
        for kind, y in (("mousePressed", 40), ("mouseMoved", 180), ("mouseReleased", 180)):
            fooled.mouse(kind, left + 112, top + y, button="left", buttons=1)
        said = fooled.do("byId('drawn').textContent")
        assert "takes it for a 1, and is" in said
        assert "Of the evolved image for 1 it is" in said
        fooled.do("byId('clear').click(), byId('pad').focus()")
        assert "arrow keys" in fooled.do("byId('drawn').textContent")
        for key in 8 * ["ArrowUp"] + 16 * ["ArrowDown"]:
            fooled.press(key)
        assert "takes it for a 1" in fooled.do("byId('drawn').textContent")

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
        pixels, text = picture(data[0]), b64decode(data[1].partition(",")[2])
        genome, drawing = tmp_path / "3.json", tmp_path / "3.png"
        genome.write_bytes(text)
        assert neatfool("render", genome, "--size", 28, "-o", drawing).exit_code == 0
        drawn = np.asarray(Image.open(drawing))
        assert np.abs(drawn.astype(int) - pixels).max() <= 1
        assert log_odds_of(pixels.flatten().tolist(), 3) > np.log(99)
        fooled.do("byId('close').click()")

    @pytest.mark.parametrize("webgl", [True, False])
    def test_what_a_tile_shows_is_what_neatfool_draws(self, fooled, webgl):
        fooled.do(f"quick = {json.dumps(webgl)}; renderer.slices = []")
        fooled.do("tiles.forEach(({ large }) => put(large, new Uint8Array(4)))")
        fooled.do("state.elites.forEach(({ genome }, i) => paint(tiles[i].large, genome, LARGE))")
        fooled.wait("!painting", 120)
        assert fooled.do("renderer.slices.length > 0") == webgl
        for digit, elite in enumerate(elites(fooled)):
            genome = cppn.loads(json.dumps(elite["genome"]))
            look = cppn.Look(28, 28, inputs="normalised")
            (wanted,) = cppn.Picture(genome, look).pixels((168, 168))
            shown = picture(fooled.do(f"tiles[{digit}].large.toDataURL()"))
            assert np.mean(np.abs(wanted.astype(int) - shown) > 1) < 0.001

    def test_tiles_are_drawn_even_if_the_graphics_card_is_lost_meanwhile(self, fooled):
        before = fooled.do("tiles[0].large.toDataURL()")
        fooled.do("quick = true; put(tiles[0].large, new Uint8Array(4))")
        fooled.do("paint(tiles[0].large, state.elites[0].genome, LARGE)")
        fooled.do("globalThis.card = renderer.gl.getExtension('WEBGL_lose_context')")
        fooled.do("card.loseContext()")
        fooled.wait("!renderer.works")
        fooled.do("paint(tiles[0].large, state.elites[0].genome, LARGE)")
        fooled.wait("!painting")
        shown = picture(fooled.do("tiles[0].large.toDataURL()")).astype(int)
        assert np.abs(picture(before) - shown).max() <= 1
        fooled.do("card.restoreContext()")
        fooled.wait("renderer.works")

    def test_a_page_without_webgl_draws_its_tiles(self, browser, address):
        lacking = "HTMLCanvasElement.prototype.getContext = (get => function (kind, settings) {"
        lacking += " return kind === 'webgl2' ? null : get.call(this, kind, settings); })"
        lacking += "(HTMLCanvasElement.prototype.getContext)"
        script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=lacking)
        browser.complaints.clear()
        search(browser, address, 2)
        browser.call("Page.removeScriptToEvaluateOnNewDocument", **script)
        assert browser.do("renderer.works") is False
        browser.do("byId('pause').click()")
        browser.wait("!painting")
        assert browser.do("tiles.map(({ large }) => large.width)") == [168] * 10
        assert browser.complaints == []

    def test_a_link_opens_its_image_and_a_forged_one_says_so(self, fooled, address):
        fooled.do("tiles[5].button.click(); byId('link').click()")
        fooled.wait("location.hash.includes('genome')")
        link, seen = fooled.do("[location.href, byId('seen').toDataURL()]")
        fresh(fooled, link)
        fooled.wait("byId('play').open")
        assert fooled.do("byId('seen').toDataURL()") == seen
        for forged in ("e30=", "bm9uZQ=="):
            fresh(fooled, f"{address}#seed=1&genome={forged}")
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
        fooled.do("byId('pause').click(); tiles[0].button.click(); byId('breed').click()")
        assert fooled.do("byId('children').children.length") == 16
        fooled.do("window.parents = make('canvas'); paint(parents, play.genome, 56)")
        fooled.wait("!painting", 120)
        before = fooled.do("byId('large').toDataURL()")
        fooled.do(
            "[...byId('children').children]"
            ".find(({ firstChild }) => firstChild.toDataURL() !== parents.toDataURL()).click()"
        )
        fooled.wait("!painting", 120)
        assert fooled.do("byId('large').toDataURL()") != before
        fooled.do("byId('back').click()")
        fooled.wait("!painting", 120)
        assert fooled.do("byId('large').toDataURL()") == before

    def test_a_still_page_waits_for_its_button(self, browser, address):
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        browser.call("Emulation.setEmulatedMedia", features=[still])
        fresh(browser, address)
        assert browser.do("byId('pause').textContent") == "Begin"
        assert browser.do("document.documentElement.dataset.images") == "0"
        browser.do("byId('pause').click()")
        browser.wait("Number(document.documentElement.dataset.images) > 5")
        browser.call("Emulation.setEmulatedMedia", features=[])

    @pytest.mark.slow
    def test_ten_digits_take_fewer_than_5000_images_and_ten_seconds_whatever_the_seed(
        self, browser, address
    ):
        images = [search(browser, address, seed) for seed in range(1, 21)]
        paced = "byId('worker-code').textContent.match(/const paced = (.*);/)[1]"
        in_ten_seconds = browser.do(f"(0, eval)({paced})(10)")  # at the speed that an eye follows
        assert max(images) < min(5000, in_ten_seconds)

    def test_another_page_can_embed_what_explains_alone(self, browser, address):
        fresh(browser, f"{address}#explain")
        shown = (
            "[...document.querySelectorAll('h1, h2, footer')].filter((each) => each.offsetHeight)"
        )
        assert browser.do(f"{shown}.map(({{ id }}) => id)") == ["how"]
        browser.wait("Number(document.documentElement.dataset.images) > 5")
