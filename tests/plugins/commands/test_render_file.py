"""The command ``neatfool render`` of a file."""

import numpy as np
import pytest
from commands import neatfool
from picbreeder_files import coloured, grey, zipped
from PIL import Image

from neatfool import cppn, open_run


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


def test_a_shader_is_written(file, tmp_path):
    neatfool("render", file, "-o", tmp_path / "skull.glsl", exit_code=0)
    assert (tmp_path / "skull.glsl").read_text(encoding="ascii").startswith("// skull.xml\n")


def test_a_model_is_written(file, tmp_path):
    onnx = pytest.importorskip("onnx")
    neatfool("render", file, "-o", tmp_path / "skull.onnx", exit_code=0)
    assert onnx.load(tmp_path / "skull.onnx").doc_string == "skull.xml"


def test_what_is_no_genome_is_refused_with_its_file(tmp_path):
    file = tmp_path / "skull.xml"
    file.write_bytes(grey("sawtooth(x)"))
    result = neatfool("render", file, exit_code=2)
    assert "skull.xml: there is no function 'sawtooth'" in result.stderr


def test_another_format_is_refused(file, tmp_path):
    result = neatfool("render", file, "-o", tmp_path / "skull.svg", exit_code=2)
    assert "'.svg' is none of .png, .onnx, .glsl" in result.stderr


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
