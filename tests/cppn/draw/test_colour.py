import colorsys

import pytest
import torch

from neatfool import ExperimentError
from neatfool.cppn import COLOUR_MAPS
from neatfool.cppn.draw.colour import find_colour_map, quantise


def some_outputs(count, seed=0):
    outputs = torch.randn(5, count, 300, generator=torch.Generator().manual_seed(seed)) * 0.8
    outputs[0, :, :6] = torch.tensor([0.0, 1.0, -1.0, 2.0, 1 / 3, 0.5])
    return outputs


def colours_of(name, outputs):
    return COLOUR_MAPS[name](outputs)


def with_reach(outputs, across, down):
    return torch.stack(torch.broadcast_tensors(outputs, *map(torch.as_tensor, (across, down))), 2)


def by_colorsys(outputs, function):
    clipped = outputs.double().abs().clamp(max=1)
    flat = clipped.transpose(1, 2).reshape(-1, 3).tolist()
    channels = torch.tensor([function(*each) for each in flat], dtype=torch.float64)
    return channels.view(len(outputs), -1, 3).transpose(1, 2).float()


def test_hsv_has_the_colours_of_colorsys():
    outputs = some_outputs(3)
    expected = by_colorsys(outputs, colorsys.hsv_to_rgb)
    torch.testing.assert_close(colours_of("hsv", outputs), expected, rtol=0, atol=3e-6)


def test_oklab_has_the_colours_that_its_author_gives():
    # Colours of sRGB in OKLab; our curve of brightness is a simpler one.
    known = {
        (0.519752, -0.140302, 0.107676): (0, 0.5, 0),
        (0.967983, -0.071369, 0.198570): (1, 1, 0),
        (0.905399, -0.149444, -0.039398): (0, 1, 1),
        (0.598181, 0.0, 0.0): (0.5, 0.5, 0.5),
    }
    given = torch.tensor([[light, a / 0.2, b / 0.2] for light, a, b in known]).T.unsqueeze(0)
    expected = torch.tensor([*known.values()]).T.unsqueeze(0)
    assert (colours_of("oklab", given) - expected).abs().max() < 0.05


@pytest.mark.parametrize("name", ["grey", "rgb"])
def test_grey_and_rgb_are_absolute_values(name):
    outputs = some_outputs(COLOUR_MAPS[name].outputs)
    expected = outputs.abs().clamp(max=1)
    torch.testing.assert_close(colours_of(name, outputs), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", COLOUR_MAPS)
@pytest.mark.parametrize("reach", [0.0, 0.1, 1e9])
def test_channels_are_within_zero_and_one(name, reach):
    outputs = some_outputs(COLOUR_MAPS[name].outputs) * 100
    outputs[0] = 1e9
    channels = colours_of(name, with_reach(outputs, reach, -reach))
    assert channels.shape == (5, COLOUR_MAPS[name].channels, 300)
    assert channels.min() >= -1e-6
    assert channels.max() <= 1 + 1e-6


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_where_nothing_changes_the_mean_colour_is_the_colour(name):
    outputs = some_outputs(COLOUR_MAPS[name].outputs)
    torch.testing.assert_close(
        colours_of(name, with_reach(outputs, 0.0, 0.0)), colours_of(name, outputs)
    )


def test_fast_hue_loses_its_colour():
    outputs = torch.tensor([[0.3, 0.6, 0.6]]).unsqueeze(2)
    across, down = (torch.tensor([[each, 0.0, 0.0]]).unsqueeze(2) for each in (0.3, 0.4))
    colourful, faded = (
        colours_of("hsv", outputs),
        colours_of("hsv", with_reach(outputs, across, down)),
    )
    assert faded.max() - faded.min() < 0.7 * (colourful.max() - colourful.min())


@pytest.mark.parametrize("name", ["grey", "rgb"])
def test_a_fast_edge_is_its_mean(name):
    outputs = torch.zeros(1, COLOUR_MAPS[name].outputs, 1)
    mean = colours_of(name, with_reach(outputs, 0.3, 0.0)).flatten()[0]
    assert mean == pytest.approx(0.3 * (2 / torch.pi) ** 0.5, abs=0.04)


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_colours_have_gradients(name):
    outputs = torch.rand(2, COLOUR_MAPS[name].outputs, 20, dtype=torch.float64) * 0.8 + 0.11
    assert torch.autograd.gradcheck(lambda o: colours_of(name, o), outputs.requires_grad_())


def test_channels_are_rounded_to_the_nearest_step():
    channels = torch.tensor([0.0, 0.4 / 255, 0.6 / 255, 127.4 / 255, 254.6 / 255, 1.0])
    assert quantise(channels).tolist() == [0, 0, 1, 127, 255, 255]


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
