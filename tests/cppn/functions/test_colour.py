from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
import torch

from neatfool import ExperimentError
from neatfool.cppn import COLOUR_MAPS
from neatfool.cppn.functions.colour import find_colour_map, quantise


def some_outputs(count, seed=0):
    outputs = torch.randn(5, count, 300, generator=torch.Generator().manual_seed(seed)) * 0.8
    outputs[0, :, :6] = torch.tensor([0.0, 1.0, -1.0, 2.0, 1 / 3, 0.5])
    return outputs


def by_colorsys(outputs, function, signed_hue=False):
    clipped = outputs.double().abs().clamp(max=1)
    if signed_hue:
        clipped[:, 0] = ((outputs[:, 0].double() + 1) / 2).clamp(0, 1)
    flat = clipped.transpose(1, 2).reshape(-1, 3).tolist()
    channels = torch.tensor([function(*each) for each in flat], dtype=torch.float64)
    return channels.view(len(outputs), -1, 3).transpose(1, 2).float()


@pytest.mark.parametrize(
    ("name", "function", "signed_hue"),
    [
        ("hsv", colorsys.hsv_to_rgb, False),
        ("hsv_signed_hue", colorsys.hsv_to_rgb, True),
        ("hls", colorsys.hls_to_rgb, False),
    ],
)
def test_colours_are_those_of_colorsys(name, function, signed_hue):
    outputs = some_outputs(3)
    expected = by_colorsys(outputs, function, signed_hue)
    torch.testing.assert_close(COLOUR_MAPS[name](outputs), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", ["grey", "rgb"])
def test_grey_and_rgb_are_absolute_values(name):
    outputs = some_outputs(COLOUR_MAPS[name].outputs)
    assert torch.equal(COLOUR_MAPS[name](outputs), outputs.abs().clamp(max=1))


@pytest.mark.parametrize("colours", COLOUR_MAPS.values(), ids=COLOUR_MAPS)
def test_numpy_writes_what_torch_quantises(colours):
    outputs = some_outputs(colours.outputs)
    outputs[1, :, ::7] = math.nan
    outputs[2, 0, ::5] = math.inf
    images = np.empty((5, colours.channels, 300), np.uint8)
    colours.write(outputs.transpose(0, 1).contiguous().numpy().copy(), images)
    assert np.array_equal(images, quantise(colours(outputs)).numpy())


@pytest.mark.parametrize("colours", COLOUR_MAPS.values(), ids=COLOUR_MAPS)
def test_channels_are_within_zero_and_one(colours):
    outputs = some_outputs(colours.outputs) * 100
    outputs[0] = math.nan
    outputs[1] = math.inf
    outputs[2] = -math.inf
    channels = colours(outputs)
    assert channels.shape == (5, colours.channels, 300)
    assert channels.min() >= 0
    assert channels.max() <= 1


def test_nan_counts_as_zero():
    nothing = torch.full((1, 3, 1), math.nan)
    assert COLOUR_MAPS["hsv"](nothing).tolist() == [[[0.0]] * 3]


@pytest.mark.parametrize("colours", COLOUR_MAPS.values(), ids=COLOUR_MAPS)
def test_colours_have_gradients(colours):
    outputs = torch.rand(2, colours.outputs, 20, dtype=torch.float64) * 0.8 + 0.11
    assert torch.autograd.gradcheck(colours, outputs.requires_grad_())


def test_channels_are_rounded_to_the_nearest_step():
    channels = torch.tensor([0.0, 0.4 / 255, 0.6 / 255, 127.4 / 255, 254.6 / 255, 1.0])
    assert quantise(channels).tolist() == [0, 0, 1, 127, 255, 255]


def test_labels_say_what_outputs_mean():
    assert COLOUR_MAPS["grey"].labels == ("grey",)
    assert COLOUR_MAPS["hls"].labels == ("hue", "lightness", "saturation")


def test_a_grey_map_fits_three_channels():
    assert find_colour_map("grey", outputs=1, channels=3).channels == 1


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("hvs", {}, "unknown colour map 'hvs'; did you mean 'hsv'"),
        (
            "hsv",
            {"outputs": 1},
            r"takes 3 outputs \(hue, saturation, value\), and .* have 1",
        ),
        ("rgb", {"channels": 1}, "makes 3 channels, and the images have 1; use 'grey'"),
    ],
)
def test_what_does_not_fit_is_refused(name, options, message):
    with pytest.raises(ExperimentError, match=message):
        find_colour_map(name, **options)
