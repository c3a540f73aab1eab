"""The path of a GPU, run on a second device that Python computes.

It holds that nothing mixes devices, and what waits for the device; not what only a GPU has.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from neatfool import ExperimentError, Network
from neatfool.network import pick_device
from neatfool.network.network import Form, in_form
from neatfool.testing import COLOUR, check_plugin
from neatfool_plugins.cppn import CppnEncoding, Options
from tests.support.searches import Silence, begin, go_on, stop_after
from tests.support.second_device import second_device, waits
from tests.support.small_networks import Small, noise

EXPERIMENTS = Path("experiments")
MNIST = (EXPERIMENTS / "mnist.ini").resolve()
SMALL = Small().eval()
ENSEMBLE = ["scheme.batch=2", "scheme.initial=2", "target.batch_size=2"]
LEARN = ["scheme.batch=24", "scheme.learn=0.5", "scheme.learn_after=0"]
VIEWS = [
    *("views.number=3", "views.focus=2", "views.move=2", "views.turn=9", "views.blur=1"),
    *("views.light=20", "views.jpeg=60", "encoding.band_limit=2"),
]


@pytest.fixture(autouse=True)
def device():
    with second_device() as name:
        yield name


def network(device):
    return Network(SMALL, mean=127.5, std=64.0, device=device)


def encoding(device):
    options = {"device": device, "renderer": "plain", "initial_rounds": 2}
    return CppnEncoding(Options.model_validate(options), spec=COLOUR)


def test_the_device_refuses_what_a_gpu_refuses(device):
    there, here = torch.ones(3).to(device), torch.ones(3)
    with pytest.raises(RuntimeError, match="tensors on cpu and twin:0"):
        there + here
    with pytest.raises(RuntimeError, match="numpy"):
        there.numpy()
    assert np.array_equal((there + here.to(device)).cpu().numpy(), [2, 2, 2])
    assert waits.total() == 1


def test_auto_takes_the_accelerator_that_pytorch_finds(device):
    assert pick_device().type == device


def test_an_accelerator_that_is_not_there_is_refused(device):
    with pytest.raises(ExperimentError, match="twin:2: torch finds no such GPU"):
        pick_device("twin:2")


def test_a_network_scores_as_on_the_cpu_and_waits_for_its_scores_alone(device):
    here, there = network("cpu"), network("twin:0")
    images = noise(4)
    expected, _ = here.score(images), there.score(images)
    waits.clear()
    scores = there.score(images.to(device))
    assert waits.total() == 2  # probabilities and logits
    assert np.allclose(scores.logits, expected.logits, atol=1e-4)


@pytest.mark.parametrize("graph", ["eager", "frozen"])
@pytest.mark.parametrize("place", [0, 1])
def test_half_precision_and_a_second_device_mix_nothing(device, place, graph):
    there, images = network(f"{device}:{place}"), noise(4)
    expected = network("cpu")(images)
    with in_form([there], Form("fp16", graph)):
        logits = there(images)
    assert logits.device == torch.device(device, place)
    assert torch.allclose(logits.cpu().float(), expected, atol=0.3)


def test_gradients_by_the_images_are_those_of_the_cpu(device):
    def gradient(where: str) -> torch.Tensor:
        images = noise(2).float().requires_grad_()
        network(where).logits_of(images)[:, 0].sum().backward()
        return images.grad

    assert torch.allclose(gradient(device), gradient("cpu"), atol=1e-5)


def test_images_are_drawn_there_without_waiting(device):
    there = encoding(device)
    genomes = there.create(range(6))
    there.render(genomes)
    waits.clear()
    images = there.render(genomes)
    assert images.device.type == device
    assert not waits.total()
    apart = (images.cpu().int() - encoding("cpu").render(genomes).int()).abs()
    assert (apart <= 1).float().mean() > 0.99


def test_the_encoding_keeps_its_contract_there(device):
    check_plugin("encoding", lambda spec: encoding(device), [COLOUR])


@pytest.mark.parametrize(
    ("name", "sets"),
    [
        ("mnist", LEARN),
        ("mnist", ["scheme.batch=24", "target.device=twin:1", "encoding.device=twin:0"]),
        pytest.param("mnist", [*LEARN, *VIEWS], marks=pytest.mark.slow),
        pytest.param("imagenet_ensemble", ENSEMBLE, marks=pytest.mark.slow),
        pytest.param("mnist_direct", ["scheme.batch=24"], marks=pytest.mark.slow),
        pytest.param("mnist_gradient", [], marks=pytest.mark.slow),
        ("mnist_guarded", ["scheme.batch=24", f"target.guards={MNIST}"]),
        pytest.param("mnist_ribs", [], marks=pytest.mark.slow),
        ("mnist_single_class", []),
    ],
)
def test_an_experiment_runs_there(device, tmp_path, name, sets):
    text = (EXPERIMENTS / f"{name}.ini").read_text()
    session = begin(tmp_path / "run", text, "experiment.generations=2", *sets)
    session.go(Silence())
    assert session.run.info["scoring"]["device"] == device
    assert session.run.elites


def test_a_run_there_stops_and_goes_on_to_the_same_images(device, tmp_path):
    text = (EXPERIMENTS / "mnist.ini").read_text()
    sets = ["experiment.generations=3", "scheme.batch=24"]
    whole = begin(tmp_path / "whole", text, *sets)
    whole.go(Silence())
    stopped = begin(tmp_path / "stopped", text, *sets)
    stopped.go(Silence(), stop_after(1))
    session = go_on(tmp_path / "stopped")
    session.go(Silence())
    assert [e.png for e in session.run.elites] == [e.png for e in whole.run.elites]
