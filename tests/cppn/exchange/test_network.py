"""NEAT networks: what neat-python computes, and what other programs compute of what is written."""

import json
import re
import runpy
from itertools import count

import neat
import numpy as np
import pytest
import torch
from neat.export import export_network_json
from random_cppns import connection, genome_of, node
from random_neat import NAMES, random_genome, random_network
from random_pictures import SIZES, random_picture, render, share_that_differs

from neatfool import ExperimentError, GenomeError, cppn
from neatfool.cppn.activations import LIMIT

POINTS = np.random.default_rng(5).uniform(-1, 1, (7, 2))


def expected_of(genome, config):
    """Give what neat-python computes, or None where a value goes beyond neatfool's limit."""
    config = type("Config", (), {"genome_config": config})
    network, found = neat.nn.FeedForwardNetwork.create(genome, config), []
    try:
        for point in POINTS:
            found.append(network.activate(point.tolist()))
            if max(map(abs, network.values.values())) > LIMIT:
                return None
    except OverflowError:
        return None
    return np.array(found)


def samples(number):
    """Give genomes, what neat-python computes of them, and the networks of its files."""
    found, tried = 0, count()
    while found < number:
        genome, config = random_genome(seed := next(tried), outputs=1 + seed % 3, hidden=seed % 9)
        if (expected := expected_of(genome, config)) is not None:
            found += 1
            yield cppn.NeatNetwork.of(genome, config), expected
    assert next(tried) < 1.2 * number + 10  # few go beyond the limit


def close(values, expected):
    return np.abs(values - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())


NUMBERS = pytest.mark.parametrize("number", [40, pytest.param(1000, marks=pytest.mark.slow)])


@NUMBERS
def test_pytorch_computes_what_neat_python_does(number, tmp_path):
    seen = set()
    for network, expected in samples(number):
        seen |= {node.activation for node in network.formula()}
        file = cppn.write(network, tmp_path / "network.py")
        assert not re.search(r"(import|from) neatfool", file.read_text("utf-8"))
        names = runpy.run_path(str(file))
        with torch.no_grad():
            found = names["NeatModule"](torch.float64)(torch.from_numpy(POINTS))
        assert close(found.numpy(), expected)
    assert seen == {*NAMES}


@NUMBERS
def test_onnx_runtime_computes_what_neat_python_does(number, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    for network, expected in samples(number):
        file = cppn.write(network, tmp_path / "network.onnx")
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        assert close(session.run(["outputs"], {"inputs": POINTS})[0], expected)


def test_it_computes_what_neat_python_does_itself():
    for network, expected in samples(40):
        found = np.array([network.activate(point) for point in POINTS.tolist()])
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    with pytest.raises(ValueError, match="3 values for 2 inputs"):
        network.activate([1.0, 2.0, 3.0])


def test_what_neat_python_exports_is_read():
    for network, _ in samples(40):
        read = cppn.read(export_network_json(network.feed_forward))
        assert [
            (n.key, n.activation, n.bias, n.response, sorted(n.terms)) for n in read.formula()
        ] == [(n.key, n.activation, n.bias, n.response, sorted(n.terms)) for n in network.formula()]


def test_its_repr_says_how_large_it_is():
    genome = genome_of(
        [node(0), node(1), node(7)], [connection(-1, 7), connection(7, 0), connection(-2, 0)]
    )
    network = cppn.NeatNetwork(genome, ("x", "y"), ("a", "b"))
    assert repr(network) == "<NeatNetwork: 3 nodes, 3 connections, 2 inputs, 2 outputs>"


def test_a_module_is_trained_as_any(tmp_path):
    file = cppn.write(random_network(1), tmp_path / "network.py")
    module = runpy.run_path(str(file))["NeatModule"]()
    module(torch.rand(5, 4, 2)).sum().backward()
    assert module(torch.rand(5, 4, 2)).shape == (5, 4, 1)
    assert all(each.grad is not None for each in module.parameters())


def test_means_and_aggregations_of_one_value_become_sums():
    names, found = [*neat.aggregations.AggregationFunctionSet().functions], 0
    for seed in range(300):
        genome, config = random_genome(seed, hidden=2, aggregations=names)
        try:
            network = cppn.NeatNetwork.of(genome, config)
        except GenomeError:
            continue
        if (expected := expected_of(genome, config)) is not None:
            used = {genome.nodes[node.key].aggregation for node in network.formula()}
            found += used != {"sum"}
            assert close(np.array([network.activate(p) for p in POINTS.tolist()]), expected)
    assert found > 20


def forged(**changes):
    """Give neat-python's JSON with other members, or those of an output or a connection."""
    record = json.loads(export_network_json(random_network(4).feed_forward))
    for name, value in changes.items():
        output = next(node for node in record["nodes"] if node["id"] == 0)
        gene = {"node": output, "link": record["connections"][0]}.get(name)
        gene.update(value) if gene else record.update({name: value})
    return json.dumps(record)


FUNCTION = {"name": "sin", "custom": True}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network_type": "recurrent"}, "'recurrent'; neatfool has only feed-forward ones"),
        ({"format_version": "2.0"}, "version '2.0', not 1.0"),
        ({"nodes": []}, "there is no node"),
        ({"nodes": [{"id": "1"}]}, r"nodes\.0\.id"),
        ({"node": {"bias": float("nan")}}, r"nodes\.\d\.bias: Input should be a finite number"),
        ({"node": {"bias": 1e300}}, r"has the number 1e\+300; the largest is 1e\+09"),
        ({"node": {"bias": 10**400}}, r"nodes\.\d\.bias"),
        ({"node": {"id": 1 << 80}}, r"nodes\.\d\.id|more than 64 bits"),
        ({"node": {"id": 0, "activation": FUNCTION}}, "a function of its author's own"),
        ({"node": {"activation": FUNCTION | {"name": "sine"}}}, "no 'sine'; did you mean 'sin"),
        ({"node": {"aggregation": {"name": "max"}}}, "by 'max', and neatfool's nodes by sums"),
        ({"node": {"aggregation": {"name": "maxx"}}}, "no aggregation 'maxx'; did you mean 'max"),
        ({"link": {"weight": float("inf")}}, "finite number"),
        ({"link": {"from": 0, "to": 0}}, "close a cycle"),
        ({"link": {"from": -9}}, "here a genome has 2 inputs"),
        ({"link": {"to": 999}}, "there is no node 999"),
        ({"topology": {"input_keys": [-1, -3], "output_keys": [0]}}, "inputs that are not -1, -2"),
        ({"topology": {"input_keys": [], "output_keys": [0]}}, "without inputs"),
    ],
)
def test_forged_files_are_refused_in_a_sentence(changes, message):
    with pytest.raises(GenomeError, match=message) as refused:
        cppn.read(forged(**changes))
    assert "\n" not in str(refused.value)


def test_two_genes_of_one_id_and_too_many_are_refused():
    record = json.loads(forged())
    for name in ("nodes", "connections"):
        with pytest.raises(GenomeError, match="of one id"):
            cppn.read(json.dumps(record | {name: [*record[name], record[name][0]]}))
    hidden = [record["nodes"][0] | {"id": key, "type": "hidden"} for key in range(100, 20_100)]
    with pytest.raises(GenomeError, match="more than 20,000 nodes and connections"):
        cppn.read(json.dumps(record | {"nodes": [*record["nodes"], *hidden]}))


@pytest.mark.parametrize("inputs", [2, 4])
def test_a_network_draws_a_picture(inputs):
    network = random_network(2, inputs=inputs, outputs=3)
    pixels = network.picture(9).pixels()
    assert (pixels.shape, pixels.dtype) == ((3, 9, 9), np.uint8)
    assert pixels.tolist() == network.picture(9, "hsv").pixels().tolist()


def test_a_picture_is_drawn_at_any_size():
    genome = genome_of([node(0, "identity")], [connection(-1, 0, 0.5)])
    picture = cppn.Picture(genome, cppn.Look(3, 5, inputs="normalised", channels=3))
    assert picture.pixels()[0, 0].tolist() == [128, 64, 0, 64, 128]
    assert picture.pixels((6, 10)).shape == (3, 6, 10)


def test_numpy_draws_what_the_plain_renderer_draws():
    pictures = [(random_picture(number), SIZES[number % 3]) for number in range(60)]
    drawn = [picture.pixels(size) for picture, size in pictures]
    assert share_that_differs(drawn, [render(*each) for each in pictures]) <= 0.01


def test_a_large_picture_is_drawn_in_parts(monkeypatch):
    picture = random_picture(2)
    whole = picture.pixels((90, 120))
    monkeypatch.setattr("neatfool.cppn.exchange.network.MEMORY", 1)
    assert picture.pixels((90, 120)).tobytes() == whole.tobytes()


def test_a_colour_map_that_does_not_fit_is_refused():
    genome = genome_of([node(0)], [])
    with pytest.raises(ExperimentError, match="without the output 1"):
        cppn.Picture(genome, cppn.Look(3, 3, colour_map="rgb")).pixels()
    with pytest.raises(ExperimentError, match="makes 3 channels"):
        cppn.Picture(genome, cppn.Look(3, 3, colour_map="rgb", channels=1)).pixels()
