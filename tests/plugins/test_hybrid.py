"""The encoding ``hybrid``: what a network draws, and pixels on it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import neatfool
from hypothesis import given
from hypothesis import strategies as st
from picbreeder_files import grey

from neatfool import ImageSpec, open_run
from neatfool.testing import COLOUR, GREY, check_plugin
from neatfool_plugins.cppn import CppnEncoding
from neatfool_plugins.cppn import Options as CppnOptions
from neatfool_plugins.cppn.hybrid import Hybrid, HybridEncoding, Options

OFTEN = {"pixel_share": 1.0, "pixel_changes": 20}


def hybrid(spec=GREY, **options):
    return HybridEncoding(Options(renderer="plain", **options), spec=spec)


def test_the_encoding_keeps_its_contract():
    check_plugin("encoding", lambda spec: hybrid(spec, pixel_share=0.7))


def test_focus_changes_nothing_without_a_band_limit():
    without, limited = hybrid(), hybrid(band_limit=2)
    assert without.in_focus(0.5) is without
    genomes = limited.create([1, 2])
    assert (limited.in_focus(0.5).render(genomes) != limited.render(genomes)).any()


def grown(encoding, generations=6):
    """Breed a child of a child of a child …"""
    (genome,) = encoding.create([1])
    for seed in range(100, 100 + generations):
        (genome,) = encoding.breed([[genome]], [seed])
    return genome


def unpainted(genome):
    return Hybrid(genome.network, genome.places[:0].copy(), genome.colours[:0].copy())


def pixels_of(genome):
    return dict(zip(genome.places.tolist(), map(tuple, genome.colours.tolist()), strict=True))


def test_a_random_image_is_a_networks():
    genomes = hybrid().create([3, 4])
    plain = CppnEncoding(CppnOptions(renderer="plain"), spec=GREY)
    assert [genome.network for genome in genomes] == plain.create([3, 4])
    assert np.array_equal(hybrid().render(genomes), plain.render(plain.create([3, 4])))


@pytest.mark.parametrize("spec", [GREY, COLOUR], ids=["grey", "colour"])
def test_painted_pixels_have_their_colours_and_the_network_draws_the_others(spec):
    encoding = hybrid(spec, **OFTEN)
    genome = grown(encoding)
    image = encoding.render([genome])[0].flatten(1).numpy()
    below = encoding.render([unpainted(genome)])[0].flatten(1).numpy()
    assert len(genome.places) > 3
    assert np.array_equal(image[:, genome.places], genome.colours.T)
    rest = np.setdiff1d(np.arange(image.shape[1]), genome.places)
    assert np.array_equal(image[:, rest], below[:, rest])


def test_a_painted_pixel_stays_a_square_at_any_size():
    encoding = hybrid(ImageSpec(4, 6, 1, ("a", "b")))
    (plain,) = encoding.create([1])
    network = encoding.render_at(plain, 40, 60)[0]
    level = (int(network[15, 25]) + 128) % 256
    genome = Hybrid(plain.network, np.array([1 * 6 + 2]), np.array([[level]], np.uint8))
    image = encoding.render_at(genome, 40, 60)[0]
    assert (image[10:20, 20:30] == level).all()
    image[10:20, 20:30] = network[10:20, 20:30]
    assert np.array_equal(image, network)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_child_changes_pixels_or_the_network(share):
    encoding = hybrid(pixel_share=share)
    parent = grown(hybrid(**OFTEN))
    children = encoding.breed([[parent]] * 200, range(200))
    painted = [pixels_of(child) != pixels_of(parent) for child in children]
    for child, changed in zip(children, painted, strict=True):
        assert not changed or child.network == parent.network
    assert np.mean(painted) == pytest.approx(share, abs=0.12)
    sizes = encoding.litter_sizes(range(200))
    assert all(size == 1 for size, changed in zip(sizes, painted, strict=True) if changed)


@pytest.mark.parametrize("most", [0, 1, 5])
def test_no_image_has_more_painted_pixels_than_allowed(most):
    encoding = hybrid(pixels=most, **OFTEN)
    assert len(grown(encoding, 12).places) == most


def test_one_change_paints_moves_recolours_or_wipes_off_one_pixel():
    encoding = hybrid(pixel_share=1.0, pixel_changes=1)
    parent = grown(hybrid(**OFTEN))
    before, kinds = pixels_of(parent), set()
    for child in encoding.breed([[parent]] * 60, range(60)):
        after = pixels_of(child)
        gone, new = before.items() - after.items(), after.items() - before.items()
        assert len(gone) <= 2
        assert len(new) <= 1
        kinds.add((len(after) - len(before), before.keys() == after.keys()))
    assert kinds >= {(1, False), (-1, False), (0, True), (0, False)}


def test_networks_learn_where_they_are_seen():
    encoding = hybrid()
    (plain,) = encoding.create([2])
    size = GREY.height * GREY.width
    covered = Hybrid(plain.network, np.arange(size), np.zeros((size, 1), np.uint8))
    gradients = np.ones((1, 2, 1, GREY.height, GREY.width), np.float32)
    seen, unseen = encoding.parameter_gradients([plain, covered], gradients)
    assert np.abs(seen).max() > 0
    assert np.abs(unseen).max() == 0
    assert gradients.min() == 1


def test_pixels_count_in_the_distance():
    encoding = hybrid(**OFTEN)
    genome = grown(encoding)
    share = len(genome.places) / (GREY.height * GREY.width)
    assert encoding.distance(genome, unpainted(genome)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version 2"),
        ({"shape": [1, 1, 1]}, "expected"),
        ({"network": None}, "not a genome: "),
        ({"pixels": None}, "without a list of pixels"),
        ({"pixels": [[-1, 3]]}, "not the next pixel"),
        ({"pixels": [[10**6, 3]]}, "not the next pixel"),
        ({"pixels": [[5, 256]]}, "not the next pixel"),
        ({"pixels": [[5, 1], [5, 2]]}, "not the next pixel"),
        ({"pixels": [[5, 1, 1]]}, "not the next pixel"),
        ({"pixels": [[5, True]]}, "not the next pixel"),
        ({"pixels": [[5, 1.0]]}, "not the next pixel"),
        ({"pixels": {"5": 1}}, "without a list of pixels"),
    ],
)
def test_a_damaged_genome_is_refused(change, message):
    encoding = hybrid()
    record = json.loads(encoding.dumps(encoding.create([1])[0]))
    with pytest.raises(ValueError, match=message):
        encoding.loads(json.dumps(record | change))


rows = st.lists(st.integers(-2, 300) | st.floats() | st.none(), max_size=3)


@given(st.lists(rows, max_size=4))
def test_any_list_of_pixels_is_read_or_refused(pixels):
    encoding = hybrid()
    record = json.loads(encoding.dumps(encoding.create([1])[0])) | {"pixels": pixels}
    try:
        genome = encoding.loads(json.dumps(record))
    except ValueError:
        return
    assert json.loads(encoding.dumps(genome))["pixels"] == pixels


def test_a_search_can_begin_with_networks_of_cppn_and_of_picbreeder(tmp_path):
    encoding = hybrid()
    plain = CppnEncoding(CppnOptions(renderer="plain"), spec=GREY)
    (network,) = plain.create([1])
    assert encoding.loads(plain.dumps(network)).network == network
    (tmp_path / "a.xml").write_bytes(grey())
    assert len(encoding.from_file(tmp_path / "a.xml").places) == 0


@pytest.mark.usefixtures("own_sys_path")
def test_a_run_is_made_and_its_files_are_verified(experiment, tmp_path):
    run = tmp_path / "run"
    options = ("--set", "encoding.plugin=hybrid", "--set", "encoding.pixel_share=0.9")
    assert neatfool("run", experiment, "--out", run, *options).exit_code == 0
    assert neatfool("verify", run).exit_code == 0
    assert any(len(elite.genome.places) for elite in open_run(run).elites)
    told = neatfool("graph", run, "school bus", "-o", tmp_path / "bus.onnx")
    assert told.exit_code == 5
    assert "what encoding 'hybrid' draws cannot be written as a program" in told.stderr
