"""Files of networks, written and read."""

import json
import runpy
from xml.etree import ElementTree as ET

import neat
import networkx as nx
import numpy as np
import pytest
from click.testing import CliRunner
from genomes import breeder_of, line_of
from neat.export.json_format import validate_json
from picbreeder_files import coloured, grey
from PIL import Image
from random_neat import evolve_xor, random_network

from neatfool import ExperimentError, GenomeError, StorageError, cppn
from neatfool.cppn.checkpoint import convert


@pytest.fixture
def network():
    return random_network(3, inputs=4, outputs=3)


def content(graph):
    return dict(graph.nodes(data=True)), {edge: graph.edges[edge] for edge in graph.edges}


@pytest.mark.parametrize("own", [False, True], ids=["neat-python's", "neatfool's"])
def test_a_network_reads_back_as_an_equal_one(own, network, tmp_path):
    path = tmp_path / "network.json"
    if own:
        network = cppn.NeatNetwork(line_of(breeder_of("paper"), 9)[-1], outputs=("0", "1", "2"))
        path.write_text(cppn.dumps(network.genome))
    else:
        cppn.write(network, path)
    read = cppn.read(path)
    assert read.genome == network.genome
    assert (len(read.inputs), len(read.outputs)) == (4, 3)
    for other in (str(path), path.read_bytes(), path.read_text()):
        assert cppn.read(other).genome == network.genome


def test_what_is_written_is_valid_to_neat_python(network, tmp_path):
    written = json.loads(cppn.write(network, tmp_path / "n.json").read_text())
    assert validate_json(written)
    assert written["topology"]["num_inputs"] == 4


def test_a_graph_reads_back_with_every_attribute(network, make_graph, tmp_path):
    for graph in (make_graph(12), network.graph()):
        path = cppn.write(graph, tmp_path / "g.graphml")
        assert content(nx.read_graphml(path, node_type=int)) == content(graph)


def test_numbers_of_numpy_are_written_as_numbers_and_none_is_left_out(tmp_path):
    graph = nx.DiGraph()
    graph.add_node(0, bias=np.float32(0.5), layer=np.int64(1), activation=None)
    graph.add_edge(0, 1, weight=np.float64(-2.5), enabled=np.bool_(True))
    read = nx.read_graphml(cppn.write(graph, tmp_path / "g.graphml"), node_type=int)
    assert read.nodes[0] == {"bias": 0.5, "layer": 1}
    assert read.edges[0, 1] == {"weight": -2.5, "enabled": True}
    assert graph.nodes[0]["activation"] is None


def test_a_network_is_drawn(network, tmp_path):
    svg = cppn.write(network, tmp_path / "n.svg").read_bytes()
    assert ET.fromstring(svg).tag.endswith("svg")
    assert svg == cppn.draw_graph(network.graph())
    with Image.open(cppn.write(network, str(tmp_path / "n.PNG"))) as image:
        assert image.format == "PNG"


def test_a_picture_is_written_with_the_labels_of_its_colours(tmp_path):
    picture = cppn.read(coloured()).picture(24)
    text = cppn.write(picture, tmp_path / "n.svg").read_text()
    assert "saturation" in text
    assert cppn.write(picture, tmp_path / "n.frag").read_text().startswith("// A picture")


@pytest.mark.parametrize("name", ["g.gml", "g"])
def test_an_unknown_suffix_is_an_error_that_lists_the_known_ones(name, network, tmp_path):
    with pytest.raises(ExperimentError, match=r"\.svg, \.png, \.json, \.py, \.graphml, \.onnx"):
        cppn.write(network, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_network_is_refused_in_words(network, tmp_path):
    with pytest.raises(ExperimentError, match=r"not of Genome; .* NeatNetwork.of\(genome"):
        cppn.write(network.genome, tmp_path / "n.json")


def test_a_folder_that_is_not_there_is_an_error_that_names_the_file(network, tmp_path):
    with pytest.raises(StorageError, match=r"nowhere.*g\.json: cannot be written"):
        cppn.write(network, tmp_path / "nowhere" / "g.json")


def test_a_graph_or_a_network_of_other_inputs_is_no_picture(tmp_path):
    with pytest.raises(ExperimentError, match=r"as \.graphml, \.svg or \.png only"):
        cppn.write(nx.DiGraph(), tmp_path / "g.json")
    with pytest.raises(ExperimentError, match="5 inputs draws no picture"):
        cppn.write(random_network(1, inputs=5), tmp_path / "g.glsl")
    with pytest.raises(ExperimentError, match="2 outputs, and hsv takes 3"):
        cppn.write(random_network(1, outputs=2), tmp_path / "g.glsl")


def test_a_drawing_has_a_limit(tmp_path):
    star = nx.DiGraph([(-1, key) for key in range(2001)])
    with pytest.raises(ExperimentError, match="2,001 connections is too large to draw"):
        cppn.write(star, tmp_path / "g.svg")
    nodes = [cppn.NodeGene(key, "sin") for key in range(500)]
    edges = [(key + 1, key) for key in range(499)] + [(-1, key) for key in range(500)]
    deep = cppn.Genome.of(nodes, [cppn.ConnectionGene(edge, 1.0) for edge in edges])
    with pytest.raises(ExperimentError, match="999 connections is too large to draw"):
        cppn.write(cppn.NeatNetwork(deep), tmp_path / "g.svg")


def test_a_title_stays_in_its_comment(network, tmp_path):
    title = 'x"""\nraise SystemExit\\'
    path = cppn.write(network, tmp_path / "n.py", title=title)
    assert "NeatModule" in runpy.run_path(str(path))


def test_neat_pythons_genome_is_refused_in_words_where_it_is_no_network(tmp_path):
    for data, message in (
        (b"\x1f\x8b\x08", "a pickle, as neat-python's checkpoints are"),
        (b"\x80\x05.", r"never read\. If you trust"),
        (b"[1]", "no object"),
        (b'{"a": 1}', "not a genome: format"),
        (b" " * (17 << 20), "more than 16 MiB"),
        (b'{"a":' * 100_000, "not a genome"),
        (b'{"network_type":1,"nodes":[' + b"[]," * 99_999 + b"[]]}", "more than 20,000 nodes"),
        (b"\xff\xfe{", "not a genome"),
        (b"", "not a genome"),
    ):
        (tmp_path / "file").write_bytes(data)
        with pytest.raises(GenomeError, match=message) as refused:
            cppn.read(tmp_path / "file")
        assert str(refused.value).startswith(f"{tmp_path / 'file'}: ")
    for name, message in (("nowhere", "No such file"), ("a\0b", "null byte"), ("", "Is a dir")):
        with pytest.raises(GenomeError, match=rf"cannot be read: .*{message}"):
            cppn.read(tmp_path / name)


def test_picbreeders_pictures_are_grey_or_in_hues_as_they_were():
    assert cppn.read(grey()).outputs == ("grey",)
    assert cppn.read(coloured()).outputs == ("hue", "saturation", "value")
    assert cppn.read(grey()).picture(32).pixels().shape == (1, 32, 32)


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint of three generations."""
    evolve_xor(tmp_path, 3)
    return tmp_path / "neat-checkpoint-3"


def test_a_checkpoint_is_never_read_but_names_the_command_that_converts_it(checkpoint):
    with pytest.raises(GenomeError, match=rf"neatfool\.cppn\.checkpoint {checkpoint} FOLDER"):
        cppn.read(checkpoint)


def test_it_says_what_it_runs_and_asks_first(checkpoint, tmp_path):
    result = CliRunner().invoke(convert, [str(checkpoint), str(tmp_path / "genomes")], input="n\n")
    assert f'neat.Checkpointer.restore_checkpoint("{checkpoint}")' in result.output
    assert result.exit_code == 1
    assert not (tmp_path / "genomes").exists()


def test_its_genomes_become_files_that_are_read(checkpoint, tmp_path):
    folder = tmp_path / "genomes"
    result = CliRunner().invoke(convert, ["--yes", str(checkpoint), str(folder)])
    assert result.exit_code == 0, result.output
    population = neat.Checkpointer.restore_checkpoint(str(checkpoint))
    assert {int(each.stem) for each in folder.iterdir()} == {*population.population}
    for key, genome in population.population.items():
        network = neat.nn.FeedForwardNetwork.create(genome, population.config)
        own = cppn.read(folder / f"{key}.json").activate([0.3, -0.2])
        assert own == pytest.approx(network.activate([0.3, -0.2]))
