"""The compiled renderer against neat-python and against the plain one, and its promises."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from genomes import breeder_of, genomes, line_of
from hypothesis import given, settings
from hypothesis import strategies as st
from other_process import run_python
from random_cppns import BOUNDED, INPUTS, OUTPUTS, evaluate, neat_outputs, random_genome

from neatfool import ExperimentError
from neatfool.cppn import ACTIVATIONS, COLOUR_MAPS, Look, compile_genomes, compile_tape, render
from neatfool.cppn.draw import cpu as compiled
from neatfool.cppn.draw.lattice import lay_lattice

pytest.importorskip("numba")

RGB = Look(33, 37, colour_map="rgb")


def batch(count=24, outputs=3, **options):
    return [random_genome(seed, outputs=outputs, weight=2.0, **options) for seed in range(count)]


def tape(genomes, outputs=3):
    return compile_tape(genomes, INPUTS, list(range(outputs)))


def program(genomes, outputs=3):
    return compile_genomes(genomes, INPUTS, list(range(outputs)))


def test_grey_values_are_neat_pythons():
    look = Look(13, 11, "normalised")
    inputs = lay_lattice(look).tables(0, 143)[0]
    many = [random_genome(seed, BOUNDED, outputs=1) for seed in range(300)]
    expected = [neat_outputs(each, inputs.T.double().tolist(), [0]) for each in many]
    expected = np.abs(np.array(expected)[:, :, 0]).clip(0, 1) * 255
    got = render(tape(many, 1), look).numpy().reshape(300, -1)
    assert np.abs(got - expected).max() < 0.51


@pytest.mark.parametrize("preset", ["paper", "neat"])
def test_evolved_genomes_are_drawn_as_by_the_plain_renderer(preset):
    breeder = breeder_of(preset)
    evolved = [genome for seed in range(10) for genome in line_of(breeder, 40, seed)[::8]]
    look = Look(33, 37, "normalised", "hsv")
    assert_alike(render(tape(evolved), look), render(program(evolved), look))


def assert_alike(images, plain):
    """Compare images, but for what rounding does."""
    difference = (images.int() - plain.int()).abs()
    assert (difference > 1).float().mean() < 1e-4
    assert (difference > 0).float().mean() < 2e-3
    assert len(plain.unique()) > 100


def steady(genomes, look):
    """Pick the genomes that single precision can draw: double precision makes them the same."""
    points = replace(lay_lattice(replace(look, band_limit=0.0)), look=look)
    made = program(genomes, look.colours.outputs)
    single, double = (
        evaluate(made, points.tables(0, points.points, dtype)).clamp(-2, 2)
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
    look = Look(33, 37, inputs, colour_map, band_limit=band_limit)
    drawn = steady(batch(150, outputs), look)
    used = {node.activation for genome in drawn for node in genome.nodes.values()}
    assert used == set(ACTIVATIONS)
    assert_alike(render(tape(drawn, outputs), look), render(program(drawn, outputs), look))


@given(genomes())
@settings(max_examples=200)
def test_any_genome_is_drawn(genome):
    look = Look(5, 4, colour_map="hsv", band_limit=2.0)
    alone = render(tape([genome]), look)
    assert alone.shape == (1, 3, 5, 4)
    assert torch.equal(render(tape([*batch(3), genome]), look)[3:], alone)


@given(genomes(), st.integers(1, 50), st.integers(1, 50), st.sampled_from(["raw", "normalised"]))
@settings(max_examples=100)
def test_nodes_that_are_the_same_in_all_rows_or_columns_are_as_if_computed_everywhere(
    genome, width, height, inputs
):
    made = tape([genome])
    look = Look(height, width, inputs, "hsv", band_limit=2.0 * (height % 2))
    whole = render(made, look)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "NARROWEST", 1 << 30)
        assert torch.equal(render(made, look), whole)


def test_pixels_done_at_once_do_not_show(monkeypatch):
    made = tape(batch())
    whole = render(made, RGB)
    monkeypatch.setattr(compiled, "PIXELS_AT_ONCE", 100)
    assert torch.equal(render(made, RGB), whole)


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
from neatfool.cppn import Look, compile_tape, render
torch.set_num_threads(2)
tape = compile_tape([random_genome(seed) for seed in range(30)], INPUTS, OUTPUTS)
images = render(tape, Look(150, 150, colour_map="hsv"))
print(hashlib.sha256(images.numpy().tobytes()).hexdigest())
"""


def test_another_process_draws_the_same():
    made = compile_tape([random_genome(seed) for seed in range(30)], INPUTS, OUTPUTS)
    images = render(made, Look(150, 150, colour_map="hsv"))
    assert run_python(DIGEST) == hashlib.sha256(images.numpy().tobytes()).hexdigest()


COMPILED_FUNCTIONS = """
import gc
from numba.core.dispatcher import Dispatcher
from neatfool.cppn.draw import gradient_kernel, kernel, spline_kernel
from neatfool.cppn import tape
from neatfool.cppn.activations import BY_CODE
made = [[make(code) for code in BY_CODE] for make in (kernel._loop_of, gradient_kernel._node_of)]
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
    drawn = run_python(DIGEST, **kept)
    assert run_python(slopes + DIGEST, **kept) == drawn


def test_numba_is_not_imported_before_something_is_compiled():
    code = "import sys, neatfool.cli, neatfool_plugins.cppn; print('numba' in sys.modules)"
    assert run_python(code) == "False"


def test_a_tape_is_not_rendered_on_another_device():
    with pytest.raises(ValueError, match="device cuda: a tape is drawn on the CPU"):
        render(tape(batch()), RGB, device="cuda")


def test_numba_that_is_missing_is_told(no_numba):
    with pytest.raises(ExperimentError, match=r"numba does not work here .*; pip install numba"):
        render(tape(batch(1)), RGB)


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
