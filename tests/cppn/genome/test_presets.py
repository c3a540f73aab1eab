import pytest
from genomes import breeder_of, config_of

from neatfool import cppn

PAPER = cppn.PRESETS["paper"].values


def test_the_paper_preset_is_as_the_papers_code_has_it():
    expected = {
        "initial_connection": "full_direct",
        "num_hidden": 0,
        "weight_min_value": -10,
        "weight_max_value": 10,
        "weight_mutate_rate": 0.1,
        "weight_mutate_eta": 15,
        "activation_mutate_rate": 0.1,
        "conn_add_prob": 0.5,
        "conn_delete_prob": 0.3,
        "node_add_prob": 0.5,
        "node_delete_prob": 0.2,
    }
    assert {key: PAPER[key] for key in expected} == expected
    assert cppn.PRESETS["paper"].inputs == "raw"


def test_the_neat_preset_has_two_parents_biases_and_disabled_connections():
    preset = cppn.PRESETS["neat"]
    assert preset.inputs == "normalised"
    parents = breeder_of("neat").create(range(100))
    children = breeder_of("neat").breed(list(zip(parents, parents[::-1], strict=True)), range(100))
    genes = [gene for child in children for gene in child.connections.values()]
    assert any(not gene.enabled for gene in genes)
    assert all(-10 <= gene.weight <= 10 for gene in genes)
    assert len({child.nodes[0].bias for child in children}) > 50


@pytest.mark.parametrize("preset", cppn.PRESETS)
def test_random_genomes_are_of_several_species(preset):
    config = config_of(preset, outputs=1)
    genomes = breeder_of(preset, outputs=1).create(range(60))
    threshold = 3.0
    leaders = []
    for genome in genomes:
        if all(genome.distance(leader, config) >= threshold for leader in leaders):
            leaders.append(genome)
    assert 3 <= len(leaders) <= 30
