"""Images of any size and colour become what a target takes."""

import numpy as np
import pytest
import torch
from PIL import Image

from neatfool import ImageSpec, PluginError, fit_images, fit_photograph
from neatfool.testing import ToyTarget


def spec(height, width, channels=1):
    return ImageSpec(height, width, channels, ("a", "b"))


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


class Plain(ToyTarget):
    def __init__(self, channels=1):
        self.spec = spec(4, 6, channels)


class Own(Plain):
    """Shows every photograph as the array that it was given."""

    def __init__(self, shown):
        super().__init__()
        self.shown = shown

    def fit_photograph(self, photograph):
        self.photograph = photograph
        return self.shown


def striped(width, height, mode="RGB"):
    """Make a photograph whose middle half is grey, between black quarters."""
    image = Image.new("L", (width, height))
    image.paste(120, (width // 4, 0, width - width // 4, height))
    return image.convert(mode)


def test_without_a_way_of_its_own_a_target_sees_the_largest_middle_part():
    for channels, mode in ((1, "RGB"), (3, "L"), (3, "RGBA")):
        shown = fit_photograph(striped(90, 20, mode), Plain(channels))
        assert shown.shape == (1, channels, 4, 6)
        assert (shown == 120).all(), "only a third of the width was seen"


def test_a_target_with_a_way_of_its_own_is_asked_for_it():
    pixels = np.arange(24, dtype=np.uint8).reshape(1, 4, 6)
    for array in (pixels, torch.from_numpy(pixels)):
        assert torch.equal(
            fit_photograph(striped(9, 9), Own(array)), torch.from_numpy(pixels)[None]
        )


def test_a_photograph_that_was_taken_sideways_is_turned_upright():
    image = striped(90, 20)
    image.getexif()[0x0112] = 6
    own = Own(np.zeros((1, 4, 6), np.uint8))
    fit_photograph(image, own)
    assert own.photograph.size == (20, 90)


@pytest.mark.parametrize("shown", [np.zeros((1, 6, 4), np.uint8), np.zeros((1, 4, 6)), "an image"])
def test_a_wrong_way_of_its_own_is_told(shown):
    with pytest.raises(PluginError, match="Own: fit_photograph"):
        fit_photograph(striped(9, 9), Own(shown))
