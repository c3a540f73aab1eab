"""Gradients by pixels, followed back to the parameters of genomes."""

from functools import partial
from importlib import import_module

import numpy as np
import pytest
import torch
from genomes import breeder_of, config_of, line_of
from random_cppns import BOUNDED, INPUTS, connection, evaluate, genome_of, node, random_genome

from neatfool.cppn import (
    ACTIVATIONS,
    COLOUR_MAPS,
    Look,
    compile_genomes,
    render,
    render_gradients,
)
from neatfool.cppn.draw.colour import quantise
from neatfool.cppn.draw.execution import ProgramRunner
from neatfool.cppn.draw.lattice import lay_lattice
from neatfool.cppn.draw.spline import smooth

SIZE = 19, 23
NAMES = ("weights", "biases", "responses")


def compiled(outputs, seeds=range(6), **options):
    genomes = [random_genome(seed, outputs=outputs, weight=2.0, **options) for seed in seeds]
    for each in genomes:
        for gene in each.nodes.values():
            gene.bias += 0.03  # An output of 0 would have any slope: its size is taken.
    return compile_genomes(genomes, INPUTS, list(range(outputs)))


def noise(count, channels, size=SIZE, many=1):
    shape = (many, count, channels, *size)
    return np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)


def by_genome(gradients, look):
    """The gradients of one genome after another by compiled code, joined."""
    found = [
        render_gradients(
            compiled(look.colours.outputs, [seed], activations=BOUNDED),
            gradients[:, [seed]],
            look,
            compiled=True,
        )
        for seed in range(6)
    ]
    return {name: torch.cat([each[name] for each in found], dim=1) for name in NAMES}


def reference(program, gradients, look):
    """The same in double precision, all pixels at once, by torch's own differentiation."""
    given = {name: getattr(program, name).clone().requires_grad_() for name in NAMES}
    lattice = lay_lattice(look)
    points = lattice.tables(0, lattice.points, torch.float64)
    outputs = ProgramRunner(program, torch.float64, points.device, **given).differentiate(points)
    channels = look.colours(outputs if look.band_limit else outputs.squeeze(2))
    if lattice.axes:
        points = channels.unflatten(2, (len(lattice.y), len(lattice.x)))
        channels = smooth(points, lattice.axes).flatten(2)
    weights = torch.from_numpy(gradients).double().reshape(*channels.shape[:2], -1)
    (255 * channels * weights).sum().backward()
    return {name: each.grad for name, each in given.items()}


@pytest.mark.parametrize("band_limit", [0.0, 2.0])
@pytest.mark.parametrize("compiled_code", [False, True])
@pytest.mark.parametrize("inputs", ["raw", "normalised"])
@pytest.mark.parametrize("colour_map", sorted(COLOUR_MAPS))
def test_they_are_what_differentiation_in_double_precision_gives(
    colour_map, inputs, compiled_code, band_limit
):
    look = Look(*SIZE, inputs, colour_map, band_limit=band_limit)
    program = compiled(look.colours.outputs, activations=BOUNDED)
    gradients = noise(6, look.colours.channels, many=2)
    follow = by_genome if compiled_code else partial(render_gradients, program)
    found = follow(gradients, look)
    for which in range(2):
        expected = reference(program, gradients[which], look)
        for name in NAMES:
            scale = float(expected[name].abs().max())
            assert scale > 1
            assert float((found[name][which] - expected[name]).abs().max()) < 2e-3 * scale


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_compiled_code_knows_the_slope_of_each_activation(activation):
    nodes = [node(0, "identity", bias=0.1), node(5, activation, bias=0.3)]
    genome = genome_of(
        nodes, [connection(-1, 5, 1.3), connection(-2, 5, -0.7), connection(5, 0, 0.4)]
    )
    program = compile_genomes([genome], INPUTS, [0])
    gradients = noise(1, 1, (40, 40))
    look = Look(40, 40, "normalised")
    plain = render_gradients(program, gradients, look)
    fast = render_gradients(program, gradients, look, compiled=True)
    for name in ("weights", "biases"):
        assert plain[name].abs().max() > 1
        torch.testing.assert_close(fast[name], plain[name], rtol=1e-3, atol=1e-2)


def test_they_do_not_depend_on_how_many_pixels_are_done_at_once(monkeypatch):
    program, gradients = compiled(3), noise(6, 3, (64, 50))
    look = Look(64, 50, "normalised", "hsv")
    whole = render_gradients(program, gradients, look)
    module = import_module("neatfool.cppn.draw.gradients")
    monkeypatch.setattr(module, "DIFFERENTIATED_BYTES", {"cpu": 1, "gpu": 1})
    parts = render_gradients(program, gradients, look)
    for name in NAMES:
        torch.testing.assert_close(parts[name], whole[name], rtol=1e-3, atol=1e-2)


def test_compiled_code_takes_one_genome():
    with pytest.raises(ValueError, match="6 genomes on cpu: compiled code takes one"):
        render_gradients(compiled(1), noise(6, 1), Look(*SIZE), compiled=True)


def test_the_same_bits_each_time():
    gradients, look = noise(1, 3, (50, 50), many=2), Look(50, 50, colour_map="hsv")
    first, again = (
        render_gradients(compiled(3, [1], activations=BOUNDED), gradients, look, compiled=True)
        for _ in range(2)
    )
    assert all(torch.equal(first[name], again[name]) for name in NAMES)


def test_what_is_differentiated_is_what_is_drawn():
    """Up to one grey level, in less than one of a thousand values."""
    config = config_of("paper", 3)
    genomes = [line_of(breeder_of("paper", 3), 40, seed)[-1] for seed in range(8)]
    program = compile_genomes(genomes, config.input_keys, config.output_keys)
    look = Look(64, 64, "normalised", "hsv")
    given = program.weights.float().requires_grad_()
    outputs = evaluate(program, lay_lattice(look).tables(0, 64 * 64)[0], weights=given)
    ours = quantise(look.colours(outputs).detach()).view(8, 3, 64, 64).int()
    drawn = render(program, look).int()
    apart = (ours - drawn).abs()
    assert apart.max() <= 1
    assert (apart > 0).float().mean() < 1e-3
