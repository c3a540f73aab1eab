"""Random networks as pictures, and what neatfool renders of them."""

import numpy as np
from random_cppns import connection, genome_of, node, random_genome

from neatfool import cppn

MAPS = list(cppn.COLOUR_MAPS)
NATIVE = (24, 32)
SIZES = ((24, 32), (48, 64), (12, 16))


def outputs_of(number):
    return cppn.COLOUR_MAPS[MAPS[number % len(MAPS)]].outputs


def look_of(number):
    """Give one of the ways to draw, which all come with all others."""
    return cppn.Look(
        *NATIVE,
        inputs=("raw", "normalised")[number // 5 % 2],
        colour_map=MAPS[number % len(MAPS)],
        channels=3,
        band_limit=(0.0, 1.0, 0.5)[number % 3],
    )


def random_picture(number):
    genome = random_genome(number, outputs=outputs_of(number), weight=1 + number % 3)
    return cppn.Picture(genome, look_of(number))


def wide_ranging(activation, number):
    """Make outputs of a function whose argument goes from far below 0 to far above it."""
    outputs = outputs_of(number)
    nodes = [node(key, "paper_sigmoid", "sum", 0.1) for key in range(outputs)]
    nodes += [node(10 + key, activation, "sum", 0.2 - key, 1.5) for key in range(outputs)]
    edges = [connection(10 + key, key, 0.8) for key in range(outputs)]
    for key in range(outputs):
        edges += [
            connection(source, 10 + key, weight)
            for source, weight in ((-1, 3.0 - key), (-2, 2.0), (-3, -4.0 + key))
        ]
    return genome_of(nodes, edges)


def picture_of_function(number):
    """Give a picture of the activation of a number."""
    activation = list(cppn.ACTIVATIONS)[number]
    return cppn.Picture(wide_ranging(activation, number), look_of(number))


def render(picture, size=NATIVE):
    """Render it with neatfool's plain renderer: uint8 [C, H, W]."""
    program = cppn.compile_genomes(
        [picture.genome], range(-1, -5, -1), range(picture.look.colours.outputs)
    )
    return cppn.render(program, picture.look, size=size)[0].numpy()


def share_that_differs(images, others):
    """Give the share of values that differ by more than a level."""
    differences = [
        np.abs(image.astype(int) - other) for image, other in zip(images, others, strict=True)
    ]
    return np.mean(np.concatenate([each.ravel() for each in differences]) > 1)
