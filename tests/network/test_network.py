import logging
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from other_process import run_python
from torch import nn

from neatfool import Network, TargetError
from neatfool.network.devices import with_cores
from neatfool.network.network import Form, in_form

FROZEN = Form("fp32", "frozen")
FUSED = Form("fp32", "fused")
HALF = Form("bf16", "frozen")
FUSED_HALF = Form("bf16", "fused")


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.convolution = nn.Conv2d(3, 8, 3)
            self.normalisation = nn.BatchNorm2d(8)
            self.dense = nn.Linear(8, 5)

    def forward(self, pixels):
        hidden = self.normalisation(self.convolution(pixels)).relu()
        return self.dense(hidden.mean((2, 3)))


@pytest.fixture
def images():
    return torch.randint(256, (6, 3, 9, 7), dtype=torch.uint8)


@pytest.fixture
def network():
    return Network(Small().eval(), mean=[10.0, 20.0, 30.0], std=64.0, device="cpu")


def test_the_module_is_given_normalised_images(images, network):
    mean = torch.tensor([10.0, 20.0, 30.0]).view(1, 3, 1, 1)
    expected = network.module((images.float() - mean) / 64.0)
    torch.testing.assert_close(network(images), expected.detach())


def test_a_module_in_training_mode_is_refused():
    with pytest.raises(TargetError, match=r"Small is in training mode.*\.eval\(\)"):
        Network(Small())


@pytest.mark.parametrize(
    ("mean", "std"), [([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), (0.5, 1.0)]
)
def test_a_mean_that_is_not_of_bytes_is_refused(mean, std):
    with pytest.raises(TargetError, match=r"for images in \[0, 1\].*multiply both by 255"):
        Network(Small().eval(), mean=mean, std=std, device="cpu")


@pytest.mark.parametrize("form", [FROZEN, FUSED])
def test_frozen_it_gives_the_same_logits_but_for_rounding(images, network, form):
    plain = network(images)
    with in_form([network], form):
        frozen = network(images)
    assert network.graphs(form) == {form.graph}
    assert frozen.dtype == torch.float32
    torch.testing.assert_close(frozen, plain, atol=1e-5, rtol=1e-5)


def test_it_is_traced_once_for_each_shape(images, network, monkeypatch):
    traced = []
    trace = torch.jit.trace
    monkeypatch.setattr(torch.jit, "trace", lambda *a, **k: traced.append(1) or trace(*a, **k))
    with in_form([network], FROZEN):
        for count in (6, 6, 4, 6, 4):
            network(images[:count])
    assert len(traced) == 2


@pytest.mark.parametrize("form", [HALF, FUSED_HALF])
def test_half_precision_is_near_and_is_float32_outside(images, network, form):
    plain = network(images)
    with in_form([network], form):
        half = network(images)
    assert half.dtype == torch.float32
    assert not torch.equal(half, plain)
    torch.testing.assert_close(half, plain, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("form", [FROZEN, FUSED, FUSED_HALF])
def test_scores_of_an_image_do_not_depend_on_its_place_in_the_batch(images, network, form):
    with in_form([network], form):
        there, back = network(images), network(images.flip(0)).flip(0)
    assert torch.equal(there, back)


@pytest.mark.parametrize("form", [FUSED, FUSED_HALF])
def test_scores_do_not_depend_on_what_else_is_being_scored(images, network, form):
    with in_form([network], form):
        alone = [network(images), network(255 - images)]

    def call(number):
        with in_form([network], form):
            return network(images if number % 2 == 0 else 255 - images)

    with ThreadPoolExecutor(4) as pool:
        for number, logits in enumerate(pool.map(call, range(64))):
            assert torch.equal(logits, alone[number % 2])


def test_a_graph_uses_the_cores_of_its_thread_whoever_made_it_first():
    layers = [nn.Conv2d(3, 64, 3), *[nn.Conv2d(64, 64, 3) for _ in range(3)], nn.Flatten()]
    network = Network(nn.Sequential(*layers).eval(), device="cpu")
    large = torch.zeros(4, 3, 64, 64, dtype=torch.uint8)

    def processor_time_to_wall_time():
        with in_form([network], FUSED):
            network(large)
            processor, wall = time.process_time(), time.perf_counter()
            for _ in range(5):
                network(large)
        return (time.process_time() - processor) / (time.perf_counter() - wall)

    with_cores(2, processor_time_to_wall_time)
    assert with_cores(1, processor_time_to_wall_time) < 1.25


class Strides(nn.Module):
    """Reads memory as if its layout were contiguous; channels-last would give other numbers."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.convolution, self.normalisation = nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8)
            self.dense = nn.Linear(8 * 9 * 7, 5)

    def forward(self, pixels):
        hidden = self.normalisation(self.convolution(pixels)).relu()
        return self.dense(hidden.as_strided((len(pixels), 504), (504, 1)))


@pytest.mark.parametrize("form", [Form(), FROZEN, FUSED, HALF, FUSED_HALF])
def test_every_form_keeps_the_layout_that_computes_what_the_module_does(images, form):
    module = Strides().eval()
    network = Network(module, std=64.0, device="cpu")
    with in_form([network], form):
        found = network(images)
    close = {"atol": 0.05, "rtol": 0.05} if form.precision == "bf16" else {"atol": 1e-4, "rtol": 0}
    torch.testing.assert_close(found, module(images.float() / 64.0).detach(), **close)
    assert network.describe().endswith("in contiguous layout")


def test_gradients_are_those_of_the_layout_that_computes_what_the_module_does(images):
    module = Strides().eval()
    pixels = images.float().requires_grad_()
    (wanted,) = torch.autograd.grad((module(pixels / 64.0)).sum(), pixels)
    network = Network(module, std=64.0, device="cpu")
    (found,) = torch.autograd.grad(network.logits_of(pixels).sum(), pixels)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-3)


def test_a_module_that_computes_the_same_in_channels_last_layout_is_laid_out_so(images, network):
    network(images)
    assert network.module.convolution.weight.is_contiguous(memory_format=torch.channels_last)
    assert "layout" not in network.describe()


def test_what_a_module_gives_is_found_out_once(images, caplog):
    class Sigmoids(Small):
        def forward(self, pixels):
            return super().forward(pixels).sigmoid()

    network = Network(Sigmoids().eval(), std=64.0, device="cpu")
    scores = network.score(images)
    torch.testing.assert_close(torch.tensor(scores.logits).sigmoid(), torch.tensor(scores.probs))
    network.score(images[:2])
    (said,) = [each.message for each in caplog.records if each.levelno == logging.WARNING]
    assert "Sigmoids: its numbers lie between 0 and 1 on varied images" in said


class Pools(Small):
    """Pools in a way, before all else."""

    def __init__(self, pool):
        super().__init__()
        self.pool = pool

    def forward(self, pixels):
        return super().forward(self.pool(pixels))


@pytest.mark.parametrize(
    "pool",
    [
        lambda pixels: F.max_pool2d(pixels, 2),
        lambda pixels: F.max_pool2d(pixels, (2, 3), padding=1),
        lambda pixels: F.max_pool2d(pixels, 3, 1),
        lambda pixels: F.max_pool2d(pixels, 3, (2, 1)),
    ],
)
def test_a_pooling_with_or_without_strides_is_fused(images, pool):
    network = Network(Pools(pool).eval(), std=64.0, device="cpu")
    with in_form([network], FUSED):
        torch.testing.assert_close(network(images), network.module(images.float() / 64.0).detach())
    assert network.graphs(FUSED) == {"fused"}


ENDLESS = """
import resource, torch
from torch import nn
from neatfool import Network
from neatfool.network.network import Form, in_form

class Both(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution, self.normalisation = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, pixels):
        hidden = self.convolution(pixels)
        return (self.normalisation(hidden) + hidden).mean((2, 3))

resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
network, form = Network(Both().eval(), device="cpu"), Form("fp32", "fused")
with in_form([network], form):
    network(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
print(*network.graphs(form))
"""


def test_what_the_compiler_would_fuse_for_ever_is_only_frozen():
    assert run_python(ENDLESS).split() == ["frozen"]


@pytest.mark.parametrize("first", ["noise", "flat"])
def test_what_becomes_of_a_network_does_not_depend_on_its_first_images(first):
    class Decides(Small):
        def forward(self, pixels):
            flat = pixels.flatten(1).amax(1) == pixels.flatten(1).amin(1)
            logits = super().forward(pixels)
            return torch.where(flat[:, None], logits + 3, logits) if flat.any() else logits

    network = Network(Decides().eval(), std=64.0, device="cpu")
    noise = torch.randint(256, (2, 3, 9, 7), dtype=torch.uint8)
    flat = torch.full_like(noise, 90)
    with in_form([network], FUSED):
        for images in (noise, flat) if first == "noise" else (flat, noise):
            torch.testing.assert_close(network(images), network.module(images / 64.0).detach())
    assert network.graphs(FUSED) == {"eager"}


def test_what_cannot_be_fused_is_only_frozen(images, network, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "neatfool")

    def cannot(enabled):
        raise RuntimeError("Running oneDNN Graph fuser is only supported with MKLDNN builds.")

    monkeypatch.setattr(torch.jit, "enable_onednn_fusion", cannot)
    with in_form([network], FROZEN):
        frozen = network(images)
    with in_form([network], FUSED):
        assert torch.equal(network(images), frozen)
    assert network.graphs(FUSED) == {"frozen"}
    (said,) = caplog.messages
    assert ": its graph is not fused: RuntimeError: Running oneDNN Graph fuser is only" in said


def test_what_fuses_graphs_is_switched_back(images, network):
    for before in (True, False):
        torch.jit.enable_onednn_fusion(before)
        for form in (FUSED, FROZEN):
            with in_form([network], form):
                network(images)
        assert torch.jit.onednn_fusion_enabled() == before
        network.forget()


def test_a_module_that_decides_by_its_input_is_not_frozen(images, caplog):
    caplog.set_level(logging.INFO, "neatfool")

    class Decides(Small):
        def forward(self, pixels):
            logits = super().forward(pixels)
            return -logits if pixels.mean() > 128 else logits

    network = Network(Decides().eval(), std=1.0, device="cpu")
    dark, bright = images // 4, 255 - images // 4
    with in_form([network], FUSED):
        network(dark)
        assert torch.equal(network(bright), network.module(bright.float()))
    assert "Decides: its graph is not frozen: it would compute something else" in caplog.messages
    with in_form([network], FUSED_HALF):
        network(dark)
        torch.testing.assert_close(
            network(bright), network.module(bright.float()), atol=2, rtol=0.1
        )
    assert network.graphs(FUSED) == network.graphs(FUSED_HALF) == {"eager"}


def test_what_cannot_be_traced_runs_as_it_is(images, network):
    class Odd(Small):
        def forward(self, pixels):
            np.asarray(pixels.detach()).mean()
            if torch.jit.is_tracing():
                raise RuntimeError("not me")
            return super().forward(pixels)

    odd = Network(Odd().eval(), mean=[10.0, 20.0, 30.0], std=64.0, device="cpu")
    with in_form([odd], FUSED):
        torch.testing.assert_close(odd(images), network(images))
    assert odd.graphs(FUSED) == {"eager"}


def test_a_graph_that_gives_no_numbers_where_the_module_does_is_not_taken(images):
    class Odd(Small):
        def forward(self, pixels):
            logits = super().forward(pixels)
            return logits * torch.nan if torch.jit.is_tracing() else logits

    network = Network(Odd().eval(), std=64.0, device="cpu")
    for form in (FUSED, FUSED_HALF):
        with in_form([network], form):
            assert network(images).isfinite().all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_gives_the_probabilities_that_a_cpu_gives(images, network):
    there = Network(Small().eval(), mean=[10.0, 20.0, 30.0], std=64.0, device="cuda")
    probs = network(images).softmax(1)
    torch.testing.assert_close(there(images).softmax(1).cpu(), probs, atol=1e-4, rtol=0)
    with in_form([there], Form("fp16", "fused")):
        torch.testing.assert_close(there(images).softmax(1).cpu(), probs, atol=0.05, rtol=0)


class Residual(nn.Module):
    """Mixes channels, and uses what it mixed twice."""

    def __init__(self, *, inplace=True):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.mix = nn.Conv2d(3, 6, 1)
            self.normalise = nn.BatchNorm2d(6)
            self.act = nn.ReLU(inplace=inplace)
            self.widen = nn.Conv2d(6, 6, 3, padding=1, groups=6)
            self.dense = nn.Linear(6, 4)

    def forward(self, numbers):
        hidden = self.normalise(self.mix(numbers))
        kept = self.act(hidden)
        return self.dense((self.widen(kept) + hidden).mean((2, 3)))


@pytest.fixture
def pixels():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (3, 3, 8, 9), generator=generator).float().requires_grad_()


@pytest.mark.parametrize("inplace", [False, True])
def test_logits_and_gradients_are_the_modules_but_for_rounding(pixels, inplace):
    module = Residual(inplace=inplace).eval()
    logits = Network(module).logits_of(pixels)
    (gradients,) = torch.autograd.grad(logits[:, 1].sum(), pixels)
    wanted = module(pixels / 255)
    (slopes,) = torch.autograd.grad(wanted[:, 1].sum(), pixels)
    torch.testing.assert_close(logits, wanted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(gradients, slopes, atol=1e-7, rtol=1e-4)


def test_changed_weights_count_once_the_network_forgets(pixels):
    module = Residual().eval()
    network = Network(module)
    before = network.logits_of(pixels)
    with torch.no_grad():
        module.dense.bias += 1
    network.forget()
    torch.testing.assert_close(network.logits_of(pixels), before + 1, atol=1e-5, rtol=1e-5)


def test_a_module_that_cannot_be_copied_gives_its_own_logits(pixels):
    class Lonely(Residual):
        def __deepcopy__(self, _memo):
            raise TypeError("there is only one of it")

    module = Lonely(inplace=False).eval()
    torch.testing.assert_close(Network(module).logits_of(pixels), module(pixels / 255))
