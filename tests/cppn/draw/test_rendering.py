from __future__ import annotations

import subprocess
import sys
import threading

import pytest
import torch
from genomes import breeder_of, config_of
from random_cppns import BOUNDED, INPUTS, random_genome
from torch.utils._python_dispatch import TorchDispatchMode

from neatfool import ExperimentError
from neatfool.cppn import COLOUR_MAPS, compile_genomes, evaluate, render
from neatfool.cppn.draw import execution as machine
from neatfool.cppn.draw.lattice import pixel_grid

SIZE = {"height": 33, "width": 37}


def batch(count=24, outputs=3, **options):
    return [random_genome(seed, outputs=outputs, weight=2.0, **options) for seed in range(count)]


def compiled(genomes, outputs=3):
    return compile_genomes(genomes, INPUTS, list(range(outputs)))


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("inputs", ["raw", "normalised"])
@pytest.mark.parametrize("colour_map", sorted(COLOUR_MAPS))
def test_an_image_is_the_same_in_any_batch(colour_map, inputs):
    outputs = COLOUR_MAPS[colour_map].outputs
    genomes = batch(outputs=outputs)
    options = {**SIZE, "colour_map": colour_map, "inputs": inputs}
    together = render(compiled(genomes, outputs), **options)
    assert together.shape == (24, COLOUR_MAPS[colour_map].channels, 33, 37)
    assert together.dtype == torch.uint8
    assert len(together.unique()) > 100
    for genome, image in zip(genomes, together, strict=True):
        assert torch.equal(render(compiled([genome], outputs), **options)[0], image)
    some = render(compiled(genomes[20:3:-2], outputs), **options)
    assert torch.equal(some, together[torch.arange(20, 3, -2)])


def test_values_are_the_same_bits_in_any_batch():
    inputs = pixel_grid(17, 19).tables(0, 17 * 19)[0]
    genomes = batch(40)
    together = evaluate(compiled(genomes), inputs)
    for genome, values in zip(genomes, together, strict=True):
        assert evaluate(compiled([genome]), inputs).numpy().tobytes() == values.numpy().tobytes()


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (3, 5, 30, 31), (36, 32, 37, 33), (10, 0, 20, 33)])
def test_a_box_is_the_crop_of_the_whole(box):
    program = compiled(batch())
    options = {**SIZE, "colour_map": "hsv", "native": (28, 28)}
    left, top, right, bottom = box
    whole = render(program, **options)
    assert torch.equal(render(program, box=box, **options), whole[:, :, top:bottom, left:right])


@pytest.mark.parametrize("numbers", [1, 10_000, 1 << 30])
def test_tiles_do_not_show(numbers, monkeypatch):
    program = compiled(batch())
    whole = render(program, **SIZE, colour_map="rgb")
    monkeypatch.setattr(machine, "NARROWEST_TILE", 16)
    monkeypatch.setattr(machine, "SMALL", numbers)
    monkeypatch.setitem(machine.TILE_BYTES, "cpu", 4 * numbers)
    assert torch.equal(render(program, **SIZE, colour_map="rgb"), whole)


def test_threads_do_not_show(two_threads):
    program = compiled(batch())
    options = {"height": 100, "width": 100, "colour_map": "hsv"}
    with_two = render(program, **options)
    torch.set_num_threads(1)
    assert torch.equal(render(program, **options), with_two)


def test_rendering_leaves_torchs_threads_as_they_are(two_threads):
    render(compiled(batch()), **SIZE, colour_map="rgb")
    seen = [torch.get_num_threads()]
    other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert seen == [2, 2]


def test_rendering_needs_no_gradients_and_makes_none(two_threads):
    program = compiled(batch())
    expected = render(program, **SIZE, colour_map="rgb")
    inputs = pixel_grid(9, 9).tables(0, 81)[0]
    with torch.inference_mode():
        assert torch.equal(render(program, **SIZE, colour_map="rgb"), expected)
        values = evaluate(program, inputs.clone())
    assert torch.equal(values, evaluate(program, inputs)) or values.isnan().any()
    with torch.no_grad():
        tracked = evaluate(program, inputs, weights=program.weights.clone().requires_grad_())
    assert not tracked.requires_grad


def test_an_image_is_the_colour_map_of_the_outputs():
    program = compiled(batch())
    grid = pixel_grid(33, 37, native=(28, 28), kind="normalised")
    values = evaluate(program, grid.tables(0, grid.pixels)[0])
    channels = COLOUR_MAPS["hsv"](values)
    expected = channels.mul(255).round().to(torch.uint8).view(24, 3, 33, 37)
    options = {**SIZE, "native": (28, 28), "inputs": "normalised", "colour_map": "hsv"}
    assert torch.equal(render(program, **options), expected)


def test_a_larger_image_shows_the_same_picture():
    program = compiled(batch(activations=BOUNDED, aggregations=["sum"]))
    options = {"native": (20, 20), "colour_map": "rgb", "inputs": "normalised"}
    small = render(program, height=20, width=20, **options)
    large = render(program, height=60, width=60, **options)
    assert (large[:, :, 1::3, 1::3].int() - small.int()).abs().max() <= 1


def test_a_grey_image_is_given_thrice_for_three_channels():
    program = compiled(batch(outputs=1), 1)
    grey = render(program, **SIZE)
    assert torch.equal(render(program, **SIZE, channels=3), grey.expand(-1, 3, -1, -1))


def test_an_empty_batch_gives_no_images():
    assert render(compiled([]), **SIZE, colour_map="rgb").shape == (0, 3, 33, 37)


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


MEMORY = """
import resource
from random_cppns import INPUTS, OUTPUTS, random_genome
from neatfool.cppn import compile_genomes, render
program = compile_genomes([random_genome(3, hidden=30)], INPUTS, OUTPUTS)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
render(program, height=64, width=64, colour_map="hsv")
before = peak()
images = render(program, height=2048, width=2048, native=(224, 224), colour_map="hsv")
print(peak() - before - images.numel() // 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux counts it")
@pytest.mark.slow
def test_a_poster_takes_little_more_memory_than_itself():
    done = subprocess.run(
        [sys.executable, "-c", MEMORY],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"},
    )
    assert int(done.stdout) < 40


def test_what_a_gpu_would_do_gives_the_same(monkeypatch):
    program = compiled(batch(60))
    grid = pixel_grid(9, 7, kind="normalised")
    inputs = grid.tables(0, 63, dtype=torch.float64)[0]
    elsewhere = machine.ProgramRunner(program, inputs.dtype, inputs.device)
    monkeypatch.setattr(elsewhere, "_on_cpu", False)
    values = torch.empty(60, 3, 63, dtype=torch.float64)

    found = elsewhere.run(63, 1, lambda start, stop: inputs[None, :, start:stop])
    for genomes, pixels, outputs in found:
        values[genomes, :, pixels] = outputs[:, :, 0].transpose(0, 1)
    torch.testing.assert_close(values, evaluate(program, inputs), equal_nan=True)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_renders_the_same_to_a_step():
    program = compiled(batch(activations=BOUNDED, aggregations=["sum", "mean"]))
    options = {**SIZE, "colour_map": "rgb", "inputs": "normalised"}
    there = render(program, **options, device="cuda").cpu().int()
    assert ((there - render(program, **options).int()).abs() <= 1).float().mean() > 0.999


class Copies(TorchDispatchMode):
    """Counts what is copied from the CPU to another device."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **kwargs or {})
        tensors = [arg for arg in args if isinstance(arg, torch.Tensor) and arg.dim()]
        if isinstance(result, torch.Tensor) and result.device.type != "cpu":
            self.names += [str(function)] * any(each.device.type == "cpu" for each in tensors)
        return result


def test_a_batch_goes_to_a_gpu_in_one_copy_and_its_images_stay_there():
    # A device that computes nothing, but to which all is sent as to a GPU.
    options = {**SIZE, "colour_map": "rgb", "inputs": "normalised", "device": "meta"}
    for count in (3, 60):
        program = compiled(batch(count))
        render(program, **options)
        with Copies() as copies:
            images = render(program, **options)
        assert copies.names == ["aten._to_copy.default"]
        assert images.device.type == "meta"


def test_what_is_sent_in_one_piece_arrives_as_it_was():
    tensors = [
        torch.arange(7, dtype=torch.int64).view(7, 1).T,
        torch.arange(3, dtype=torch.int32),
        torch.rand(5, 2),
        torch.empty(0),
    ]
    arrived = machine.send(tensors, torch.device("cpu", 0))
    for before, after in zip(tensors, arrived, strict=True):
        assert torch.equal(before, after)
        assert before.dtype == after.dtype


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
