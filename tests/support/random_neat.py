"""Random networks of neat-python's own."""

import random

import neat
from neat.activations import ActivationFunctionSet
from neat.genome import DefaultGenome

from neatfool import cppn

SETTINGS = """[NEAT]
fitness_criterion = max
fitness_threshold = 9
no_fitness_termination = False
pop_size = 12
reset_on_extinction = False

[DefaultGenome]
{genome}

[DefaultSpeciesSet]
compatibility_threshold = 3.0

[DefaultStagnation]
species_fitness_func = max
max_stagnation = 20
species_elitism = 2

[DefaultReproduction]
elitism = 2
survival_threshold = 0.2
min_species_size = 2
"""

NAMES = sorted(ActivationFunctionSet().functions)


def settings_of(**changes):
    """Give neat-python's section ``[DefaultGenome]``."""
    values = cppn.resolve(cppn.GenomeOptions(), cppn.PRESETS["neat"]).model_dump() | changes
    values = {key: value for key, value in values.items() if not key.endswith("_eta")}
    lists = {key: " ".join(value) for key, value in values.items() if isinstance(value, list)}
    return {key: str(value) for key, value in (values | lists).items()}


def evolve_xor(folder, generations):
    """Evolve networks for XOR with neat-python, which writes a checkpoint; give the best one."""
    settings = settings_of(num_inputs=2, num_outputs=1, activation_options=["sin", "gauss"])
    lines = "\n".join(f"{key} = {value}" for key, value in settings.items())
    file = folder / "xor.ini"
    file.write_text(SETTINGS.format(genome=lines))
    parts = neat.DefaultGenome, neat.DefaultReproduction, neat.DefaultSpeciesSet
    config = neat.Config(*parts, neat.DefaultStagnation, str(file))
    population = neat.Population(config, seed=3)
    prefix = str(folder / "neat-checkpoint-")
    population.add_reporter(neat.Checkpointer(generations, filename_prefix=prefix))

    def score(genomes, config):
        for _, genome in genomes:
            network = neat.nn.FeedForwardNetwork.create(genome, config)
            cases = [(a, b, float(a != b)) for a in (0.0, 1.0) for b in (0.0, 1.0)]
            genome.fitness = -sum((network.activate([a, b])[0] - c) ** 2 for a, b, c in cases)

    return population.run(score, generations), config


def random_genome(seed, inputs=2, outputs=1, hidden=6, aggregations=("sum",)):
    """Give a genome of neat-python's with its configuration."""
    values = settings_of(num_inputs=inputs, num_outputs=outputs, num_hidden=hidden)
    values |= {"activation_options": " ".join(NAMES), "initial_connection": "partial_direct 0.6"}
    values |= {"aggregation_options": " ".join(aggregations), "aggregation_default": "random"}
    values |= {"response_init_mean": "1.0", "response_init_stdev": "0.3"}
    values |= {"weight_init_stdev": "1.0", "weight_init_type": "gaussian", "bias_init_stdev": "0.5"}
    state = random.getstate()
    random.seed(seed)
    try:
        config = DefaultGenome.parse_config(values)
        config.innovation_tracker = neat.innovation.InnovationTracker()
        genome = DefaultGenome(seed)
        genome.configure_new(config)
        for _ in range(seed % 7):
            genome.mutate(config)
    finally:
        random.setstate(state)
    return genome, config


def random_network(seed, **more):
    return cppn.NeatNetwork.of(*random_genome(seed, **more))
