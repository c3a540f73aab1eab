"""A pixel shows the mean of the samples around it, at any size."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neatfool.cppn.functions.surroundings import SAMPLES, surroundings

SIZE = {"native": (20, 24), "kind": "normalised"}


def slope(around):
    """A picture that gets 10 levels brighter from a native column to the next, for each grid."""
    columns = [11.5 * grid.inputs(0, grid.pixels)[0] for grid in around.grids]
    return [(10 * each + 120).round().to(torch.uint8)[None, None] for each in columns]


@pytest.mark.parametrize("samples", SAMPLES)
def test_what_is_even_stays_as_it_is_up_to_the_edges(samples):
    around = surroundings(30, 17, blur=1.3, samples=samples, **SIZE)
    even = [torch.full((1, 3, grid.pixels), 77, dtype=torch.uint8) for grid in around.grids]
    assert (around.smooth(even) == 77).all()
    assert around.smooth(even).shape == (1, 3, 30 * 17)


@pytest.mark.parametrize("samples", SAMPLES)
def test_a_slope_stays_as_it_is_within(samples):
    around = surroundings(20, 24, blur=1.0, samples=samples, **SIZE)
    lines = around.smooth(slope(around)).view(20, 24).int()
    expected = 10 * torch.arange(24) + 5
    assert (lines - expected)[:, 4:-4].abs().max() <= 1


def test_the_places_are_spread_evenly_in_a_pixel():
    for count, places in SAMPLES.items():
        assert len(places) == count
        assert np.allclose(np.mean(places, axis=0), 0)
        assert np.abs(places).max(initial=0) < 0.5


def test_the_bell_is_as_wide_as_it_says():
    around = surroundings(99, 99, blur=2.0, samples=1)
    weights = around.across[0].weights[49]
    places = around.across[0].first[49] + np.arange(len(weights)) - 49
    assert weights.sum() == pytest.approx(1)
    assert (weights * places**2).sum() == pytest.approx(4 + 1 / 12, rel=0.01)


@pytest.mark.parametrize("blur", [1e-3, 0.1, 0.3])
@pytest.mark.parametrize("samples", SAMPLES)
def test_each_pixel_has_samples_however_narrow_the_blur(blur, samples):
    for size in (10, 20, 90, 333):
        around = surroundings(size, size, native=(20, 20), blur=blur, samples=samples)
        for weights in (*around.across, *around.down):
            assert np.allclose(weights.weights.sum(1), 1, atol=1e-5)


def test_gradients_flow_to_samples_as_pixels_are_made_of_them():
    around = surroundings(6, 7, blur=0.8, samples=2)
    samples = [torch.rand(1, 1, 6, 7, requires_grad=True) for _ in around.grids]
    parts = [
        down.apply(across.apply(each.mT).mT)
        for across, down, each in zip(around.across, around.down, samples, strict=True)
    ]
    by_pixel = torch.rand(1, 1, 6, 7)
    expected = torch.autograd.grad(sum(parts) / 2, samples, by_pixel)
    for found, wanted in zip(around.spread(by_pixel), expected, strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("wrong", [{"blur": 0.0}, {"blur": float("inf")}, {"samples": 3}])
def test_wrong_values_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        surroundings(9, 9, **{"blur": 1.0, **wrong})
