"""Images of any size and colour become what a target takes."""

from __future__ import annotations

import pytest
import torch

from neatfool import ImageSpec, fit_images


def spec(height, width, channels=1):
    return ImageSpec(height, width, channels, ("a", "b"))


def test_what_fits_stays_as_it_is():
    images = torch.randint(256, (3, 1, 6, 8), dtype=torch.uint8)
    assert torch.equal(fit_images(images, spec(6, 8)), images)


def test_whole_multiples_are_averaged():
    images = torch.tensor([[[[0, 100], [50, 51]]]], dtype=torch.uint8)
    assert fit_images(images, spec(1, 1)).tolist() == [[[[50]]]]


@pytest.mark.parametrize("size", [(4, 5), (9, 20), (12, 16)])
def test_other_sizes_are_interpolated_within_the_range_of_bytes(size):
    edge = torch.zeros(1, 1, 6, 8)
    edge[..., 4:] = 255
    fitted = fit_images(edge, spec(*size))
    assert fitted.shape == (1, 1, *size)
    assert fitted[..., 0].max() <= 5
    assert fitted[..., -1].min() >= 250


def test_grey_becomes_coloured_and_colours_become_grey():
    grey = torch.full((2, 1, 2, 2), 90, dtype=torch.uint8)
    coloured = fit_images(grey, spec(2, 2, 3))
    assert coloured.shape == (2, 3, 2, 2)
    assert (coloured == 90).all()
    assert torch.equal(fit_images(coloured, spec(2, 2)), grey)
    green = torch.zeros(1, 3, 1, 1)
    green[:, 1] = 255
    assert fit_images(green, spec(1, 1)).item() == 150
