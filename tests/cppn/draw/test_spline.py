"""The spline around a pixel is the same at any size, and for all that draws."""

import numpy as np
import pytest
import torch
from genomes import breeder_of, line_of
from random_cppns import INPUTS, OUTPUTS

from neatfool.cppn import Look, can_compile, compile_genomes, compile_tape, render
from neatfool.cppn.draw.lattice import lay_lattice
from neatfool.cppn.draw.spline import TAPS, smooth, spread

NATIVE = (40, 48)
LOOK = Look(*NATIVE, "normalised", "hsv", band_limit=2.0)


@pytest.fixture(params=["compiled", "plain"])
def compiler(request):
    if request.param == "compiled" and not can_compile():
        pytest.skip("numba does not work here")
    return compile_tape if request.param == "compiled" else compile_genomes


def drawn(compiler, count=6, scale=1.0):
    genomes = [line_of(breeder_of("patterns"), 30, seed)[-1] for seed in range(count)]
    size = tuple(round(scale * side) for side in NATIVE)
    return render(compiler(genomes, INPUTS, OUTPUTS), LOOK, size=size)


def axis(size, native=None, band_limit=2.0):
    return lay_lattice(Look(1, native or size, band_limit=band_limit), (1, size)).axes[1]


@pytest.mark.parametrize("band_limit", [0.5, 2.0, 3.0])
@pytest.mark.parametrize("size", [31, 40, 97])
def test_its_weights_are_a_mean_that_keeps_places_and_has_one_deviation(size, band_limit):
    spline = axis(size, 40, band_limit)
    points = spline.places[spline.first[:, None] + np.arange(TAPS)]
    centres = (2 * np.arange(size) + 1) * 20 / size - 0.5
    assert spline.weights.sum(1) == pytest.approx(1)
    assert (spline.weights * points).sum(1) == pytest.approx(centres, abs=1e-5)
    away = (points - centres[:, None]) / band_limit
    assert (spline.weights * away**2).sum(1) == pytest.approx(1 / 3, abs=1e-5)


def test_points_are_a_band_limit_apart_and_the_first_within_half_of_it_of_the_edge():
    assert axis(8, band_limit=2.0).places.tolist() == [*np.arange(-3.5, 11, 2)]
    assert axis(8, band_limit=1.0).weights[3].tolist() == pytest.approx([1 / 6, 4 / 6, 1 / 6, 0])


@pytest.mark.parametrize("scale", [1.0, 2.0, 2.3])
def test_pixels_are_the_weighted_means_of_points(scale):
    lattice = lay_lattice(LOOK, tuple(round(scale * side) for side in NATIVE))
    whole = torch.rand(2, 3, len(lattice.axes[0].places), len(lattice.axes[1].places))
    expected = whole.double()
    for dim, along in ((2, lattice.axes[0]), (3, lattice.axes[1])):
        matrix = torch.zeros(len(along.first), len(along.places), dtype=torch.float64)
        for row, (first, weights) in enumerate(zip(along.first, along.weights, strict=True)):
            matrix[row, first : first + TAPS] = torch.from_numpy(weights)
        expected = torch.tensordot(expected, matrix, ([dim], [1])).movedim(-1, dim)
    assert (smooth(whole, lattice.axes) - expected).abs().max() < 1e-6


def test_a_larger_picture_has_the_native_pixels(compiler):
    small, large = drawn(compiler), drawn(compiler, scale=3.0)
    assert (large[:, :, 1::3, 1::3].int() - small.int()).abs().max() <= 1


@pytest.mark.parametrize("size", [(16, 22), (20, 33)])
def test_gradients_are_spread_as_pixels_are_made(size):
    lattice = lay_lattice(Look(16, 22, band_limit=2.0), size)
    shape = len(lattice.axes[0].places), len(lattice.axes[1].places)
    points = torch.randn(2, 3, *shape, dtype=torch.float64, requires_grad=True)
    pixels = smooth(points, lattice.axes)
    assert pixels.shape == (2, 3, *size)
    gradients = torch.randn_like(pixels)
    (pixels * gradients).sum().backward()
    torch.testing.assert_close(spread(gradients, lattice.axes), points.grad)
