"""Random genomes of neat-python's own kind, and what neat-python makes of them."""

import random
from types import SimpleNamespace

import torch
from neat.aggregations import AggregationFunctionSet
from neat.genes import DefaultConnectionGene, DefaultNodeGene
from neat.genome import DefaultGenome
from neat.nn import FeedForwardNetwork

from neatfool.cppn import ACTIVATIONS
from neatfool.cppn.draw.execution import ProgramRunner

INPUTS = [-1, -2, -3, -4]
OUTPUTS = [0, 1, 2]
BOUNDED = [name for name in ACTIVATIONS if name.startswith("paper") or name == "triangle"]
BOUNDED += ["sigmoid", "tanh", "sin", "gauss", "clamped", "hat"]


def node(key, activation="identity", aggregation="sum", bias=0.0, response=1.0):
    gene = DefaultNodeGene(key)
    gene.activation, gene.aggregation, gene.bias, gene.response = (
        activation,
        aggregation,
        bias,
        response,
    )
    return gene


def connection(source, sink, weight=1.0, enabled=True):
    gene = DefaultConnectionGene((source, sink), innovation=0)
    gene.weight, gene.enabled = weight, enabled
    return gene


def genome_of(nodes, connections, key=0):
    genome = DefaultGenome(key)
    genome.nodes = {gene.key: gene for gene in nodes}
    genome.connections = {gene.key: gene for gene in connections}
    return genome


def random_genome(
    seed,
    activations=tuple(ACTIVATIONS),
    hidden=14,
    weight=1.0,
    outputs=3,
):
    """Any structure without a cycle, with disabled connections, orphans and dead ends."""
    rng = random.Random(seed)
    order = [*range(outputs), *range(outputs, outputs + rng.randint(0, hidden))]
    rng.shuffle(order)
    nodes = [
        node(
            key,
            rng.choice(activations),
            "sum",
            rng.choice([0.0, rng.gauss(0, 1)]),
            rng.choice([1.0, rng.gauss(1, 0.3)]),
        )
        for key in sorted(order)
    ]
    ranked = [*INPUTS, *order]
    pairs = {
        tuple(sorted(rng.sample(ranked, 2), key=ranked.index))
        for _ in range(rng.randint(0, 4 * len(order)))
    }
    connections = [
        connection(*pair, rng.gauss(0, weight), rng.random() < 0.8)
        for pair in rng.sample(sorted(pairs), len(pairs))
        if pair[1] >= 0
    ]
    return genome_of(nodes, connections, key=seed)


def neat_outputs(genome, points, output_keys=OUTPUTS):
    """Give what neat-python's network says at each point: [points, outputs]."""
    keys = SimpleNamespace(
        input_keys=INPUTS,
        output_keys=list(output_keys),
        activation_defs={name: each.scalar for name, each in ACTIVATIONS.items()},
        aggregation_function_defs=AggregationFunctionSet(),
    )
    network = FeedForwardNetwork.create(genome, SimpleNamespace(genome_config=keys))
    return [network.activate(point) for point in points]


def evaluate(program, inputs, **numbers):
    """Give the outputs of a program, [N, O, P], by the plain renderer; or with their derivatives.

    Numbers take the place of the program's. What requires a gradient gets one.
    """
    tables = inputs if inputs.dim() == 3 else inputs[None]
    runner = ProgramRunner(program, inputs.dtype, inputs.device, **numbers)
    if torch.is_grad_enabled() and any(t.requires_grad for t in (inputs, *numbers.values())):
        found = runner.differentiate(tables)
    else:
        parts = runner.run(inputs.shape[-1], len(tables), lambda a, b: tables[..., a:b])
        empty = inputs.new_empty(*program.outputs.shape, len(tables), 0)
        found = torch.cat([empty, *(outputs for _, outputs in parts)], -1)
    return found if inputs.dim() == 3 else found.squeeze(2)
