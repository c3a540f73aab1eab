import random

import pytest

from benchmarks import render


@pytest.fixture
def measured(monkeypatch, own_activations):
    monkeypatch.setattr(render, "GENOMES", 4)
    monkeypatch.setattr(render, "POPULATIONS", ((20, 50),))
    monkeypatch.setattr(render, "BOUNDS", {9: 0.5})
    monkeypatch.setattr(render, "ROUNDS", {9: 2})
    monkeypatch.setattr(render, "LIMITED_SIZE", 17)
    said = []
    return render.figures(said.append), "\n".join(said)


def test_figures_have_bounds_and_say_what_they_are(measured):
    figures, said = measured
    values = {figure.name: figure.value for figure in figures}
    assert len(values) == len(figures)
    assert all(value >= 0 for value in values.values())
    bounded = [figure.name for figure in figures if figure.bound is not None]
    assert "9x9, 20 nodes, 1 thread(s): compiled with compiling / torch" in bounded
    assert "17x17, 20 nodes, 1 thread(s): band limit / points" in bounded
    for name in ("torch", "plain", "compiled", "neat-python"):
        assert name in said


def test_all_ways_draw_the_same_images():
    rng = random.Random(2)
    genomes = [render.random_genome(rng, key, 20, 50) for key in range(6)]
    times, images = render.measure(genomes, 16, 1)
    assert images.keys() >= {"torch", "plain", "compiled"}
    assert all(len(each) == 1 for each in times.values())
    for name in ("torch", "compiled"):
        difference = (images[name].int() - images["plain"].int()).abs()
        assert difference.max() <= 1
        assert (difference > 0).float().mean() < 1e-3


def test_a_random_genome_has_the_size_that_is_told():
    genome = render.random_genome(random.Random(3), 0, 45, 140)
    assert (len(genome.nodes), len(genome.connections)) == (45, 140)
