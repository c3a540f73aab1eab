"""What each view does to an image, and what all views promise."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import neatfool
from neatfool.testing import check_plugin

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


DOCUMENT = (Path(__file__).parents[3] / "docs" / "comparing.md").read_text(encoding="utf-8")


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
def test_a_view_keeps_its_contract(name):
    check_plugin("view", lambda: VIEWS[name])


def change_in_turn(images, changes, *, at_once):
    """Apply the pairs of view and amount: all at once, as a run does, or one after the other."""
    views = [VIEWS[name] for name, _ in changes]
    amounts = torch.tensor([[float(amount) for _, amount in changes]] * len(images))
    seeds = torch.arange(amounts.numel()).view(amounts.shape)
    if at_once:
        return views[0].together(images, views, amounts, seeds)
    for place, view in enumerate(views):
        images = view.change(images, amounts[:, place], seeds[:, place])
    return images


@pytest.mark.parametrize("threads", [1, 3])
def test_several_views_change_an_image_alone_as_among_others(threads):
    images, views = pictures(7, 3, 300, 320), [VIEWS[name] for name in VIEWS if name != "size"]
    drawn = np.random.default_rng(2).random((7, len(views)), np.float32)
    drawn[2, :4] = drawn[4] = 0
    ends = torch.tensor([(view.harmless, view.strengths[1]) for view in views]).T
    amounts = ends[0] + (ends[1] - ends[0]) * torch.from_numpy(drawn)
    seeds = torch.arange(amounts.numel()).view(amounts.shape)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        whole = views[0].together(images, views, amounts, seeds)
        torch.set_num_threads(1)
        parts = [
            views[0].together(images[some], views, amounts[some], seeds[some])
            for some in (slice(0, 1), slice(1, 3), slice(3, 7))
        ]
    finally:
        torch.set_num_threads(before)
    assert torch.equal(whole, torch.cat(parts))
    assert torch.equal(whole[4], images[4])
    assert not torch.equal(whole[3], images[3])


def test_a_warp_gives_an_image_the_same_bits_in_any_batch():
    from neatfool_plugins.views.geometry import warp

    images = pictures(9, 3, 61, 67)
    turns = [[math.cos(n), math.sin(n), 0.3 * n, -math.sin(n), math.cos(n), 2, 0, 0, 1]
             for n in range(9)]  # fmt: skip
    matrices = np.array(turns).reshape(9, 3, 3)
    matrices[3] = [[1, 0, 4], [0, 1, -2], [0, 0, 1]]
    matrices[5, :2, :2] *= 3
    matrices[7, 2, 0] = 0.003
    whole = warp(images, matrices)
    for size in (1, 2, 4, 8):
        parts = [warp(images[n : n + size], matrices[n : n + size]) for n in range(0, 9, size)]
        assert torch.equal(torch.cat(parts), whole), size
    expected = images[3].roll((2, -4), (1, 2))[:, 4:-4, 4:-4]
    assert torch.equal(whole[3, :, 4:-4, 4:-4], expected)


def test_turned_there_and_back_at_once_is_as_before():
    images, changes = pictures(2), [("turn", 30), ("scale", 0), ("turn", -30)]
    assert torch.allclose(change_in_turn(images, changes, at_once=True), images, atol=0.01)
    assert (change_in_turn(images, changes, at_once=False) - images).abs().mean() > 2


@pytest.mark.parametrize(
    "changes",
    [
        [("turn", 20), ("scale", -20), ("move", 3)],
        [("crops", 20), ("turn", -20), ("light", -30), ("scale", 20)],
    ],
)
def test_views_at_once_do_what_each_does(changes):
    images = change("blur", pictures(4, 3, 60, 60), 2)
    seen, apart = (change_in_turn(images, changes, at_once=how) for how in (True, False))
    assert (seen - apart)[..., 20:-20, 20:-20].abs().max() < 4
    assert (seen - images).abs().mean() > 10


def test_nothing_is_seen_beyond_the_horizon():
    images, changes = pictures(4), [("move", 5), ("perspective", 60), ("scale", -75), ("jpeg", 40)]
    seen, apart = (change_in_turn(images, changes, at_once=how) for how in (True, False))
    assert torch.equal(seen, apart)


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
