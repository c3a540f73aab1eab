"""Pictures of networks."""

import pytest
from random_cppns import connection, genome_of, node
from random_pictures import SIZES, random_picture, render, share_that_differs

from neatfool import ExperimentError, cppn


def test_a_picture_is_drawn_at_any_size():
    genome = genome_of([node(0, "identity")], [connection(-1, 0, 0.5)])
    picture = cppn.Picture(genome, cppn.Look(3, 5, inputs="normalised", channels=3))
    assert picture.pixels()[0, 0].tolist() == [128, 64, 0, 64, 128]
    assert picture.pixels((6, 10)).shape == (3, 6, 10)


def test_numpy_draws_what_the_plain_renderer_draws():
    pictures = [(random_picture(number), SIZES[number % 3]) for number in range(60)]
    drawn = [picture.pixels(size) for picture, size in pictures]
    assert share_that_differs(drawn, [render(*each) for each in pictures]) <= 0.01


def test_a_large_picture_is_drawn_in_parts(monkeypatch):
    picture = random_picture(2)
    whole = picture.pixels((90, 120))
    monkeypatch.setattr("neatfool.cppn.exchange.network.MEMORY", 1)
    assert picture.pixels((90, 120)).tobytes() == whole.tobytes()


def test_a_colour_map_that_does_not_fit_is_refused():
    genome = genome_of([node(0)], [])
    with pytest.raises(ExperimentError, match="without the output 1"):
        cppn.Picture(genome, cppn.Look(3, 3, colour_map="rgb")).pixels()
    with pytest.raises(ExperimentError, match="makes 3 channels"):
        cppn.Picture(genome, cppn.Look(3, 3, colour_map="rgb", channels=1)).pixels()
