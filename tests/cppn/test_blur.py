"""With a blur, the picture is the same at any size; both renderers draw it alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from genomes import breeder_of, line_of
from random_cppns import INPUTS, OUTPUTS, random_genome

from neatfool.cppn import can_compile, compile_genomes, compile_tape, render, render_gradients

NATIVE = (40, 48)
HOW = {"native": NATIVE, "colour_map": "hsv", "inputs": "normalised", "blur": 1.0}


def compiler(name):
    if name == "compiled" and not can_compile():
        pytest.skip("numba does not work here")
    return compile_tape if name == "compiled" else compile_genomes


RENDERERS = pytest.mark.parametrize("renderer", ["compiled", "plain"])


def evolved(count=8):
    breeder = breeder_of("patterns")
    return [line_of(breeder, 30, seed)[-1] for seed in range(count)]


def drawn(renderer, genomes, scale=1.0, **how):
    height, width = (round(scale * side) for side in NATIVE)
    program = compiler(renderer)(genomes, INPUTS, OUTPUTS)
    return render(program, height=height, width=width, **{**HOW, **how})


def averaged(images, times):
    return torch.nn.functional.avg_pool2d(images.float(), times)


@RENDERERS
@pytest.mark.parametrize("samples", [1, 2, 4, 9])
def test_a_larger_image_averaged_down_is_the_image(renderer, samples):
    genomes = evolved()
    small = drawn(renderer, genomes, samples=samples)
    for times in (2, 4, 8):
        large = averaged(drawn(renderer, genomes, times, samples=samples), times)
        assert ((large - small).abs() <= 2).float().mean() > 0.99
    sharp = averaged(drawn(renderer, genomes, 4, blur=0.0), 4)
    assert ((sharp - drawn(renderer, genomes, blur=0.0)).abs() <= 2).float().mean() < 0.9


@RENDERERS
def test_the_picture_is_the_mean_of_what_is_around(renderer):
    genomes = evolved()
    fine = drawn(renderer, genomes, 9, blur=0.0).float()
    blurred = torch.nn.functional.avg_pool2d(fine, 9)
    for _ in range(2):  # two binomial filters, with a variance of half a pixel each
        for dim in (2, 3):
            ahead, behind = blurred.roll(1, dim), blurred.roll(-1, dim)
            blurred = (ahead + 2 * blurred + behind) / 4
    error = (drawn(renderer, genomes, samples=9) - blurred).abs()[:, :, 4:-4, 4:-4]
    assert error.mean() < 2
    rough = (drawn(renderer, genomes, samples=1) - blurred).abs()[:, :, 4:-4, 4:-4]
    assert error.mean() < rough.mean() < 10


@RENDERERS
@pytest.mark.parametrize("scale", [1.0, 0.7, 2.0])
def test_a_box_is_the_crop_of_the_whole(renderer, scale):
    genomes = evolved(3)
    whole = drawn(renderer, genomes, scale)
    for box in ((0, 0, 1, 1), (3, 5, 20, 21), (10, 0, 20, 28)):
        left, top, right, bottom = box
        part = drawn(renderer, genomes, scale, box=box)
        assert torch.equal(part, whole[:, :, top:bottom, left:right])


@RENDERERS
def test_an_image_does_not_depend_on_the_others_or_on_threads(renderer, monkeypatch):
    genomes = evolved(20)
    before = torch.get_num_threads()
    monkeypatch.setattr("neatfool.cppn.compiled.renderer.WORTH_A_THREAD", 1)
    try:
        torch.set_num_threads(2)
        together = drawn(renderer, genomes)
    finally:
        torch.set_num_threads(before)
    for place in (0, 9, 19):
        assert torch.equal(drawn(renderer, [genomes[place]])[0], together[place])


@pytest.mark.parametrize("scale", [1.0, 0.4, 3.0])
def test_both_renderers_draw_alike(scale):
    genomes = [random_genome(seed, weight=2.0, activations=["paper_sine"]) for seed in range(20)]
    difference = (drawn("compiled", genomes, scale).int() - drawn("plain", genomes, scale)).abs()
    assert difference.max() <= 1
    assert (difference > 0).float().mean() < 0.01


@pytest.mark.parametrize("fast", [True, False])
def test_gradients_are_what_small_steps_do(fast):
    if fast:
        compiler("compiled")
    genome = random_genome(3, ["paper_sine", "paper_gaussian"], ["sum"], weight=0.5)
    program = compile_genomes([genome], INPUTS, OUTPUTS)
    by_pixel = np.random.default_rng(0).normal(size=(1, 1, 3, *NATIVE)).astype(np.float32)
    found = render_gradients(program, by_pixel, compiled=fast, **HOW)["weights"][0]
    assert found.abs().max() > 1

    def value(weights):
        object.__setattr__(changed, "weights", weights)
        return float((torch.from_numpy(by_pixel[0]) * render(changed, **SIZE, **HOW)).sum())

    changed = compile_genomes([genome], INPUTS, OUTPUTS)
    place = int(found.abs().argmax())
    step = torch.zeros_like(program.weights)
    step[place] = 0.02
    slope = (value(program.weights + step) - value(program.weights - step)) / 0.04
    assert slope == pytest.approx(float(found[place]), rel=0.1)


SIZE = {"height": NATIVE[0], "width": NATIVE[1]}
