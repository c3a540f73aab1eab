"""Every command shows a network a photograph as the network was trained to see it, to the byte."""

from copy import copy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image

from neatfool import fit_photograph
from neatfool.models import PHOTOGRAPHS, photographs
from neatfool.ood import in_distribution
from neatfool_plugins.guarded.target import GuardedTarget
from neatfool_plugins.imagenet import Options
from neatfool_plugins.imagenet.target import ImageNetTarget

SIDES = {"efficientnet-lite0": 224, "efficientnet-lite1": 240, "efficientnet-lite2": 260}
SHAPES = {"wide": (0, 40, 300, 215), "tall": (51, 0, 262, 300)}
"""What is cut out of the packaged photographs, which are squares."""


def not_square(name):
    return PHOTOGRAPHS[0].open().crop(SHAPES[name])


def documented(image, side, larger):
    """Resize the shorter side (bicubic), and cut the middle out, as EfficientNet-Lite's authors."""
    width, height = (larger * each // min(image.size) for each in image.size)
    left, top = round((width - side) / 2), round((height - side) / 2)
    resized = image.resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.array(resized.crop((left, top, left + side, top + side)))
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


@cache
def target(**options) -> ImageNetTarget:
    """Give a target to look at only, made once."""
    return ImageNetTarget(Options(device="cpu", **options))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photographs").mkdir()
    for name in SHAPES:
        not_square(name).save(tmp_path / "photographs" / f"{name}.png")
    return tmp_path / "photographs"


@pytest.mark.parametrize("model", SIDES)
def test_detectors_are_shown_photographs_in_the_networks_own_way(model, folder):
    found = target(model=model)
    side = SIDES[model]
    expected = [documented(not_square(name), side, side + 32) for name in ("tall", "wide")]
    assert torch.equal(in_distribution(found, folder).held_out, torch.stack(expected))
    assert f"shorter side to {side + 32} (bicubic), middle cut out" in found.describe()


def test_a_network_in_a_file_is_shown_photographs_of_its_size_as_they_are(tmp_path):
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 2))
    torch.jit.trace(module.eval(), torch.zeros(2, 3, 8, 8)).save(str(tmp_path / "net.pt"))
    found = target(model=f"torchscript:{tmp_path}/net.pt", size=8)
    pixels = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    shown = fit_photograph(Image.fromarray(pixels), found)[0]
    assert torch.equal(shown, torch.from_numpy(pixels).permute(2, 0, 1))
    assert "shorter side to 9 (bilinear), middle cut out, if of another size" in found.describe()


@pytest.mark.slow
def test_a_guard_shows_photographs_as_the_target_behind_it(folder):
    inner = target()
    guarded = GuardedTarget(inner, in_distribution(inner, folder), detector="msp")
    expected = documented(not_square("wide"), 224, 256)
    assert torch.equal(fit_photograph(not_square("wide"), guarded)[0], expected)


def test_the_check_at_the_start_shows_photographs_in_the_same_way(monkeypatch):
    wide = not_square("wide")
    changed = [replace(each, open=wide.copy) for each in PHOTOGRAPHS]
    monkeypatch.setattr(photographs, "PHOTOGRAPHS", changed)
    found, shown = copy(target()), []

    class Watching:
        def __call__(self, images: torch.Tensor) -> torch.Tensor:
            shown.append(images)
            return torch.eye(1000)[[281, 967, 657, 872, 652]]

    found.networks = [Watching()]
    found.self_check()
    expected = documented(wide, 224, 256)
    assert len(shown[0]) == 5
    assert all(torch.equal(image, expected) for image in shown[0])


def test_networks_of_an_ensemble_see_what_the_largest_is_shown():
    both = target(ensemble=("efficientnet-lite0", "efficientnet-lite1"))
    expected = documented(not_square("tall"), 240, 272)
    assert torch.equal(fit_photograph(not_square("tall"), both)[0], expected)
    assert "photographs are prepared as for efficientnet-lite1" in both.describe()


@pytest.mark.slow
def test_ten_crops_are_taken_of_the_middle_that_is_as_large_as_in_training():
    ten = target(crops="ten")
    expected = documented(not_square("wide"), 256, 256)
    assert torch.equal(fit_photograph(not_square("wide"), ten)[0], expected)
    assert "shorter side to 256 (bicubic)" in ten.describe()
