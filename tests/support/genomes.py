"""Genomes for the tests of CPPNs: configurations, grown genomes, and a strategy for any genome."""

from hypothesis import strategies as st

from neatfool import cppn
from neatfool.cppn.genome.genome import layers
from neatfool.errors import GenomeError


def config_of(preset="paper", outputs=3, **given):
    options = cppn.GenomeOptions.model_validate(given)
    return cppn.genome_config(cppn.resolve(options, cppn.PRESETS[preset]), outputs)


def breeder_of(preset="paper", outputs=3, **given):
    return cppn.Breeder(cppn.PRESETS[preset], config_of(preset, outputs, **given))


def line_of(breeder, generations, seed=0):
    """Breed a line of only children, and give all of them, the random ancestor first."""
    line = breeder.create([seed])
    for generation in range(generations):
        line += breeder.breed([[line[-1]]], [1000 * seed + generation])
    return line


def has_cycle(edges):
    """Whether connections close a cycle."""
    try:
        layers(edges)
    except GenomeError:
        return True
    return False


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def genomes(draw, outputs=3):
    """Any valid genome: hidden nodes, disabled connections, orphans, dead ends, any order."""
    hidden = draw(st.lists(st.integers(outputs, 2**52 - 1), unique=True, max_size=6))
    ranked = [-1, -2, -3, -4, *hidden, *range(outputs)]
    pairs = [
        (ranked[i], ranked[j])
        for j in range(4, len(ranked))
        for i in range(j)
        if ranked[i] < 0 or ranked[i] >= outputs
    ]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=20))
    nodes = draw(st.permutations([*range(outputs), *hidden]))
    return cppn.Genome.of(
        [
            cppn.NodeGene(
                key,
                draw(st.sampled_from(list(cppn.ACTIVATIONS))),
                "sum",
                *draw(st.tuples(FINITE, FINITE)),
            )
            for key in nodes
        ],
        [cppn.ConnectionGene(edge, draw(FINITE), draw(st.booleans())) for edge in edges],
    )
