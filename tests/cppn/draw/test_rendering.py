"""What both renderers on a CPU promise, and what only the plain one does."""

import sys
import threading
from dataclasses import replace

import pytest
import torch
from genomes import breeder_of, config_of
from other_process import run_python
from random_cppns import BOUNDED, INPUTS, random_genome

from neatfool import ExperimentError
from neatfool.cppn import COLOUR_MAPS, Look, compile_genomes, compile_tape, render
from neatfool.cppn.draw import cpu
from neatfool.cppn.draw import execution as machine

GREY, RGB, HSV = (Look(33, 37, colour_map=name) for name in ("grey", "rgb", "hsv"))
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
    look = Look(33, 37, inputs, colour_map)
    together = render(compiled(genomes, outputs, compile_), look)
    assert together.shape == (24, COLOUR_MAPS[colour_map].channels, 33, 37)
    assert together.dtype == torch.uint8
    assert len(together.unique()) > 100
    for genome, image in zip(genomes, together, strict=True):
        assert torch.equal(render(compiled([genome], outputs, compile_), look)[0], image)
    some = render(compiled(genomes[20:3:-2], outputs, compile_), look)
    assert torch.equal(some, together[torch.arange(20, 3, -2)])


@BOTH
@pytest.mark.parametrize("box", [(0, 0, 1, 1), (3, 5, 30, 31), (36, 32, 37, 33), (10, 0, 20, 33)])
def test_a_box_is_the_crop_of_the_whole(box, compile_):
    program = compiled(batch(), compile_=compile_)
    look, size = Look(28, 28, colour_map="hsv", band_limit=2.0), (33, 37)
    left, top, right, bottom = box
    whole = render(program, look, size=size)
    part = render(program, look, size=size, box=box)
    assert torch.equal(part, whole[:, :, top:bottom, left:right])


@BOTH
@pytest.mark.parametrize("count", [1, 3, 24])
def test_threads_do_not_show(count, compile_, two_threads):
    program = compiled(batch(count), compile_=compile_)
    with_two = render(program, HSV, size=(100, 100))
    torch.set_num_threads(1)
    assert torch.equal(render(program, HSV, size=(100, 100)), with_two)


@BOTH
def test_a_grey_image_is_given_thrice_for_three_channels(compile_):
    program = compiled(batch(outputs=1), 1, compile_)
    grey = render(program, GREY)
    assert torch.equal(render(program, replace(GREY, channels=3)), grey.expand(-1, 3, -1, -1))


@BOTH
def test_an_empty_batch_gives_no_images(compile_):
    program = compiled([], compile_=compile_)
    assert render(program, RGB).shape == (0, 3, 33, 37)


@BOTH
def test_a_larger_image_shows_the_same_picture(compile_):
    program = compiled(batch(activations=BOUNDED), compile_=compile_)
    look = Look(20, 20, "normalised", "rgb")
    small, large = render(program, look), render(program, look, size=(60, 60))
    assert (large[:, :, 1::3, 1::3].int() - small.int()).abs().max() <= 1


MEMORY = """
import resource
from random_cppns import INPUTS, OUTPUTS, random_genome
from neatfool.cppn import {compile_} as compile_
from neatfool.cppn import Look, render
program = compile_([random_genome(3, hidden=30)], INPUTS, OUTPUTS)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
render(program, Look(300, 300, colour_map="hsv"))
before = peak()
images = render(program, Look(224, 224, colour_map="hsv"), size=(2048, 2048))
print(peak() - before - images.numel() // 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux counts it")
@pytest.mark.slow
@BOTH
def test_a_poster_takes_little_more_memory_than_itself(compile_):
    code = MEMORY.format(compile_=compile_.__name__)
    assert int(run_python(code, OMP_NUM_THREADS="1")) < 40


@pytest.mark.parametrize("numbers", [1, 10_000, 1 << 30])
def test_tiles_do_not_show(numbers, monkeypatch):
    program = compiled(batch())
    whole = render(program, RGB)
    monkeypatch.setattr(machine, "NARROWEST_TILE", 16)
    monkeypatch.setitem(machine.TILE_BYTES, "cpu", 4 * numbers)
    assert torch.equal(render(program, RGB), whole)


def test_rendering_leaves_torchs_threads_as_they_are(two_threads):
    render(compiled(batch()), RGB)
    seen = [torch.get_num_threads()]
    other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert seen == [2, 2]


def test_a_colour_map_that_does_not_fit_is_refused():
    with pytest.raises(ExperimentError, match="takes 1 outputs"):
        render(compiled(batch()), GREY)


def test_an_error_while_rendering_arrives(two_threads):
    with pytest.raises(ValueError, match="not a part"):
        render(compiled(batch()), RGB, size=(0, 4))
    broken = compiled(batch())
    object.__setattr__(broken, "outputs", broken.outputs + 999)
    with pytest.raises(IndexError):
        render(broken, RGB)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_renders_the_same_to_a_step():
    program = compiled(batch(activations=BOUNDED))
    look = replace(RGB, inputs="normalised")
    there = render(program, look, device="cuda").cpu().int()
    assert ((there - render(program, look).int()).abs() <= 1).float().mean() > 0.999


def apart_at_four_times_the_size(band_limit):
    """Grey levels, on average, between pictures and larger ones that are averaged down."""
    config, breeder = config_of("patterns", 3), breeder_of("patterns", 3)
    program = compile_genomes(breeder.create(range(24)), config.input_keys, config.output_keys)
    look = Look(64, 64, "normalised", "oklab", band_limit=band_limit)
    small, large = (render(program, look, size=size).float() for size in ((64, 64), (256, 256)))
    return float((torch.nn.functional.avg_pool2d(large, 4) - small).abs().mean())


def test_a_band_limit_makes_a_picture_the_same_at_any_size():
    assert apart_at_four_times_the_size(2.0) < 1
    assert apart_at_four_times_the_size(0.0) > 7
