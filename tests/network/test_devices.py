from contextlib import contextmanager

import pytest
import torch

from neatfool import ExperimentError
from neatfool.network import pick_device
from neatfool.network.devices import SharedContext


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


def test_a_shared_context_is_entered_first_and_left_last():
    told = []

    @contextmanager
    def context():
        told.append("in")
        yield
        told.append("out")

    shared = SharedContext(context)
    with shared:
        with shared:
            pass
        assert told == ["in"]
    assert told == ["in", "out"]
