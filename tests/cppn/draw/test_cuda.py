"""The renderer for NVIDIA's GPUs, without one: the C++ compiler's kernel in place of the GPU's."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from neatfool import ExperimentError
from neatfool.cppn import ACTIVATIONS, Look, add_activation, compile_genomes
from neatfool.cppn.draw.colour import COLOUR_MAPS, quantise
from neatfool.cppn.draw.cpu import draw_tape
from neatfool.cppn.draw.cuda import REGISTERS, compile_kernel, draw_on_gpu
from neatfool.cppn.draw.lattice import lay_lattice
from neatfool.cppn.tape import compile_tape
from tests.support.kernel_on_cpu import Driver, needs_compiler
from tests.support.random_cppns import BOUNDED, INPUTS, evaluate, random_genome

CPU = torch.device("cpu")
LATTICE = lay_lattice(Look(24, 20, "normalised"))
UNDEFINED = ("-fsanitize=undefined", "-fno-sanitize-recover", "-static-libubsan")
ADDRESSES = "NEATFOOL_SANITIZES_ADDRESSES"
SANITIZED = ("-fsanitize=address",) if ADDRESSES in os.environ else UNDEFINED


def genomes(colour_map, count, **options):
    outputs = COLOUR_MAPS[colour_map].outputs
    options = {"activations": BOUNDED, "weight": 3.0, **options}
    return [random_genome(seed, outputs=outputs, **options) for seed in range(count)]


def tape(colour_map, count, **options):
    many = genomes(colour_map, count, **options)
    return compile_tape(many, INPUTS, range(COLOUR_MAPS[colour_map].outputs))


def points_of(colour_map, band_limit):
    look = replace(LATTICE.look, colour_map=colour_map, band_limit=band_limit)
    return replace(LATTICE, look=look)


def draw(given, colour_map, band_limit):
    inputs = points_of(colour_map, band_limit).tables(0, LATTICE.points)
    return draw_on_gpu(given, inputs, COLOUR_MAPS[colour_map], CPU).int()


@needs_compiler
@pytest.mark.parametrize(
    ("colour_map", "band_limit"),
    [
        pytest.param(name, limit, marks=[pytest.mark.slow] * ((name, limit) != ("hsv", 2.0)))
        for name, limit in product(COLOUR_MAPS, (0.0, 2.0))
    ],
)
def test_the_kernel_draws_what_the_compiled_renderer_draws(monkeypatch, colour_map, band_limit):
    Driver(monkeypatch, *SANITIZED)
    given = tape(colour_map, 200)
    expected = draw_tape(given, points_of(colour_map, band_limit)).int()
    apart = (draw(given, colour_map, band_limit) - expected).abs()
    assert (apart <= 1).float().mean() > 0.999


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("band_limit", [0.0, 2.0])
@pytest.mark.usefixtures("own_activations")
def test_the_kernel_draws_activations_of_plugins(monkeypatch, band_limit):
    add_activation("ripple", lambda xp, z: xp.sin(z) * xp.exp(-z * z))
    Driver(monkeypatch)
    given = tape("hsv", 50, activations=["ripple", "paper_sine"])
    expected = draw_tape(given, points_of("hsv", band_limit)).int()
    apart = (draw(given, "hsv", band_limit) - expected).abs()
    assert (apart <= 1).float().mean() > 0.999


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("band_limit", [0.0, 2.0])
@pytest.mark.parametrize("colour_map", COLOUR_MAPS)
def test_the_kernel_draws_what_double_precision_gives(monkeypatch, colour_map, band_limit):
    Driver(monkeypatch)
    colours, every = COLOUR_MAPS[colour_map], {"activations": [*ACTIVATIONS]}
    many = genomes(colour_map, 200, **every)
    program = compile_genomes(many, INPUTS, [*range(colours.outputs)])
    inputs = points_of(colour_map, band_limit).tables(0, LATTICE.points, torch.float64)
    exact = quantise(colours(evaluate(program, inputs if band_limit else inputs[0]))).int()
    apart = (draw(tape(colour_map, 200, **every), colour_map, band_limit) - exact).abs()
    # Points of 1 / x and the like magnify the last bits of a number.
    assert (apart <= 1).float().mean() > (0.999 if band_limit else 0.995)


@pytest.mark.slow
@needs_compiler
def test_the_kernel_reads_and_writes_only_what_it_is_given():
    found = ["g++", "-print-file-name=libasan.so"]
    library = subprocess.run(found, check=True, capture_output=True, text=True).stdout.strip()
    environment = {"LD_PRELOAD": library, "ASAN_OPTIONS": "detect_leaks=0", ADDRESSES: "1"}
    tests = [f"{__file__}::test_the_kernel_draws_what_the_compiled_renderer_draws"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-m", "slow or not slow", *tests],
        env=os.environ | environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@needs_compiler
def test_a_batch_is_one_launch_and_a_block_is_a_genome_and_a_tile(monkeypatch):
    driver = Driver(monkeypatch)
    draw(tape("hsv", 5), "hsv", 2.0)
    (call,) = driver.calls
    assert call["blocks"] == (-(-LATTICE.points // 128), 5)
    assert call["threads"] == 128
    assert call["shared"] % (128 * 12) == 0
    assert call["stream"] == 7


@needs_compiler
def test_blocks_have_fewer_threads_if_values_would_not_fit(monkeypatch):
    given = tape("hsv", 20, hidden=60)
    whole = Driver(monkeypatch)
    expected = draw(given, "hsv", 2.0)
    needed = whole.calls[0]["shared"]
    small = Driver(monkeypatch, shared=needed - 1)
    assert torch.equal(draw(given, "hsv", 2.0), expected)
    assert small.calls[0]["threads"] == 64
    Driver(monkeypatch, shared=needed // 8)
    with pytest.raises(ExperimentError, match="renderer = plain"):
        draw(given, "hsv", 2.0)


def test_a_chain_of_nodes_needs_few_values_at_once():
    from neatfool.cppn.draw.cuda import allocate
    from tests.support.random_cppns import connection, genome_of, node

    links = [connection(-1, 1), *(connection(key, key + 1) for key in range(1, 40))]
    chain = genome_of([node(key) for key in range(1, 41)] + [node(0)], [*links, connection(40, 0)])
    arrays, slots = allocate(compile_tape([chain], INPUTS, [0]))
    assert slots == len(INPUTS)
    assert np.all(arrays[5] < slots)


@pytest.mark.slow
@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("architecture", ["75", "80", "89", "90", "100"])
def test_nvidias_compiler_takes_the_kernel(architecture, limited):
    pytest.importorskip("cuda.bindings.nvrtc", reason="cuda-bindings is not installed")
    assert compile_kernel("hsv", architecture, limited=limited).startswith(b"\x7fELF")


@pytest.mark.slow
@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("architecture", ["75", "90"])
def test_no_thread_spills_registers(architecture, limited, tmp_path):
    nvidia = pytest.importorskip("nvidia.cu13", reason="nvidia-cuda-nvcc is not installed")
    ptxas = shutil.which("ptxas", path=f"{next(iter(nvidia.__path__))}/bin")
    if ptxas is None:
        pytest.skip("nvidia-cuda-nvcc is not installed")
    code = compile_kernel("hsv", architecture, limited=limited, virtual=True)
    (tmp_path / "kernel.ptx").write_bytes(code)
    command = [ptxas, "-v", f"-arch=sm_{architecture}", f"-maxrregcount={REGISTERS}"]
    command += ["kernel.ptx", "-o", "kernel.cubin"]
    report = subprocess.run(
        command, cwd=tmp_path, check=True, capture_output=True, text=True
    ).stderr
    assert re.search(r"0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads", report)
    assert int(re.search(r"Used (\d+) registers", report)[1]) <= REGISTERS
