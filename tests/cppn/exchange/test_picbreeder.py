"""Genomes of Picbreeder."""

import colorsys
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picbreeder_files import HUE, INK, coloured, document, grey, network, node, zipped

from neatfool import GenomeError, cppn


def read(data, look):
    return cppn.read(data, look=look).genome


GREY = cppn.Look(24, 32, inputs="normalised")
COLOUR = cppn.Look(24, 32, inputs="normalised", colour_map="hsv")


def places(look):
    """Give Picbreeder's x, y and d at each pixel."""
    x, y = np.meshgrid(np.linspace(-1, 1, look.width), np.linspace(-1, 1, look.height))
    return x, y, 1.4 * np.hypot(x, y)


def draw(data, look):
    return cppn.Picture(read(data, look), look).pixels().astype(int)


def levels(values):
    return np.rint(255 * values)


def sigmoid(z):
    return 2 / (1 + np.exp(-z)) - 1


def gaussian(z):
    return 2 * np.exp(-z * z) - 1


FUNCTIONS = {
    "identity": lambda z: z,
    "sin": np.sin,
    "cos": np.cos,
    "sigmoid": sigmoid,
    "gaussian": gaussian,
}


@pytest.mark.parametrize("inputs", ["raw", "normalised"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_draws_what_it_drew_in_picbreeder(name, inputs):
    look = cppn.Look(24, 32, inputs=inputs)
    x, _, d = places(look)
    ink = 0.8 * FUNCTIONS[name](x + 2 * d - 0.5)
    wanted = levels(np.clip(np.abs(ink), 0, 1))
    assert np.abs(draw(grey(f"{name}(x)"), look)[0] - wanted).max() <= 1


@pytest.mark.parametrize("inputs", ["raw", "normalised"])
def test_colours_are_those_of_picbreeder(inputs):
    look = cppn.Look(24, 32, inputs=inputs, colour_map="hsv")
    x, y, d = places(look)
    value = gaussian(0.7 * d)
    hue, saturation = np.sin(3 * x + 0.5 * value), sigmoid(3 * y)
    rgb = np.vectorize(colorsys.hsv_to_rgb)(
        (hue + 1) % 1, saturation.clip(0, 1), np.abs(value).clip(0, 1)
    )
    assert hue.min() < -0.9
    assert hue.max() > 0.9
    assert np.abs(draw(coloured(), look) - levels(np.stack(rgb))).max() <= 1


@pytest.mark.parametrize("colour_map", ["rgb", "hsv"])
def test_a_grey_picture_becomes_coloured_images(colour_map):
    image = draw(grey(), cppn.Look(24, 32, inputs="normalised", colour_map=colour_map))
    assert len(image) == 3
    assert np.abs(image - draw(grey(), GREY)).max() <= 1


def test_a_coloured_picture_becomes_grey_images_by_its_brightness():
    *_, d = places(GREY)
    assert np.abs(draw(coloured(), GREY)[0] - levels(np.abs(gaussian(0.7 * d)))).max() <= 1


def test_a_genome_of_picbreeder_can_be_stored_bred_and_drawn_as_any():
    config = cppn.genome_config(cppn.resolve(cppn.GenomeOptions(), cppn.PRESETS["patterns"]), 3)
    genome = read(coloured(), COLOUR)
    assert cppn.loads(cppn.dumps(genome), config) == genome
    (child,) = cppn.Breeder(cppn.PRESETS["patterns"], config, cppn.Refinements()).breed(
        [[genome]], [1]
    )
    assert cppn.Picture(child, COLOUR).pixels().shape == (3, 24, 32)


def test_a_node_has_the_same_id_in_all_genomes():
    one, other = (
        read(data, GREY)
        for data in (grey(), network({INK: "sin(x)"}, [(9, "sin(x)")], [(9, INK, 1.0)]))
    )
    assert {*one.nodes} == {*other.nodes}


@pytest.mark.parametrize(
    "data",
    [
        zipped(grey()),
        b"<genome" + grey().partition(b"<genome")[2].partition(b"</data>")[0],
    ],
    ids=["zipped", "a genome alone"],
)
def test_other_forms_of_the_file_are_read(data):
    assert read(data, GREY) == read(grey(), GREY)


CYCLE = network({INK: "sin(x)"}, [(9, "sin(x)")], [(9, INK, 1), (INK, 9, 1)])
ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
INK_NODE = node(INK, label="ink", kind="out")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (CYCLE, "close a cycle"),
        (grey("gausian(x)"), "no function 'gausian'; did you mean 'gaussian'"),
        (grey().replace(b"<data", ENTITIES + b"<data", 1), "has a DOCTYPE"),
        (b"<", "ParseError: unclosed token"),
        (b"<data><genome/></data>", "holds 0 genomes"),
        (network({HUE: "sin(x)"}, []), "KeyError: 'brightness'"),
        (network({INK: "sin(x)"}, [], [(8, INK, 1)]), "KeyError"),
        (network({INK: "sin(x)"}, [], [(2, INK, "heavy")]), "could not convert"),
        (network({INK: "sin(x)"}, [], [(2, INK, "inf")]), "its bias is nan"),
        (document([node(9, label="z", kind="in"), INK_NODE], []), "KeyError: 'z'"),
        (document([node("nine")], []), "invalid literal"),
        (zipped(grey(), grey()), "a ZIP archive of 2 files"),
        (zipped(grey())[:-30], "damaged"),
        (zipped(b" " * (17 << 20)), "more than 16 MiB"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(data, message):
    with pytest.raises(GenomeError, match=message):
        read(data, GREY)


def test_a_colour_map_without_hues_is_refused():
    look = cppn.Look(24, 32, colour_map="rgb")
    with pytest.raises(GenomeError, match=r"no place; set colour = hsv"):
        read(coloured(), look)


FILES = [coloured(), grey(), zipped(grey()), CYCLE]


@st.composite
def damaged(draw):
    """Cut, change or insert some bytes of a file."""
    data = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = min(start + draw(st.integers(0, 40)), len(data))
        data[start:stop] = draw(st.binary(max_size=8) | st.sampled_from([b"inf", b'"', b"<", b"9"]))
    return bytes(data)


@settings(max_examples=200, deadline=None)
@given(damaged())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(data):
    with suppress(GenomeError):
        genome = read(data, COLOUR)
        assert cppn.loads(cppn.dumps(genome)) == genome
