"""The page fools a network of the visitor's own, in an ONNX file."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
import torch
from browser import BROWSER
from commands import neatfool
from own_networks import Lenet, drop, export_lenet
from PIL import Image
from small_networks import FLOATS, Bytes, ChannelsLast, Sigmoids, Small, export_onnx
from torch import nn

from neatfool import log_odds
from neatfool_plugins.demo.onnxruntime_web import FOLDER, PARTS
from neatfool_plugins.demo.page import SuppliedNetwork, make_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no browser to open the page in"),
]
ANSWERED = "(byId('own-search').hidden && !/…$/.test(byId('own-notice').textContent))"


class Softmax(Small):
    def forward(self, images):
        return super().forward(images).softmax(1)


class Colours(nn.Module):
    """Which of red, green and blue is the most: a classifier that is soon fooled."""

    def forward(self, images):
        return 300 * images.mean((2, 3))


@pytest.fixture
def page(browser, site):
    """Open the page, whose own search waits."""
    browser.resize(1300, 900)
    browser.open("about:blank#")
    browser.open(site.address)
    browser.do("byId('pause').click()")
    browser.complaints.clear()
    return browser


def found(page):
    """Stop the search; give its tiles: index, log-odds, pixels."""
    page.do("byId('own-stop').click()")
    page.wait("document.documentElement.dataset.ownDone")
    tiles: list[dict[str, Any]] = page.do(
        "own.slots.map(({ index, odds, genome }) => "
        "({ index, odds, pixels: [...draw(genome, native(own.shape), own.shape)] }))"
    )
    return tiles


@pytest.mark.parametrize(
    ("network", "given", "words"),
    [
        (Small(), FLOATS, "in colour, and gives logits"),
        (ChannelsLast(), FLOATS.permute(0, 2, 3, 1), "in colour, and gives logits"),
        (Bytes(), FLOATS.permute(0, 2, 3, 1).byte(), "in colour, and gives logits"),
        (Softmax(), FLOATS, "gives probabilities"),
        (Sigmoids(), FLOATS, "gives a confidence for each class by itself"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, nn.Module) else "",
)
def test_what_the_page_says_of_an_image_is_what_pytorch_says(page, tmp_path, network, given, words):
    export_onnx(network, tmp_path / "network.onnx", given, fixed=given.dtype == torch.uint8)
    drop(page, tmp_path / "network.onnx")
    page.wait(f"Number(document.documentElement.dataset.ownImages) > 50 || {ANSWERED}", 60)
    assert words in page.do("byId('own-about').textContent")
    tiles = found(page)
    assert sorted(each["index"] for each in tiles) == [0, 1, 2, 3, 4]
    images = torch.tensor([each["pixels"] for each in tiles]).reshape(-1, 16, 16, 3)
    if given.shape[1] == 3:
        images = images.permute(0, 3, 1, 2)
    images = images.byte() if given.dtype == torch.uint8 else images / 255
    with torch.inference_mode():
        numbers = network(images).double().numpy()
    if isinstance(network, Sigmoids):
        odds = np.log(numbers / (1 - numbers))
    else:
        odds = log_odds(np.log(numbers) if isinstance(network, Softmax) else numbers)
    wanted = odds[range(len(tiles)), [each["index"] for each in tiles]]
    np.testing.assert_allclose([each["odds"] for each in tiles], wanted, atol=1e-3)
    assert page.complaints == []


def test_a_dropped_network_of_digits_is_fooled_and_only_the_site_is_asked(page, site, tmp_path):
    export_lenet(tmp_path / "lenet.onnx")
    (tmp_path / "names.txt").write_text("zero\none\ntwo\n")
    site.paths.clear()
    drop(page, tmp_path / "names.txt", tmp_path / "lenet.onnx")
    page.wait("document.documentElement.dataset.ownFooled === '10'", 120)
    assert page.do("byId('own-count').textContent") == "10 of 10 classes above 99 %"
    assert page.do("own.slots[2].name.textContent") == "two"
    assert page.do("own.slots[3].name.textContent") == "class 3"
    tiles = found(page)
    images = torch.tensor([each["pixels"] for each in tiles]).reshape(-1, 1, 28, 28) / 255
    odds = log_odds(Lenet()(images).detach().numpy())
    got = [each["odds"] for each in tiles]
    np.testing.assert_allclose(got, odds[range(10), [each["index"] for each in tiles]], atol=1e-3)
    assert min(got) > np.log(99)
    assert set(site.paths) <= {f"/{FOLDER}/{each}" for each in PARTS}
    assert page.complaints == []


def test_a_tile_is_shown_large_and_neatfool_draws_its_genome_alike(page, tmp_path):
    from base64 import b64decode

    export_onnx(Colours(), tmp_path / "colours.onnx", FLOATS)
    drop(page, tmp_path / "colours.onnx")
    page.wait("document.documentElement.dataset.ownFooled === '3'", 120)
    found(page)
    page.do("own.slots[1].button.click()")
    assert page.do("[byId('own-large').open, byId('own-title-large').textContent]") == [
        True,
        "class 1",
    ]
    data = page.do("[byId('own-image').href, byId('own-genome').href]")
    image, genome = (b64decode(each.partition(",")[2]) for each in data)
    (tmp_path / "page.png").write_bytes(image)
    (tmp_path / "genome.json").write_bytes(genome)
    out = tmp_path / "neatfool.png"
    options = ("--size", 16, "--colour", "hsv", "-o", out)
    neatfool("render", tmp_path / "genome.json", *options, exit_code=0)
    shown, drawn = (
        np.asarray(Image.open(each).convert("RGB")) for each in (tmp_path / "page.png", out)
    )
    assert shown.shape == (16, 16, 3)
    assert np.abs(drawn.astype(int) - shown).max() <= 1
    page.do("byId('own-again').click(); byId('own-close').click()")
    page.wait("document.documentElement.dataset.ownFooled === '3'", 120)


def test_a_network_that_the_site_supplies_takes_the_same_way(page, site):
    export_onnx(Colours(), site.folder / "colours.onnx", FLOATS)
    names = ("red", "green", '"blue" & <i>')
    supplied = SuppliedNetwork(
        "Colours", "colours.onnx", names, "signed", author="Ada, MIT", licence="colours.txt"
    )
    html = make_page(engine=True, networks=[supplied])
    (site.folder / "supplied.html").write_text(html, encoding="utf-8")
    page.open(site.address.replace("fool.html", "supplied.html"))
    assert page.do("document.querySelector('[href=\"colours.txt\"]').textContent") == "Ada, MIT"
    page.do("byId('pause').click(); document.querySelector('[data-address]').click()")
    page.wait("document.documentElement.dataset.ownFooled === '3'", 120)
    assert page.do("own.slots.map(({ name }) => name.textContent).sort()") == sorted(names)
    assert page.do("byId('own-scaling').value") == "signed"
    assert page.complaints == []


class Pixels(nn.Module):
    def forward(self, images):
        return images * 2


def test_what_is_no_image_classifier_gets_a_sentence(page, tmp_path):
    files = {name: tmp_path / f"{name}.onnx" for name in ("broken", "pixels", "vector", "huge")}
    files["broken"].write_bytes(b"no network at all")
    export_onnx(Pixels(), files["pixels"], FLOATS)
    export_onnx(nn.Linear(8, 4), files["vector"], torch.zeros(1, 8))
    files["huge"].touch()
    os.truncate(files["huge"], 4 * 10**8)
    sentences = {
        "broken": "onnxruntime cannot read it",
        "pixels": "An image classifier gives [images, classes]",
        "vector": "Images are [images, channels, height, width]",
        "huge": "has 400 MB",
    }
    for name, sentence in sentences.items():
        page.do("say('…')")
        drop(page, files[name])
        page.wait(ANSWERED, 60)
        assert sentence in page.do("byId('own-notice').textContent")
    assert page.complaints == []


def test_a_page_without_onnxruntime_web_says_where_this_works(browser, address):
    browser.open(address)
    assert browser.do("byId('own-file')") is None
    assert "neatfool demo --help" in browser.do("byId('own').textContent")
    policy = browser.do("document.querySelector('meta[http-equiv]').content")
    assert "'self'" not in policy
    assert "connect-src" not in policy
