import pytest
import torch

from neatfool import ExperimentError
from neatfool.network import pick_device
from neatfool.network.devices import pick_devices


def see_gpus(monkeypatch, count, kind="cuda"):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device(kind))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: count)


@pytest.mark.parametrize(("kind", "found"), [("cuda", "cuda"), ("xpu", "xpu"), ("mps", "cpu")])
def test_auto_is_the_gpu_if_there_is_one_that_computes_in_double_precision(
    monkeypatch, kind, found
):
    see_gpus(monkeypatch, 1, kind)
    assert pick_device().type == found
    assert pick_device(kind).type == kind


def test_a_device_is_taken_by_its_name():
    assert pick_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "abacus"])
def test_a_device_that_is_not_there_is_an_error(name):
    with pytest.raises(ExperimentError, match=f"device = {name}"):
        pick_device(name)


@pytest.fixture
def three_gpus(monkeypatch):
    see_gpus(monkeypatch, 3)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("auto", ["cuda:0", "cuda:1", "cuda:2"]),
        ("cuda", ["cuda:0", "cuda:1", "cuda:2"]),
        ("cuda:1", ["cuda:1"]),
        ("cuda:2, cuda:0", ["cuda:2", "cuda:0"]),
        ("cpu", ["cpu"]),
    ],
)
def test_all_gpus_are_taken_or_those_that_are_named(three_gpus, names, found):
    assert [str(device) for device in pick_devices(names)] == found


def test_without_a_gpu_the_only_device_is_the_processor(monkeypatch):
    see_gpus(monkeypatch, 0)
    assert pick_devices() == [torch.device("cpu")]


@pytest.mark.parametrize(
    ("names", "said"),
    [("cuda:0, cuda:3", "cuda:3: torch finds no such"), ("cpu, cuda:0", "keep cpu or cuda")],
)
def test_devices_that_do_not_go_together_are_an_error(three_gpus, names, said):
    with pytest.raises(ExperimentError, match=said):
        pick_devices(names)
