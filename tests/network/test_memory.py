"""Memory that runs out is told from other failures."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from neatfool import ExperimentError, TargetError
from neatfool.network import pick_device
from neatfool.network.devices import SharedContext, is_out_of_memory


def error_of(fail):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has one of its own
        fail()
    return caught.value


@pytest.mark.parametrize(
    "fail",
    [
        lambda: torch.empty(1 << 55, dtype=torch.uint8),
        lambda: np.empty(1 << 55, np.uint8),
        lambda: bytearray(1 << 55),
    ],
)
def test_real_failures_of_this_machine_are_recognised(fail):
    assert is_out_of_memory(error_of(fail))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("std::bad_alloc"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
    ],
)
def test_failures_of_others_are_recognised(error):
    assert is_out_of_memory(error)


def test_a_failure_that_somebody_wrapped_is_recognised():
    wrapped = TargetError("the model failed")
    wrapped.__cause__ = ValueError("no answer")
    wrapped.__cause__.__cause__ = MemoryError()
    assert is_out_of_memory(wrapped)


@pytest.mark.parametrize(
    "error", [RuntimeError("lens cap on"), ValueError("unsupported memory format"), KeyError("a")]
)
def test_other_failures_are_not(error):
    assert not is_out_of_memory(error)


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
