"""What each view does to an image, and what all views promise."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import neatfool

VIEWS = neatfool.views()


def pictures(count=3, channels=3, height=20, width=26):
    """Make smooth images with a little noise, so that nothing is saturated."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:height, :width]
    waves = [90 * np.sin(x / (3 + n) + y / 4 + n) + 128 for n in range(count * channels)]
    made = np.array(waves).reshape(count, channels, height, width)
    return torch.from_numpy((made + rng.normal(0, 3, made.shape)).astype(np.float32))


def change(name, images, amount, *, seed=3):
    count = len(images)
    amounts = torch.full((count,), float(amount)) if np.isscalar(amount) else torch.tensor(amount)
    return VIEWS[name].change(images, amounts, torch.arange(count) + seed)


DOCUMENT = (Path(__file__).parents[3] / "docs" / "survival.md").read_text(encoding="utf-8")


def test_the_table_in_the_documentation_has_them_all():
    table = re.findall(r"^\| `(\w+)` \| .* \| (.+) \| ±?(\S+) \|$", DOCUMENT, re.M)
    names = {
        name: (f"{view.unit}, ±" if view.signed else view.unit, f"{view.limit:g}")
        for name, view in VIEWS.items()
    }
    assert {name: (unit, limit) for name, unit, limit in table} == names


def amounts_of(view):
    return [*view.strengths, *(-strength for strength in view.strengths if view.signed)]


def roughness(image):
    """Compare the curvature, where high frequencies are, with the whole."""
    return float((image[..., 2:] - 2 * image[..., 1:-1] + image[..., :-2]).std() / image.std())


@pytest.mark.parametrize("name", VIEWS)
def test_strengths_go_from_mild_to_the_limit(name):
    view = VIEWS[name]
    assert isinstance(view, neatfool.View)
    away = [abs(strength - view.harmless) for strength in (view.harmless, *view.strengths)]
    assert away == sorted({*away})
    assert away[-1] <= abs(view.limit - view.harmless)
    assert view.unit
    assert view.what


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_is_changed_the_same_way_alone_and_among_others(name, channels):
    view, images = VIEWS[name], pictures(channels=channels)
    seeds = torch.tensor([5, 2**63 - 1, 0])
    for amount in amounts_of(view):
        amounts = torch.tensor([amount, view.harmless, view.strengths[0]], dtype=torch.float32)
        before = images.clone()
        together = view.change(images, amounts, seeds)
        assert torch.equal(images, before)
        assert together.shape == images.shape
        assert together.dtype == torch.float32
        assert together.min() >= 0
        assert together.max() <= 255
        assert torch.equal(together[1], images[1])
        assert not torch.equal(together[0], images[0])
        for i in range(3):
            alone = view.change(images[i : i + 1], amounts[i : i + 1], seeds[i : i + 1])
            assert torch.equal(alone[0], together[i]), (amount, i)


@pytest.mark.parametrize("name", VIEWS)
def test_gradients_are_finite_even_at_black_and_white(name):
    view, images = VIEWS[name], pictures(2)
    images[0, :, :5], images[0, :, 5:9] = 0, 255
    for amount in amounts_of(view):
        leaf = images.clone().requires_grad_()
        change(name, leaf, amount).sum().backward()
        assert torch.isfinite(leaf.grad).all()
        assert leaf.grad[1].abs().sum() > 0


@pytest.mark.parametrize("name", VIEWS)
def test_an_image_may_be_tiny(name):
    for amount in (*amounts_of(VIEWS[name]), VIEWS[name].limit):
        assert torch.isfinite(change(name, pictures(2, 1, 2, 3), amount)).all()


def test_moved_by_three_pixels_is_moved_by_three_pixels():
    images = pictures(40, 1)
    found = set()
    for before, after in zip(images, change("move", images, 3), strict=True):
        (offset,) = [
            (right, down)
            for right in range(-3, 4)
            for down in range(-3, 4)
            if torch.equal(after[:, 4:-4, 4:-4], before.roll((down, right), (1, 2))[:, 4:-4, 4:-4])
        ]
        found.add(offset)
    assert {round(np.hypot(*offset)) for offset in found} == {3}
    assert len(found) > 5


def test_edges_are_mirrored():
    row = torch.tensor([[[[10.0, 20.0, 30.0, 40.0]]]])
    moved = {tuple(change("move", row, 2, seed=seed).flatten().tolist()) for seed in range(60)}
    assert {(20, 10, 10, 20), (30, 40, 40, 30)} <= moved


def test_turned_by_a_right_angle_is_turned_by_a_right_angle():
    image = pictures(1, 3, 21, 21)
    assert torch.allclose(change("turn", image, 90), image.rot90(-1, (2, 3)), atol=0.01)


def test_scaled_to_twice_the_size_shows_the_middle_larger():
    image = pictures(1, 1, 40, 40)
    smooth = change("blur", image, 2)
    larger = change("scale", smooth, 75)
    assert (larger[..., 20, 20] - smooth[..., 20, 20]).abs() < 6
    assert roughness(larger) < roughness(smooth)


def test_seen_at_an_angle_the_far_side_is_smaller():
    stripes = torch.zeros(1, 1, 60, 60)
    stripes[..., ::6] = stripes[..., 1::6] = stripes[..., 2::6] = 255
    counts = []
    for seed in range(20):
        seen = VIEWS["perspective"].change(stripes, torch.tensor([45.0]), torch.tensor([seed]))
        edges = (seen[0, 0, :, 1:] > 127) != (seen[0, 0, :, :-1] > 127)
        counts.append((int(edges[:, :30].sum()), int(edges[:, 30:].sum())))
    assert max(abs(left - right) for left, right in counts) > 0.2 * 60 * 19


def test_there_are_ten_crops_of_which_five_are_mirrored():
    image = pictures(1).expand(60, -1, -1, -1)
    crops = {levels(crop): crop for crop in change("crops", image, 11)}
    assert len(crops) == 10
    assert {levels(crop.flip(-1)) for crop in crops.values()} == {*crops}


def levels(image):
    return tuple((image / 4).round().flatten().tolist())  # a last bit may differ in a mirror


def test_size_and_blur_take_away_detail_and_sharpening_adds_some():
    image = pictures(1)
    rough = roughness(image)
    for name in ("blur", "size"):
        energies = [roughness(change(name, image, s)) for s in VIEWS[name].strengths]
        assert max(energies) < rough, name
        assert min(energies) == energies[-1] < 0.7 * rough, name
    assert roughness(change("sharpen", image, 200)) > rough


def test_light_contrast_and_gamma_change_the_levels_as_they_say():
    grey = torch.tensor([0.0, 51.0, 102.0, 204.0, 255.0]).view(1, 1, 1, 5)
    expected_levels = {
        ("light", 25): [0, 63.75, 127.5, 255, 255],
        ("light", -50): [0, 25.5, 51, 102, 127.5],
        ("contrast", -50): [63.75, 89.25, 114.75, 165.75, 191.25],
    }
    for (name, amount), expected in expected_levels.items():
        assert change(name, grey, amount).flatten().tolist() == pytest.approx(expected), name
    for amount, power in ((1, 2), (-1, 0.5), (1.5, 2**1.5)):
        expected = (255 * (grey / 255) ** power).flatten().tolist()
        assert change("gamma", grey, amount).flatten().tolist() == pytest.approx(expected, abs=0.01)


def test_noise_has_the_deviation_that_was_asked_for():
    grey = torch.full((1, 3, 64, 64), 128.0)
    for amount in (4.0, 16.0):
        noise = change("noise", grey, amount) - grey
        assert float(noise.std()) == pytest.approx(amount, rel=0.05)


def test_jpeg_is_what_pillow_saves_and_lets_gradients_pass(tmp_path):
    from PIL import Image

    image = pictures(1).round()
    seen = change("jpeg", image, 30)
    pixels = image[0].byte().numpy().transpose(1, 2, 0)
    Image.fromarray(pixels).save(tmp_path / "saved.jpg", quality=30)
    with Image.open(tmp_path / "saved.jpg") as opened:
        saved = np.asarray(opened).transpose(2, 0, 1)
    assert np.array_equal(seen[0].numpy(), saved)
    leaf = image.clone().requires_grad_()
    change("jpeg", leaf, 30).sum().backward()
    assert leaf.grad.median() == 1


def test_a_screen_and_a_print_show_waves_that_were_not_there():
    plain = torch.full((1, 3, 64, 64), 140.0)
    for name in ("screen", "print"):
        seen = change(name, plain, 100)
        assert float(seen.std((2, 3)).min()) > 5, name
        assert not torch.equal(seen, change(name, plain, 100, seed=4))
    black_and_white = torch.tensor([0.0, 255.0]).view(1, 1, 1, 2).expand(1, 3, 32, 2)
    printed = change("print", black_and_white, 100)
    assert printed.min() > 30
    assert printed[:, 2].max() < 245  # paper is a little yellow
