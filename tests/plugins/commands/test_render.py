"""The command ``neatfool render``."""

import errno
import os

import numpy as np
import pytest
from commands import CLASSES, neatfool
from PIL import Image

from neatfool import open_run
from neatfool.run.images import from_pillow

pytestmark = pytest.mark.usefixtures("own_sys_path")

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


def test_a_colour_image_is_rendered_in_colour(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr("neatfool_plugins.commands.pictures.LARGEST_PIECE", 16)
    options = ("--set", "target.channels=3", "--set", "experiment.generations=2", "--no-report")
    assert neatfool("run", experiment, "--out", tmp_path / "run", *options).exit_code == 0
    file = tmp_path / "bus.png"
    assert neatfool("render", tmp_path / "run", BUS, "--size", 37, "-o", file).exit_code == 0
    with Image.open(file) as image:
        assert image.mode == "RGB"
        assert (from_pillow(image) == open_run(tmp_path / "run")[BUS].pixels(37)).all()


def test_a_poster_can_be_drawn_with_more_detail(experiment, tmp_path):
    options = ("--set", "encoding.preset=patterns", "--set", "experiment.generations=2")
    run, file = tmp_path / "run", tmp_path / "bus.png"
    assert neatfool("run", experiment, "--out", run, *options, "--no-report").exit_code == 0
    elite = open_run(run)[BUS]
    for sharp in (False, True):
        neatfool("render", run, BUS, "--size", 64, "-o", file, *["--sharp"] * sharp, exit_code=0)
        with Image.open(file) as image:
            assert (from_pillow(image) == elite.pixels(64, sharp=sharp)).all()
    assert (elite.pixels(64) != elite.pixels(64, sharp=True)).any()


def test_an_encoding_without_a_band_limit_has_no_more_detail(experiment, tmp_path):
    run = tmp_path / "run"
    options = ("--set", "encoding.plugin=direct", "--set", "experiment.generations=2")
    assert neatfool("run", experiment, "--out", run, *options, "--no-report").exit_code == 0
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
