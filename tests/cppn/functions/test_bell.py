"""The bell around a pixel is the same at any size, and for all that draws."""

from __future__ import annotations

import pytest
import torch
from genomes import breeder_of, line_of
from random_cppns import INPUTS, OUTPUTS

from neatfool.cppn import can_compile, compile_genomes, compile_tape, render
from neatfool.cppn.functions.bell import PLACES, WEIGHTS, smooth, spread, steps

NATIVE = (40, 48)
HOW = {"native": NATIVE, "colour_map": "hsv", "inputs": "normalised", "band_limit": 2.0}


@pytest.fixture(params=["compiled", "plain"])
def compiler(request):
    if request.param == "compiled" and not can_compile():
        pytest.skip("numba does not work here")
    return compile_tape if request.param == "compiled" else compile_genomes


def drawn(compiler, count=6, scale=1.0, **how):
    genomes = [line_of(breeder_of("patterns"), 30, seed)[-1] for seed in range(count)]
    height, width = (round(scale * side) for side in NATIVE)
    made = compiler(genomes, INPUTS, OUTPUTS)
    return render(made, height=height, width=width, **{**HOW, **how})


def test_it_has_a_standard_deviation_of_half_a_band_limit():
    assert sum(WEIGHTS) == sum(weight for weight, _, _ in PLACES) == 1
    for axis in (1, 2):
        assert sum(each[0] * each[axis] for each in PLACES) == 0
        assert sum(each[0] * each[axis] ** 2 for each in PLACES) == pytest.approx(0.25)


def test_its_steps_are_whole_pixels_where_they_fit():
    assert steps(224, 224, None, 2.0) == (1, 1)
    assert steps(448, 896, (224, 224), 2.0) == (2, 4)
    assert steps(300, 224, (224, 224), 2.0) is None
    assert steps(224, 224, None, 0.0) is None


@pytest.mark.parametrize("band_limit", [1.0, 2.0, 3.0])
def test_pixels_are_the_same_whether_or_not_its_steps_fit(compiler, band_limit, monkeypatch):
    some = drawn(compiler, scale=2.0, band_limit=band_limit)
    monkeypatch.setattr("neatfool.cppn.functions.bell.steps", lambda *_: None)
    other = drawn(compiler, scale=2.0, band_limit=band_limit)
    assert (some.int() - other.int()).abs().max() <= 1


@pytest.mark.parametrize("scale", [1.0, 0.7, 2.0])
def test_a_box_is_the_crop_of_the_whole(compiler, scale):
    whole = drawn(compiler, 3, scale)
    for box in ((0, 0, 1, 1), (3, 5, 20, 21), (10, 0, 20, 28)):
        left, top, right, bottom = box
        part = drawn(compiler, 3, scale, box=box)
        assert torch.equal(part, whole[:, :, top:bottom, left:right])


def test_a_larger_picture_has_the_native_pixels(compiler):
    small, large = drawn(compiler), drawn(compiler, scale=3.0)
    assert (large[:, :, 1::3, 1::3].int() - small.int()).abs().max() <= 1


def test_threads_do_not_show(compiler, monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr("neatfool.cppn.compiled.renderer.WORTH_A_THREAD", 1)
    torch.set_num_threads(2)
    with_two = drawn(compiler, 9)
    torch.set_num_threads(before)
    assert torch.equal(drawn(compiler, 9), with_two)


def test_gradients_are_spread_as_pixels_are_made():
    points = torch.randn(2, 3, 20, 26, dtype=torch.float64, requires_grad=True)
    pixels = smooth(points, (2, 1))
    assert pixels.shape == (2, 3, 12, 22)
    gradients = torch.randn_like(pixels)
    (pixels * gradients).sum().backward()
    torch.testing.assert_close(spread(gradients, (2, 1)), points.grad)
