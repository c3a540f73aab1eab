"""What both renderers on a CPU promise, and what only the plain one does."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
import torch
from genomes import breeder_of, config_of
from random_cppns import BOUNDED, INPUTS, evaluate, random_genome

from neatfool import ExperimentError
from neatfool.cppn import COLOUR_MAPS, compile_genomes, compile_tape, render
from neatfool.cppn.draw import cpu
from neatfool.cppn.draw import execution as machine
from neatfool.cppn.draw.lattice import pixel_grid

SIZE = {"height": 33, "width": 37}
BOTH = pytest.mark.parametrize("compile_", [compile_genomes, compile_tape])


def batch(count=24, outputs=3, **options):
    return [random_genome(seed, outputs=outputs, weight=2.0, **options) for seed in range(count)]


def compiled(genomes, outputs=3, compile_=compile_genomes):
    return compile_(genomes, INPUTS, list(range(outputs)))


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setattr(cpu, "WORTH_A_THREAD", 1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@BOTH
@pytest.mark.parametrize("inputs", ["raw", "normalised"])
@pytest.mark.parametrize("colour_map", sorted(COLOUR_MAPS))
def test_an_image_is_the_same_in_any_batch(colour_map, inputs, compile_):
    outputs = COLOUR_MAPS[colour_map].outputs
    genomes = batch(outputs=outputs)
    options = {**SIZE, "colour_map": colour_map, "inputs": inputs}
    together = render(compiled(genomes, outputs, compile_), **options)
    assert together.shape == (24, COLOUR_MAPS[colour_map].channels, 33, 37)
    assert together.dtype == torch.uint8
    assert len(together.unique()) > 100
    for genome, image in zip(genomes, together, strict=True):
        assert torch.equal(render(compiled([genome], outputs, compile_), **options)[0], image)
    some = render(compiled(genomes[20:3:-2], outputs, compile_), **options)
    assert torch.equal(some, together[torch.arange(20, 3, -2)])


@BOTH
@pytest.mark.parametrize("box", [(0, 0, 1, 1), (3, 5, 30, 31), (36, 32, 37, 33), (10, 0, 20, 33)])
def test_a_box_is_the_crop_of_the_whole(box, compile_):
    program = compiled(batch(), compile_=compile_)
    options = {**SIZE, "colour_map": "hsv", "native": (28, 28), "band_limit": 2.0}
    left, top, right, bottom = box
    whole = render(program, **options)
    assert torch.equal(render(program, box=box, **options), whole[:, :, top:bottom, left:right])


@BOTH
@pytest.mark.parametrize("count", [1, 3, 24])
def test_threads_do_not_show(count, compile_, two_threads):
    program = compiled(batch(count), compile_=compile_)
    options = {"height": 100, "width": 100, "colour_map": "hsv"}
    with_two = render(program, **options)
    torch.set_num_threads(1)
    assert torch.equal(render(program, **options), with_two)


@BOTH
def test_a_grey_image_is_given_thrice_for_three_channels(compile_):
    program = compiled(batch(outputs=1), 1, compile_)
    grey = render(program, **SIZE)
    assert torch.equal(render(program, **SIZE, channels=3), grey.expand(-1, 3, -1, -1))


@BOTH
def test_an_empty_batch_gives_no_images(compile_):
    program = compiled([], compile_=compile_)
    assert render(program, **SIZE, colour_map="rgb").shape == (0, 3, 33, 37)


@BOTH
def test_a_larger_image_shows_the_same_picture(compile_):
    program = compiled(batch(activations=BOUNDED), compile_=compile_)
    options = {"native": (20, 20), "colour_map": "rgb", "inputs": "normalised"}
    small = render(program, height=20, width=20, **options)
    large = render(program, height=60, width=60, **options)
    assert (large[:, :, 1::3, 1::3].int() - small.int()).abs().max() <= 1


MEMORY = """
import resource
from random_cppns import INPUTS, OUTPUTS, random_genome
from neatfool.cppn import {compile_} as compile_
from neatfool.cppn import render
program = compile_([random_genome(3, hidden=30)], INPUTS, OUTPUTS)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
render(program, height=300, width=300, colour_map="hsv")
before = peak()
images = render(program, height=2048, width=2048, native=(224, 224), colour_map="hsv")
print(peak() - before - images.numel() // 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux counts it")
@pytest.mark.slow
@BOTH
def test_a_poster_takes_little_more_memory_than_itself(compile_):
    done = subprocess.run(
        [sys.executable, "-c", MEMORY.format(compile_=compile_.__name__)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"},
    )
    assert int(done.stdout) < 40


def test_values_are_the_same_bits_in_any_batch():
    inputs = pixel_grid(17, 19).tables(0, 17 * 19)[0]
    genomes = batch(40)
    together = evaluate(compiled(genomes), inputs)
    for genome, values in zip(genomes, together, strict=True):
        assert evaluate(compiled([genome]), inputs).numpy().tobytes() == values.numpy().tobytes()


@pytest.mark.parametrize("numbers", [1, 10_000, 1 << 30])
def test_tiles_do_not_show(numbers, monkeypatch):
    program = compiled(batch())
    whole = render(program, **SIZE, colour_map="rgb")
    monkeypatch.setattr(machine, "NARROWEST_TILE", 16)
    monkeypatch.setitem(machine.TILE_BYTES, "cpu", 4 * numbers)
    assert torch.equal(render(program, **SIZE, colour_map="rgb"), whole)


def test_rendering_leaves_torchs_threads_as_they_are(two_threads):
    render(compiled(batch()), **SIZE, colour_map="rgb")
    seen = [torch.get_num_threads()]
    other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert seen == [2, 2]


def test_a_colour_map_that_does_not_fit_is_refused():
    with pytest.raises(ExperimentError, match="takes 1 outputs"):
        render(compiled(batch()), **SIZE, colour_map="grey")


def test_an_error_while_rendering_arrives(two_threads):
    with pytest.raises(ValueError, match="must be"):
        render(compiled(batch()), height=0, width=4, colour_map="rgb")
    broken = compiled(batch())
    object.__setattr__(broken, "outputs", broken.outputs + 999)
    with pytest.raises(IndexError):
        render(broken, **SIZE, colour_map="rgb")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_renders_the_same_to_a_step():
    program = compiled(batch(activations=BOUNDED))
    options = {**SIZE, "colour_map": "rgb", "inputs": "normalised"}
    there = render(program, **options, device="cuda").cpu().int()
    assert ((there - render(program, **options).int()).abs() <= 1).float().mean() > 0.999


def apart_at_four_times_the_size(band_limit):
    """Grey levels, on average, between pictures and larger ones that are averaged down."""
    config, breeder = config_of("patterns", 3), breeder_of("patterns", 3)
    program = compile_genomes(breeder.create(range(24)), config.input_keys, config.output_keys)
    options = {"native": (64, 64), "inputs": "normalised", "colour_map": "oklab"}
    options["band_limit"] = band_limit
    small = render(program, height=64, width=64, **options).float()
    large = render(program, height=256, width=256, **options).float()
    return float((torch.nn.functional.avg_pool2d(large, 4) - small).abs().mean())


def test_a_band_limit_makes_a_picture_the_same_at_any_size():
    assert apart_at_four_times_the_size(2.0) < 1
    assert apart_at_four_times_the_size(0.0) > 7
