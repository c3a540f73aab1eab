import numpy as np
import pytest
from genomes import breeder_of, config_of, line_of

from neatfool import cppn

OUTPUTS = 3


def program_of(genomes, config):
    return cppn.compile_genomes(genomes, config.input_keys, config.output_keys)


@pytest.fixture(params=["paper", "neat"])
def preset(request):
    return request.param


@pytest.fixture
def config(preset):
    return config_of(preset, OUTPUTS)


@pytest.fixture
def genomes(preset):
    return [line_of(breeder_of(preset, OUTPUTS), 12, seed)[-1] for seed in range(6)]


def test_what_is_written_is_read(genomes, config):
    parameters, program = cppn.Parameters(config), program_of(genomes, config)
    rows = [np.random.default_rng(1).uniform(-9, 9, len(row)) for row in parameters.read(program)]
    written = parameters.write(genomes, program, rows)
    found = parameters.read(program_of(written, config))
    for row, again in zip(rows, found, strict=True):
        assert np.array_equal(row, again)
    assert len({len(row) for row in rows}) > 1


def test_only_what_the_image_depends_on_is_a_parameter(genomes, config):
    parameters, program = cppn.Parameters(config), program_of(genomes, config)
    rows = [row + 0.5 for row in parameters.read(program)]
    changed = total = 0
    for genome, written, place in zip(
        genomes, parameters.write(genomes, program, rows), range(len(genomes)), strict=True
    ):
        weights = {key for owner, key in program.weight_keys if owner == place}
        nodes = {key for owner, key in program.node_keys if owner == place}
        for key, gene in genome.connections.items():
            assert (written.connections[key].weight != gene.weight) <= (key in weights)
            changed += written.connections[key].weight != gene.weight
        for key, gene in genome.nodes.items():
            assert (written.nodes[key].bias != gene.bias) == (key in nodes)
            assert written.nodes[key].response == gene.response
        total += len(genome.connections)
    assert 0 < changed < total


def test_numbers_stay_in_their_range():
    config = config_of("paper", 1, weight_min_value=-2, bias_max_value=0.5)
    (genome,) = breeder_of("paper", 1).create([3])
    program = program_of([genome], config)
    parameters = cppn.Parameters(config)
    rows = parameters.read(program)
    low, high = (
        parameters.read(program_of(parameters.write([genome], program, [moved]), config))[0]
        for moved in (rows[0] - 1000, rows[0] + 1000)
    )
    weights = len(program.weights)
    assert set(low[:weights]) == {-2.0}
    assert set(high[:weights]) == {10.0}
    assert (low[weights:], high[weights:]) == ([-10.0], [0.5])


def test_responses_are_parameters_where_they_vary(genomes, preset):
    fixed = config_of(preset, OUTPUTS)
    varying = config_of(preset, OUTPUTS, response_mutate_rate=0.1)
    program = program_of(genomes, fixed)
    without, withal = (cppn.Parameters(config).read(program) for config in (fixed, varying))
    nodes = len(program.biases)
    assert sum(map(len, without)) == len(program.weights) + nodes
    assert sum(map(len, withal)) == len(program.weights) + 2 * nodes
    moved = cppn.Parameters(varying).write(genomes, program, [row * 0 + 3.0 for row in withal])
    assert {gene.response for gene in moved[0].nodes.values()} >= {3.0}
