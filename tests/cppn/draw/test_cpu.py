"""The compiled renderer against neat-python and against the plain one, and its promises."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from genomes import breeder_of, genomes, line_of
from hypothesis import given, settings
from hypothesis import strategies as st
from random_cppns import BOUNDED, INPUTS, OUTPUTS, neat_outputs, random_genome

from neatfool import ExperimentError
from neatfool.cppn import (
    ACTIVATIONS,
    AGGREGATIONS,
    COLOUR_MAPS,
    compile_genomes,
    compile_tape,
    evaluate,
    render,
)
from neatfool.cppn.draw import cpu as compiled
from neatfool.cppn.draw.lattice import pixel_grid

pytest.importorskip("numba")

SIZE = {"height": 33, "width": 37}


def batch(count=24, outputs=3, **options):
    return [random_genome(seed, outputs=outputs, weight=2.0, **options) for seed in range(count)]


def tape(genomes, outputs=3):
    return compile_tape(genomes, INPUTS, list(range(outputs)))


def program(genomes, outputs=3):
    return compile_genomes(genomes, INPUTS, list(range(outputs)))


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setattr(compiled, "WORTH_A_THREAD", 1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_grey_values_are_neat_pythons():
    inputs = pixel_grid(13, 11, kind="normalised").tables(0, 143)[0]
    aggregations = [name for name in AGGREGATIONS if name != "product"]
    many = [random_genome(seed, BOUNDED, aggregations, outputs=1) for seed in range(300)]
    expected = [neat_outputs(each, inputs.T.double().tolist(), [0]) for each in many]
    expected = np.abs(np.array(expected)[:, :, 0]).clip(0, 1) * 255
    size = {"height": 13, "width": 11, "inputs": "normalised"}
    got = render(tape(many, 1), **size).numpy().reshape(300, -1)
    assert np.abs(got - expected).max() < 0.51


@pytest.mark.parametrize("preset", ["paper", "neat"])
def test_evolved_genomes_are_drawn_as_by_the_plain_renderer(preset):
    breeder = breeder_of(preset, aggregation_options=" ".join(AGGREGATIONS))
    evolved = [genome for seed in range(10) for genome in line_of(breeder, 40, seed)[::8]]
    options = {**SIZE, "colour_map": "hsv", "inputs": "normalised"}
    assert_alike(render(tape(evolved), **options), render(program(evolved), **options))


def assert_alike(images, plain):
    """Compare images, but for one: where a median is a tie, its derivatives may be another's."""
    difference = (images.int() - plain.int()).abs()
    apart = (difference > 1).flatten(1).float().mean(1)
    difference = difference[apart.argsort()[:-1]]
    assert (difference > 1).float().mean() < 1e-4
    assert (difference > 0).float().mean() < 2e-3
    assert len(plain.unique()) > 100


def steady(genomes, outputs, inputs, band_limit):
    """Pick the genomes that single precision can draw: double precision makes them the same."""
    grid = replace(pixel_grid(33, 37, kind=inputs), reach=band_limit)
    made = program(genomes, outputs)
    single, double = (
        evaluate(made, grid.tables(0, grid.pixels, dtype)).clamp(-2, 2)
        for dtype in (torch.float32, torch.float64)
    )
    right = ((single - double).abs() < 1e-3).flatten(1).all(1)
    assert right.float().mean() > 0.9
    return [genome for genome, kept in zip(genomes, right.tolist(), strict=True) if kept]


@pytest.mark.parametrize("band_limit", [0.0, 2.0])
@pytest.mark.parametrize("inputs", ["raw", "normalised"])
@pytest.mark.parametrize("colour_map", COLOUR_MAPS)
def test_images_are_those_of_the_plain_renderer(colour_map, inputs, band_limit):
    outputs = COLOUR_MAPS[colour_map].outputs
    drawn = steady(batch(150, outputs), outputs, inputs, band_limit)
    used = {(n.activation, n.aggregation) for genome in drawn for n in genome.nodes.values()}
    assert len(used) == len(ACTIVATIONS) * len(AGGREGATIONS)
    options = {**SIZE, "colour_map": colour_map, "inputs": inputs, "band_limit": band_limit}
    assert_alike(
        render(tape(drawn, outputs), **options), render(program(drawn, outputs), **options)
    )


@given(genomes())
@settings(max_examples=200)
def test_any_genome_is_drawn(genome):
    options = {"height": 5, "width": 4, "colour_map": "hsv", "band_limit": 2.0}
    alone = render(tape([genome]), **options)
    assert alone.shape == (1, 3, 5, 4)
    assert torch.equal(render(tape([*batch(3), genome]), **options)[3:], alone)


@pytest.mark.parametrize("inputs", ["raw", "normalised"])
@pytest.mark.parametrize("colour_map", COLOUR_MAPS)
def test_an_image_is_the_same_in_any_batch(colour_map, inputs):
    outputs = COLOUR_MAPS[colour_map].outputs
    some = batch(outputs=outputs)
    options = {**SIZE, "colour_map": colour_map, "inputs": inputs}
    together = render(tape(some, outputs), **options)
    assert together.shape == (24, COLOUR_MAPS[colour_map].channels, 33, 37)
    for genome, image in zip(some, together, strict=True):
        assert torch.equal(render(tape([genome], outputs), **options)[0], image)
    others = render(tape(some[20:3:-2], outputs), **options)
    assert torch.equal(others, together[torch.arange(20, 3, -2)])


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (3, 5, 30, 31), (36, 32, 37, 33), (10, 0, 20, 33)])
def test_a_box_is_the_crop_of_the_whole(box):
    made = tape(batch())
    options = {**SIZE, "colour_map": "hsv", "native": (28, 28), "band_limit": 2.0}
    left, top, right, bottom = box
    whole = render(made, **options)
    assert torch.equal(render(made, box=box, **options), whole[:, :, top:bottom, left:right])


@given(genomes(), st.integers(1, 50), st.integers(1, 50), st.sampled_from(["raw", "normalised"]))
@settings(max_examples=100)
def test_nodes_that_are_the_same_in_all_rows_or_columns_are_as_if_computed_everywhere(
    genome, width, height, inputs
):
    made = tape([genome])
    options = {"inputs": inputs, "colour_map": "hsv", "band_limit": 2.0 * (height % 2)}
    whole = render(made, height=height, width=width, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "NARROWEST", 1 << 30)
        assert torch.equal(render(made, height=height, width=width, **options), whole)


@pytest.mark.parametrize("width", [15, 16, 63, 64, 65, 700, 2048, 2049])
def test_lines_of_any_length_are_drawn_alike(width):
    made = tape(batch(40))
    options = {"height": 80, "width": width, "colour_map": "hsv", "band_limit": 2.0 * (width % 2)}
    whole = render(made, **options)
    for left in range(0, width, 1 + width // 3):
        right = min(left + 7, width)
        part = render(made, **options, box=(left, 2, right, 80))
        assert torch.equal(part, whole[:, :, 2:, left:right])


def test_pixels_done_at_once_do_not_show(monkeypatch):
    made = tape(batch())
    whole = render(made, **SIZE, colour_map="rgb")
    monkeypatch.setattr(compiled, "PIXELS_AT_ONCE", 100)
    assert torch.equal(render(made, **SIZE, colour_map="rgb"), whole)


@pytest.mark.parametrize("count", [1, 3, 24])
def test_threads_do_not_show(count, two_threads):
    made = tape(batch(count))
    options = {"height": 100, "width": 100, "colour_map": "hsv"}
    with_two = render(made, **options)
    torch.set_num_threads(1)
    assert torch.equal(render(made, **options), with_two)


def test_work_is_shared_without_gap_or_overlap():
    for genomes_, pixels, threads in (
        (0, 784, 2),
        (200, 784, 2),
        (1, 5000, 4),
        (9, 1, 3),
        (7, 0, 1),
    ):
        done = np.zeros((genomes_, pixels), int)
        for genome, pixel in compiled.share_out(genomes_, pixels, threads, 1024):
            done[genome, pixel] += 1
        assert (done == 1).all()


DIGEST = """
import hashlib, torch
from random_cppns import INPUTS, OUTPUTS, random_genome
from neatfool.cppn import compile_tape, render
torch.set_num_threads(2)
tape = compile_tape([random_genome(seed) for seed in range(30)], INPUTS, OUTPUTS)
images = render(tape, height=150, width=150, colour_map="hsv")
print(hashlib.sha256(images.numpy().tobytes()).hexdigest())
"""


def run_python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PYTHONPATH": ":".join(sys.path),
            "PYTHONSAFEPATH": "1",
            "OMP_NUM_THREADS": "1",
            **environment,
        },
    )
    return done.stdout.strip()


def test_another_process_draws_the_same():
    made = compile_tape([random_genome(seed) for seed in range(30)], INPUTS, OUTPUTS)
    images = render(made, height=150, width=150, colour_map="hsv")
    assert run_python(DIGEST) == hashlib.sha256(images.numpy().tobytes()).hexdigest()


COMPILED_FUNCTIONS = """
import gc
from numba.core.dispatcher import Dispatcher
from neatfool.cppn.draw import gradient_kernel, kernel
from neatfool.cppn.compile import tape
for each in gc.get_objects():
    if issubclass(type(each), Dispatcher) and each.py_func.__module__.startswith("neatfool."):
        print(f"{each.py_func.__module__}:{each.py_func.__qualname__}")
"""


@pytest.mark.slow
def test_no_two_functions_of_compiled_code_are_called_alike():
    """The linker would take them for one."""
    names = run_python(COMPILED_FUNCTIONS).split()
    assert len(names) > 3 * len(ACTIVATIONS)
    assert len(set(names)) == len(names)


@pytest.mark.slow
def test_code_that_was_compiled_in_several_processes_goes_together(tmp_path):
    kept = {"NUMBA_CACHE_DIR": str(tmp_path)}
    slopes = "from neatfool.cppn.draw.gradient_kernel import flow_back\n"
    run_python(slopes, **kept)
    run_python(DIGEST, **kept)
    assert run_python(slopes + DIGEST, **kept) == run_python(DIGEST, **kept)


MEMORY = """
import resource
from random_cppns import INPUTS, OUTPUTS, random_genome
from neatfool.cppn import compile_tape, render
tape = compile_tape([random_genome(3, hidden=30)], INPUTS, OUTPUTS)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
render(tape, height=300, width=300, colour_map="hsv")
before = peak()
images = render(tape, height=2048, width=2048, native=(224, 224), colour_map="hsv")
print(peak() - before - images.numel() // 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux counts it")
@pytest.mark.slow
def test_a_poster_takes_little_more_memory_than_itself():
    assert int(run_python(MEMORY)) < 20


def test_numba_is_not_imported_before_something_is_compiled():
    code = "import sys, neatfool.cli, neatfool_plugins.cppn; print('numba' in sys.modules)"
    assert run_python(code) == "False"


def test_a_grey_image_is_given_thrice_for_three_channels():
    made = tape(batch(outputs=1), 1)
    grey = render(made, **SIZE)
    assert torch.equal(render(made, **SIZE, channels=3), grey.expand(-1, 3, -1, -1))


def test_an_empty_batch_gives_no_images():
    assert render(tape([]), **SIZE, colour_map="rgb").shape == (0, 3, 33, 37)


def test_a_tape_is_not_rendered_on_another_device():
    with pytest.raises(ValueError, match="device cuda: a tape is drawn on the CPU"):
        render(tape(batch()), **SIZE, colour_map="rgb", device="cuda")


def test_numba_that_is_missing_is_told(no_numba):
    with pytest.raises(ExperimentError, match=r"numba does not work here .*; pip install numba"):
        render(tape(batch(1)), **SIZE, colour_map="rgb")


def test_code_that_cannot_be_kept_on_the_disk_is_compiled_all_the_same(monkeypatch, caplog):
    from neatfool import compiling

    compile_ = compiling.numba.njit

    def njit(*arguments, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return compile_(*arguments, **options)

    monkeypatch.setattr(compiling.numba, "njit", njit)

    @compiling.outer("int64(int64)")
    def double(number):
        return 2 * number

    @compiling.outer("int64(int64)")
    def treble(number):
        return 3 * number

    assert (double(21), treble(14)) == (42, 42)
    (said,) = caplog.messages
    assert "compiled anew in each process" in said
    assert "no locator available" in said
