"""The command ``neatfool graph``."""

from xml.etree import ElementTree as ET

import networkx as nx
import numpy as np
import pytest
from commands import CLASSES, neatfool, neatfool_process, run_small
from random_neat import random_network

from neatfool import ExperimentError, cppn, open_run

BUS = CLASSES.index("school bus")


@pytest.fixture
def elite(finished):
    return open_run(finished)["school bus"]


def read_graphml(path):
    return cppn.from_graph(nx.read_graphml(path, node_type=int))


def read_genome(path):
    return cppn.read(path).genome


@pytest.mark.parametrize(
    ("name", "read"), [("bus.graphml", read_graphml), ("bus.json", read_genome)]
)
def test_a_network_is_written_to_be_read_back(name, read, finished, elite, tmp_path):
    file = tmp_path / name
    result = neatfool("graph", finished, "school bus", "-o", file, exit_code=0)
    size = elite.size
    assert (
        result.stdout
        == f"{file}: {size.nodes} nodes, {size.connections} connections that are enabled\n"
    )
    assert read(file) == elite.genome


@pytest.mark.parametrize("suffix", [".svg", ".py", ".json", ".onnx"])
def test_a_file_is_written_in_another_format(suffix, tmp_path):
    if suffix == ".onnx":
        pytest.importorskip("onnx")
    file = cppn.write(random_network(4), tmp_path / "xor.json")
    result = neatfool("graph", file, "-o", tmp_path / f"other{suffix}")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        f"{tmp_path / f'other{suffix}'}: 7 nodes, 11 connections that are enabled\n"
    )


def test_a_run_needs_a_class_and_a_file_has_none(finished, tmp_path):
    result = neatfool("graph", finished)
    assert (result.exit_code, "say whose network" in result.stderr) == (2, True)
    file = cppn.write(random_network(4), tmp_path / "xor.json")
    result = neatfool("graph", file, "3")
    assert (result.exit_code, "a file has one network" in result.stderr) == (2, True)


@pytest.mark.parametrize("suffix", [".glsl", ".frag"])
def test_a_shader_names_the_class_and_the_run(suffix, finished, elite, tmp_path):
    file = tmp_path / f"bus{suffix}"
    neatfool("graph", finished, "school bus", "-o", file, exit_code=0)
    text = file.read_text(encoding="ascii")
    assert text.startswith(f"// school bus: {finished.name}\n")
    assert "void mainImage(" in text


def test_a_class_has_its_picture_as_a_module(elite):
    difference = elite.picture().pixels().astype(int) - elite.pixels()
    assert np.mean(np.abs(difference) > 1) <= 0.01


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
    genome = cppn.Genome.of([*nodes], [cppn.ConnectionGene((-7, 0), 1.0)])
    for use in (run.render, run.score):
        with pytest.raises(ExperimentError, match=r"no genome of this run: .* has 4 inputs"):
            use(genome)
        with pytest.raises(ExperimentError, match=r"a graph is no genome; .*from_graph\(graph\)$"):
            use(elite.graph())


def is_svg(data):
    return ET.fromstring(data).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_graph_is_an_svg_named_after_its_class_by_default(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = neatfool("graph", finished, BUS, exit_code=0)
    assert result.stdout.startswith("school-bus.svg: ")
    assert is_svg((tmp_path / "school-bus.svg").read_bytes())


@pytest.mark.parametrize("name", ["bus.gif", "bus"])
def test_a_suffix_that_names_no_format_is_refused(name, finished, tmp_path):
    result = neatfool("graph", finished, "school bus", "-o", tmp_path / name, exit_code=2)
    assert ".svg, .png, .json, .py, .graphml, .onnx, .glsl, .frag" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_there_is_no_noise_where_there_is_no_home_folder(finished, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/dev/null/home")
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    process = neatfool_process("graph", finished, BUS, "-o", tmp_path / "bus.svg")
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("suffix", [".onnx", ".glsl"])
def test_images_of_pixels_have_no_formula_to_write(suffix, tmp_path):
    run = run_small(tmp_path, "encoding.plugin=direct", "experiment.generations=2")
    told = neatfool("graph", run, "school bus", "-o", tmp_path / f"bus{suffix}", exit_code=5)
    assert "what encoding 'direct' draws cannot be written as a program" in told.stderr
