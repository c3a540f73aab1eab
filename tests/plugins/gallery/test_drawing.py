"""What the browser draws, beside what neatfool renders."""

import numpy as np
import pytest
from galleries import Pen
from random_cppns import INPUTS, connection, genome_of, node, random_genome
from random_pictures import MAPS, outputs_of, wide_ranging

from neatfool import ImageSpec, cppn
from neatfool.present import describe_look, encode_formula
from neatfool_plugins.cppn import CppnEncoding, Options

pytestmark = pytest.mark.browser

HEIGHT, WIDTH = 24, 32
WHOLE = {"left": 0, "top": 0, "step": 1, "width": WIDTH, "height": HEIGHT}


def drawn_twice(pen, genome, number, view=WHOLE, **part):
    """Draw a genome here and there, in the number's way; give the differences."""
    colour = MAPS[number % len(MAPS)]
    outputs = cppn.COLOUR_MAPS[colour].outputs
    way = {
        "inputs": ("raw", "normalised")[number // 5 % 2],
        "band_limit": (0, 1, 0.5)[number % 3],
    }
    spec = {"width": WIDTH, "height": HEIGHT, "colour": colour, **way}
    look = cppn.Look(HEIGHT, WIDTH, colour_map=colour, channels=3, **way)
    there = pen.draw(encode_formula(cppn.Picture(genome, look)), spec, view)
    program = cppn.compile_genomes([genome], INPUTS, list(range(outputs)))
    here = cppn.render(program, look, **part)
    assert there.shape == here[0].shape
    return np.abs(here[0].numpy().astype(int) - there)


def share_that_differs(differences):
    return np.mean([each > 1 for each in differences])


@pytest.mark.parametrize("number", range(len(cppn.ACTIVATIONS)))
def test_each_function_is_drawn_as_neatfool_draws_it(pen, number):
    activation = list(cppn.ACTIVATIONS)[number]
    genome = wide_ranging(activation, number)
    assert share_that_differs([drawn_twice(pen, genome, number)]) <= 0.001


@pytest.mark.usefixtures("own_activations")
def test_an_activation_of_a_plugin_is_drawn_as_neatfool_draws_it(browser, tmp_path):
    cppn.add_activation("ripple", lambda xp, z: xp.sin(z) * xp.exp(-z * z))
    pen = Pen(browser, tmp_path)
    for number in range(3):
        genome = wide_ranging("ripple", number)
        assert share_that_differs([drawn_twice(pen, genome, number)]) <= 0.001


def test_nodes_without_inputs_and_large_sines_are_right(pen):
    for number in range(3):
        nodes = [node(key, "paper_sine", "sum", 0.4) for key in range(outputs_of(number))]
        nodes += [node(10, "identity", "sum", 0.3, 2.0), node(11, "square", "sum", 1.0)]
        edges = [connection(10, 0, 0.5), connection(-1, 11, 900.0), connection(11, 0, 1.0)]
        genome = genome_of(nodes, edges)
        assert share_that_differs([drawn_twice(pen, genome, number)]) <= 0.01


@pytest.mark.slow
def test_two_hundred_random_networks_are_drawn_as_neatfool_draws_them(pen):
    differences = [
        drawn_twice(
            pen, random_genome(number, outputs=outputs_of(number), weight=1 + number % 3), number
        )
        for number in range(200)
    ]
    assert share_that_differs(differences) <= 0.01


@pytest.mark.slow
def test_large_networks_differ_no_more_than_the_two_renderers_do(pen):
    """Large weights make them rough: the last bit of one node is all that it takes."""
    spec = ImageSpec(64, 64, 3, ("a", "b"))
    plain, compiled = (
        CppnEncoding(Options(preset="patterns", renderer=renderer), spec=spec)
        for renderer in ("plain", "compiled")
    )
    genomes = plain.create(range(24))
    settings = {"width": 64, "height": 64, "inputs": "normalised", "colour": "oklab"}
    view = WHOLE | {"width": 64, "height": 64}
    there = np.stack(
        [
            pen.draw(encode_formula(plain.picture(each)), settings | {"band_limit": 2}, view)
            for each in genomes
        ]
    ).astype(int)
    here, again = (encoding.render(genomes).numpy() for encoding in (plain, compiled))
    ours, theirs = (
        share_that_differs(np.abs(there - here)),
        share_that_differs(np.abs(here - again.astype(int))),
    )
    assert ours <= max(0.01, 1.5 * theirs)


def test_where_a_graphics_card_takes_few_uniforms_the_picture_is_the_same(browser, tmp_path):
    pen = Pen(browser, tmp_path, uniforms=2)
    for number in (1, 5, 13):
        genome = random_genome(number, outputs=outputs_of(number))
        assert share_that_differs([drawn_twice(pen, genome, number)]) <= 0.01


@pytest.mark.parametrize("zoom", [1, 7, 300, 10_000])
@pytest.mark.parametrize("number", [3, 4])
def test_a_part_of_an_enlarged_picture_is_as_neatfool_renders_it(pen, zoom, number):
    left, top = int(11.3 * zoom), int(7.7 * zoom)
    genome = random_genome(40, outputs=outputs_of(number))
    differences = drawn_twice(
        pen,
        genome,
        number,
        {"left": left / zoom, "top": top / zoom, "step": 1 / zoom, "width": 12, "height": 9},
        size=(HEIGHT * zoom, WIDTH * zoom),
        box=(left, top, left + 12, top + 9),
    )
    assert share_that_differs([differences]) <= 0.01


def test_a_reduced_picture_is_as_neatfool_renders_it(pen):
    genome = random_genome(7, outputs=outputs_of(4))
    view = {"left": 0, "top": 0, "step": 4, "width": WIDTH // 4, "height": HEIGHT // 4}
    differences = drawn_twice(pen, genome, 4, view, size=(HEIGHT // 4, WIDTH // 4))
    assert share_that_differs([differences]) <= 0.01


def test_one_program_draws_many_networks_as_their_own_programs_do(pen):
    pen.browser.do("window.programs = renderer.programs.kept.size; 0")
    for number in range(6):
        genome = random_genome(3 * number, outputs=3)  # of different size
        look = cppn.Look(HEIGHT, WIDTH, inputs="normalised", colour_map="rgb", channels=3)
        spec = {"width": WIDTH, "height": HEIGHT, "functions": [*cppn.ACTIVATIONS]}
        given = encode_formula(cppn.Picture(genome, look)), spec | describe_look(look), WHOLE
        shared = pen.draw(*given, shared=True)
        assert pen.browser.do("renderer.programs.kept.size - programs") == number + 1
        assert np.array_equal(shared, pen.draw(*given))
