"""Gradients by pixels, followed back to the parameters of genomes."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from genomes import breeder_of, config_of, line_of
from random_cppns import BOUNDED, INPUTS, random_genome

from neatfool.cppn import COLOUR_MAPS, compile_genomes, evaluate, render, render_gradients
from neatfool.cppn.colour import quantise
from neatfool.cppn.inputs import pixel_grid

SIZE = 19, 23
NAMES = ("weights", "biases", "responses")


def compiled(outputs, count=6, **options):
    genomes = [random_genome(seed, outputs=outputs, weight=2.0, **options) for seed in range(count)]
    return compile_genomes(genomes, INPUTS, list(range(outputs)))


def noise(count, channels, size=SIZE):
    shape = (count, channels, *size)
    return np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)


def reference(program, gradients, colours, inputs):
    """The same in double precision, all pixels at once, by torch's own differentiation."""
    height, width = gradients.shape[2:]
    grid = pixel_grid(height, width, kind=inputs)
    given = {name: getattr(program, name).clone().requires_grad_() for name in NAMES}
    points = grid.inputs(0, grid.pixels, torch.float64)
    channels = colours(evaluate(program, points, **given))
    weights = torch.from_numpy(gradients).double().reshape(*channels.shape[:2], -1)
    (255 * channels * weights).sum().backward()
    return {name: each.grad for name, each in given.items()}


@pytest.mark.parametrize("inputs", ["raw", "normalised"])
@pytest.mark.parametrize("colour_map", sorted(COLOUR_MAPS))
def test_they_are_what_differentiation_in_double_precision_gives(colour_map, inputs):
    colours = COLOUR_MAPS[colour_map]
    program = compiled(colours.outputs, activations=BOUNDED, aggregations=["sum", "mean"])
    gradients = noise(6, colours.channels)
    expected = reference(program, gradients, colours, inputs)
    found = render_gradients(program, gradients, inputs=inputs, colour_map=colour_map)
    for name in NAMES:
        scale = float(expected[name].abs().max())
        assert scale > 1
        assert float((found[name] - expected[name]).abs().max()) < 2e-3 * scale


def test_any_aggregation_has_them():
    program = compiled(3, count=30)
    found = render_gradients(program, noise(30, 3), inputs="normalised", colour_map="hsv")
    assert all(found[name].isfinite().all() for name in NAMES)
    assert all((found[name] != 0).any() for name in NAMES)


def test_they_do_not_depend_on_how_many_pixels_are_done_at_once(monkeypatch):
    program, gradients = compiled(3), noise(6, 3, (64, 50))
    whole = render_gradients(program, gradients, colour_map="hls", inputs="normalised")
    monkeypatch.setattr(
        import_module("neatfool.cppn.render"), "DIFFERENTIATED_BYTES", {"cpu": 1, "gpu": 1}
    )
    parts = render_gradients(program, gradients, colour_map="hls", inputs="normalised")
    for name in NAMES:
        torch.testing.assert_close(parts[name], whole[name], rtol=1e-3, atol=1e-2)


def test_the_gradients_of_three_equal_channels_add_up():
    program, gradients = compiled(1), noise(6, 3)
    three = render_gradients(program, gradients, colour_map="grey")
    one = render_gradients(program, gradients.sum(1, keepdims=True), colour_map="grey")
    for name in NAMES:
        torch.testing.assert_close(three[name], one[name])


def test_what_is_differentiated_is_what_is_drawn():
    """Up to one grey level, in less than one of a thousand values."""
    config = config_of("paper", 3)
    genomes = [line_of(breeder_of("paper", 3), 40, seed)[-1] for seed in range(8)]
    program = compile_genomes(genomes, config.input_keys, config.output_keys)
    grid = pixel_grid(64, 64, kind="normalised")
    given = program.weights.float().requires_grad_()
    outputs = evaluate(program, grid.inputs(0, grid.pixels), weights=given)
    ours = quantise(COLOUR_MAPS["hsv"](outputs).detach()).view(8, 3, 64, 64).int()
    drawn = render(program, height=64, width=64, inputs="normalised", colour_map="hsv").int()
    apart = (ours - drawn).abs()
    assert apart.max() <= 1
    assert (apart > 0).float().mean() < 1e-3
