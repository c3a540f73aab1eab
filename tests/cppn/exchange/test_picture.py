"""Pictures of networks."""

from __future__ import annotations

import pytest
from random_cppns import connection, genome_of, node

from neatfool import ExperimentError, cppn


def test_a_picture_is_drawn_at_any_size():
    genome = genome_of([node(0, "identity")], [connection(-1, 0, 0.5)])
    picture = cppn.Picture(genome, cppn.Look(3, 5, inputs="normalised", channels=3))
    assert picture.pixels()[0, 0].tolist() == [128, 64, 0, 64, 128]
    assert picture.pixels((6, 10)).shape == (3, 6, 10)


def test_a_colour_map_that_does_not_fit_is_refused():
    genome = genome_of([node(0)], [])
    with pytest.raises(ExperimentError, match="without the output 1"):
        cppn.Picture(genome, cppn.Look(3, 3, colour_map="rgb")).pixels()
    with pytest.raises(ExperimentError, match="makes 3 channels"):
        cppn.Picture(genome, cppn.Look(3, 3, colour_map="rgb", channels=1)).pixels()
