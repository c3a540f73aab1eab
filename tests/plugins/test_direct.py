"""The encoding ``direct``: genes as the paper has them, and genomes that stay what they are."""

import base64
import colorsys
import json
import tracemalloc
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from neatfool import ExperimentError, GenomeSize, ImageSpec
from neatfool.testing import COLOUR, GREY, check_plugin
from neatfool_plugins.direct import DirectEncoding, Options, Pixels

SMALL = ImageSpec(2, 3, 3, ("a", "b"))


def direct(spec=GREY, **options):
    return DirectEncoding(Options(**options), spec=spec)


def test_the_encoding_keeps_its_contract_in_rgb():
    options = {"colour": "rgb", "mutation_rate": 0.4, "eta": 3}
    check_plugin("encoding", lambda spec: direct(spec, **options), [COLOUR])


# --- genes


def large(**options):
    """An encoding of so many genes that chance shows as it is."""
    return direct(ImageSpec(200, 200, 3, ("a", "b")), **options)


def test_the_first_genes_are_uniform():
    (genome,) = large().create([3])
    counts = np.bincount(genome.genes.ravel(), minlength=256)
    expected = genome.genes.size / 256
    assert np.abs(counts - expected).max() < 6 * np.sqrt(expected)


@pytest.mark.parametrize("rate", [0.1, 0.013, 0.9, 1.0])
def test_each_gene_mutates_with_the_probability(rate):
    encoding = large(mutation_rate=rate, eta=0)
    parent = Pixels(np.full((3, 200, 200), 128, np.uint8), "hsv")
    (child,) = encoding.breed([[parent]], [1])
    changed = child.genes != 128
    # Of uniformly random changes, one in 510 rounds to none.
    expected = rate * 509 / 510
    error = np.sqrt(expected * (1 - expected) / changed.size)
    assert abs(changed.mean() - expected) < 6 * error + 1e-4
    assert abs(changed[0].mean() - changed[-1].mean()) < 0.02


def test_mutations_are_polynomial():
    eta = 15
    parent = Pixels(np.full((3, 200, 200), 128, np.uint8), "hsv")
    (child,) = large(mutation_rate=1, eta=eta).breed([[parent]], [2])
    moves = (child.genes.astype(float) - 128) / 255
    assert abs(moves.mean()) < 2e-3
    for far in (0.02, 0.05, 0.1, 0.2):
        # P(|delta| > far) = (1 - far)^(eta + 1), here to the nearest byte.
        edge = (np.floor(far * 255) + 0.5) / 255
        assert abs((np.abs(moves) > far).mean() - (1 - edge) ** (eta + 1)) < 6e-3


@given(st.integers(0, 2**63 - 1), st.sampled_from([0, 1, 127, 254, 255]))
@settings(max_examples=30, deadline=None)
def test_mutated_genes_stay_in_their_range(seed, gene):
    """A gene at the edge is clipped to it, and does not come round to the other side."""
    parent = Pixels(np.full(GREY.shape, gene, np.uint8), "grey")
    (child,) = direct(mutation_rate=1, eta=15).breed([[parent]], [seed])
    moves = child.genes.astype(int) - gene
    if gene in (0, 255):
        assert (np.abs(moves) < 200).all()
        assert 0.3 < (moves == 0).mean() < 0.8


def test_the_rate_is_halved_with_the_generations():
    encoding = direct(mutation_rate=0.1, halve_rate_every=1000)
    rates = [encoding.in_generation(g).rate for g in (0, 999, 1000, 1999, 2000, 20_000)]
    assert rates == [0.1, 0.1, 0.05, 0.05, 0.025, 0.1 / 2**20]
    assert direct().in_generation(5000).rate == 0.1


# --- genomes


def test_genomes_cannot_be_changed():
    encoding = direct()
    made = encoding.create([1])
    made += encoding.breed([made], [2])
    made += [encoding.loads(encoding.dumps(made[0]))]
    made += encoding.from_images(encoding.render(made))
    for genome in made:
        with pytest.raises(ValueError, match="read-only"):
            genome.genes[0, 0, 0] = 1


def test_equal_genomes_have_equal_genes_of_the_same_meaning():
    genes = np.arange(18, dtype=np.uint8).reshape(3, 2, 3)
    a, b = Pixels(genes.copy(), "hsv"), Pixels(genes.copy(), "hsv")
    assert a == b
    assert hash(a) == hash(b)
    assert a != Pixels(genes.copy(), "rgb")
    assert a != Pixels(genes[:, ::-1].copy(), "hsv")
    assert a != "a genome"


pixels = st.binary(min_size=18, max_size=18).map(
    lambda data: np.frombuffer(data, np.uint8).reshape(3, 2, 3).copy()
)


@given(pixels, st.sampled_from(["rgb", "hsv"]))
def test_a_genome_reads_back_equal(genes, colour):
    encoding, genome = direct(SMALL), Pixels(genes, colour)
    text = encoding.dumps(genome)
    assert encoding.loads(text) == genome
    assert json.loads(text)["format"] == "neatfool.direct"


@given(pixels)
def test_images_become_genomes_that_render_to_them(image):
    images = torch.from_numpy(image[None].copy())
    for options in ({}, {"colour": "rgb"}):
        encoding = direct(SMALL, **options)
        assert torch.equal(encoding.render(encoding.from_images(images)), images)


@given(pixels)
def test_hsv_are_the_usual_colours(genes):
    (image,) = direct(SMALL).render([Pixels(genes.copy(), "hsv")]).numpy()
    rows = [[colorsys.hsv_to_rgb(*(genes[:, y, x] / 255)) for x in range(3)] for y in range(2)]
    assert np.abs(image - 255 * np.array(rows).transpose(2, 0, 1)).max() <= 0.51


def test_grey_genes_are_the_bytes_of_the_image():
    encoding = direct()
    genomes = encoding.create(range(4))
    assert np.array_equal(encoding.render(genomes), np.stack([g.genes for g in genomes]))


@pytest.mark.parametrize("damage", ["", "AAAA", "%%%%", "eJwDAAAAAAE=", None, 5, []])
def test_damaged_genes_are_refused(damage):
    encoding = direct()
    record = json.loads(encoding.dumps(encoding.create([1])[0])) | {"genes": damage}
    with pytest.raises(ValueError, match=r"genes|base64"):
        encoding.loads(json.dumps(record))


def test_a_genome_of_another_size_colour_or_version_is_refused():
    text = direct(SMALL).dumps(direct(SMALL).create([1])[0])
    with pytest.raises(ValueError, match="shape"):
        direct(COLOUR).loads(text)
    for key, value, message in (
        ("colour", "hvs", "colour"),
        ("colour", "grey", "colour 'grey'"),
        ("version", 2, "version"),
        ("format", "neatfool.cppn", "format"),
    ):
        with pytest.raises(ValueError, match=message):
            direct(SMALL).loads(json.dumps(json.loads(text) | {key: value}))


def test_genes_that_unpack_to_more_are_refused_without_unpacking_them():
    bomb = base64.b64encode(zlib.compress(bytes(50_000_000))).decode()
    record = json.loads(direct().dumps(direct().create([1])[0])) | {"genes": bomb}
    tracemalloc.start()
    with pytest.raises(ValueError, match="are not 108 bytes"):
        direct().loads(json.dumps(record))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5_000_000


def test_size_counts_genes_and_there_is_no_graph():
    encoding = direct(COLOUR)
    (genome,) = encoding.create([1])
    assert encoding.size(genome) == GenomeSize(nodes=3 * 7 * 11, connections=0)
    assert encoding.graph(genome) is None


def test_distance_is_that_of_the_images():
    encoding = direct(SMALL)
    black = Pixels(np.zeros((3, 2, 3), np.uint8), "hsv")
    white = Pixels(np.full((3, 2, 3), 255, np.uint8), "rgb")
    assert encoding.distance(black, white) == 1
    coloured_black = Pixels(np.stack([np.full((2, 3), c, np.uint8) for c in (9, 9, 0)]), "hsv")
    assert encoding.distance(black, coloured_black) == 0


# --- options


def test_colours_that_the_target_does_not_have_are_refused():
    with pytest.raises(ExperimentError, match="does not fit"):
        direct(GREY, colour="hsv")
    with pytest.raises(ExperimentError, match="rgb or hsv"):
        direct(COLOUR, colour="grey")


@pytest.mark.parametrize(
    "wrong", [{"mutation_rate": 1.1}, {"eta": -1}, {"halve_rate_every": -5}, {"rate": 0.1}]
)
def test_options_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        Options(**wrong)


def test_enlarged_pixels_stay_pixels():
    encoding = direct(SMALL)
    (genome,) = encoding.create([4])
    (image,) = encoding.render([genome])
    enlarged = encoding.render_at(genome, 20, 30)
    assert torch.equal(enlarged, image.repeat_interleave(10, 1).repeat_interleave(10, 2))
