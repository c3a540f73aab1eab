import io
import sys
from contextlib import redirect_stdout
from copy import deepcopy

import neat
import pytest
from genomes import breeder_of, config_of, genomes, line_of
from hypothesis import given
from neat.genome import DefaultGenome
from other_process import run_python

from neatfool import cppn
from neatfool.cppn.genome.genes import LINK, SPLIT, first_free, marking


def small_genome(weight=1.0):
    return cppn.Genome.of(
        [cppn.NodeGene(0, "sin"), cppn.NodeGene(7, "gauss")],
        [cppn.ConnectionGene((-1, 7), weight), cppn.ConnectionGene((7, 0), 2.0)],
    )


def test_markings_fit_a_double_and_differ():
    markings = {marking(LINK, a, b) for a in range(-4, 100) for b in range(100)}
    assert len(markings) == 104 * 100
    assert all(0 <= number < 2**52 for number in markings)


def test_a_marking_never_changes():
    assert marking(LINK, -1, 0) == 3028231431639899
    assert first_free(SPLIT, -1, 0, taken=()) == 3543027562365320


def test_a_split_never_takes_the_id_of_a_node_that_is_there():
    taken = {marking(SPLIT, -1, 0, n) for n in range(50)}
    assert first_free(SPLIT, -1, 0, taken=taken) == marking(SPLIT, -1, 0, 50)


def test_neat_python_gets_markings_from_the_configuration():
    tracker = config_of().innovation_tracker
    assert tracker.get_innovation_number(-1, 0, "add_node_in") == marking(LINK, -1, 0)
    assert cppn.ConnectionGene((-1, 0), innovation=5).innovation == marking(LINK, -1, 0)


def test_hidden_nodes_at_the_start_have_the_same_ids_in_all_genomes():
    first, second = breeder_of(num_hidden=3).create([1, 2])
    assert list(first.nodes) == list(second.nodes)
    assert len(first.nodes) == 6


@pytest.mark.parametrize("short", ["full", "partial 0.5", "fs_neat"])
def test_neat_python_has_nothing_to_warn_of(short, capfd):
    breeder_of(num_hidden=2, initial_connection=short).create([1])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("kind", "attribute", "value"),
    [
        ("nodes", "activation", "tanh"),
        ("nodes", "bias", 0.1),
        ("nodes", "response", 0.1),
        ("connections", "weight", 0.1),
        ("connections", "enabled", False),
    ],
)
def test_a_genome_with_one_other_attribute_differs(kind, attribute, value):
    changed = small_genome()
    setattr(next(iter(getattr(changed, kind).values())), attribute, value)
    assert changed != small_genome()


def test_order_key_and_fitness():
    turned, renamed = small_genome(), small_genome()
    turned.connections = dict(reversed(turned.connections.items()))
    renamed.key, renamed.fitness = 12, 3.0
    assert turned != small_genome()
    assert renamed == small_genome()
    assert small_genome() != "a genome"


@given(genomes(), genomes())
def test_distance_is_the_same_both_ways_and_zero_to_an_equal_genome(first, second):
    config = config_of()
    assert first.distance(second, config) == second.distance(first, config)
    assert first.distance(deepcopy(first), config) == 0.0


def test_distance_is_neat_pythons():
    first, second = line_of(breeder_of("neat"), 40)[20::20]
    config = config_of("neat")
    assert first.distance(second, config) > 0
    assert first.distance(second, config) == pytest.approx(
        DefaultGenome.distance(first, second, config)
    )


def test_plain_neat_python_evolves_these_genomes(tmp_path):
    path = tmp_path / "neat.ini"
    values = {**cppn.PRESETS["neat"].values, "num_outputs": 1}
    genome = "\n".join(
        f"{key} = {' '.join(value) if isinstance(value, tuple) else value}"
        for key, value in values.items()
    )
    path.write_text(
        "[NEAT]\npop_size = 20\nfitness_criterion = max\nfitness_threshold = 1e9\n"
        "reset_on_extinction = False\nno_fitness_termination = True\n"
        f"[Genome]\n{genome}\n"
        "[DefaultSpeciesSet]\ncompatibility_threshold = 3.0\n"
        "[DefaultStagnation]\nspecies_fitness_func = max\nmax_stagnation = 15\n"
        "species_elitism = 1\n"
        "[DefaultReproduction]\nelitism = 1\nsurvival_threshold = 0.2\nmin_species_size = 2\n"
    )
    config = neat.Config(
        cppn.Genome,
        neat.DefaultReproduction,
        neat.DefaultSpeciesSet,
        neat.DefaultStagnation,
        path,
    )

    def evaluate(population, config):
        for _, genome in population:
            network = neat.nn.FeedForwardNetwork.create(genome, config)
            genome.fitness = network.activate((0.1, 0.2, 0.3, 1.0))[0]

    population = neat.Population(config, seed=3)
    population.run(evaluate, 8)
    assert all(isinstance(genome, cppn.Genome) for genome in population.population.values())


def test_genomes_do_not_depend_on_the_hash_seed():
    support = next(path for path in sys.path if path.endswith("support"))
    program = (
        f"import sys; sys.path.insert(0, {support!r})\n"
        "from genomes import breeder_of, line_of\n"
        "from neatfool import cppn\n"
        "for preset in cppn.PRESETS:\n"
        "    first, second = (line_of(breeder_of(preset), 60, seed)[-1] for seed in (1, 2))\n"
        "    for child in breeder_of(preset).breed([[first, second]] * 20, range(20)):\n"
        "        print(cppn.dumps(child))\n"
    )
    elsewhere = run_python(program, PYTHONHASHSEED="1")
    with redirect_stdout(io.StringIO()) as here:
        exec(program, {})
    assert elsewhere == here.getvalue().strip()
    assert len(elsewhere.splitlines()) == 60
