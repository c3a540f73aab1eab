from __future__ import annotations

import numpy as np
import pytest
import torch
from genomes import breeder_of, config_of, line_of

from neatfool import cppn
from neatfool.cppn import framing
from neatfool.cppn.framing import Framing
from neatfool.cppn.streams import streams

CONFIG = config_of(weight_min_value=-1e9, weight_max_value=1e9)


def without_distance(seed=1):
    genome = line_of(breeder_of(), 30, seed)[-1]
    for edge in [edge for edge in genome.connections if edge[0] == -3]:
        del genome.connections[edge]
    return genome


def framed(genome, seed=0, config=CONFIG):
    child = genome.clone()
    Framing(config)(child, next(streams([seed])))
    return child


def picture(genome, x, y):
    program = cppn.compile_genomes([genome], CONFIG.input_keys, CONFIG.output_keys)
    x, y = np.broadcast_arrays(x, y)
    inputs = np.stack([x, y, np.hypot(x, y), np.ones_like(x)]).reshape(4, -1)
    return cppn.evaluate(program, torch.from_numpy(inputs))[0].numpy()


@pytest.mark.parametrize("seed", range(8))
def test_the_picture_is_the_same_one_seen_otherwise(seed) -> None:
    genome = without_distance()
    child = framed(genome, seed)
    # Where the child's view is follows from how it sees a CPPN that shows x and y themselves.
    probe = cppn.Genome.of(
        [cppn.NodeGene.make(key, "identity") for key in range(3)],
        [cppn.ConnectionGene.make((-1, 0), 1.0), cppn.ConnectionGene.make((-2, 1), 1.0)],
    )
    side = np.linspace(-1, 1, 7)
    x, y = np.meshgrid(side, side)
    seen = picture(framed(probe, seed), x, y)
    np.testing.assert_allclose(picture(child, x, y), picture(genome, seen[0], seen[1]), atol=1e-9)


def test_views_are_nearer_and_farther_turned_and_not() -> None:
    probe = cppn.Genome.of(
        [cppn.NodeGene.make(0, "identity")], [cppn.ConnectionGene.make((-1, 0), 1.0)]
    )
    children = [framed(probe, seed) for seed in range(400)]
    weights = [
        [child.connections[edge].weight if edge in child.connections else 0.0 for edge in edges]
        for child in children
        for edges in [[(-1, 0), (-2, 0), (-4, 0)]]
    ]
    across, down, moved = np.array(weights).T
    scale = np.hypot(across, down)
    assert np.log(scale).std() == pytest.approx(framing.ZOOM, rel=0.15)
    assert moved.std() == pytest.approx(framing.SHIFT, rel=0.15)
    assert (down == 0).mean() == pytest.approx(1 - framing.TURNED, abs=0.1)


def test_weights_stay_in_their_range() -> None:
    genome = line_of(breeder_of(), 30, 1)[-1]
    for seed in range(30):
        child = framed(genome, seed, config_of())
        assert all(abs(gene.weight) <= 10 for gene in child.connections.values())
