"""Memory that runs out is told from other failures."""

import numpy as np
import pytest
import torch

from neatfool import TargetError
from neatfool.network.devices import is_out_of_memory


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
