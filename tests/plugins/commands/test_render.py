"""The command ``neatfool render``."""

import errno
import os

import numpy as np
import pytest
from commands import CLASSES, neatfool, run_small
from picbreeder_files import coloured, grey, zipped
from PIL import Image

from neatfool import cppn, open_run
from neatfool.run.images import from_pillow

BUS = CLASSES.index("school bus")


@pytest.fixture
def elite(finished):
    return open_run(finished)["school bus"]


@pytest.mark.parametrize("before", [None, b"the one before"])
def test_a_full_disk_leaves_no_image_behind(before, finished, tmp_path, monkeypatch):
    file = tmp_path / "bus.png"
    if before:
        file.write_bytes(before)

    def fill_up(path, _):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(os, "replace", fill_up)
    result = neatfool("render", finished, BUS, "-o", file, exit_code=6)
    assert f"error: {file}: cannot be written: No space left on device" in result.stderr
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([before] if before else [])


@pytest.mark.parametrize("size", [1, 7, 16, 17, 48, 50])
def test_an_image_rendered_in_pieces_equals_the_whole(size, finished, elite, tmp_path, monkeypatch):
    monkeypatch.setattr("neatfool_plugins.commands.pictures.LARGEST_PIECE", 16)
    file = tmp_path / "bus.png"
    result = neatfool("render", finished, "school bus", "--size", size, "-o", file, exit_code=0)
    height = max(1, round(size * 6 / 8))
    assert result.stdout == f"{file}: {size} x {height}\n"
    with Image.open(file) as image:
        assert (image.mode, image.size) == ("L", (size, height))
        assert (from_pillow(image) == elite.pixels(size)).all()


def test_an_image_of_the_targets_size_is_the_one_that_was_scored(finished, elite, tmp_path):
    assert neatfool("render", finished, BUS, "--size", 8, "-o", tmp_path / "8.png").exit_code == 0
    with Image.open(tmp_path / "8.png") as image:
        assert (np.asarray(image) == np.asarray(elite.image())).all()


def test_a_colour_image_is_rendered_in_colour(tmp_path, monkeypatch):
    monkeypatch.setattr("neatfool_plugins.commands.pictures.LARGEST_PIECE", 16)
    run = run_small(tmp_path, "target.channels=3", "experiment.generations=2")
    file = tmp_path / "bus.png"
    assert neatfool("render", run, BUS, "--size", 37, "-o", file).exit_code == 0
    with Image.open(file) as image:
        assert image.mode == "RGB"
        assert (from_pillow(image) == open_run(run)[BUS].pixels(37)).all()


def test_a_poster_can_be_drawn_with_more_detail(tmp_path):
    run = run_small(tmp_path, "encoding.preset=patterns", "experiment.generations=2")
    file = tmp_path / "bus.png"
    elite = open_run(run)[BUS]
    for sharp in (False, True):
        neatfool("render", run, BUS, "--size", 64, "-o", file, *["--sharp"] * sharp, exit_code=0)
        with Image.open(file) as image:
            assert (from_pillow(image) == elite.pixels(64, sharp=sharp)).all()
    assert (elite.pixels(64) != elite.pixels(64, sharp=True)).any()


def test_an_encoding_without_a_band_limit_has_no_more_detail(tmp_path):
    run = run_small(tmp_path, "encoding.plugin=direct", "experiment.generations=2")
    told = neatfool("render", run, BUS, "--sharp", "-o", tmp_path / "bus.png", exit_code=5)
    assert "images of encoding 'direct' have no band limit; leave sharp out" in told.stderr


def test_an_image_is_named_after_class_and_size_by_default(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = neatfool("render", finished, "[red]left[/]")
    assert (result.exit_code, result.stdout) == (0, "red-left-512.png: 512 x 384\n")
    assert (tmp_path / "red-left-512.png").is_file()


@pytest.mark.parametrize("size", ["0", "65537", "large"])
def test_a_size_out_of_range_is_refused(size, finished):
    result = neatfool("render", finished, BUS, "--size", size, exit_code=2)
    assert "--size" in result.stderr


@pytest.mark.parametrize("name", ["bus.xyz", "bus"])
def test_an_image_of_an_unknown_format_is_refused(name, finished, tmp_path):
    result = neatfool("render", finished, BUS, "--size", 8, "-o", tmp_path / name, exit_code=2)
    assert "use .png" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "skull.xml"
    path.write_bytes(coloured())
    return path


def test_a_genome_is_drawn_at_any_size(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = neatfool("render", file, "--size", 40)
    assert (result.exit_code, result.stdout) == (
        0,
        "skull-40.png: 7 nodes, 10 connections that are enabled\n",
    )
    with Image.open(tmp_path / "skull-40.png") as image:
        assert (image.mode, image.size) == ("RGB", (40, 40))
        assert len(np.unique(np.asarray(image).reshape(-1, 3), axis=0)) > 100


def test_an_archive_is_drawn_as_the_file_in_it(file, tmp_path):
    archive = tmp_path / "rep.zip"
    archive.write_bytes(zipped(coloured()))
    for each in (file, archive):
        assert neatfool("render", each, "-o", each.with_suffix(".png")).exit_code == 0
    assert file.with_suffix(".png").read_bytes() == archive.with_suffix(".png").read_bytes()


def test_what_is_no_genome_is_refused_with_its_file(tmp_path):
    file = tmp_path / "skull.xml"
    file.write_bytes(grey("sawtooth(x)"))
    result = neatfool("render", file, exit_code=2)
    assert "skull.xml: there is no function 'sawtooth'" in result.stderr


def test_another_format_is_refused(file, tmp_path):
    result = neatfool("render", file, "-o", tmp_path / "skull.glsl", exit_code=2)
    assert "is a .png; `neatfool graph` writes programs" in result.stderr


def test_a_genome_in_json_is_drawn_in_grey(finished, tmp_path):
    file = tmp_path / "bus.json"
    file.write_text(cppn.dumps(open_run(finished)["school bus"].genome))
    neatfool("render", file, "--size", 28, "-o", tmp_path / "bus.png", exit_code=0)
    with Image.open(tmp_path / "bus.png") as image:
        assert (image.mode, image.size) == ("L", (28, 28))


@pytest.mark.parametrize("text", ["", "{}", "[" * 5000, '{"format": "neatfool.cppn"}'])
def test_what_is_no_genome_in_json_is_refused_with_its_file(text, tmp_path):
    file = tmp_path / "forged.json"
    file.write_text(text)
    result = neatfool("render", file, exit_code=2)
    assert f"{file}: not a genome" in result.stderr


def test_a_run_needs_a_class(finished):
    result = neatfool("render", finished, exit_code=2)
    assert "say whose image" in result.stderr


@pytest.mark.parametrize("given", [("3",), ("--sharp",), ("--size", 8193)])
def test_a_file_takes_no_arguments_of_a_run_and_is_no_poster(given, file):
    assert neatfool("render", file, *given).exit_code == 2


def test_a_file_is_drawn_in_another_colour_map(file, tmp_path):
    assert neatfool("render", file, "--colour", "grey", "-o", tmp_path / "a.png").exit_code == 0
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "L"
    result = neatfool("render", file, "--colour", "gray")
    assert (result.exit_code, "did you mean 'grey'" in result.stderr) == (2, True)


def test_a_run_takes_no_colour(finished):
    result = neatfool("render", finished, 0, "--colour", "hsv")
    assert (result.exit_code, "--colour is for a file" in result.stderr) == (2, True)
