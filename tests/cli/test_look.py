"""``neatfool graph``, ``neatfool render`` and ``neatfool report``."""

from __future__ import annotations

import errno
import json
from xml.etree import ElementTree as ET

import networkx as nx
import numpy as np
import pytest
from commands import CLASSES, neatfool, neatfool_process
from PIL import Image

from neatfool import ExperimentError, cppn, open_run
from neatfool.run.images import from_pillow

pytestmark = pytest.mark.usefixtures("own_sys_path")

BUS = CLASSES.index("school bus")


@pytest.fixture
def elite(finished):
    return open_run(finished)["school bus"]


# graph


def read_graphml(path):
    return nx.read_graphml(path, node_type=int)


def read_json(path):
    return nx.node_link_graph(json.loads(path.read_text()), edges="edges")


@pytest.mark.parametrize(("suffix", "read"), [(".graphml", read_graphml), (".json", read_json)])
def test_a_graph_is_written_to_be_read_back(suffix, read, finished, elite, tmp_path):
    file = tmp_path / f"bus{suffix}"
    result = neatfool("graph", finished, "school bus", "-o", file)
    assert result.exit_code == 0
    size = elite.size
    assert result.stdout == f"{file}: {size.nodes} nodes, {size.connections} connections\n"
    graph = read(file)
    assert set(graph.edges) == set(elite.graph().edges)
    assert cppn.from_graph(graph) == elite.genome


def test_a_changed_graph_is_drawn_and_scored(finished, elite):
    run, graph = open_run(finished), elite.graph()
    genome = cppn.from_graph(graph)
    assert run.score(genome)["school bus"] == pytest.approx(elite.confidence)
    assert list(run.score(genome)) == list(CLASSES)
    assert run.render(genome).tobytes() == elite.image().tobytes()
    for *_, edge in graph.edges(data=True):
        edge["weight"] = 0.0
    changed = cppn.from_graph(graph)
    assert len(set(run.render(changed, 20).tobytes())) == 1
    assert run.score(changed) != run.score(genome)
    run.close()
    assert run.score(genome)["school bus"] == pytest.approx(elite.confidence)


def test_a_genome_that_is_not_of_the_run_is_neither_drawn_nor_scored(finished, elite):
    run, nodes = open_run(finished), elite.genome.nodes.values()
    genome = cppn.Genome.of([*nodes], [cppn.ConnectionGene.make((-7, 0), 1.0)])
    for use in (run.render, run.score):
        with pytest.raises(ExperimentError, match=r"no genome of this run: .* has 4 inputs"):
            use(genome)


def is_svg(data):
    return ET.fromstring(data).tag == "{http://www.w3.org/2000/svg}svg"


def is_png(data):
    return data.startswith(b"\x89PNG")


def is_dot(data):
    return data.startswith(b"digraph") and b" -> " in data


@pytest.mark.parametrize(
    ("suffix", "is_right"), [(".svg", is_svg), (".png", is_png), (".dot", is_dot)]
)
def test_a_graph_is_written_to_be_looked_at(suffix, is_right, finished, tmp_path):
    file = tmp_path / f"bus{suffix}"
    assert neatfool("graph", finished, BUS, "-o", file).exit_code == 0
    assert is_right(file.read_bytes())


def test_a_graph_is_an_svg_named_after_its_class_by_default(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = neatfool("graph", finished, BUS)
    assert result.exit_code == 0
    assert result.stdout.startswith("school-bus.svg: ")
    assert is_svg((tmp_path / "school-bus.svg").read_bytes())


@pytest.mark.parametrize("name", ["bus.gif", "bus"])
def test_a_suffix_that_names_no_format_is_refused(name, finished, tmp_path):
    result = neatfool("graph", finished, "school bus", "-o", tmp_path / name)
    assert result.exit_code == 2
    for suffix in (".graphml", ".json", ".dot", ".svg", ".png"):
        assert suffix in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["graph", "render"])
@pytest.mark.parametrize(
    ("name", "said"),
    [("scool bus", "did you mean 'school bus'?"), ("4", "there are: "), ("-1", "there are: ")],
)
def test_a_class_that_does_not_exist_is_refused(command, name, said, finished, tmp_path):
    result = neatfool(command, "-o", tmp_path / "x.png", finished, "--", name)
    assert result.exit_code == 2
    assert f"there is no class {name!r}" in result.stderr
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["graph", "render", "report"])
def test_a_folder_that_is_not_there_cannot_be_written_to(command, finished, tmp_path):
    suffix = ".html" if command == "report" else ".png"
    name = () if command == "report" else ("school bus",)
    result = neatfool(command, finished, *name, "-o", tmp_path / "absent" / f"x{suffix}")
    assert result.exit_code == 6
    assert "cannot be written" in result.stderr
    assert "Traceback" not in result.output


def test_there_is_no_noise_where_there_is_no_home_folder(finished, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/dev/null/home")
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    process = neatfool_process("graph", finished, BUS, "-o", tmp_path / "bus.svg")
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


# render


@pytest.mark.parametrize("before", [None, b"the one before"])
def test_a_full_disk_leaves_no_image_behind(before, finished, tmp_path, monkeypatch):
    file = tmp_path / "bus.png"
    if before:
        file.write_bytes(before)

    def fill_up(image, path, *args):
        path.write_bytes(b"")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Image.Image, "save", fill_up)
    result = neatfool("render", finished, BUS, "-o", file)
    assert result.exit_code == 6
    assert f"error: {file}: cannot be written: No space left on device" in result.stderr
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([before] if before else [])


@pytest.mark.parametrize("size", [1, 7, 16, 17, 48, 50])
def test_an_image_rendered_in_pieces_equals_the_whole(size, finished, elite, tmp_path, monkeypatch):
    monkeypatch.setattr("neatfool.cli.look.LARGEST_PIECE", 16)
    file = tmp_path / "bus.png"
    result = neatfool("render", finished, "school bus", "--size", size, "-o", file)
    assert result.exit_code == 0
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
    monkeypatch.setattr("neatfool.cli.look.LARGEST_PIECE", 16)
    options = ("--set", "target.channels=3", "--set", "experiment.generations=2", "--no-report")
    assert neatfool("run", experiment, "--out", tmp_path / "run", *options).exit_code == 0
    file = tmp_path / "bus.png"
    assert neatfool("render", tmp_path / "run", BUS, "--size", 37, "-o", file).exit_code == 0
    with Image.open(file) as image:
        assert image.mode == "RGB"
        assert (from_pillow(image) == open_run(tmp_path / "run")[BUS].pixels(37)).all()


def test_a_poster_can_be_drawn_without_the_blur(experiment, tmp_path):
    options = ("--set", "encoding.preset=patterns", "--set", "experiment.generations=2")
    run, file = tmp_path / "run", tmp_path / "bus.png"
    assert neatfool("run", experiment, "--out", run, *options, "--no-report").exit_code == 0
    elite = open_run(run)[BUS]
    for sharp in (False, True):
        told = neatfool("render", run, BUS, "--size", 64, "-o", file, *["--sharp"] * sharp)
        assert told.exit_code == 0
        with Image.open(file) as image:
            assert (from_pillow(image) == elite.pixels(64, sharp=sharp)).all()
    assert (elite.pixels(64) != elite.pixels(64, sharp=True)).any()


def test_an_encoding_without_a_blur_has_none_to_leave_out(experiment, tmp_path):
    run = tmp_path / "run"
    options = ("--set", "encoding.plugin=direct", "--set", "experiment.generations=2")
    assert neatfool("run", experiment, "--out", run, *options, "--no-report").exit_code == 0
    told = neatfool("render", run, BUS, "--sharp", "-o", tmp_path / "bus.png")
    assert told.exit_code == 5
    assert "images of encoding 'direct' have no blur" in told.stderr


def test_an_image_is_named_after_class_and_size_by_default(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = neatfool("render", finished, "[red]left[/]")
    assert (result.exit_code, result.stdout) == (0, "red-left-512.png: 512 x 384\n")
    assert (tmp_path / "red-left-512.png").is_file()


@pytest.mark.parametrize("size", ["0", "65537", "large"])
def test_a_size_out_of_range_is_refused(size, finished):
    result = neatfool("render", finished, BUS, "--size", size)
    assert result.exit_code == 2
    assert "--size" in result.stderr


@pytest.mark.parametrize("name", ["bus.xyz", "bus"])
def test_an_image_of_an_unknown_format_is_refused(name, finished, tmp_path):
    result = neatfool("render", finished, BUS, "--size", 8, "-o", tmp_path / name)
    assert result.exit_code == 2
    assert "use .png" in result.stderr
    assert list(tmp_path.iterdir()) == []


# report


def test_a_report_is_written_into_the_run(copy):
    before = (copy / "report.html").read_text()
    (copy / "report.html").unlink()
    result = neatfool("report", copy)
    assert (result.exit_code, result.stdout) == (0, f"{copy / 'report.html'}\n")
    assert (copy / "report.html").read_text() == before


def test_a_report_is_written_elsewhere_on_request(copy, tmp_path):
    (copy / "report.html").unlink()
    result = neatfool("report", copy, "-o", tmp_path / "page.html")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'page.html'}\n")
    assert not (copy / "report.html").exists()
    page = (tmp_path / "page.html").read_text()
    assert page.lower().startswith("<!doctype html>")
    assert "school bus" in page
