"""Pictures of networks as PyTorch modules."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from random_cppns import connection, genome_of, node
from random_pictures import (
    NATIVE,
    SIZES,
    picture_of_function,
    random_picture,
    render,
    share_that_differs,
)

from neatfool import ExperimentError, cppn


@pytest.mark.parametrize("number", range(len(cppn.ACTIVATIONS)))
def test_each_function_is_drawn_as_it_is_rendered(number):
    picture = picture_of_function(number)
    assert share_that_differs([picture.pixels().numpy()], [render(picture)]) <= 0.01


def test_random_networks_of_any_look_and_size_are_drawn_as_they_are_rendered():
    pictures = [(random_picture(number), SIZES[number % 3]) for number in range(60)]
    drawn = [picture.pixels(size).numpy() for picture, size in pictures]
    assert share_that_differs(drawn, [render(*each) for each in pictures]) <= 0.01


def slope(**look):
    """Make a picture whose grey level is |0.5 x|."""
    genome = genome_of([node(0, "identity")], [connection(-1, 0, 0.5)])
    return cppn.Picture(genome, cppn.Look(3, 5, inputs="normalised", **look))


def test_a_picture_is_floats_at_any_size():
    picture = slope()
    assert picture().shape == (1, 3, 5)
    assert picture()[0, 0].tolist() == pytest.approx([0.5, 0.25, 0.0, 0.25, 0.5], abs=1e-6)
    assert picture((6, 10)).shape == (1, 6, 10)
    assert slope(channels=3)().shape == (3, 3, 5)
    assert picture.pixels().dtype == torch.uint8


def test_a_grid_of_points_has_the_colours_of_the_picture():
    for number in (0, 2, 5, 9):  # with and without a band limit; raw and normalised inputs
        picture = random_picture(number)
        height, width = NATIVE
        y, x = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
        points = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
        colours = picture.at(points)
        assert colours.shape == (height, width, 3)
        assert (colours.permute(2, 0, 1) - picture()).abs().mean() < 0.01


@pytest.mark.parametrize("band_limit", [0.0, 1.0])
def test_weights_are_parameters_that_an_optimiser_changes(band_limit):
    picture = slope(band_limit=band_limit)
    assert {name for name, _ in picture.named_parameters()} == {"weights", "biases", "responses"}
    before = picture.pixels()
    optimiser = torch.optim.SGD(picture.parameters(), lr=0.1)
    picture().mean().backward()
    optimiser.step()
    assert not torch.equal(picture.pixels(), before)
    weight = picture.genome().connections[-1, 0].weight
    assert weight == pytest.approx(picture.weights.item()) != 0.5
    difference = render(picture, (3, 5)).astype(int) - picture.pixels().numpy()
    assert np.abs(difference).max() <= 1


def test_gradients_are_those_of_the_picture():
    picture = slope(band_limit=1.0)
    picture().sum().backward()
    step = 1e-3
    with torch.no_grad():
        before = picture().sum()
        picture.weights += step
        risen = picture().sum() - before
    assert risen / step == pytest.approx(picture.weights.grad.item(), rel=1e-2)


def test_parameters_are_saved_and_loaded():
    picture, other = random_picture(2), random_picture(2)
    with torch.no_grad():
        picture.weights *= 0.5
    other.load_state_dict(picture.state_dict())
    assert torch.equal(other.pixels(), picture.pixels())


def test_a_colour_map_that_does_not_fit_is_refused():
    genome = genome_of([node(0)], [])
    with pytest.raises(ExperimentError, match="without the output 1"):
        cppn.Picture(genome, cppn.Look(3, 3, colour_map="rgb"))
    with pytest.raises(ExperimentError, match="makes 3 channels"):
        cppn.Picture(genome, cppn.Look(3, 3, colour_map="rgb", channels=1))
